/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/listener.h"

#include <string.h>

#include <apr_general.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include "notify/backoff.h"
#include "notify/notices.h"

/* Customers that have an earlier event to wait for: a table with open addressing, never more than
 * 2/5 full. Many customers may wait for long: to look for each among all took longer than sending.
 */
typedef struct tmf_customers_t {
    unsigned places;              /* a power of two */
    const tmf_in_hand_t *first[]; /* one delivery of each customer; NULL = free */
} customers_t;

static apr_uint32_t random_number(void)
{
    apr_uint32_t random = 0;

    apr_generate_random_bytes((unsigned char *)&random, sizeof(random));
    return random;
}

/* What fails side by side is one failure. */
static void leave(tmf_listener_t *listener, const char *error, int failures,
                  apr_interval_time_t pause)
{
    listener->leaving = 1;
    if (!listener->pausing) {
        listener->pausing = 1;
        listener->failures = failures;
        listener->pause = pause;
        apr_cpystrn(listener->error, error, sizeof(listener->error));
    }
}

void tmf_listener_fail(tmf_listener_t *listener, const char *error, apr_interval_time_t pause)
{
    int failures = listener->failures + 1;

    leave(listener, error, failures,
          pause > 0 ? pause
                    : tmf_backoff_pause(listener->rules->schedule, failures, random_number()));
}

/* It goes on after a moment: if it is the events that are at fault, others wait behind them. Nor is
 * it a step in the schedule. */
static void refuses_everything(tmf_listener_t *listener, const tmf_in_hand_t *latest)
{
    leave(listener,
          apr_psprintf(latest->pool, "%d events in a row refused: %s", listener->refusals,
                       latest->error),
          listener->failures > 0 ? listener->failures : 1, TMF_REFUSALS_PAUSE);
}

static void make_hand(tmf_listener_t *listener)
{
    unsigned places = 1024;

    listener->capacity = listener->rules->concurrency + TMF_IN_HAND_BESIDE;
    listener->hand = apr_palloc(listener->pool,
                                sizeof(*listener->hand) * (apr_size_t)listener->capacity);
    while (places * 2 < (unsigned)listener->capacity * 5) {
        places *= 2;
    }
    listener->customers = apr_palloc(listener->pool,
                                     sizeof(*listener->customers) +
                                         sizeof(listener->customers->first[0]) * places);
    listener->customers->places = places;
}

tmf_listener_t *tmf_listener_make(const tmf_lease_t *lease, const tmf_targets_t *targets,
                                  const tmf_listener_rules_t *rules, apr_pool_t *parent)
{
    tmf_listener_t *listener;
    tmf_error_t *error;
    apr_pool_t *pool;

    apr_pool_create(&pool, parent);
    listener = apr_pcalloc(pool, sizeof(*listener));
    listener->pool = pool;
    listener->rules = rules;
    make_hand(listener);
    listener->hub_id = apr_pstrdup(pool, lease->hub_id);
    listener->callback = apr_pstrdup(pool, lease->callback);
    listener->origin = tmf_notices_origin(listener->callback, pool);
    listener->failures = lease->failures;
    listener->allowed = 1;
    listener->more = 1;
    /* The rules for targets may have changed since it was registered. */
    error = tmf_callback_check(&listener->host, listener->callback, targets, pool);
    if (error == NULL) {
        error = tmf_subscription_parse(&listener->subscription, apr_pstrdup(pool, lease->query),
                                       pool);
    }
    if (error != NULL) {
        tmf_listener_fail(listener, tmf_error_text(error, pool), 0);
    }
    return listener;
}

/* ---- what is in hand ---- */

int tmf_in_hand_is_unsent(const tmf_in_hand_t *delivery)
{
    return delivery->state == TMF_HAND_READ || delivery->state == TMF_HAND_WAITING;
}

int tmf_in_hand_is_out(const tmf_in_hand_t *delivery)
{
    return delivery->is_out;
}

/* It was refused before, and is not on its way. */
static int is_delayed(const tmf_in_hand_t *delivery)
{
    return delivery->not_before > 0 && tmf_in_hand_is_unsent(delivery);
}

