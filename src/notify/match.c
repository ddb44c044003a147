/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/match.h"

#include <string.h>

#include <apr_strings.h>

#include "model/clock.h"
#include "query/filter_match.h"
#include "store/matching.h"

/* What a tree takes for an object with many members, and for any other value, more or less. */
#define OBJECT_SIZE 800
#define VALUE_SIZE  100

/* One exchange's matching. */
typedef struct {
    tmf_db_t *db;
    apr_time_t deadline;       /* of those that are looked at now */
    int is_limited;            /* the database's statements are, too */
    apr_array_header_t *trees; /* of tmf_cached_event_t *: those that have one */
    apr_size_t trees_size;
    apr_pool_t *trees_pool; /* a child of `pool`; cleared when the trees are too many */
    apr_pool_t *pool;
} matching_t;

/* ---- the events as trees ---- */

static apr_size_t estimate_size(const tmf_cached_event_t *event)
{
    apr_size_t size = event->length;
    const char *at;

    for (at = event->document; *at != '\0'; at++) {
        size += *at == '{' ? OBJECT_SIZE : *at == ',' ? VALUE_SIZE : 0;
    }
    return size;
}

static void forget_trees(matching_t *matching)
{
    int i;

    for (i = 0; i < matching->trees->nelts; i++) {
        APR_ARRAY_IDX(matching->trees, i, tmf_cached_event_t *)->tree = NULL;
    }
    matching->trees->nelts = 0;
    matching->trees_size = 0;
    apr_pool_clear(matching->trees_pool);
}

static tmf_error_t *make_tree(matching_t *matching, tmf_cached_event_t *event)
{
    static const tmf_json_limits_t limits = {10000, (apr_size_t)-1};
    apr_size_t size;

    if (event->tree != NULL) {
        return NULL;
    }
    size = estimate_size(event);
    if (size > TMF_MATCH_TREES_MAX) {
        return tmf_error_make(matching->pool, TMF_ERROR_DOCUMENT_TOO_LARGE,
                              "The event has too many values to be looked at");
    }
    if (matching->trees_size + size > TMF_MATCH_TREES_MAX) {
        forget_trees(matching);
    }
    TMF_TRY(tmf_json_parse(&event->tree, event->document, event->length, &limits,
                           matching->trees_pool));
    matching->trees_size += size;
    APR_ARRAY_PUSH(matching->trees, tmf_cached_event_t *) = event;
    return NULL;
}

/* ---- matching ---- */

static tmf_error_t *ask_in(const matching_t *matching, const char *pattern,
                           const char *const *texts, int count, char *matches,
                           apr_pool_t *scratch_pool)
{
    const tmf_matching_t on_ours = {NULL, matching->db};

    if (!matching->is_limited) {
        TMF_TRY(tmf_db_limit(matching->db, TMF_MATCH_TIME, scratch_pool));
    }
    return tmf_matching_ask(&on_ours, pattern, texts, count, matches, scratch_pool);
}

static tmf_error_t *ask_database(void *context, const char *pattern, const char *const *texts,
                                 int count, char *matches)
{
    matching_t *matching = context;
    apr_pool_t *scratch_pool;
    tmf_error_t *error;

    apr_pool_create(&scratch_pool, matching->pool);
    error = ask_in(matching, pattern, texts, count, matches, scratch_pool);
    if (error == NULL) {
        matching->is_limited = 1;
        apr_pool_destroy(scratch_pool); /* else the error lives in it */
    }
    return error;
}

/* The time that it takes to parse the event is not the query's. */
static tmf_error_t *check_delivery(matching_t *matching, tmf_in_hand_t *delivery)
{
    tmf_listener_t *listener = delivery->listener;
    tmf_matcher_t matcher = {ask_database, matching, 0, matching->pool, TMF_ERROR_INVALID_BODY};
    apr_time_t began;
    int matches;

    TMF_TRY(make_tree(matching, delivery->event));
    began = tmf_clock_now();
    matcher.deadline = began + (listener->is_costly ? TMF_MATCH_TIME : TMF_MATCH_CHEAP);
    TMF_TRY(
        tmf_filter_match(&matches, listener->subscription.filter, delivery->event->tree, &matcher));
    listener->is_costly = tmf_clock_now() > began + TMF_MATCH_CHEAP;
    delivery->checked = 1;
    if (!matches) {
        tmf_listener_skip(delivery);
    }
    return NULL;
}

