/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/exchange.h"

#include <string.h>

#include <apr_strings.h>

#include "model/clock.h"

tmf_listener_t *tmf_listener_at(const tmf_dispatcher_t *dispatcher, int index)
{
    return APR_ARRAY_IDX(dispatcher->listeners, index, tmf_listener_t *);
}

tmf_listener_t *tmf_listener_find(const tmf_dispatcher_t *dispatcher, const char *hub_id)
{
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        if (strcmp(tmf_listener_at(dispatcher, i)->hub_id, hub_id) == 0) {
            return tmf_listener_at(dispatcher, i);
        }
    }
    return NULL;
}

int tmf_listener_has_room(const tmf_dispatcher_t *dispatcher, const tmf_listener_t *listener)
{
    return !listener->leaving && listener->more && !listener->reading &&
           tmf_listener_waiting(listener) < TMF_OUTBOX_BATCH / 2 &&
           listener->count + TMF_OUTBOX_BATCH <= listener->capacity &&
           tmf_event_cache_size(dispatcher->events) < TMF_DOCUMENTS_MAX;
}

static int is_refused_before(const tmf_in_hand_t *delivery)
{
    return delivery->state == TMF_HAND_WAITING && delivery->not_before > 0;
}

/* Later events of a customer whose event has to wait are left in the database. The lists can be
 * long: only who wants more has them. */
void tmf_want_fill(tmf_want_t *want, const tmf_listener_t *listener, int wanted,
                   apr_pool_t *result_pool)
{
    apr_array_header_t *taken = apr_array_make(result_pool, listener->count + 1,
                                               sizeof(apr_int64_t));
    apr_array_header_t *waiting = apr_array_make(result_pool, 1, sizeof(const char *));
    int i;

    want->hub_id = apr_pstrdup(result_pool, listener->hub_id);
    want->wanted = wanted;
    want->taken = taken;
    want->waiting = waiting;
    for (i = 0; i < listener->count && wanted; i++) {
        APR_ARRAY_PUSH(taken, apr_int64_t) = listener->hand[i]->id;
        if (is_refused_before(listener->hand[i])) {
            APR_ARRAY_PUSH(waiting, const char *) = apr_pstrdup(result_pool,
                                                                listener->hand[i]->customer_id);
        }
    }
}

void tmf_listener_take_answer(tmf_listener_t *listener, const tmf_want_t *want,
                              tmf_event_cache_t *events)
{
    if (want->wanted && want->found == TMF_OUTBOX_BATCH) {
        listener->more = 1;
    }
    if (want->lost) {
        listener->leaving = 1;
        listener->pausing = 0;
        tmf_listener_drop_all(listener, events);
    }
}

/* Gives what is in hand its events. */
static void attach(tmf_listener_t *listener, tmf_event_cache_t *events)
{
    int i;

    for (i = 0; i < listener->count && listener->unread > 0; i++) {
        tmf_in_hand_t *delivery = listener->hand[i];

        if (delivery->state == TMF_HAND_READ) {
            delivery->event = tmf_event_cache_get(events, delivery->id);
            if (delivery->event != NULL) {
                delivery->state = TMF_HAND_WAITING;
                listener->unread--;
            }
        }
    }
}

/* What has no event was too much for one time: it is read again, and so is what stands behind it,
 * which may be of the same customers. */
static void do_without(tmf_listener_t *listener, tmf_event_cache_t *events)
{
    int is_behind = 0;
    int i;

    for (i = 0; i < listener->count; i++) {
        tmf_in_hand_t *delivery = listener->hand[i];

        is_behind |= delivery->state == TMF_HAND_READ;
        delivery->is_out = is_behind && tmf_in_hand_is_unsent(delivery);
    }
    tmf_listener_drop(listener, tmf_in_hand_is_out, events);
    tmf_listener_read_again(listener);
}

void tmf_take_due(tmf_listener_t *const *asked, int count, const tmf_due_t *due, int due_count,
                  tmf_event_cache_t *events)
{
    apr_time_t now = tmf_clock_now();
    int i;

    for (i = 0; i < due_count; i++) {
        tmf_in_hand_t *delivery = tmf_listener_add(asked[due[i].want], &due[i], now);

        if (due[i].is_gone) {
            tmf_listener_skip(delivery); /* somebody has deleted it: nothing is to be told */
        } else if (due[i].event != NULL) {
            tmf_event_cache_put(events, due[i].id, due[i].event);
        }
    }
    for (i = 0; i < count; i++) {
        attach(asked[i], events);
        if (asked[i]->unread > 0) {
            do_without(asked[i], events);
        }
        tmf_listener_withhold(asked[i], events);
    }
}
