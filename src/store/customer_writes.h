/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes of single customers by the threads of a child: those of one kind that come at the same
 * time are one statement, and so one commit; customer_writes.c has the design. Internal to store/.
 */
#ifndef TMF_STORE_CUSTOMER_WRITES_H
#define TMF_STORE_CUSTOMER_WRITES_H

#include "store/customer.h"

typedef enum {
    TMF_WRITE_CREATE,
    TMF_WRITE_UPDATE,
    TMF_WRITE_DELETE,
    TMF_WRITE_KINDS
} tmf_write_kind_t;

/* What is asked. */
typedef struct {
    tmf_write_kind_t kind;
    const char *id;
    int id_is_chosen;     /* of a create: another request may have chosen it, too */
    apr_int64_t revision; /* that the customer must have; not of a create */
    const char *doc;      /* not of a delete */
    const tmf_customer_event_t *event;
} tmf_write_t;

/* One for each way to the database. */
typedef struct tmf_customer_writes_t tmf_customer_writes_t;

/* child_init; lives in `child_pool`. */
apr_status_t tmf_customer_writes_make(tmf_customer_writes_t **writes, tmf_db_pool_t *database,
                                      apr_pool_t *child_pool);

/* Writes, perhaps among others. `*customer`, in `result_pool`, is the customer as it was written,
 * of a delete without a document. NULL: the id of a create is taken; the customer has another
 * revision, is gone, is locked by somebody, or is changed in the same statement. The caller must
 * hold no connection. Errors are tmf_db_borrow's and tmf_db_run's, and come in twice the time
 * that these two take at most, and TMF_COMBINER_WAIT. */
tmf_error_t *tmf_customer_writes_share(tmf_customer_writes_t *writes, const tmf_write_t *write,
                                       const tmf_customer_t **customer, apr_pool_t *result_pool);

/* Writes alone, on a connection, perhaps within a transaction. The rest as above. */
tmf_error_t *tmf_customer_writes_run(tmf_db_t *db, const tmf_write_t *write,
                                     const tmf_customer_t **customer, apr_pool_t *result_pool);

/* A statement has written `deliveries` of events: wakes the notifier when there are some. */
void tmf_customer_writes_wake(tmf_db_t *db, apr_int64_t deliveries);

/* A customer was written: counts its events. */
void tmf_customer_writes_count(tmf_db_t *db, const tmf_customer_event_t *event);

#endif