/* The event is too much for the query, or the query is at fault; an error of the database is
 * everybody's. */
static tmf_error_t *fail_delivery(matching_t *matching, tmf_in_hand_t *delivery, tmf_error_t *error)
{
    tmf_listener_t *listener = delivery->listener;
    int is_slow = tmf_error_is(error, TMF_ERROR_STATEMENT_TIMEOUT);
    const char *what;

    if (is_slow && !listener->is_costly) {
        listener->is_costly = 1; /* its turn comes again, with more time */
        return NULL;
    }
    if (tmf_error_concerns_database(error) && !is_slow) {
        return error;
    }
    what = is_slow ? apr_psprintf(matching->pool, "query: it took longer than %d ms for event %s",
                                  TMF_MATCH_TIME / 1000, delivery->event->event_id)
                   : apr_psprintf(matching->pool, "query: %s (event %s)",
                                  tmf_error_text(error, matching->pool), delivery->event->event_id);
    tmf_listener_refuse(delivery, what, tmf_clock_now());
    tmf_listener_fail(listener, what, 0);
    return NULL;
}

static int is_unchecked(const tmf_in_hand_t *delivery)
{
    return delivery->state == TMF_HAND_WAITING && !delivery->checked;
}

/* Looks at what waits for a listener until time is up, or it turns out to be costly, or cheap. */
static tmf_error_t *check_listener(matching_t *matching, tmf_listener_t *listener)
{
    int was_costly = listener->is_costly;
    int i;

    for (i = 0; i < listener->count && !listener->leaving && listener->is_costly == was_costly;
         i++) {
        tmf_in_hand_t *delivery = listener->hand[i];
        tmf_error_t *error;

        if (!is_unchecked(delivery)) {
            continue;
        }
        if (tmf_clock_now() > matching->deadline) {
            return NULL;
        }
        error = check_delivery(matching, delivery);
        if (error != NULL) {
            TMF_TRY(fail_delivery(matching, delivery, error));
        }
    }
    return NULL;
}

static int is_one_of(const tmf_listener_t *listener, int costly)
{
    return tmf_listener_has_conditions(listener) && !listener->leaving &&
           listener->is_costly == costly;
}

static tmf_error_t *check_some(matching_t *matching, tmf_dispatcher_t *dispatcher, int costly)
{
    int count = dispatcher->listeners->nelts;
    int i;

    matching->deadline = tmf_clock_now() + TMF_MATCH_TIME;
    for (i = 0; i < count; i++) {
        tmf_listener_t *listener = tmf_listener_at(dispatcher, (dispatcher->first + i) % count);

        if (is_one_of(listener, costly)) {
            TMF_TRY(check_listener(matching, listener));
        }
    }
    return NULL;
}

static int is_some_left(const tmf_dispatcher_t *dispatcher, int costly)
{
    int i;
    int j;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        const tmf_listener_t *listener = tmf_listener_at(dispatcher, i);

        for (j = 0; is_one_of(listener, costly) && j < listener->count; j++) {
            if (is_unchecked(listener->hand[j])) {
                return 1;
            }
        }
    }
    return 0;
}

static tmf_error_t *check_all(matching_t *matching, tmf_dispatcher_t *dispatcher)
{
    apr_time_t began;

    TMF_TRY(check_some(matching, dispatcher, 0));
    began = tmf_clock_now();
    if (began >= dispatcher->costly_at) {
        TMF_TRY(check_some(matching, dispatcher, 1));
        dispatcher->costly_at = tmf_clock_now() + 3 * (tmf_clock_now() - began);
    }
    dispatcher->unchecked = is_some_left(dispatcher, 0);
    dispatcher->costly_left = is_some_left(dispatcher, 1);
    return NULL;
}

tmf_error_t *tmf_match_waiting(tmf_dispatcher_t *dispatcher, tmf_db_t *db, apr_pool_t *scratch_pool)
{
    matching_t matching = {.db = db};
    tmf_error_t *error;

    matching.pool = scratch_pool;
    matching.trees = apr_array_make(scratch_pool, 16, sizeof(tmf_cached_event_t *));
    apr_pool_create(&matching.trees_pool, scratch_pool);
    error = check_all(&matching, dispatcher);
    forget_trees(&matching);
    return error;
}
