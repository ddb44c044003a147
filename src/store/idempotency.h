/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creates that may be asked for again: with an Idempotency-Key.
 *
 * The claim of the key, the customer and the reply to give again are one statement: after a crash
 * at any moment either all of it is there or nothing. sql/functions/idempotency.sql has the
 * function that claims a key without waiting for whoever else is at it.
 */
#ifndef TMF_STORE_IDEMPOTENCY_H
#define TMF_STORE_IDEMPOTENCY_H

#include "store/customer.h"

typedef struct {
    const char *key; /* with all that it is scoped by: UTF-8; NULL = none */
    apr_interval_time_t kept_for;
    const char *id;
    int id_is_chosen; /* by the client: then it is a part of what is asked for */
    const char *doc;
} tmf_creation_t;

typedef enum {
    TMF_CREATION_DONE,       /* created, now or when the key was first used */
    TMF_CREATION_ID_IN_USE,  /* not created, and the key stays free */
    TMF_CREATION_OTHER_BODY, /* the key was used for something else */
    TMF_CREATION_BUSY        /* a create with the key is being carried out at the moment */
} tmf_creation_outcome_t;

/* Creates a customer, or finds what was created under the key: `*customer` as it
 * was then (only with TMF_CREATION_DONE). Two bodies are the same when their documents are, by
 * value. Also removes two keys whose time is up. */
tmf_error_t *tmf_idempotency_create(tmf_db_t *db, const tmf_creation_t *create,
                                    const tmf_customer_event_t *event,
                                    tmf_creation_outcome_t *outcome,
                                    const tmf_customer_t **customer, apr_pool_t *result_pool);

/* For what is no customer, in two statements of one transaction. First: what has been created under
 * the key, `*id` NULL = nothing yet; then the key is the caller's until the transaction ends.
 * `*outcome` is TMF_CREATION_DONE unless there is a reason not to go on. Only the key and the
 * document of `create` count. */
tmf_error_t *tmf_idempotency_claim(tmf_db_t *db, const tmf_creation_t *create,
                                   tmf_creation_outcome_t *outcome, const char **id,
                                   apr_pool_t *result_pool);

/* Second, when it has been created: keeps it under the key. Also removes two keys whose time is up.
 */
tmf_error_t *tmf_idempotency_keep(tmf_db_t *db, const tmf_creation_t *create,
                                  apr_pool_t *scratch_pool);

#endif
