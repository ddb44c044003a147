/* SPDX-License-Identifier: Apache-2.0 */
/* Statements on hubs, as the API sees them; what the notifier does with them is in outbox.h.
 * Results live in `result_pool`; errors are tmf_db_run's. */
#ifndef TMF_STORE_HUB_STORE_H
#define TMF_STORE_HUB_STORE_H

#include "store/db.h"

typedef struct {
    const char *id;
    const char *callback;
    const char *query; /* NULL = none */
} tmf_hub_t;

/* What became of a registration. */
typedef enum {
    TMF_HUB_MADE,
    TMF_HUB_TWIN,    /* another one has the callback and the query: its id is returned */
    TMF_HUB_TOO_MANY /* there are `most` of them */
} tmf_hub_outcome_t;

/* Registers `hub`, in a transaction of the caller's, until whose end nobody else registers one.
 * `query_text`: of tmf_subscription_text, what makes twins; `types`: the event types it can want,
 * as a set (model/event.h). `*twin`: the id of the other one. */
tmf_error_t *tmf_hub_store_register(tmf_db_t *db, const tmf_hub_t *hub, const char *query_text,
                                    unsigned types, int most, tmf_hub_outcome_t *outcome,
                                    const char **twin, apr_pool_t *result_pool);

/* Reads one (`id` given, `*count` is 0 or 1) or all of them (`id` NULL), oldest first. */
tmf_error_t *tmf_hub_store_read(tmf_db_t *db, const char *id, const tmf_hub_t **hubs, int *count,
                                apr_pool_t *result_pool);

/* Deletes one; what it still waits for is never sent, and swept up later. `*found`: was it
 * there? */
tmf_error_t *tmf_hub_store_delete(tmf_db_t *db, const char *id, int *found,
                                  apr_pool_t *result_pool);

#endif
