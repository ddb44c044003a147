/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hubs, as the API uses them; what the notifier does with them is in outbox.h.
 *
 * The caller must hold no connection: each function borrows one of `database`. Results live in
 * `result_pool`; errors are tmf_db_borrow's and tmf_db_run's.
 */
#ifndef TMF_STORE_HUB_STORE_H
#define TMF_STORE_HUB_STORE_H

#include "store/idempotency.h"

typedef struct {
    const char *id;
    const char *callback;
    const char *query; /* NULL = none */
} tmf_hub_t;

/* A hub that is to be registered. */
typedef struct {
    tmf_hub_t hub;
    const char *query_text;  /* of tmf_subscription_text: what makes twins */
    unsigned types;          /* the event types it can want, as a set (model/event.h) */
    int most;                /* hubs that there may be */
    tmf_creation_t creation; /* its key, and what is kept under it */
} tmf_registration_t;

/* What became of it. */
typedef enum {
    TMF_HUB_MADE,       /* now or when the key was first used */
    TMF_HUB_TWIN,       /* another one has the callback and the query */
    TMF_HUB_TOO_MANY,   /* there are `most` of them */
    TMF_HUB_OTHER_BODY, /* the key was used for something else */
    TMF_HUB_KEY_BUSY    /* a registration with the key is being carried out at the moment */
} tmf_hub_outcome_t;

/* Registers a hub, in a transaction until whose end nobody else registers one. `*id`: of the hub
 * that was made, or of the twin. */
tmf_error_t *tmf_hub_store_create(tmf_db_pool_t *database, const tmf_registration_t *registration,
                                  tmf_hub_outcome_t *outcome, const char **id,
                                  apr_pool_t *result_pool);

/* Reads one (`id` given, `*count` is 0 or 1) or all of them (`id` NULL), oldest first. */
tmf_error_t *tmf_hub_store_read(tmf_db_pool_t *database, const char *id, const tmf_hub_t **hubs,
                                int *count, apr_pool_t *result_pool);

/* Deletes one; what it still waits for is never sent, and swept up later. `*found`: was it
 * there? */
tmf_error_t *tmf_hub_store_delete(tmf_db_pool_t *database, const char *id, int *found,
                                  apr_pool_t *result_pool);

#endif
