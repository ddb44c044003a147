/* SPDX-License-Identifier: Apache-2.0 */
/* What the notifier and the database have to tell each other; see dispatcher.h. */
#include "notify/exchange.h"

#include <string.h>

#include <apr_strings.h>

#include "model/clock.h"
#include "notify/match.h"
#include "notify/report.h"

/* One exchange at work. */
typedef struct {
    tmf_dispatcher_t *dispatcher;
    tmf_db_t *db;
    const char *owner;
    apr_pool_t *pool;
} exchange_t;

/* Listeners that have nothing on its way and nothing to record, and are left or not leased any
 * more. */
static void let_listeners_go(tmf_dispatcher_t *dispatcher, apr_time_t now)
{
    int kept = 0;
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        tmf_listener_t *listener = tmf_listener_at(dispatcher, i);
        int over = listener->leaving || now >= listener->leased_until;

        if (over && listener->sent == 0 && listener->settled == 0 && !listener->pausing) {
            tmf_listener_destroy(listener, dispatcher->events);
        } else {
            APR_ARRAY_IDX(dispatcher->listeners, kept++, tmf_listener_t *) = listener;
        }
    }
    dispatcher->listeners->nelts = kept;
}

/* ---- leases ---- */

/* A lease that had run out, and was taken again: somebody else may have had it meanwhile, and sent
 * what is in hand here. */
static void forget_hand_after_gap(tmf_dispatcher_t *dispatcher, tmf_listener_t *listener)
{
    if (tmf_clock_now() >= listener->leased_until) {
        tmf_listener_drop(listener, tmf_in_hand_is_unsent, dispatcher->events);
        tmf_listener_read_again(listener);
    }
}

static tmf_error_t *claim(exchange_t *exchange)
{
    tmf_dispatcher_t *dispatcher = exchange->dispatcher;
    apr_time_t until = tmf_clock_now() + TMF_LEASE_TIME;
    const tmf_lease_t *leases;
    int count;
    int i;

    TMF_TRY(tmf_outbox_claim(exchange->db, exchange->owner, TMF_LEASE_TIME, &leases, &count,
                             exchange->pool));
    for (i = 0; i < count; i++) {
        tmf_listener_t *listener = tmf_listener_find(dispatcher, leases[i].hub_id);

        if (listener == NULL) {
            listener = tmf_listener_make(&leases[i], dispatcher->settings->targets,
                                         &dispatcher->rules, dispatcher->pool);
            APR_ARRAY_PUSH(dispatcher->listeners, tmf_listener_t *) = listener;
        } else {
            forget_hand_after_gap(dispatcher, listener);
        }
        listener->leased_until = until;
    }
    return NULL;
}

/* ---- reading what is due ---- */

int tmf_exchange_wants_more(const tmf_dispatcher_t *dispatcher, const tmf_listener_t *listener)
{
    return !tmf_listener_is_refusing(listener) && tmf_listener_has_room(dispatcher, listener);
}

/* Asks for all listeners at once; those that nothing is read for are only asked whether they are
 * still ours. */
static tmf_error_t *read_due(exchange_t *exchange)
{
    tmf_dispatcher_t *dispatcher = exchange->dispatcher;
    int count = dispatcher->listeners->nelts;
    tmf_want_t *wants = apr_pcalloc(exchange->pool, sizeof(*wants) * (apr_size_t)(count + 1));
    const tmf_due_t *due;
    int due_count;
    int i;

    if (count == 0) {
        return NULL;
    }
    for (i = 0; i < count; i++) {
        tmf_listener_t *listener = tmf_listener_at(dispatcher, i);

        tmf_want_fill(&wants[i], listener, tmf_exchange_wants_more(dispatcher, listener),
                      exchange->pool);
        listener->more &= !wants[i].wanted;
    }
    TMF_TRY(tmf_outbox_read(exchange->db, exchange->owner, wants, count, TMF_EVENTS_BUDGET, &due,
                            &due_count, exchange->pool));
    for (i = 0; i < count; i++) {
        tmf_listener_take_answer(tmf_listener_at(dispatcher, i), &wants[i], dispatcher->events);
    }
    tmf_take_due((tmf_listener_t *const *)dispatcher->listeners->elts, count, due, due_count,
                 dispatcher->events);
    return NULL;
}

/* ---- how listeners are ---- */

int tmf_exchange_has_news(const tmf_listener_t *listener)
{
    return listener->recovered ||
           (listener->pausing && listener->sent == 0 && listener->settled == 0);
}

