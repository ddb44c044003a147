/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the history of customers: one row for each change, in the order of their commits. */
#ifndef TMF_STORE_HISTORY_H
#define TMF_STORE_HISTORY_H

#include "store/customer_list.h"

/* A row. */
typedef struct {
    apr_int64_t revision; /* that the change gave the customer; a delete has one of its own */
    const char *time;     /* RFC 3339 */
    const char *user;     /* NULL = nobody in particular */
    const char *correlation_id;
    const char *operation;
    tmf_customer_t before; /* doc is NULL where there was none */
} tmf_history_row_t;

/* Which page of the history of a customer. */
typedef struct {
    const char *id;
    apr_interval_time_t kept_for; /* older rows are none; 0 = there are no such */
    const char *after;            /* the place that the page begins behind; NULL = at the offset */
    int backward;                 /* it ends before that place instead */
    apr_int64_t limit;
    apr_int64_t offset;
} tmf_history_selection_t;

/* Reads a page, the newest row first, as tmf_customer_list_read would; `page` has no customers, but
 * the rest, and keys of one value. `*is_known`: there is, or was, such a customer. */
tmf_error_t *tmf_history_read(tmf_db_t *db, const tmf_history_selection_t *selection,
                              const tmf_history_row_t **rows, tmf_customer_page_t *page,
                              int *is_known, apr_pool_t *result_pool);

#endif
