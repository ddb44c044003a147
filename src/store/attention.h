/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners as somebody should look at them: those first that need it. */
#ifndef TMF_STORE_ATTENTION_H
#define TMF_STORE_ATTENTION_H

#include "metrics/metrics.h"
#include "store/db.h"

/* Deliveries of a listener are counted so far. */
#define TMF_ATTENTION_COUNT_MAX 10000

/* Times are times of the day, 0 = none. */
typedef struct {
    const char *id;
    const char *callback;
    tmf_listener_state_t state;
    apr_int64_t pending;
    apr_int64_t dead;
    apr_time_t oldest_pending;
    apr_time_t ill_since;
    apr_time_t paused_until;
    const char *error; /* what made it pause, else that of its next event, else of its last dead
                          letter; NULL = none */
} tmf_attention_t;

/* Reads the first `limit` of `*total` listeners: disabled ones, then paused ones, then those with
 * dead letters, then those whose oldest event has been waiting longest. What it costs does not
 * depend on how much waits for them. It is given up when it takes `most` in the database:
 * TMF_ERROR_STATEMENT_TIMEOUT; else the errors of tmf_db_borrow. */
tmf_error_t *tmf_attention_read(tmf_db_pool_t *database, apr_interval_time_t most, int limit,
                                const tmf_attention_t **listeners, int *count, apr_int64_t *total,
                                apr_pool_t *result_pool);

#endif
