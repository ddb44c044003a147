/* SPDX-License-Identifier: Apache-2.0 */
#include "status/problems.h"

#include <apr_strings.h>

#include "status/markup.h"

#define RECENT_MINUTES 10
#define LATE           (5 * 60) /* seconds that a notification may wait */

static void add(apr_array_header_t *problems, tmf_health_t health, const char *what)
{
    tmf_problem_t *problem = apr_array_push(problems);

    problem->health = health;
    problem->what = what;
}

/* A sentence that begins with a number and a noun, when the number is not 0. */
static void add_count(apr_array_header_t *problems, apr_int64_t number, const char *one,
                      const char *many)
{
    tmf_text_t sentence;

    if (number > 0) {
        tmf_text_init(&sentence, 128, problems->pool);
        tmf_markup_count(&sentence, number, one, many);
        add(problems, TMF_HEALTH_WARN, tmf_text_string(&sentence));
    }
}

static apr_int64_t recent_server_errors(const tmf_status_overview_t *overview)
{
    apr_int64_t count = 0;
    int i;

    for (i = TMF_MINUTES - RECENT_MINUTES; i < TMF_MINUTES; i++) {
        count += (apr_int64_t)overview->minutes[i].requests.server_errors;
    }
    return count;
}

static void add_late(apr_array_header_t *problems, double oldest_pending)
{
    tmf_text_t sentence;

    if (oldest_pending > LATE) {
        tmf_text_init(&sentence, 128, problems->pool);
        tmf_text_append_string(&sentence, "The oldest notification has been waiting for ");
        tmf_markup_span(&sentence, apr_time_from_sec((apr_time_t)oldest_pending));
        add(problems, TMF_HEALTH_WARN, tmf_text_string(&sentence));
    }
}

const apr_array_header_t *tmf_problems_find(const tmf_status_overview_t *overview,
                                            apr_pool_t *result_pool)
{
    apr_array_header_t *problems = apr_array_make(result_pool, 4, sizeof(tmf_problem_t));
    const tmf_overview_t *counts = overview->counts;

    if (overview->database != NULL) {
        add(problems, TMF_HEALTH_FAIL, overview->database);
    }
    if (overview->notifier != NULL) {
        add(problems, TMF_HEALTH_FAIL, overview->notifier);
    }
    if (overview->is_cut) {
        add(problems, TMF_HEALTH_WARN,
            "The database took too long to count everything: some numbers are missing");
    }
    add_count(problems, recent_server_errors(overview),
              "request failed by a fault of the server or its database in the last 10 minutes",
              "requests failed by a fault of the server or its database in the last 10 minutes");
    if (counts != NULL) {
        add_count(problems, counts->listeners[TMF_LISTENER_DISABLED],
                  "listener is disabled: new events are not for it until it is enabled",
                  "listeners are disabled: new events are not for them until they are enabled");
        add_count(problems, counts->listeners[TMF_LISTENER_PAUSED],
                  "listener fails, and is tried again after a pause",
                  "listeners fail, and are tried again after pauses");
        add_count(problems, counts->dead,
                  "notification was given up: a dead letter, which can be replayed",
                  "notifications were given up: dead letters, which can be replayed");
        add_late(problems, counts->oldest_pending);
    }
    return problems;
}

tmf_health_t tmf_problems_health(const apr_array_header_t *problems)
{
    return problems->nelts > 0 ? APR_ARRAY_IDX(problems, 0, tmf_problem_t).health : TMF_HEALTH_PASS;
}
