/* SPDX-License-Identifier: Apache-2.0 */
/* What the notifier and the database have to tell each other; see dispatcher.h. */
#include "model/clock.h"
#include "notify/exchange.h"

#include <string.h>

#include <apr_strings.h>

#include "store/customer_store.h"

#define SWEEP_TIME   (2 * APR_USEC_PER_SEC)
#define SWEEP_PAUSE  (500 * 1000)           /* when there is more to sweep */
#define RELEASE_TIME (1 * APR_USEC_PER_SEC) /* that a statement may take: httpd may be stopping */

tmf_listener_t *tmf_listener_at(const tmf_dispatcher_t *dispatcher, int index)
{
    return APR_ARRAY_IDX(dispatcher->listeners, index, tmf_listener_t *);
}

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

static tmf_listener_t *find_listener(const tmf_dispatcher_t *dispatcher, const char *hub_id)
{
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        if (strcmp(tmf_listener_at(dispatcher, i)->hub_id, hub_id) == 0) {
            return tmf_listener_at(dispatcher, i);
        }
    }
    return NULL;
}

/* A lease that had run out, and was taken again: somebody else may have had it meanwhile, and sent
 * what is in hand here. */
static void forget_hand_after_gap(tmf_dispatcher_t *dispatcher, tmf_listener_t *listener)
{
    if (tmf_clock_now() >= listener->leased_until) {
        tmf_listener_drop(listener, tmf_in_hand_is_unsent, dispatcher->events);
        listener->more = 1;
    }
}

static tmf_error_t *claim(tmf_exchange_t *exchange)
{
    tmf_dispatcher_t *dispatcher = exchange->dispatcher;
    apr_time_t until = tmf_clock_now() + TMF_LEASE_TIME;
    const tmf_lease_t *leases;
    int count;
    int i;

    TMF_TRY(tmf_outbox_claim(exchange->db, exchange->owner, TMF_LEASE_TIME, &leases, &count,
                             exchange->pool));
    for (i = 0; i < count; i++) {
        tmf_listener_t *listener = find_listener(dispatcher, leases[i].hub_id);

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
    return !listener->leaving && listener->more &&
           tmf_listener_waiting(listener) < TMF_OUTBOX_BATCH / 2 &&
           listener->count + TMF_OUTBOX_BATCH <= TMF_IN_HAND_MAX &&
           tmf_event_cache_size(dispatcher->events) < TMF_DOCUMENTS_MAX;
}

static int is_refused_before(const tmf_in_hand_t *delivery)
{
    return delivery->state == TMF_HAND_WAITING && delivery->not_before > 0;
}

/* Later events of a customer whose event has to wait are left in the database. The lists can be
 * long: only who wants more has them. */
static void fill_want(tmf_want_t *want, const tmf_dispatcher_t *dispatcher,
                      const tmf_listener_t *listener, int refusing, apr_pool_t *pool)
{
    apr_array_header_t *held = apr_array_make(pool, listener->count + 1, sizeof(apr_int64_t));
    apr_array_header_t *withheld = apr_array_make(pool, 1, sizeof(const char *));
    int i;

    want->hub_id = listener->hub_id;
    want->wanted = tmf_listener_is_refusing(listener) == refusing &&
                   tmf_exchange_wants_more(dispatcher, listener);
    want->held = held;
    want->withheld = withheld;
    for (i = 0; i < listener->count && want->wanted; i++) {
        APR_ARRAY_PUSH(held, apr_int64_t) = listener->hand[i]->id;
        if (is_refused_before(listener->hand[i])) {
            APR_ARRAY_PUSH(withheld, const char *) = listener->hand[i]->customer_id;
        }
    }
}

/* The answer for one listener, but for the deliveries themselves. */
static void take_answer(tmf_dispatcher_t *dispatcher, tmf_listener_t *listener,
                        const tmf_want_t *want)
{
    if (want->wanted) {
        listener->more = want->found == TMF_OUTBOX_BATCH;
    }
    if (want->lost) {
        listener->leaving = 1;
        listener->pausing = 0;
        tmf_listener_drop_all(listener, dispatcher->events);
    }
}

/* Asks for several listeners at once, and reads for those of them that are `refusing`, or that are
 * not; the others are only asked whether they are still ours. */
static tmf_error_t *read_due(tmf_exchange_t *exchange, tmf_listener_t *const *asked, int count,
                             int refusing)
{
    tmf_dispatcher_t *dispatcher = exchange->dispatcher;
    tmf_want_t *wants = apr_pcalloc(exchange->pool, sizeof(*wants) * (apr_size_t)(count + 1));
    const tmf_due_t *due;
    int due_count;
    int i;

    if (count == 0) {
        return NULL;
    }
    for (i = 0; i < count; i++) {
        fill_want(&wants[i], dispatcher, asked[i], refusing, exchange->pool);
    }
    TMF_TRY(tmf_outbox_read(exchange->db, exchange->owner, wants, count, &due, &due_count,
                            exchange->pool));
    for (i = 0; i < count; i++) {
        take_answer(dispatcher, asked[i], &wants[i]);
    }
    for (i = 0; i < due_count; i++) {
        tmf_listener_add(asked[due[i].want], &due[i], tmf_clock_now());
    }
    for (i = 0; i < count; i++) {
        if (tmf_listener_is_refusing(asked[i])) {
            tmf_listener_withhold(asked[i], dispatcher->events);
        }
    }
    return NULL;
}

/* ---- the events of what was read ---- */

/* Gives deliveries their events, as far as they are there; lists the ids of the others. */
static void attach_events(tmf_dispatcher_t *dispatcher, apr_array_header_t *missing)
{
    int i;
    int j;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        tmf_listener_t *listener = tmf_listener_at(dispatcher, i);

        for (j = 0; j < listener->count && listener->unread > 0; j++) {
            tmf_in_hand_t *delivery = listener->hand[j];

            if (delivery->state == TMF_HAND_READ) {
                delivery->event = tmf_event_cache_get(dispatcher->events, delivery->id);
                if (delivery->event != NULL) {
                    delivery->state = TMF_HAND_WAITING;
                    listener->unread--;
                } else {
                    APR_ARRAY_PUSH(missing, apr_int64_t) = delivery->id;
                }
            }
        }
    }
}