static tmf_error_t *record_pause(exchange_t *exchange, tmf_listener_t *listener)
{
    const tmf_notify_settings_t *settings = exchange->dispatcher->settings;
    tmf_paused_t paused;

    TMF_TRY(tmf_outbox_pause(exchange->db, exchange->owner, listener->hub_id, listener->failures,
                             listener->pause, settings->config->disable_after, listener->disabling,
                             listener->error, &paused, exchange->pool));
    if (paused.recorded) {
        tmf_report_pause(exchange->dispatcher, listener, &paused);
    }
    listener->pausing = 0;
    return NULL;
}

static tmf_error_t *record_recovery(exchange_t *exchange, tmf_listener_t *listener)
{
    apr_interval_time_t failed_for;
    int recorded;

    TMF_TRY(tmf_outbox_recover(exchange->db, exchange->owner, listener->hub_id, &recorded,
                               &failed_for, exchange->pool));
    if (recorded) {
        tmf_report_recovery(exchange->dispatcher, listener, failed_for);
    }
    listener->recovered = 0;
    return NULL;
}

static tmf_error_t *record_news(exchange_t *exchange)
{
    int i;

    for (i = 0; i < exchange->dispatcher->listeners->nelts; i++) {
        tmf_listener_t *listener = tmf_listener_at(exchange->dispatcher, i);

        if (listener->recovered) {
            TMF_TRY(record_recovery(exchange, listener));
        }
        if (tmf_exchange_has_news(listener)) {
            TMF_TRY(record_pause(exchange, listener));
        }
    }
    return NULL;
}

/* ---- all of it ---- */

/* Nobody wants more, and nothing is left to send of one that may be gone. */
static int has_nothing_to_read(const tmf_dispatcher_t *dispatcher)
{
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        const tmf_listener_t *listener = tmf_listener_at(dispatcher, i);

        if (tmf_listener_waiting(listener) > 0 || tmf_exchange_wants_more(dispatcher, listener)) {
            return 0;
        }
    }
    return !dispatcher->woken && !dispatcher->unchecked &&
           !(dispatcher->costly_left && tmf_clock_now() >= dispatcher->costly_at);
}

/* Something may have been committed, for whomever. */
static tmf_error_t *read_and_check(exchange_t *exchange)
{
    tmf_dispatcher_t *dispatcher = exchange->dispatcher;
    int i;

    for (i = 0; i < dispatcher->listeners->nelts && dispatcher->woken; i++) {
        tmf_listener_at(dispatcher, i)->more = 1;
    }
    TMF_TRY(read_due(exchange));
    return tmf_match_waiting(dispatcher, exchange->db, exchange->pool);
}

static tmf_error_t *with_database(tmf_dispatcher_t *dispatcher, apr_pool_t *pool,
                                  apr_uint32_t *cancel, apr_interval_time_t most,
                                  tmf_error_t *(*what)(exchange_t *exchange))
{
    exchange_t exchange = {dispatcher, NULL, tmf_leader_name(dispatcher->settings->leader), pool};
    tmf_error_t *error;

    TMF_TRY(tmf_db_borrow(&exchange.db, dispatcher->settings->database, pool));
    tmf_db_set_deadline(exchange.db, cancel, most);
    error = what(&exchange);
    tmf_db_give_back(exchange.db);
    return error;
}

tmf_error_t *tmf_exchange_read(tmf_dispatcher_t *dispatcher, apr_pool_t *scratch_pool)
{
    return has_nothing_to_read(dispatcher)
               ? NULL
               : with_database(dispatcher, scratch_pool, dispatcher->stop, 0, read_and_check);
}

static tmf_error_t *claim_and_record(exchange_t *exchange)
{
    if (exchange->dispatcher->woken) {
        TMF_TRY(claim(exchange));
        exchange->dispatcher->woken = 0;
    }
    return record_news(exchange);
}

tmf_error_t *tmf_exchange_leases(tmf_dispatcher_t *dispatcher, apr_pool_t *scratch_pool)
{
    int has_news = dispatcher->woken;
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        has_news |= tmf_exchange_has_news(tmf_listener_at(dispatcher, i));
    }
    if (has_news) {
        TMF_TRY(with_database(dispatcher, scratch_pool, dispatcher->stop, 0, claim_and_record));
    }
    let_listeners_go(dispatcher, tmf_clock_now());
    return NULL;
}

static tmf_error_t *release(exchange_t *exchange)
{
    TMF_TRY(record_news(exchange));
    return tmf_outbox_release(exchange->db, exchange->owner, exchange->pool);
}

tmf_error_t *tmf_exchange_release(tmf_dispatcher_t *dispatcher, apr_pool_t *scratch_pool)
{
    return with_database(dispatcher, scratch_pool, NULL, TMF_RELEASE_TIME, release);
}
