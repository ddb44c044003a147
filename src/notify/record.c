/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/exchange.h"

#include <httpd.h>
#include <http_log.h>

#include "model/clock.h"

extern module AP_MODULE_DECLARE_DATA tmf_customer_module;
APLOG_USE_MODULE(tmf_customer);

static int is_done(const tmf_in_hand_t *delivery)
{
    return delivery->state == TMF_HAND_DONE;
}

static tmf_error_t *record_delivered(tmf_exchange_t *exchange)
{
    tmf_dispatcher_t *dispatcher = exchange->dispatcher;
    apr_array_header_t *delivered = apr_array_make(exchange->pool, 64, sizeof(tmf_delivered_t));
    int i;
    int j;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        tmf_listener_t *listener = tmf_listener_at(dispatcher, i);

        for (j = 0; j < listener->count && listener->settled > 0; j++) {
            if (is_done(listener->hand[j])) {
                tmf_delivered_t one = {listener->hub_id, listener->hand[j]->id};

                APR_ARRAY_PUSH(delivered, tmf_delivered_t) = one;
                listener->more |= listener->hand[j]->not_before > 0; /* others were withheld */
            }
        }
    }
    if (delivered->nelts == 0) {
        return NULL;
    }
    TMF_TRY(tmf_outbox_deliver(exchange->db, delivered, exchange->pool));
    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        if (tmf_listener_at(dispatcher, i)->settled > 0) {
            tmf_listener_drop(tmf_listener_at(dispatcher, i), is_done, dispatcher->events);
        }
    }
    return NULL;
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

static void list_refused(apr_array_header_t *refused, const tmf_listener_t *listener)
{
    int i;

    for (i = 0; i < listener->count && listener->refused > 0; i++) {
        const tmf_in_hand_t *delivery = listener->hand[i];

        if (delivery->state == TMF_HAND_REFUSED) {
            tmf_refused_t one = {listener->hub_id, delivery->id, delivery->attempts,
                                 pause_of(delivery), delivery->error};

            APR_ARRAY_PUSH(refused, tmf_refused_t) = one;
        }
    }
}

/* Once recorded, a refused event waits for its next try, and the later ones of its customer leave
 * the hand, or it is a dead letter and leaves it itself. Then the later ones are read (again). */
static void go_on_after_refusals(tmf_dispatcher_t *dispatcher, tmf_listener_t *listener)
{
    int i;

    for (i = 0; i < listener->count; i++) {
        tmf_in_hand_t *delivery = listener->hand[i];

        if (is_dead(delivery)) {
            ap_log_error(APLOG_MARK, APLOG_INFO, 0, dispatcher->settings->server,
                         "TMF0060: event %s is a dead letter for hub %s: %s",
                         delivery->event->event_id, listener->hub_id, delivery->error);
            listener->more = 1;
        } else if (delivery->state == TMF_HAND_REFUSED) {
            tmf_listener_delay(delivery);
        }
    }
    tmf_listener_drop(listener, is_dead, dispatcher->events);
    tmf_listener_withhold(listener, dispatcher->events);
}

static tmf_error_t *record_refused(tmf_exchange_t *exchange)
{
    tmf_dispatcher_t *dispatcher = exchange->dispatcher;
    apr_array_header_t *refused = apr_array_make(exchange->pool, 16, sizeof(tmf_refused_t));
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        list_refused(refused, tmf_listener_at(dispatcher, i));
    }
    if (refused->nelts == 0) {
        return NULL;
    }
    TMF_TRY(tmf_outbox_refuse(exchange->db, refused, exchange->pool));
    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        if (tmf_listener_at(dispatcher, i)->refused > 0) {
            go_on_after_refusals(dispatcher, tmf_listener_at(dispatcher, i));
        }
    }
    return NULL;
}

static tmf_error_t *record_pause(tmf_exchange_t *exchange, tmf_listener_t *listener)
{
    const tmf_notify_settings_t *settings = exchange->dispatcher->settings;
    int disabled;

    TMF_TRY(tmf_outbox_pause(exchange->db, exchange->owner, listener->hub_id, listener->failures,
                             listener->pause, settings->disable_after, listener->disabling,
                             listener->error, &disabled, exchange->pool));
    if (disabled) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, settings->server,
            "TMF0061: hub %s (%s) is disabled: %s; tmf_customer.enable('%s') lets it go on",
            listener->hub_id, listener->callback, listener->error, listener->hub_id);
    } else {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, settings->server,
                     "TMF0062: hub %s (%s) pauses for %" APR_TIME_T_FMT " ms: %s", listener->hub_id,
                     listener->callback, apr_time_as_msec(listener->pause), listener->error);
    }
    listener->pausing = 0;
    return NULL;
}

static tmf_error_t *record_listener(tmf_exchange_t *exchange, tmf_listener_t *listener)
{
    if (listener->recovered) {
        TMF_TRY(tmf_outbox_recover(exchange->db, listener->hub_id, exchange->pool));
        listener->recovered = 0;
    }
    if (listener->pausing && listener->sent == 0) {
        TMF_TRY(record_pause(exchange, listener));
    }
    return NULL;
}

tmf_error_t *tmf_record(tmf_exchange_t *exchange)
{
    int i;

    TMF_TRY(record_delivered(exchange));
    TMF_TRY(record_refused(exchange));
    for (i = 0; i < exchange->dispatcher->listeners->nelts; i++) {
        TMF_TRY(record_listener(exchange, tmf_listener_at(exchange->dispatcher, i)));
    }
    return NULL;
}