/* The events that could not be read: too much for one time, they are read again, and so is what
 * stands behind them, which may be of the same customers; or there is none of them, because
 * somebody has deleted them: nothing is to be told. */
static void do_without_events(tmf_listener_t *listener, int are_gone, tmf_event_cache_t *events)
{
    int is_behind = 0;
    int i;

    for (i = 0; i < listener->count; i++) {
        tmf_in_hand_t *delivery = listener->hand[i];

        if (are_gone && delivery->state == TMF_HAND_READ) {
            tmf_listener_skip(delivery);
        }
        is_behind |= delivery->state == TMF_HAND_READ;
        delivery->withheld = is_behind && tmf_in_hand_is_unsent(delivery);
    }
    tmf_listener_drop(listener, tmf_in_hand_is_withheld, events);
    listener->more = 1;
}

static tmf_error_t *read_events(tmf_exchange_t *exchange)
{
    tmf_dispatcher_t *dispatcher = exchange->dispatcher;
    apr_array_header_t *missing = apr_array_make(exchange->pool, 64, sizeof(apr_int64_t));
    const tmf_outbox_event_t *events;
    int count;
    int i;

    attach_events(dispatcher, missing);
    if (missing->nelts == 0) {
        return NULL;
    }
    TMF_TRY(tmf_outbox_events(exchange->db, missing, TMF_DOCUMENTS_MAX / 4, &events, &count,
                              exchange->pool));
    for (i = 0; i < count; i++) {
        tmf_event_cache_add(dispatcher->events, &events[i]);
    }
    apr_array_clear(missing);
    attach_events(dispatcher, missing);
    for (i = 0; i < dispatcher->listeners->nelts && missing->nelts > 0; i++) {
        do_without_events(tmf_listener_at(dispatcher, i), count == 0, dispatcher->events);
    }
    return NULL;
}

