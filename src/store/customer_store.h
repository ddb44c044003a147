/* SPDX-License-Identifier: Apache-2.0 */
/* Every statement on one customer; lists are in customer_list.h, creates under a key in
 * idempotency.h. All results live in `result_pool`; errors are tmf_db_execute's. */
#ifndef TMF_STORE_CUSTOMER_STORE_H
#define TMF_STORE_CUSTOMER_STORE_H

#include "model/trace.h"
#include "store/db.h"

/* A customer as it is stored. */
typedef struct {
    const char *id;
    apr_int64_t revision;
    const char *doc; /* jsonb's text of an object without id and href; NUL-terminated */
    apr_size_t doc_length;
} tmf_customer_t;

/* What became of a delete. */
typedef enum {
    TMF_DELETE_DONE,
    TMF_DELETE_NOT_FOUND,
    TMF_DELETE_OTHER_REVISION /* it is there, with a revision that was not asked for */
} tmf_delete_outcome_t;

/* What is kept of a write: a row of the history, written by the same statement. */
typedef struct {
    const char *operation;        /* create, patch, replace or delete */
    const char *user;             /* who asked for it, in UTF-8; NULL = nobody in particular */
    apr_interval_time_t kept_for; /* how old rows may become; 0 = as old as they like */
} tmf_record_of_change_t;

/* What a write tells listeners (src/api/README.md §7): its events, and a delivery for each listener
 * that may want one, are written by the statement that changes the customer. */
typedef struct {
    unsigned types;             /* the events, as a set (model/event.h) */
    const char *changed;        /* top-level names, comma-separated; NULL = none are told */
    const char *correlation_id; /* of the request; NULL = none */
    const char *href;           /* of the customer, as the reply has it */
    tmf_trace_t trace;          /* of the request */
    const tmf_record_of_change_t *record; /* NULL = no history is kept */
} tmf_tell_t;

/* Reads one; `*customer` is NULL when there is none. */
tmf_error_t *tmf_customer_store_get(tmf_db_t *db, const char *id, const tmf_customer_t **customer,
                                    apr_pool_t *result_pool);

/* The same within a transaction, until whose end nobody else writes the customer. Waits for whoever
 * writes it at the moment. A transaction that stands still for longer than a statement may take is
 * ended by the database. */
tmf_error_t *tmf_customer_store_lock(tmf_db_t *db, const char *id, const tmf_customer_t **customer,
                                     apr_pool_t *result_pool);

/* Inserts one; `*customer` is NULL when the id is taken. */
tmf_error_t *tmf_customer_store_create(tmf_db_t *db, const char *id, const char *doc,
                                       const tmf_tell_t *tell, const tmf_customer_t **customer,
                                       apr_pool_t *result_pool);

/* Replaces the document if the customer still has `revision`; `*customer` is NULL when it has not,
 * or is gone. */
tmf_error_t *tmf_customer_store_update(tmf_db_t *db, const char *id, apr_int64_t revision,
                                       const char *doc, const tmf_tell_t *tell,
                                       const tmf_customer_t **customer, apr_pool_t *result_pool);

/* Deletes one if its revision is among `only` and not among `except`: PostgreSQL array literals of
 * bigints (`{7,12}`), NULL = no such condition. */
tmf_error_t *tmf_customer_store_delete(tmf_db_t *db, const char *id, const char *only,
                                       const char *except, const tmf_tell_t *tell,
                                       tmf_delete_outcome_t *outcome, apr_pool_t *result_pool);

/* Which of `count` texts match the regular expression, in PostgreSQL's language and time? Sets each
 * of `matches` to 1 or 0. A pattern that is none: TMF_ERROR_INVALID_PATTERN. */
tmf_error_t *tmf_customer_store_match(tmf_db_t *db, const char *pattern, const char *const *texts,
                                      int count, char *matches, apr_pool_t *scratch_pool);

/* The customer in the first row of a statement whose columns begin with id, revision and doc::text;
 * NULL when there is no row, or nothing in it. */
const tmf_customer_t *tmf_customer_store_read(const tmf_db_rows_t *rows, apr_pool_t *result_pool);

#endif
