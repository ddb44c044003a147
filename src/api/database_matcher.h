/* SPDX-License-Identifier: Apache-2.0 */
/* Filters that are evaluated here, patterns included: those are asked of the database. */
#ifndef TMF_API_DATABASE_MATCHER_H
#define TMF_API_DATABASE_MATCHER_H

#include "query/filter_match.h"
#include "store/customer_store.h"

/* A matcher that asks `matching`. All that is evaluated with it may take as long as one statement
 * may, from now on: then TMF_ERROR_STATEMENT_TIMEOUT. (The last question may begin just before, and
 * take as long again.) A bad pattern is a `fault`: TMF_ERROR_INVALID_PARAMETER or
 * TMF_ERROR_INVALID_BODY. Other errors are tmf_matching_ask's. */
const tmf_matcher_t *tmf_database_matcher_make(const tmf_matching_t *matching,
                                               tmf_error_code_t fault, apr_pool_t *result_pool);

#endif
