/* SPDX-License-Identifier: Apache-2.0 */
/* From the parameters of a list to what store/ reads. */
#ifndef TMF_API_CUSTOMER_ORDER_H
#define TMF_API_CUSTOMER_ORDER_H

#include "query/filter_sql.h"
#include "query/parameters.h"
#include "store/customer_store.h"

/* Adds the order to the selection: `sort` (of tmf_sort_key_t), ties by id; without keys that of
 * creation. `sql` takes the parameters. */
void tmf_customer_order(tmf_customer_selection_t *selection, const apr_array_header_t *sort,
                        tmf_sql_t *sql);

/* Are these `count` values of a client's cursor such as the order's columns can have? */
int tmf_customer_order_accepts(const tmf_customer_selection_t *selection, const char *const *key,
                               int count);

/* Adds the condition, and where counters know the total, those that do. `base_url` is that of B. */
void tmf_customer_condition(tmf_customer_selection_t *selection, const tmf_parameters_t *parameters,
                            const char *base_url, tmf_sql_t *sql);

#endif
