/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/match.h"

#include <string.h>

#include <apr_strings.h>

#include "model/clock.h"
#include "query/filter_match.h"
#include "store/customer_store.h"

/* What json-c takes for an object, and for any other value. */
#define OBJECT_SIZE 800
#define VALUE_SIZE  100

/* One exchange's matching. */
typedef struct {
    tmf_db_t *db;
    apr_time_t deadline;       /* of all of it */
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
    if (!matching->is_limited) {
        TMF_TRY(tmf_db_limit(matching->db, TMF_MATCH_TIME, scratch_pool));
    }
    return tmf_customer_store_match(matching->db, pattern, texts, count, matches, scratch_pool);
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

static tmf_error_t *check_delivery(matching_t *matching, tmf_in_hand_t *delivery)
{
    tmf_matcher_t matcher = {ask_database, matching, 0, matching->pool};
    int matches;

    TMF_TRY(make_tree(matching, delivery->event));
    matcher.deadline = tmf_clock_now() + TMF_MATCH_TIME;
    TMF_TRY(tmf_filter_match(&matches, delivery->listener->subscription.filter,
                             delivery->event->tree, &matcher));
    delivery->checked = 1;
    if (!matches) {
        tmf_listener_skip(delivery);
    }
    return NULL;
}

/* A query that fails makes its own listener pause; an error of the database is everybody's. */
static tmf_error_t *fail_listener(tmf_listener_t *listener, const tmf_in_hand_t *delivery,
                                  tmf_error_t *error, apr_pool_t *pool)
{
    if (tmf_error_is(error, TMF_ERROR_STATEMENT_TIMEOUT)) {
        tmf_listener_fail(listener,
                          apr_psprintf(pool, "query: it took longer than %d ms for event %s",
                                       TMF_MATCH_TIME / 1000, delivery->event->event_id),
                          0);
        return NULL;
    }
    if (error->status != 503) {
        tmf_listener_fail(listener, apr_pstrcat(pool, "query: ", error->message, NULL), 0);
        return NULL;
    }
    return error;
}

/* `*left`: time was up before everything was checked. */
static tmf_error_t *check_listener(matching_t *matching, tmf_listener_t *listener, int *left)
{
    int i;

    for (i = 0; i < listener->count && !listener->leaving; i++) {
        tmf_in_hand_t *delivery = listener->hand[i];
        tmf_error_t *error;

        if (delivery->state != TMF_HAND_WAITING || delivery->checked) {
            continue;
        }
        if (tmf_clock_now() > matching->deadline) {
            *left = 1;
            return NULL;
        }
        error = check_delivery(matching, delivery);
        if (error != NULL) {
            TMF_TRY(fail_listener(listener, delivery, error, matching->pool));
        }
    }
    return NULL;
}

static tmf_error_t *check_all(matching_t *matching, tmf_dispatcher_t *dispatcher)
{
    int count = dispatcher->listeners->nelts;
    int left = 0;
    int i;

    for (i = 0; i < count; i++) {
        tmf_listener_t *listener = tmf_listener_at(dispatcher, (dispatcher->first + i) % count);

        if (tmf_listener_has_conditions(listener)) {
            TMF_TRY(check_listener(matching, listener, &left));
        }
    }
    dispatcher->unchecked = left;
    return NULL;
}

tmf_error_t *tmf_match_waiting(tmf_dispatcher_t *dispatcher, tmf_db_t *db, apr_pool_t *scratch_pool)
{
    matching_t matching = {.db = db, .deadline = tmf_clock_now() + TMF_MATCH_TIME};
    tmf_error_t *error;

    matching.pool = scratch_pool;
    matching.trees = apr_array_make(scratch_pool, 16, sizeof(tmf_cached_event_t *));
    apr_pool_create(&matching.trees_pool, scratch_pool);
    error = check_all(&matching, dispatcher);
    forget_trees(&matching);
    return error;
}