/* ---- which of them the listener wants ---- */

static tmf_error_t *ask_database(void *context, const char *pattern, const char *text, int *matches)
{
    tmf_exchange_t *exchange = context;

    return tmf_customer_store_match(exchange->db, pattern, text, matches, exchange->pool);
}

static tmf_error_t *check_delivery(tmf_exchange_t *exchange, tmf_in_hand_t *delivery)
{
    const tmf_matcher_t matcher = {ask_database, exchange};
    int matches;

    TMF_TRY(tmf_cached_event_tree(delivery->event));
    TMF_TRY(tmf_filter_match(&matches, delivery->listener->subscription.filter,
                             delivery->event->tree, &matcher));
    delivery->checked = 1;
    if (!matches) {
        tmf_listener_skip(delivery);
    }
    return NULL;
}

static int is_fault_of_query(const tmf_error_t *error)
{
    return error->status != 503 || strcmp(error->code, "statementTimeout") == 0;
}

/* Settles what the query of a listener leaves out. A query that fails, by a pattern that takes too
 * long, makes its listener ill, not the notifier. */
static tmf_error_t *check_listener(tmf_exchange_t *exchange, tmf_listener_t *listener)
{
    tmf_error_t *error = NULL;
    int i;

    if (listener->leaving || listener->subscription.filter->children->nelts == 0) {
        return NULL;
    }
    for (i = 0; i < listener->count && error == NULL; i++) {
        tmf_in_hand_t *delivery = listener->hand[i];

        if (delivery->state == TMF_HAND_WAITING && !delivery->checked) {
            error = check_delivery(exchange, delivery);
        }
    }
    if (error != NULL && is_fault_of_query(error)) {
        tmf_listener_fail(listener, apr_pstrcat(exchange->pool, "query: ", error->message, NULL),
                          0);
        error = NULL;
    }
    return error;
}

static tmf_error_t *sweep(tmf_exchange_t *exchange)
{
    tmf_dispatcher_t *dispatcher = exchange->dispatcher;
    int more;

    dispatcher->sweep_at = tmf_clock_now() + SWEEP_TIME;
    TMF_TRY(tmf_outbox_sweep(exchange->db, dispatcher->settings->retention,
                             &dispatcher->sweep_position, &more, exchange->pool));
    dispatcher->sweep_at = tmf_clock_now() + (more ? SWEEP_PAUSE : SWEEP_TIME);
    return NULL;
}

static int is_time_to_sweep(const tmf_dispatcher_t *dispatcher)
{
    return tmf_clock_now() >= dispatcher->sweep_at;
}

/* Nobody wants more who is not refusing, and there is nothing left to send of one that may be gone.
 */
static int has_nothing_to_read(const tmf_dispatcher_t *dispatcher)
{
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        const tmf_listener_t *listener = tmf_listener_at(dispatcher, i);

        if (tmf_listener_waiting(listener) > 0 || (!tmf_listener_is_refusing(listener) &&
                                                   tmf_exchange_wants_more(dispatcher, listener))) {
            return 0;
        }
    }
    return 1;
}

/* Something was committed, for whomever. */
static tmf_error_t *take_wake(tmf_exchange_t *exchange)
{
    tmf_dispatcher_t *dispatcher = exchange->dispatcher;
    int i;

    TMF_TRY(claim(exchange));
    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        tmf_listener_at(dispatcher, i)->more = 1;
    }
    dispatcher->woken = 0;
    return NULL;
}

static tmf_error_t *read_for(tmf_exchange_t *exchange, tmf_listener_t *const *asked, int count,
                             int refusing)
{
    tmf_dispatcher_t *dispatcher = exchange->dispatcher;
    int i;

    TMF_TRY(read_due(exchange, asked, count, refusing));
    TMF_TRY(read_events(exchange));
    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        TMF_TRY(check_listener(exchange, tmf_listener_at(dispatcher, i)));
    }
    return NULL;
}

