/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can wait: what has become of deliveries; and, slower, reading for one listener that
 * has refused some (later events of the same customers are left out, customer by customer),
 * sweeping, and looking for listeners that are behind.
 *
 * The notifier's thread makes a record of what is due of that, a recorder's carries it out while
 * the former goes on, and then the notifier's takes the results. Meanwhile deliveries that are
 * `recording` stay as they are (unless the lease is lost: then refused ones leave the hand), and a
 * listener that is `reading` is not read for otherwise.
 */
#ifndef TMF_NOTIFY_RECORD_H
#define TMF_NOTIFY_RECORD_H

#include "notify/dispatcher.h"

typedef enum {
    TMF_RECORD_SETTLED, /* what has become of deliveries */
    TMF_RECORD_SLOW,    /* reading for one listener, sweeping, looking for backlogs */
    TMF_RECORD_KINDS
} tmf_record_kind_t;

typedef struct {
    tmf_record_kind_t kind;
    const tmf_notify_settings_t *settings;
    apr_interval_time_t most; /* that a statement may take; 0 = as usual */
    apr_uint32_t *cancel;     /* atomic: not 0 = the database is not waited for; NULL = none */

    apr_array_header_t *delivered; /* of tmf_delivered_t */
    apr_array_header_t *refused;   /* of tmf_refused_t */
    tmf_want_t *want;              /* of one listener that is refusing; NULL = none */
    int sweeps;
    apr_int64_t sweep_position;
    int looks_for_backlogs;

    /* results; what is not marked as done has failed */
    int is_delivered;
    int is_refused;
    int is_read;
    const tmf_due_t *due;
    int due_count;
    apr_interval_time_t reading_time;
    int more_to_sweep;
    const tmf_backlog_t *backlogs;
    int backlog_count;
    tmf_error_t *error; /* the first one; NULL = none */

    apr_pool_t *pool; /* all of it; whoever has the record may use it */
} tmf_record_t;

/* An empty record, in a pool of its own below `parent`. */
apr_status_t tmf_record_make(tmf_record_t **record, tmf_record_kind_t kind,
                             const tmf_notify_settings_t *settings, apr_uint32_t *cancel,
                             apr_pool_t *parent);

/* Is more to be read for the listener by a record, because it is refusing? */
int tmf_record_wants_more(const tmf_dispatcher_t *dispatcher, const tmf_listener_t *listener);

/* Fills the record anew with what is due of its kind. 0 = there is nothing. */
int tmf_record_fill(tmf_record_t *record, tmf_dispatcher_t *dispatcher);

/* Asks the database, and keeps its answers in the record: on whichever thread. */
void tmf_record_carry_out(tmf_record_t *record);

/* What was recorded leaves the hand, or waits for its next try; what was read comes into it. What
 * failed is to be done again. */
void tmf_record_apply(const tmf_record_t *record, tmf_dispatcher_t *dispatcher);

#endif
