/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statement that reads a page of customers and counts all of them, from one snapshot.
 *
 * It has two shapes, because PostgreSQL knows nothing of how many documents a condition selects:
 *
 *   counted   the counters of the schema know the total (no condition, or one on status alone): the
 *             page is read by an index that has the order, and nothing else is touched.
 *   matched   everything that matches is found first, by its own indexes (MATERIALIZED keeps the
 *             planner from walking the table in the order of the list instead), then counted,
 *             sorted and cut; the documents of the page alone are read again.
 */
#ifndef TMF_STORE_CUSTOMER_LIST_H
#define TMF_STORE_CUSTOMER_LIST_H

#include <apr_tables.h>

#include "store/customer.h"

/* Bytes of the rows of one page, which ends before the row that would be one too many. */
#define TMF_PAGE_BYTES (4 * 1024 * 1024)

/* One column of an order; the last one of every order is `c.id`, which makes it total. */
typedef struct {
    const char *expression; /* SQL over `c` and the selection's joins */
    const char *type;       /* its type in SQL: "bigint", "integer", "numeric" or "text" */
    int descending;
    int nullable; /* NULL stands for what is missing, which comes last in both directions */
} tmf_order_column_t;

/* What to read. SQL is over `c`, the row of tmf_customer.customer; values stand in `parameters`. */
typedef struct {
    const char *condition; /* SQL; NULL = every customer */
    const char *total;     /* SQL over tmf_customer.customer_total that selects the counters of just
                              these customers; NULL = they must be counted */
    const char *joins;     /* SQL behind `AS c`; "" = none */
    const tmf_order_column_t *order;
    int order_count;
    const char *const
        *after;   /* the values of the order's columns behind which the page begins, NULL =
                     it begins at the offset; an element that is NULL = missing */
    int backward; /* the page ends before `after` instead */
    apr_int64_t limit;
    apr_int64_t offset;
    int plan_by_values; /* how many customers the condition selects depends so much on its values
                           that no plan is good for all of them: it is planned anew each time */
    apr_array_header_t *parameters; /* of const char *: $1…; more are added */
} tmf_customer_selection_t;

typedef struct {
    apr_int64_t total; /* of all that match, at the moment of the page; -1 = not known */
    int count;         /* in this page */
    const tmf_customer_t *customers;
    int more; /* of a page with `after`, or that was cut: are there more in its direction? */
    const char *const *first_key; /* values of the order's columns of the first customer */
    const char *const *last_key;  /* and of the last one; undefined when count is 0 */
} tmf_customer_page_t;

/* Reads a page. When its customers take more than TMF_PAGE_BYTES, it ends early, in the direction
 * of reading, but has one at least: as if the limit were lower. Errors are tmf_db_run's, and
 * TMF_ERROR_INVALID_PATTERN when a regular expression is none. */
tmf_error_t *tmf_customer_list_read(tmf_db_t *db, const tmf_customer_selection_t *selection,
                                    tmf_customer_page_t *page, apr_pool_t *result_pool);

/* The statement alone, for tests. Adds to selection->parameters. */
const char *tmf_customer_list_sql(const tmf_customer_selection_t *selection,
                                  apr_pool_t *result_pool);

#endif
