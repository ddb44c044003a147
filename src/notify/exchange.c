/* SPDX-License-Identifier: Apache-2.0 */
/* What the notifier and the database have to tell each other; see dispatcher.h. */
#include "model/clock.h"
#include "notify/dispatcher.h"

#include <string.h>

#include <httpd.h>
#include <http_log.h>
#include <apr_strings.h>

#include "store/customer_store.h"

extern module AP_MODULE_DECLARE_DATA tmf_customer_module;
APLOG_USE_MODULE(tmf_customer);

#define SWEEP_TIME   (2 * APR_USEC_PER_SEC)
#define SWEEP_PAUSE  (500 * 1000)           /* when there is more to sweep */
#define RELEASE_TIME (1 * APR_USEC_PER_SEC) /* that a statement may take: httpd may be stopping */

/* One exchange at work. */
typedef struct {
    tmf_dispatcher_t *dispatcher;
    tmf_db_t *db;
    const char *owner;
    apr_pool_t *pool;
} exchange_t;

static tmf_listener_t *listener_at(const tmf_dispatcher_t *dispatcher, int index)
{
    return APR_ARRAY_IDX(dispatcher->listeners, index, tmf_listener_t *);
}

/* ---- recording what has become of deliveries ---- */

static int is_done(const tmf_in_hand_t *delivery)
{
    return delivery->state == TMF_HAND_DONE;
}

static tmf_error_t *record_delivered(exchange_t *exchange)
{
    tmf_dispatcher_t *dispatcher = exchange->dispatcher;
    apr_array_header_t *delivered = apr_array_make(exchange->pool, 64, sizeof(tmf_delivered_t));
    int i;
    int j;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        tmf_listener_t *listener = listener_at(dispatcher, i);

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
        if (listener_at(dispatcher, i)->settled > 0) {
            tmf_listener_drop(listener_at(dispatcher, i), is_done, dispatcher->events);
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

static tmf_error_t *record_refused(exchange_t *exchange)
{
    tmf_dispatcher_t *dispatcher = exchange->dispatcher;
    apr_array_header_t *refused = apr_array_make(exchange->pool, 16, sizeof(tmf_refused_t));
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        list_refused(refused, listener_at(dispatcher, i));
    }
    if (refused->nelts == 0) {
        return NULL;
    }
    TMF_TRY(tmf_outbox_refuse(exchange->db, refused, exchange->pool));
    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        if (listener_at(dispatcher, i)->refused > 0) {
            go_on_after_refusals(dispatcher, listener_at(dispatcher, i));
        }
    }
    return NULL;
}

static tmf_error_t *record_pause(exchange_t *exchange, tmf_listener_t *listener)
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

static tmf_error_t *record_listener(exchange_t *exchange, tmf_listener_t *listener)
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

static tmf_error_t *record(exchange_t *exchange)
{
    int i;

    TMF_TRY(record_delivered(exchange));
    TMF_TRY(record_refused(exchange));
    for (i = 0; i < exchange->dispatcher->listeners->nelts; i++) {
        TMF_TRY(record_listener(exchange, listener_at(exchange->dispatcher, i)));
    }
    return NULL;
}

/* Listeners that have nothing on its way and nothing to record, and are left or not leased any
 * more. */
static void let_listeners_go(tmf_dispatcher_t *dispatcher, apr_time_t now)
{
    int kept = 0;
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        tmf_listener_t *listener = listener_at(dispatcher, i);
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
        if (strcmp(listener_at(dispatcher, i)->hub_id, hub_id) == 0) {
            return listener_at(dispatcher, i);
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
    return !listener->leaving && (listener->more || dispatcher->woken) &&
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
                      const tmf_listener_t *listener, apr_pool_t *pool)
{
    apr_array_header_t *held = apr_array_make(pool, listener->count + 1, sizeof(apr_int64_t));
    apr_array_header_t *withheld = apr_array_make(pool, 1, sizeof(const char *));
    int i;

    want->hub_id = listener->hub_id;
    want->wanted = tmf_exchange_wants_more(dispatcher, listener);
    want->held = held;
    want->withheld = withheld;
    for (i = 0; i < listener->count && want->wanted; i++) {
        APR_ARRAY_PUSH(held, apr_int64_t) = listener->hand[i]->id;
        if (is_refused_before(listener->hand[i])) {
            APR_ARRAY_PUSH(withheld, const char *) = listener->hand[i]->customer_id;
        }
    }
}

/* Asks for all listeners at once; also those that want nothing are asked whether they are still
 * ours. */
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
        fill_want(&wants[i], dispatcher, listener_at(dispatcher, i), exchange->pool);
    }
    TMF_TRY(tmf_outbox_read(exchange->db, exchange->owner, wants, count, &due, &due_count,
                            exchange->pool));
    for (i = 0; i < count; i++) {
        tmf_listener_t *listener = listener_at(dispatcher, i);

        if (wants[i].wanted) {
            listener->more = wants[i].found == TMF_OUTBOX_BATCH;
        } else {
            listener->more |= dispatcher->woken; /* what was committed is read when there is room */
        }
        if (wants[i].lost) {
            listener->leaving = 1;
            listener->pausing = 0;
            tmf_listener_drop_all(listener, dispatcher->events);
        }
    }
    for (i = 0; i < due_count; i++) {
        tmf_listener_add(listener_at(dispatcher, due[i].want), &due[i], tmf_clock_now());
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
        tmf_listener_t *listener = listener_at(dispatcher, i);

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

static tmf_error_t *read_events(exchange_t *exchange)
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
        do_without_events(listener_at(dispatcher, i), count == 0, dispatcher->events);
    }
    return NULL;
}

