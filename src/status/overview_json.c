/* SPDX-License-Identifier: Apache-2.0 */
#include "status/markup.h"
#include "status/overview.h"
#include "status/problems.h"

static const char *const health_names[] = {"pass", "warn", "fail"};

/* `"name":` and a value; the caller has written what stands before. */
static void append_text(tmf_text_t *json, const char *name, const char *value)
{
    tmf_text_append_format(json, "\"%s\"", name);
    tmf_text_append_member(json, ":", value);
}

static void append_number(tmf_text_t *json, const char *name, apr_int64_t value)
{
    tmf_text_append_format(json, "\"%s\":%" APR_INT64_T_FMT, name, value);
}

static void append_seconds(tmf_text_t *json, const char *name, double seconds)
{
    tmf_text_append_format(json, seconds < 0 ? "\"%s\":null" : "\"%s\":%.6f", name, seconds);
}

/* RFC 3339; null for 0. */
static void append_time(tmf_text_t *json, const char *name, apr_time_t time)
{
    char exact[TMF_UTC_BYTES];

    tmf_utc_text(exact, time);
    tmf_text_append_format(json, time == 0 ? "\"%s\":null" : "\"%s\":\"%.10sT%.8sZ\"", name, exact,
                           exact + 11);
}

static void comma(tmf_text_t *json)
{
    tmf_text_append_string(json, ",");
}

static void append_requests(tmf_text_t *json, const tmf_status_requests_t *requests)
{
    append_number(json, "requests", (apr_int64_t)requests->requests);
    comma(json);
    append_number(json, "clientErrors", (apr_int64_t)requests->client_errors);
    comma(json);
    append_number(json, "serverErrors", (apr_int64_t)requests->server_errors);
    comma(json);
    append_seconds(json, "median", requests->median);
    comma(json);
    append_seconds(json, "p99", requests->p99);
}

static void append_problems(tmf_text_t *json, const apr_array_header_t *problems)
{
    int i;

    append_text(json, "status", health_names[tmf_problems_health(problems)]);
    tmf_text_append_string(json, ",\"problems\":[");
    for (i = 0; i < problems->nelts; i++) {
        const tmf_problem_t *problem = &APR_ARRAY_IDX(problems, i, tmf_problem_t);

        tmf_text_append_string(json, i > 0 ? ",{" : "{");
        append_text(json, "status", health_names[problem->health]);
        comma(json);
        append_text(json, "output", problem->what);
        tmf_text_append_string(json, "}");
    }
    tmf_text_append_string(json, "],");
}

static void append_server(tmf_text_t *json, const tmf_status_overview_t *overview)
{
    append_text(json, "server", overview->server);
    comma(json);
    append_text(json, "version", overview->build.version);
    comma(json);
    append_number(json, "schema", overview->build.schema);
    comma(json);
    append_time(json, "time", overview->now);
    comma(json);
    append_time(json, "started", overview->started);
    comma(json);
    append_number(json, "restarts", overview->generation);
    comma(json);
    append_time(json, "countedSince", overview->counted_since);
    comma(json);
}

static void append_operations(tmf_text_t *json, const tmf_status_overview_t *overview)
{
    int i;

    tmf_text_append_string(json, "\"total\":{");
    append_requests(json, &overview->total);
    tmf_text_append_string(json, "},\"operations\":[");
    for (i = 0; i < overview->operation_count; i++) {
        tmf_text_append_string(json, i > 0 ? ",{" : "{");
        append_text(json, "operation", overview->operations[i].name);
        comma(json);
        append_requests(json, &overview->operations[i].requests);
        tmf_text_append_string(json, "}");
    }
    tmf_text_append_string(json, "],");
}

/* What is counted by kind. */
static void append_kinds(tmf_text_t *json, const tmf_status_overview_t *overview)
{
    static const char *const connections[TMF_CONNECTIONS] = {"inUse", "idle", "waiting"};
    int i;

    tmf_text_append_string(json, "\"databaseConnections\":{");
    for (i = 0; i < TMF_CONNECTIONS; i++) {
        tmf_text_append_string(json, i > 0 ? "," : "");
        append_number(json, connections[i], overview->connections[i]);
    }
    tmf_text_append_string(json, "},\"cacheLookups\":{");
    append_number(json, "hit", (apr_int64_t)overview->lookups[TMF_LOOKUP_HIT]);
    comma(json);
    append_number(json, "miss", (apr_int64_t)overview->lookups[TMF_LOOKUP_MISS]);
    tmf_text_append_string(json, "},\"deliveries\":{");
    for (i = 0; i < TMF_OUTCOMES; i++) {
        tmf_text_append_string(json, i > 0 ? "," : "");
        append_number(json, tmf_outcome_name((tmf_outcome_t)i),
                      (apr_int64_t)overview->deliveries[i]);
    }
    tmf_text_append_string(json, "},");
    append_number(json, "events", (apr_int64_t)overview->changes);
    comma(json);
}

