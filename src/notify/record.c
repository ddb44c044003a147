/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/record.h"

#include <apr_strings.h>

#include "model/clock.h"
#include "notify/exchange.h"
#include "notify/report.h"
#include "store/own_pool.h"

#define SWEEP_TIME  (2 * APR_USEC_PER_SEC)
#define SWEEP_PAUSE (500 * 1000)                /* when there is more to sweep */
#define READING_GAP (50 * 1000)                 /* between two times of reading for one listener */
#define BACKLOG_AGE (5 * 60 * APR_USEC_PER_SEC) /* who lets an event wait so long is behind */

apr_status_t tmf_record_make(tmf_record_t **record, tmf_record_kind_t kind,
                             const tmf_notify_settings_t *settings, apr_uint32_t *cancel,
                             apr_pool_t *parent)
{
    tmf_record_t *made = apr_pcalloc(parent, sizeof(*made));

    made->kind = kind;
    made->settings = settings;
    made->cancel = cancel;
    *record = made;
    return tmf_own_pool_make(&made->pool, parent, "tmf_record");
}

/* ---- fill it ---- */

static void clear(tmf_record_t *record)
{
    apr_pool_clear(record->pool);
    record->delivered = apr_array_make(record->pool, 64, sizeof(tmf_delivered_t));
    record->refused = apr_array_make(record->pool, 16, sizeof(tmf_refused_t));
    record->want = NULL;
    record->sweeps = 0;
    record->looks_for_backlogs = 0;
    record->backlog_count = 0;
    record->more_to_sweep = 0;
    record->is_delivered = 0;
    record->is_refused = 0;
    record->is_read = 0;
    record->reading_time = 0;
    record->due_count = 0;
    record->error = NULL;
}

static int is_dead(const tmf_in_hand_t *delivery)
{
    return delivery->state == TMF_HAND_REFUSED && delivery->not_before == 0;
}

/* Until the next try; negative = there is none. */
static apr_interval_time_t pause_of(const tmf_in_hand_t *delivery)
{
    apr_interval_time_t pause = delivery->not_before - tmf_clock_now();

    return is_dead(delivery) ? -1 : pause > 0 ? pause : 0;
}

static void add_settled(tmf_record_t *record, tmf_in_hand_t *delivery, const char *hub_id)
{
    if (delivery->state == TMF_HAND_DONE) {
        tmf_delivered_t one = {hub_id, delivery->id};

        APR_ARRAY_PUSH(record->delivered, tmf_delivered_t) = one;
        delivery->recording = 1;
    } else if (delivery->state == TMF_HAND_REFUSED) {
        tmf_refused_t one = {hub_id, delivery->id, delivery->attempts, pause_of(delivery),
                             apr_pstrdup(record->pool, delivery->error)};

        APR_ARRAY_PUSH(record->refused, tmf_refused_t) = one;
        delivery->recording = 1;
    }
}

static void add_all_settled(tmf_record_t *record, const tmf_dispatcher_t *dispatcher)
{
    int i;
    int j;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        const tmf_listener_t *listener = tmf_listener_at(dispatcher, i);

        if (listener->settled > 0) {
            const char *hub_id = apr_pstrdup(record->pool, listener->hub_id);

            for (j = 0; j < listener->count; j++) {
                add_settled(record, listener->hand[j], hub_id);
            }
        }
    }
}

int tmf_record_wants_more(const tmf_dispatcher_t *dispatcher, const tmf_listener_t *listener)
{
    return tmf_listener_is_refusing(listener) && tmf_listener_has_room(dispatcher, listener);
}

/* The one that has waited longest, so that each has its turn. */
static tmf_listener_t *next_to_read_for(const tmf_dispatcher_t *dispatcher)
{
    apr_time_t now = tmf_clock_now();
    tmf_listener_t *next = NULL;
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        tmf_listener_t *listener = tmf_listener_at(dispatcher, i);

        if (listener->read_at <= now && (next == NULL || listener->read_at < next->read_at) &&
            tmf_record_wants_more(dispatcher, listener)) {
            next = listener;
        }
    }
    return next;
}

static void add_want(tmf_record_t *record, const tmf_dispatcher_t *dispatcher)
{
    tmf_listener_t *listener = next_to_read_for(dispatcher);

    if (listener != NULL) {
        record->want = apr_pcalloc(record->pool, sizeof(*record->want));
        tmf_want_fill(record->want, listener, 1, record->pool);
        listener->more = 0;
        listener->reading = 1;
    }
}

int tmf_record_fill(tmf_record_t *record, tmf_dispatcher_t *dispatcher)
{
    clear(record);
    if (record->kind == TMF_RECORD_SETTLED) {
        add_all_settled(record, dispatcher);
    } else {
        add_want(record, dispatcher);
        record->sweeps = tmf_clock_now() >= dispatcher->sweep_at;
        record->sweep_position = dispatcher->sweep_position;
        record->looks_for_backlogs = tmf_clock_now() >= dispatcher->backlogs_at;
    }
    return record->delivered->nelts > 0 || record->refused->nelts > 0 || record->want != NULL ||
           record->sweeps || record->looks_for_backlogs;
}

/* ---- carry it out ---- */

static tmf_error_t *record_settled(tmf_record_t *record, tmf_db_t *db)
{
    if (record->delivered->nelts > 0) {
        TMF_TRY(tmf_outbox_deliver(db, record->delivered, record->pool));
    }
    record->is_delivered = 1;
    if (record->refused->nelts > 0) {
        TMF_TRY(tmf_outbox_refuse(db, record->refused, record->pool));
    }
    record->is_refused = 1;
    return NULL;
}