tmf_in_hand_t *tmf_listener_add(tmf_listener_t *listener, const tmf_due_t *due, apr_time_t now)
{
    apr_ssize_t length = APR_HASH_KEY_STRING;
    tmf_in_hand_t *delivery;
    apr_pool_t *pool;
    int at = listener->count++;

    apr_pool_create(&pool, listener->pool);
    delivery = apr_pcalloc(pool, sizeof(*delivery));
    delivery->pool = pool;
    delivery->listener = listener;
    delivery->id = due->id;
    delivery->customer_id = apr_pstrdup(pool, due->customer_id);
    delivery->customer_hash = apr_hashfunc_default(due->customer_id, &length);
    delivery->attempts = due->attempts;
    delivery->checked = !tmf_listener_has_conditions(listener);
    delivery->not_before = due->wait > 0 ? now + due->wait : 0;
    listener->unread++;
    listener->delayed += is_delayed(delivery);
    /* An older one can be committed later: the hand stays sorted. */
    for (; at > 0 && listener->hand[at - 1]->id > delivery->id; at--) {
        listener->hand[at] = listener->hand[at - 1];
    }
    listener->hand[at] = delivery;
    return delivery;
}

static void let_go(tmf_in_hand_t *delivery, tmf_event_cache_t *cache)
{
    if (delivery->event != NULL) {
        tmf_event_cache_release(cache, delivery->event);
    }
    apr_pool_destroy(delivery->pool);
}

void tmf_listener_drop(tmf_listener_t *listener, tmf_is_out_fn *is_out, tmf_event_cache_t *cache)
{
    int kept = 0;
    int i;

    for (i = 0; i < listener->count; i++) {
        tmf_in_hand_t *delivery = listener->hand[i];

        if (delivery->state != TMF_HAND_SENT && is_out(delivery)) {
            listener->settled -= delivery->state == TMF_HAND_DONE ||
                                 delivery->state == TMF_HAND_REFUSED;
            listener->unread -= delivery->state == TMF_HAND_READ;
            listener->delayed -= is_delayed(delivery);
            let_go(delivery, cache);
        } else {
            listener->hand[kept++] = delivery;
        }
    }
    listener->count = kept;
}

static int is_not_done(const tmf_in_hand_t *delivery)
{
    return delivery->state != TMF_HAND_DONE;
}

void tmf_listener_drop_all(tmf_listener_t *listener, tmf_event_cache_t *cache)
{
    tmf_listener_drop(listener, is_not_done, cache);
}

void tmf_listener_destroy(tmf_listener_t *listener, tmf_event_cache_t *cache)
{
    int i;

    for (i = 0; i < listener->count; i++) {
        let_go(listener->hand[i], cache);
    }
    apr_pool_destroy(listener->pool);
}

int tmf_listener_is_refusing(const tmf_listener_t *listener)
{
    return listener->delayed > 0;
}

void tmf_listener_read_again(tmf_listener_t *listener)
{
    listener->more = 1;
    listener->reading = 0;
}

int tmf_listener_has_conditions(const tmf_listener_t *listener)
{
    return listener->subscription.filter->children->nelts > 0;
}

int tmf_listener_waiting(const tmf_listener_t *listener)
{
    return listener->count - listener->sent - listener->settled - listener->delayed;
}

/* ---- what is sent next ---- */

static customers_t *no_customers(const tmf_listener_t *listener)
{
    customers_t *customers = listener->customers;

    memset(customers->first, 0, sizeof(customers->first[0]) * customers->places);
    return customers;
}

/* Is the customer of the delivery in the set? If not, `place` is where it belongs. */
static int has_customer(const customers_t *customers, const tmf_in_hand_t *delivery,
                        unsigned *place)
{
    const tmf_in_hand_t *there;

    for (*place = delivery->customer_hash % customers->places;
         (there = customers->first[*place]) != NULL; *place = (*place + 1) % customers->places) {
        if (there->customer_hash == delivery->customer_hash &&
            strcmp(there->customer_id, delivery->customer_id) == 0) {
            return 1;
        }
    }
    return 0;
}

void tmf_listener_withhold(tmf_listener_t *listener, tmf_event_cache_t *cache)
{
    customers_t *customers;
    int i;

    if (!tmf_listener_is_refusing(listener)) {
        return;
    }
    customers = no_customers(listener);
    for (i = 0; i < listener->count; i++) {
        tmf_in_hand_t *delivery = listener->hand[i];
        unsigned place;

        if (has_customer(customers, delivery, &place)) {
            delivery->is_out = tmf_in_hand_is_unsent(delivery);
        } else if (is_delayed(delivery)) {
            customers->first[place] = delivery;
        }
    }
    tmf_listener_drop(listener, tmf_in_hand_is_out, cache);
}

