/* SPDX-License-Identifier: Apache-2.0 */
/* Filters that are evaluated here, patterns included: those are asked of the database. */
#ifndef TMF_API_DATABASE_MATCHER_H
#define TMF_API_DATABASE_MATCHER_H

#include "query/filter_match.h"
#include "store/db.h"

/* A matcher that asks `db`, while that is borrowed. All its questions together may take as long as
 * one statement may, because an array can have any number of elements: then
 * TMF_ERROR_STATEMENT_TIMEOUT. A bad pattern: TMF_ERROR_INVALID_PARAMETER. */
const tmf_matcher_t *tmf_database_matcher_make(tmf_db_t *db, apr_pool_t *result_pool);

#endif