/* ---- which of them the listener wants ---- */

static tmf_error_t *ask_database(void *context, const char *pattern, const char *text, int *matches)
{
    exchange_t *exchange = context;

    return tmf_customer_store_match(exchange->db, pattern, text, matches, exchange->pool);
}

static tmf_error_t *check_delivery(exchange_t *exchange, tmf_in_hand_t *delivery)
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
static tmf_error_t *check_listener(exchange_t *exchange, tmf_listener_t *listener)
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

/* ---- all of it ---- */

static tmf_error_t *sweep(exchange_t *exchange)
{
    tmf_dispatcher_t *dispatcher = exchange->dispatcher;
    int more;

    TMF_TRY(tmf_outbox_sweep(exchange->db, dispatcher->settings->retention,
                             &dispatcher->sweep_position, &more, exchange->pool));
    dispatcher->sweep_at = tmf_clock_now() + (more ? SWEEP_PAUSE : SWEEP_TIME);
    return NULL;
}

static int is_time_to_sweep(const tmf_dispatcher_t *dispatcher)
{
    return tmf_clock_now() >= dispatcher->sweep_at;
}

/* Nobody wants more, and there is nothing left to send of a listener that may be gone. */
static int has_nothing_to_read(const tmf_dispatcher_t *dispatcher)
{
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        const tmf_listener_t *listener = listener_at(dispatcher, i);

        if (tmf_listener_waiting(listener) > 0 || tmf_exchange_wants_more(dispatcher, listener)) {
            return 0;
        }
    }
    return 1;
}

static tmf_error_t *talk(exchange_t *exchange)
{
    tmf_dispatcher_t *dispatcher = exchange->dispatcher;
    int i;

    if (dispatcher->woken) {
        TMF_TRY(claim(exchange));
    }
    TMF_TRY(read_due(exchange));
    TMF_TRY(read_events(exchange));
    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        TMF_TRY(check_listener(exchange, listener_at(dispatcher, i)));
    }
    dispatcher->woken = 0;
    return NULL;
}

static int has_news(const tmf_dispatcher_t *dispatcher)
{
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        const tmf_listener_t *listener = listener_at(dispatcher, i);

        if (listener->settled > 0 || listener->recovered || listener->pausing) {
            return 1;
        }
    }
    return 0;
}

static tmf_error_t *record_and_sweep(exchange_t *exchange)
{
    TMF_TRY(record(exchange));
    return is_time_to_sweep(exchange->dispatcher) ? sweep(exchange) : NULL;
}

static tmf_error_t *with_database(tmf_dispatcher_t *dispatcher, apr_pool_t *pool,
                                  apr_uint32_t *cancel, apr_interval_time_t most,
                                  tmf_error_t *(*what)(exchange_t *exchange))
{
    exchange_t exchange = {dispatcher, NULL, tmf_leader_name(dispatcher->settings->leader), pool};
    tmf_error_t *error;

    TMF_TRY(tmf_db_borrow(&exchange.db, dispatcher->settings->database, pool));
    tmf_db_hurry(exchange.db, cancel, most);
    error = what(&exchange);
    tmf_db_give_back(exchange.db);
    return error;
}

static tmf_error_t *release(exchange_t *exchange)
{
    TMF_TRY(record(exchange));
    return tmf_outbox_release(exchange->db, exchange->owner, exchange->pool);
}

tmf_error_t *tmf_exchange(tmf_dispatcher_t *dispatcher, apr_pool_t *scratch_pool)
{
    return !dispatcher->woken && has_nothing_to_read(dispatcher)
               ? NULL
               : with_database(dispatcher, scratch_pool, dispatcher->stop, 0, talk);
}

tmf_error_t *tmf_exchange_record(tmf_dispatcher_t *dispatcher, apr_pool_t *scratch_pool)
{
    if (has_news(dispatcher) || is_time_to_sweep(dispatcher)) {
        TMF_TRY(with_database(dispatcher, scratch_pool, dispatcher->stop, 0, record_and_sweep));
    }
    let_listeners_go(dispatcher, tmf_clock_now());
    return NULL;
}

tmf_error_t *tmf_exchange_release(tmf_dispatcher_t *dispatcher, apr_pool_t *scratch_pool)
{
    return with_database(dispatcher, scratch_pool, NULL, RELEASE_TIME, release);
}
