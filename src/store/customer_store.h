/* SPDX-License-Identifier: Apache-2.0 */
/* Every statement on customers. All results live in `result_pool`; errors are tmf_db_execute's. */
#ifndef TMF_STORE_CUSTOMER_STORE_H
#define TMF_STORE_CUSTOMER_STORE_H

#include "store/db.h"

/* A customer as it is stored. */
typedef struct {
    const char *id;
    apr_int64_t revision;
    const char *doc; /* jsonb's text of an object without id and href; NUL-terminated */
    apr_size_t doc_length;
} tmf_customer_t;

/* A page of the list. */
typedef struct {
    apr_int64_t total; /* of all customers, at the moment of the page */
    int count;         /* in this page */
    const tmf_customer_t *customers;
} tmf_customer_page_t;

/* What became of a delete. */
typedef enum {
    TMF_DELETE_DONE,
    TMF_DELETE_NOT_FOUND,
    TMF_DELETE_OTHER_REVISION /* it is there, with a revision that was not asked for */
} tmf_delete_outcome_t;

/* Reads one; `*customer` is NULL when there is none. */
tmf_error_t *tmf_customer_store_get(tmf_db_t *db, const char *id, const tmf_customer_t **customer,
                                    apr_pool_t *result_pool);

/* Reads `limit` customers from `offset` (both ≥ 0) in the order of creation, with the total of the
 * same moment. */
tmf_error_t *tmf_customer_store_list(tmf_db_t *db, apr_int64_t limit, apr_int64_t offset,
                                     tmf_customer_page_t *page, apr_pool_t *result_pool);

/* Inserts one; `*customer` is NULL when the id is taken. */
tmf_error_t *tmf_customer_store_create(tmf_db_t *db, const char *id, const char *doc,
                                       const tmf_customer_t **customer, apr_pool_t *result_pool);

/* Replaces the document if the customer still has `revision`; `*customer` is NULL when it has not,
 * or is gone. */
tmf_error_t *tmf_customer_store_update(tmf_db_t *db, const char *id, apr_int64_t revision,
                                       const char *doc, const tmf_customer_t **customer,
                                       apr_pool_t *result_pool);

/* Deletes one if its revision is among `only` and not among `except`: PostgreSQL array literals of
 * bigints
 * (`{7,12}`), NULL = no such condition. */
tmf_error_t *tmf_customer_store_delete(tmf_db_t *db, const char *id, const char *only,
                                       const char *except, tmf_delete_outcome_t *outcome,
                                       apr_pool_t *result_pool);

#endif
