/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history of customers: one row for each change, in the order of their commits.
 *
 * A statement that writes a customer, and is to keep its history, has TMF_HISTORY_SQL (or, when it
 * writes several, TMF_HISTORY_ALL_SQL) behind TMF_TELL_SQL, three parameters more, of
 * tmf_history_set, and TMF_HISTORY_EXPIRE_SQL among its results: two rows may go for each that
 * comes.
 */
#ifndef TMF_STORE_HISTORY_H
#define TMF_STORE_HISTORY_H

#include "store/customer_list.h"

/* `revision` and `before`: SQL over `written`; the others: $n. */
#define TMF_HISTORY_SQL(revision, before, operation, user)                                         \
    ", recorded AS (INSERT INTO tmf_customer.history"                                              \
    "   (customer_id, revision, correlation_id, operation, user_name, before)"                     \
    "  SELECT written.id, " revision ", $3::text, " operation "::text, " user "::text, " before    \
    "    FROM written)"
#define TMF_HISTORY_ALL_SQL(before)                                                                \
    ", recorded AS (INSERT INTO tmf_customer.history"                                              \
    "   (customer_id, revision, correlation_id, operation, user_name, before)"                     \
    "  SELECT written.id, written.revision, asked.correlation_id, asked.operation,"                \
    "   asked.user_name, " before " FROM written JOIN asked USING (place))"
/* Nothing is called where all is kept. */
#define TMF_HISTORY_EXPIRE_SQL(kept_for, most)                                                     \
    ", CASE WHEN " kept_for "::interval IS NOT NULL"                                               \
    "   THEN (SELECT tmf_customer.expire_history(" kept_for "::interval, " most ")) END"

#define TMF_HISTORY_PARAMETERS 3

/* Fills operation, user and how long rows are kept; returns how many these are: none without a
 * record. */
int tmf_history_set(const char **parameters, const tmf_record_of_change_t *record,
                    apr_pool_t *pool);

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
