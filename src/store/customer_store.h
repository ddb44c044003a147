/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Customers, as the API uses them: read one, a page or a history, create, change, delete. That
 * threads ask together (customer_reads.h, customer_writes.h), that what was read is kept
 * (customer_cache.h), and that a change may need a lock, is nobody else's business.
 *
 * The caller must hold no connection. Results live in `result_pool`. Errors are tmf_db_borrow's and
 * tmf_db_run's, and those that a function names.
 */
#ifndef TMF_STORE_CUSTOMER_STORE_H
#define TMF_STORE_CUSTOMER_STORE_H

#include "store/customer.h"
#include "store/customer_list.h"
#include "store/history.h"
#include "store/idempotency.h"
#include "store/matching.h"

/* The customers of one virtual host's database, for all threads of a child process. */
typedef struct tmf_customer_store_t tmf_customer_store_t;

/* child_init; lives in `child_pool`. */
apr_status_t tmf_customer_store_make(tmf_customer_store_t **store, tmf_db_pool_t *database,
                                     apr_pool_t *child_pool);

/* Reads one as it is after this was called, as far as it is written through this httpd; what others
 * write is seen after the cache's age at the latest. `*customer` is NULL when there is none. */
tmf_error_t *tmf_customer_store_get(tmf_customer_store_t *store, const char *id,
                                    const tmf_customer_t **customer, apr_pool_t *result_pool);

/* Reads a page: tmf_customer_list_read. */
tmf_error_t *tmf_customer_store_list(tmf_customer_store_t *store,
                                     const tmf_customer_selection_t *selection,
                                     tmf_customer_page_t *page, apr_pool_t *result_pool);

/* Reads a page of a history: tmf_history_read. */
tmf_error_t *tmf_customer_store_history(tmf_customer_store_t *store,
                                        const tmf_history_selection_t *selection,
                                        const tmf_history_row_t **rows, tmf_customer_page_t *page,
                                        int *is_known, apr_pool_t *result_pool);

/* Creates one, or finds what has been created under creation->key. `*customer` is the customer as
 * it was created; only with TMF_CREATION_DONE. */
tmf_error_t *tmf_customer_store_create(tmf_customer_store_t *store, const tmf_creation_t *creation,
                                       const tmf_customer_event_t *event,
                                       tmf_creation_outcome_t *outcome,
                                       const tmf_customer_t **customer, apr_pool_t *result_pool);

/* What is to become of a customer. */
typedef struct {
    enum { TMF_CHANGE_NOTHING, TMF_CHANGE_REPLACE, TMF_CHANGE_DELETE } kind;
    const char *doc;            /* the new document; of TMF_CHANGE_REPLACE */
    tmf_customer_event_t event; /* unless nothing changes */
} tmf_customer_change_t;

/* Computes a change (in the beginning TMF_CHANGE_NOTHING) of the `current` customer, or refuses it:
 * an error of its own, then nothing is written. Patterns are matched by `matching`. Called once, or
 * twice when another writer was faster. */
typedef tmf_error_t *tmf_customer_compute_fn(tmf_customer_change_t *change,
                                             const tmf_customer_t *current,
                                             const tmf_matching_t *matching, void *context);

/*
 * Changes or deletes one. `*customer` is the customer as it was written or, when nothing changes,
 * read (of a delete without a document); NULL when there is none.
 *
 * A change is computed on a revision that was read, and written only if the customer still has it:
 * one statement decides, so there is no moment between check and write, and no change is ever
 * computed on anything but the current document. When nobody interferes, both are statements that
 * are shared with whoever changes other customers at the moment, without waiting for a lock. Who
 * loses the race takes the customer's lock first, in a transaction of its own: then it is read as
 * the winner left it, and nobody can be faster. Losers stand in PostgreSQL's queue for the lock,
 * each for TMFCustomerStatementTimeout at most, so writers of one customer take turns and none
 * starves. They hold their connections meanwhile; who has the lock needs no other one.
 *
 * TMF_ERROR_WRITE_CONFLICT: it could not be written even then.
 */
tmf_error_t *tmf_customer_store_change(tmf_customer_store_t *store, const char *id,
                                       tmf_customer_compute_fn *compute, void *context,
                                       const tmf_customer_t **customer, apr_pool_t *result_pool);

/* Matches patterns for those who hold no connection. */
const tmf_matching_t *tmf_customer_store_matching(const tmf_customer_store_t *store);

#endif