tmf_in_hand_t *tmf_listener_next(tmf_listener_t *listener, apr_time_t now, apr_time_t *wake_at)
{
    customers_t *customers;
    int i;

    if (listener->leaving || listener->sent >= listener->allowed || now >= listener->leased_until) {
        return NULL;
    }
    customers = no_customers(listener);
    for (i = 0; i < listener->count; i++) {
        tmf_in_hand_t *delivery = listener->hand[i];
        unsigned place;

        if (delivery->state == TMF_HAND_DONE || has_customer(customers, delivery, &place)) {
            continue;
        }
        customers->first[place] = delivery;
        if (delivery->state == TMF_HAND_WAITING && delivery->checked) {
            if (delivery->not_before <= now) {
                return delivery;
            }
            *wake_at = delivery->not_before < *wake_at ? delivery->not_before : *wake_at;
        }
    }
    return NULL;
}

/* ---- what an answer means ---- */

void tmf_listener_sent(tmf_in_hand_t *delivery)
{
    delivery->listener->delayed -= is_delayed(delivery);
    delivery->state = TMF_HAND_SENT;
    delivery->listener->sent++;
}

void tmf_listener_skip(tmf_in_hand_t *delivery)
{
    delivery->listener->delayed -= is_delayed(delivery);
    delivery->listener->unread -= delivery->state == TMF_HAND_READ;
    delivery->listener->settled++;
    delivery->state = TMF_HAND_DONE;
}

void tmf_listener_delay(tmf_in_hand_t *delivery)
{
    tmf_listener_t *listener = delivery->listener;

    delivery->state = TMF_HAND_WAITING;
    listener->settled--;
    listener->delayed += is_delayed(delivery);
}

static void accepted(tmf_in_hand_t *delivery)
{
    tmf_listener_t *listener = delivery->listener;

    delivery->state = TMF_HAND_DONE;
    listener->settled++;
    listener->refusals = 0;
    if (listener->allowed < listener->rules->concurrency) {
        listener->allowed++;
    }
    if (listener->failures > 0 && !listener->pausing) {
        listener->failures = 0;
        listener->recovered = 1;
    }
}

void tmf_listener_refuse(tmf_in_hand_t *delivery, const char *error, apr_time_t now)
{
    tmf_listener_t *listener = delivery->listener;

    listener->delayed -= is_delayed(delivery);
    delivery->attempts++;
    delivery->error = apr_pstrdup(delivery->pool, error);
    delivery->not_before = delivery->attempts >= listener->rules->refused_tries
                               ? 0
                               : now + tmf_backoff_pause(listener->rules->schedule,
                                                         delivery->attempts, random_number());
    delivery->state = TMF_HAND_REFUSED;
    listener->settled++;
}

/* The listener does not want this event, but may want others. */
static void refused(tmf_in_hand_t *delivery, int status, apr_time_t now)
{
    tmf_listener_t *listener = delivery->listener;

    tmf_listener_refuse(delivery, apr_psprintf(delivery->pool, "the listener answered %d", status),
                        now);
    listener->refusals++;
    if (listener->refusals >= TMF_REFUSALS_MAX) {
        refuses_everything(listener, delivery);
    }
}

static int is_illness(int status)
{
    return status < 300 || status == 408 || status == 429 || status >= 500;
}

void tmf_listener_answered(tmf_in_hand_t *delivery, const tmf_answer_t *answer, apr_time_t now)
{
    tmf_listener_t *listener = delivery->listener;
    const char *error = answer->error;

    listener->sent--;
    if (answer->status >= 200 && answer->status < 300) {
        accepted(delivery);
        return;
    }
    if (answer->status != 410 && !is_illness(answer->status)) {
        refused(delivery, answer->status, now);
        return;
    }
    delivery->state = TMF_HAND_WAITING;
    listener->delayed += is_delayed(delivery);
    if (answer->status != 0) {
        error = apr_psprintf(delivery->pool, "the listener answered %d", answer->status);
    }
    tmf_listener_fail(listener, error, answer->retry_after);
    listener->disabling |= answer->status == 410;
}