static void append_values(tmf_text_t *json, const tmf_status_values_t *values)
{
    int i;

    if (values == NULL) {
        tmf_text_append_string(json, "\"customersByStatus\":null,");
        return;
    }
    tmf_text_append_string(json, "\"customersByStatus\":[");
    for (i = 0; i < values->count; i++) {
        tmf_text_append_string(json, i > 0 ? ",{" : "{");
        append_text(json, "status", values->rows[i].value);
        comma(json);
        append_number(json, "customers", values->rows[i].customers);
        tmf_text_append_string(json, "}");
    }
    tmf_text_append_string(json, "],");
    append_number(json, "customersOfOtherStatuses", values->customers_left_out);
    comma(json);
}

static void append_listener(tmf_text_t *json, const tmf_status_listener_t *listener)
{
    append_text(json, "id", listener->id);
    comma(json);
    append_text(json, "origin", listener->origin);
    comma(json);
    append_text(json, "state", tmf_listener_state_name(listener->state));
    comma(json);
    append_number(json, "pending", listener->pending);
    comma(json);
    append_number(json, "dead", listener->dead);
    comma(json);
    append_time(json, "oldestPending", listener->oldest_pending);
    comma(json);
    append_time(json, "illSince", listener->ill_since);
    comma(json);
    append_time(json, "pausedUntil", listener->paused_until);
    comma(json);
    append_text(json, "error", listener->error);
}

static void append_listeners(tmf_text_t *json, const tmf_status_listeners_t *listeners)
{
    int i;

    if (listeners == NULL) {
        tmf_text_append_string(json, "\"listeners\":null,");
        return;
    }
    tmf_text_append_string(json, "\"listeners\":[");
    for (i = 0; i < listeners->count; i++) {
        tmf_text_append_string(json, i > 0 ? ",{" : "{");
        append_listener(json, &listeners->rows[i]);
        tmf_text_append_string(json, "}");
    }
    tmf_text_append_string(json, "],");
    append_number(json, "otherListeners", listeners->left_out);
    comma(json);
}

static void append_counts(tmf_text_t *json, const tmf_overview_t *counts)
{
    int i;

    if (counts == NULL) {
        tmf_text_append_string(json, "\"stored\":null,");
        return;
    }
    tmf_text_append_string(json, "\"stored\":{");
    append_number(json, "customers", counts->customers);
    tmf_text_append_string(json, ",\"listeners\":{");
    for (i = 0; i < TMF_LISTENER_STATES; i++) {
        tmf_text_append_string(json, i > 0 ? "," : "");
        append_number(json, tmf_listener_state_name((tmf_listener_state_t)i), counts->listeners[i]);
    }
    tmf_text_append_string(json, "},");
    append_number(json, "pending", counts->pending);
    comma(json);
    append_number(json, "dead", counts->dead);
    tmf_text_append_format(json, ",\"oldestPendingSeconds\":%.3f},", counts->oldest_pending);
}

static void append_minutes(tmf_text_t *json, const tmf_status_minute_t *minutes)
{
    int is_first = 1;
    int i;

    tmf_text_append_string(json, "\"minutes\":[");
    for (i = 0; i < TMF_MINUTES; i++) {
        if (minutes[i].begin == 0) {
            continue;
        }
        tmf_text_append_string(json, is_first ? "{" : ",{");
        is_first = 0;
        append_time(json, "begin", minutes[i].begin);
        comma(json);
        append_requests(json, &minutes[i].requests);
        comma(json);
        append_number(json, "events", (apr_int64_t)minutes[i].changes);
        comma(json);
        append_number(json, "delivered", (apr_int64_t)minutes[i].delivered);
        comma(json);
        append_number(json, "failed", (apr_int64_t)minutes[i].failed);
        tmf_text_append_string(json, "}");
    }
    tmf_text_append_string(json, "]");
}

void tmf_overview_write_json(tmf_text_t *json, const tmf_status_overview_t *overview)
{
    tmf_text_append_string(json, "{");
    append_problems(json, tmf_problems_find(overview, json->pool));
    append_server(json, overview);
    append_operations(json, overview);
    append_kinds(json, overview);
    append_counts(json, overview->counts);
    append_values(json, overview->values);
    append_listeners(json, overview->listeners);
    append_minutes(json, overview->minutes);
    tmf_text_append_string(json, "}");
}