static tmf_error_t *read_due(tmf_record_t *record, tmf_db_t *db)
{
    apr_time_t began = tmf_clock_now();
    tmf_error_t *error = tmf_outbox_read(db, tmf_leader_name(record->settings->leader),
                                         record->want, 1, TMF_EVENTS_BUDGET, &record->due,
                                         &record->due_count, record->pool);

    record->reading_time = tmf_clock_now() - began;
    record->is_read = error == NULL;
    return error;
}

static tmf_error_t *first_of(tmf_error_t *earlier, tmf_error_t *later)
{
    return earlier != NULL ? earlier : later;
}

/* Each has its turn, even when another fails. */
static tmf_error_t *read_and_sweep(tmf_record_t *record, tmf_db_t *db)
{
    tmf_error_t *error = record->want != NULL ? read_due(record, db) : NULL;

    if (record->sweeps) {
        error = first_of(error, tmf_outbox_sweep(db, record->settings->config->retention,
                                                 &record->sweep_position, &record->more_to_sweep,
                                                 record->pool));
    }
    if (record->looks_for_backlogs) {
        error = first_of(error, tmf_outbox_backlogs(db, tmf_leader_name(record->settings->leader),
                                                    BACKLOG_AGE, &record->backlogs,
                                                    &record->backlog_count, record->pool));
    }
    return error;
}

void tmf_record_carry_out(tmf_record_t *record)
{
    tmf_db_t *db;

    record->error = tmf_db_borrow(&db, record->settings->database, record->pool);
    if (record->error == NULL) {
        tmf_db_set_deadline(db, record->cancel, record->most);
        record->error = record->kind == TMF_RECORD_SETTLED ? record_settled(record, db)
                                                           : read_and_sweep(record, db);
        tmf_db_give_back(db);
    }
}

/* ---- apply it ---- */

/* Once recorded, a refused event waits for its next try, and the later ones of its customer leave
 * the hand, or it is a dead letter and leaves it itself. Then, and when one was delivered that
 * others were withheld for, the later ones are read (again). */
static void take_recorded(const tmf_dispatcher_t *dispatcher, tmf_in_hand_t *delivery)
{
    tmf_listener_t *listener = delivery->listener;

    if (delivery->state == TMF_HAND_DONE) {
        listener->more |= delivery->not_before > 0;
        delivery->is_out = 1;
    } else if (is_dead(delivery)) {
        tmf_report_dead_letter(dispatcher, delivery);
        tmf_metrics_delivery(dispatcher->settings->metrics, TMF_OUTCOME_DEAD);
        listener->more = 1;
        delivery->is_out = 1;
    } else {
        tmf_listener_delay(delivery);
    }
}

static void take_all_recorded(const tmf_record_t *record, const tmf_dispatcher_t *dispatcher,
                              tmf_listener_t *listener)
{
    int i;

    for (i = 0; i < listener->count; i++) {
        tmf_in_hand_t *delivery = listener->hand[i];

        if (delivery->recording) {
            delivery->recording = 0;
            if (delivery->state == TMF_HAND_DONE ? record->is_delivered : record->is_refused) {
                take_recorded(dispatcher, delivery);
            }
        }
    }
    tmf_listener_drop(listener, tmf_in_hand_is_out, dispatcher->events);
}

/* What the listener's own hand has become meanwhile can make the answer worthless: then it is not
 * `reading` any more. */
static void take_read(const tmf_record_t *record, tmf_dispatcher_t *dispatcher)
{
    tmf_listener_t *listener = tmf_listener_find(dispatcher, record->want->hub_id);
    apr_time_t now = tmf_clock_now();
    apr_interval_time_t gap = 4 * record->reading_time;

    if (listener == NULL || !listener->reading) {
        return;
    }
    /* One that leaves very much in the database is read for in a fifth of the time at most. */
    listener->read_at = now + (gap > READING_GAP ? gap : READING_GAP);
    if (!record->is_read) {
        tmf_listener_read_again(listener);
        return;
    }
    listener->reading = 0;
    tmf_listener_take_answer(listener, record->want, dispatcher->events);
    if (!listener->leaving) {
        tmf_take_due(&listener, 1, record->due, record->due_count, dispatcher->events);
        dispatcher->unchecked |= tmf_listener_has_conditions(listener);
    }
}

static void take_swept(const tmf_record_t *record, tmf_dispatcher_t *dispatcher)
{
    dispatcher->sweep_position = record->sweep_position;
    dispatcher->sweep_at = tmf_clock_now() + (record->more_to_sweep ? SWEEP_PAUSE : SWEEP_TIME);
}

static void take_backlogs(const tmf_record_t *record, tmf_dispatcher_t *dispatcher)
{
    tmf_report_backlogs(dispatcher, record->backlogs, record->backlog_count, record->pool);
    dispatcher->backlogs_at = tmf_clock_now() + TMF_NOTICES_GAP;
}

static void take_settled(const tmf_record_t *record, const tmf_dispatcher_t *dispatcher)
{
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        tmf_listener_t *listener = tmf_listener_at(dispatcher, i);

        take_all_recorded(record, dispatcher, listener);
        tmf_listener_withhold(listener, dispatcher->events);
    }
}

void tmf_record_apply(const tmf_record_t *record, tmf_dispatcher_t *dispatcher)
{
    if (record->kind == TMF_RECORD_SETTLED) {
        take_settled(record, dispatcher);
    }
    if (record->want != NULL) {
        take_read(record, dispatcher);
    }
    if (record->sweeps) {
        take_swept(record, dispatcher);
    }
    if (record->looks_for_backlogs) {
        take_backlogs(record, dispatcher);
    }
}
