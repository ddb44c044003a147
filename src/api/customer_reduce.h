/* SPDX-License-Identifier: Apache-2.0 */
/* GET B/customer/{id}?a=v (src/api/README.md §4): conditions on arrays reduce them, others must
 * hold. */
#ifndef TMF_API_CUSTOMER_REDUCE_H
#define TMF_API_CUSTOMER_REDUCE_H

#include "api/api.h"
#include "query/filter.h"
#include "store/customer_store.h"

/* Applies each condition of `filter` (an AND) to the customer: when all its paths go into one and
 * the same array, that keeps the elements that match, in their order (an array that the schema
 * knows and the customer lacks keeps none). Else it must hold: TMF_ERROR_NOT_FOUND. `*customer`
 * becomes a reduced copy. The caller holds no connection: one is borrowed to ask for regular
 * expressions. Other errors are tmf_database_matcher_make's. */
tmf_error_t *tmf_customer_reduce(const tmf_customer_t **customer, const tmf_filter_t *filter,
                                 const tmf_request_t *request);

#endif
