/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the notifier reads from the outbox, and records there. Results live in `result_pool`; errors
 * are tmf_db_run's.
 *
 * A listener is worked by whoever has its lease. What is due is always read from the oldest on, by
 * listener: nobody remembers "the last id seen", because ids commit out of order.
 */
#ifndef TMF_STORE_OUTBOX_H
#define TMF_STORE_OUTBOX_H

#include <apr_tables.h>

#include "model/event.h"
#include "store/db.h"

/* Deliveries read at a time for one listener; tmf_customer.due() in sql/ has the same number. */
#define TMF_OUTBOX_BATCH 128

/* A listener whose lease was taken or renewed. */
typedef struct {
    const char *hub_id;
    const char *callback;
    const char *query; /* NULL = none */
    int failures;      /* in a row */
} tmf_lease_t;

/* Takes the leases of all listeners that have something pending, are neither paused nor disabled
 * and not leased by others, and renews those of `owner` that have passed half their `duration`.
 * Listeners whose lease needs neither are not among the result. */
tmf_error_t *tmf_outbox_claim(tmf_db_t *db, const char *owner, apr_interval_time_t duration,
                              const tmf_lease_t **leases, int *count, apr_pool_t *result_pool);

/* What is asked for one leased listener. */
typedef struct {
    const char *hub_id;
    int wanted;                        /* read deliveries, or only see whether it is still ours */
    const apr_array_header_t *taken;   /* of apr_int64_t: events that were read before */
    const apr_array_header_t *waiting; /* of const char *: customers to leave out */
    int found;                         /* result: how many were read, TMF_OUTBOX_BATCH at most */
    int lost; /* result: the lease is not `owner`'s, or the hub is gone or disabled */
} tmf_want_t;

/* A pending delivery. */
typedef struct {
    int want;       /* index of the tmf_want_t that it answers */
    apr_int64_t id; /* of the event */
    const char *customer_id;
    int attempts;             /* refused so often */
    apr_interval_time_t wait; /* until the next attempt, ≤ 0 = now */
    int is_gone;              /* there is no such event any more */
    const tmf_event_t *event; /* NULL when it is gone, when it stands beside another of these
                               * deliveries, and when it was too much for one time */
} tmf_due_t;

/* Reads the oldest TMF_OUTBOX_BATCH of each, and their events, each once, oldest first, as many as
 * `budget` bytes of stored documents hold, but at least one. */
tmf_error_t *tmf_outbox_read(tmf_db_t *db, const char *owner, tmf_want_t *wants, int count,
                             apr_int64_t budget, const tmf_due_t **due, int *due_count,
                             apr_pool_t *result_pool);

/* What has arrived. */
typedef struct {
    const char *hub_id;
    apr_int64_t event;
} tmf_delivered_t;

/* Deletes deliveries (array of tmf_delivered_t), and events that nobody else waits for. */
tmf_error_t *tmf_outbox_deliver(tmf_db_t *db, const apr_array_header_t *delivered,
                                apr_pool_t *scratch_pool);

/* What a listener has refused. */
typedef struct {
    const char *hub_id;
    apr_int64_t event;
    int attempts;              /* so often */
    apr_interval_time_t pause; /* until it is tried again; negative = it is a dead letter */
    const char *error;
} tmf_refused_t;

/* Records refusals (array of tmf_refused_t). */
tmf_error_t *tmf_outbox_refuse(tmf_db_t *db, const apr_array_header_t *refused,
                               apr_pool_t *scratch_pool);

/* What has come of a pause. */
typedef struct {
    int recorded; /* 0 = nothing: the lease is not the owner's any more, or the hub is gone */
    int disabled; /* for good */
    int first;    /* it was well before */
} tmf_paused_t;

/* The listener fails: it is left alone for `pause`, its lease given back; `disable`, or when it
 * has been failing for `failing_most`, for good. */
tmf_error_t *tmf_outbox_pause(tmf_db_t *db, const char *owner, const char *hub_id, int failures,
                              apr_interval_time_t pause, apr_interval_time_t failing_most,
                              int disable, const char *error, tmf_paused_t *paused,
                              apr_pool_t *scratch_pool);

/* The listener is well again, after it has failed for `*failed_for`. `*recorded` is 0, and nothing
 * has changed, when the lease is not the owner's any more, or the hub is well or gone. */
tmf_error_t *tmf_outbox_recover(tmf_db_t *db, const char *owner, const char *hub_id, int *recorded,
                                apr_interval_time_t *failed_for, apr_pool_t *scratch_pool);

/* Counted up to so many are the pending events of a backlog; tmf_customer.backlogs() in sql/ has
 * the same number. */
#define TMF_OUTBOX_BACKLOG_MAX 1000

/* A listener that is behind. */
typedef struct {
    const char *hub_id;
    const char *callback;
    apr_interval_time_t age; /* since when its oldest pending event waits */
    int pending;             /* TMF_OUTBOX_BACKLOG_MAX at most */
} tmf_backlog_t;

/* Active listeners, but for those that others work, whose oldest pending event waits for `least` or
 * longer. */
tmf_error_t *tmf_outbox_backlogs(tmf_db_t *db, const char *owner, apr_interval_time_t least,
                                 const tmf_backlog_t **backlogs, int *count,
                                 apr_pool_t *result_pool);

/* Gives back all leases of `owner`. */
tmf_error_t *tmf_outbox_release(tmf_db_t *db, const char *owner, apr_pool_t *scratch_pool);

/* Deletes a small batch of what nobody needs: deliveries of deleted hubs, dead letters and those of
 * disabled hubs older than `retention`, and events past `*position` without deliveries, which a
 * crash has left; `*position` (0 at first) moves on, and around. `*more`: there may be more of
 * the former. */
tmf_error_t *tmf_outbox_sweep(tmf_db_t *db, apr_interval_time_t retention, apr_int64_t *position,
                              int *more, apr_pool_t *scratch_pool);

#endif