static tmf_error_t *claim_and_read(tmf_exchange_t *exchange)
{
    const apr_array_header_t *listeners = exchange->dispatcher->listeners;

    if (exchange->dispatcher->woken) {
        TMF_TRY(take_wake(exchange));
    }
    return read_for(exchange, (tmf_listener_t *const *)listeners->elts, listeners->nelts, 0);
}

/* ---- what is in no hurry ---- */

/* One that leaves very much in the database is read for in a fifth of the time at most. */
static tmf_error_t *read_for_refusing(tmf_exchange_t *exchange, tmf_listener_t *listener)
{
    apr_time_t began = tmf_clock_now();
    tmf_error_t *error;

    if (!tmf_listener_is_refusing(listener) || began < listener->read_at ||
        !tmf_exchange_wants_more(exchange->dispatcher, listener)) {
        return NULL;
    }
    error = read_for(exchange, &listener, 1, 1);
    listener->read_at = tmf_clock_now() + 4 * (tmf_clock_now() - began);
    return error;
}

static int has_more_to_do(const tmf_dispatcher_t *dispatcher)
{
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        const tmf_listener_t *listener = tmf_listener_at(dispatcher, i);

        if (listener->settled > 0 || listener->recovered || listener->pausing ||
            tmf_listener_is_refusing(listener)) {
            return 1;
        }
    }
    return is_time_to_sweep(dispatcher);
}

static tmf_error_t *record_read_and_sweep(tmf_exchange_t *exchange)
{
    int i;

    TMF_TRY(tmf_record(exchange));
    for (i = 0; i < exchange->dispatcher->listeners->nelts; i++) {
        TMF_TRY(read_for_refusing(exchange, tmf_listener_at(exchange->dispatcher, i)));
    }
    return is_time_to_sweep(exchange->dispatcher) ? sweep(exchange) : NULL;
}

/* ---- all of it ---- */

static tmf_error_t *with_database(tmf_dispatcher_t *dispatcher, apr_pool_t *pool,
                                  apr_uint32_t *cancel, apr_interval_time_t most,
                                  tmf_error_t *(*what)(tmf_exchange_t *exchange))
{
    tmf_exchange_t exchange = {dispatcher, NULL, tmf_leader_name(dispatcher->settings->leader),
                               pool};
    tmf_error_t *error;

    TMF_TRY(tmf_db_borrow(&exchange.db, dispatcher->settings->database, pool));
    tmf_db_hurry(exchange.db, cancel, most);
    error = what(&exchange);
    tmf_db_give_back(exchange.db);
    return error;
}

static tmf_error_t *release(tmf_exchange_t *exchange)
{
    TMF_TRY(tmf_record(exchange));
    return tmf_outbox_release(exchange->db, exchange->owner, exchange->pool);
}

tmf_error_t *tmf_exchange(tmf_dispatcher_t *dispatcher, apr_pool_t *scratch_pool)
{
    return !dispatcher->woken && has_nothing_to_read(dispatcher)
               ? NULL
               : with_database(dispatcher, scratch_pool, dispatcher->stop, 0, claim_and_read);
}

tmf_error_t *tmf_exchange_record(tmf_dispatcher_t *dispatcher, apr_pool_t *scratch_pool)
{
    if (has_more_to_do(dispatcher)) {
        TMF_TRY(
            with_database(dispatcher, scratch_pool, dispatcher->stop, 0, record_read_and_sweep));
    }
    let_listeners_go(dispatcher, tmf_clock_now());
    return NULL;
}

tmf_error_t *tmf_exchange_release(tmf_dispatcher_t *dispatcher, apr_pool_t *scratch_pool)
{
    return with_database(dispatcher, scratch_pool, NULL, RELEASE_TIME, release);
}
