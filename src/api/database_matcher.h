/* SPDX-License-Identifier: Apache-2.0 */
/* Filters that are evaluated here, patterns included: those are asked of the database. */
#ifndef TMF_API_DATABASE_MATCHER_H
#define TMF_API_DATABASE_MATCHER_H

#include "query/filter_match.h"
#include "store/db.h"

/* A matcher that asks on `db`, or, when that is NULL, on a connection of `database` that it borrows
 * for each question: the caller holds none then. All that is evaluated with it may take as long as
 * one statement may, from now on: then TMF_ERROR_STATEMENT_TIMEOUT. (The last question may begin
 * just before, and take as long again.) A bad pattern is a `fault`:
 * TMF_ERROR_INVALID_PARAMETER or TMF_ERROR_INVALID_BODY. Other errors are tmf_db_borrow's and
 * tmf_db_execute's. */
const tmf_matcher_t *tmf_database_matcher_make(tmf_db_pool_t *database, tmf_db_t *db,
                                               tmf_error_code_t fault, apr_pool_t *result_pool);

#endif
