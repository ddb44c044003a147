/* SPDX-License-Identifier: Apache-2.0 */
#include "status/page.h"

#include <math.h>

#include "status/chart.h"
#include "status/markup.h"
#include "status/problems.h"

#define REFRESH       "30" /* seconds */
#define VALUE_BYTES   80   /* of a name that others chose */
#define STATUS_BYTES  40
#define LAST_COMPLETE (TMF_MINUTES - 2)
#define UNKNOWN       "<p class=\"none\">Unknown: the database did not say so in time.</p>"

static void append(tmf_text_t *html, const char *string)
{
    tmf_text_append_string(html, string);
}

/* A number that is counted up to `most` only. */
static void append_count(tmf_text_t *html, apr_int64_t count, apr_int64_t most)
{
    tmf_markup_number(html, count);
    append(html, count >= most ? "+" : "");
}

/* ---- head ---- */

/* A sign and a word, so that nothing is said by colour alone. */
static const char *const health_classes[] = {"fine", "warn", "bad"};
static const char *const health_signs[] = {"●", "▲", "■"};
static const char *const health_words[] = {"All is well", "Needs attention", "Trouble"};

static void write_head(tmf_text_t *html, const tmf_status_overview_t *overview, tmf_health_t health)
{
    append(html, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                 "<meta name=\"robots\" content=\"noindex\">"
                 "<meta http-equiv=\"refresh\" content=\"" REFRESH "\">\n<title>");
    tmf_text_append_format(html, "%s %s: customers of ", health_signs[health],
                           health_words[health]);
    tmf_markup_text(html, overview->server);
    append(html, "</title>\n<style>");
    append(html, tmf_page_style);
    append(html, "</style></head>\n<body>\n"
                 /* The hatching of a bar, for all charts. */
                 "<svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><pattern "
                 "id=\"hatch\""
                 " width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">"
                 "<path class=\"hatch\" d=\"M-1 1L1-1M0 4L4 0M3 5L5 3\"/></pattern></svg>\n");
}

static void write_header(tmf_text_t *html, const tmf_status_overview_t *overview,
                         tmf_health_t health)
{
    char now[TMF_UTC_BYTES];

    tmf_utc_text(now, overview->now);
    append(html, "<header><h1>Customer Management on ");
    tmf_markup_foreign(html, overview->server, VALUE_BYTES);
    tmf_text_append_format(html, " <span class=\"state %s\">%s %s</span></h1>",
                           health_classes[health], health_signs[health], health_words[health]);
    tmf_text_append_format(html,
                           "<p>As of <time datetime=\"%.10sT%.8sZ\">%s</time>, again every " REFRESH
                           " s: <a href=\"\">now</a></p></header>\n",
                           now, now + 11, now);
}

static void write_problems(tmf_text_t *html, const apr_array_header_t *problems)
{
    int i;

    if (problems->nelts == 0) {
        return;
    }
    append(html, "<ul class=\"problems\">");
    for (i = 0; i < problems->nelts; i++) {
        const tmf_problem_t *problem = &APR_ARRAY_IDX(problems, i, tmf_problem_t);

        tmf_text_append_format(html, "<li class=\"%s\">%s <span>", health_classes[problem->health],
                               health_signs[problem->health]);
        tmf_markup_text(html, problem->what);
        append(html, "</span></li>");
    }
    append(html, "</ul>\n");
}

/* ---- tiles ---- */

static void begin_tile(tmf_text_t *html, const char *name)
{
    tmf_text_append_format(html, "<div><dt>%s</dt><dd class=\"value\">", name);
}

static void begin_note(tmf_text_t *html)
{
    append(html, "</dd><dd class=\"soft\">");
}

static void end_tile(tmf_text_t *html)
{
    append(html, "</dd></div>\n");
}

/* The last minute that is over; soon after the start, the one that is not. */
static const tmf_status_requests_t *recent_requests(const tmf_status_overview_t *overview)
{
    const tmf_status_minute_t *complete = &overview->minutes[LAST_COMPLETE];

    return complete->begin != 0 ? &complete->requests
                                : &overview->minutes[TMF_MINUTES - 1].requests;
}

static void write_request_tiles(tmf_text_t *html, const tmf_status_overview_t *overview)
{
    const tmf_status_requests_t *recent = recent_requests(overview);
    tmf_status_requests_t hour = {0};
    char buffer[TMF_DURATION_BYTES];
    int i;

    for (i = 0; i < TMF_MINUTES; i++) {
        hour.requests += overview->minutes[i].requests.requests;
        hour.client_errors += overview->minutes[i].requests.client_errors;
        hour.server_errors += overview->minutes[i].requests.server_errors;
    }
    begin_tile(html, "Requests, last minute");
    tmf_markup_number(html, (apr_int64_t)recent->requests);
    begin_note(html);
    tmf_markup_number(html, (apr_int64_t)hour.requests);
    append(html, " in the last hour");
    end_tile(html);
    begin_tile(html, "Server errors, last hour");
    tmf_markup_number(html, (apr_int64_t)hour.server_errors);
    begin_note(html);
    tmf_markup_share(html, hour.server_errors, hour.requests);
    append(html, " of the requests");
    end_tile(html);
    begin_tile(html, "Duration p99, last minute");
    append(html, tmf_duration_text(buffer, recent->p99));
    begin_note(html);
    append(html, "median ");
    append(html, tmf_duration_text(buffer, recent->median));
    end_tile(html);
}

static void write_server_tiles(tmf_text_t *html, const tmf_status_overview_t *overview)
{
    const apr_uint64_t *lookups = overview->lookups;
    const apr_int64_t *connections = overview->connections;

    begin_tile(html, "Database connections");
    tmf_markup_number(html, connections[TMF_CONNECTION_IN_USE]);
    append(html, " <small>in use</small>");
    begin_note(html);
    tmf_markup_number(html, connections[TMF_CONNECTION_IDLE]);
    append(html, " idle; ");
    tmf_markup_count(html, connections[TMF_CONNECTION_WAITING], "request waits for one",
                     "requests wait for one");
    end_tile(html);
    begin_tile(html, "Found in the cache");
    tmf_markup_share(html, lookups[TMF_LOOKUP_HIT],
                     lookups[TMF_LOOKUP_HIT] + lookups[TMF_LOOKUP_MISS]);
    begin_note(html);
    append(html, "of ");
    tmf_markup_count(html, (apr_int64_t)(lookups[TMF_LOOKUP_HIT] + lookups[TMF_LOOKUP_MISS]),
                     "lookup", "lookups");
    end_tile(html);
}

/* `counts` is NULL when the database did not tell them. */
static void write_notification_tiles(tmf_text_t *html, const tmf_overview_t *counts)
{
    begin_tile(html, "Notifications waiting");
    if (counts == NULL) {
        append(html, "–");
        begin_note(html);
        append(html, "unknown");
    } else {
        append_count(html, counts->pending, TMF_PENDING_MAX);
        begin_note(html);
        if (counts->oldest_pending > 0) {
            append(html, "the oldest for ");
            tmf_markup_span(html, apr_time_from_sec((apr_time_t)counts->oldest_pending));
        } else {
            append(html, "none is late");
        }
    }
    end_tile(html);
    begin_tile(html, "Dead letters");
    if (counts == NULL) {
        append(html, "–");
    } else {
        append_count(html, counts->dead, TMF_PENDING_MAX);
    }
    begin_note(html);
    append(html, "notifications given up");
    end_tile(html);
}

static void write_customer_tiles(tmf_text_t *html, const tmf_status_overview_t *overview)
{
    const tmf_overview_t *counts = overview->counts;

    begin_tile(html, "Customers");
    if (counts != NULL) {
        tmf_markup_number(html, counts->customers);
    } else {
        append(html, "–");
    }
    begin_note(html);
    tmf_markup_count(html, (apr_int64_t)overview->changes, "event", "events");
    append(html, " through this server");
    end_tile(html);
    write_notification_tiles(html, counts);
}

/* ---- charts ---- */

static double answered(const tmf_status_minute_t *minute)
{
    return (double)(minute->requests.requests - minute->requests.client_errors -
                    minute->requests.server_errors);
}

static double client_errors(const tmf_status_minute_t *minute)
{
    return (double)minute->requests.client_errors;
}

static double server_errors(const tmf_status_minute_t *minute)
{
    return (double)minute->requests.server_errors;
}

static double median(const tmf_status_minute_t *minute)
{
    return minute->begin != 0 ? minute->requests.median : -1;
}

static double p99(const tmf_status_minute_t *minute)
{
    return minute->begin != 0 ? minute->requests.p99 : -1;
}

static double delivered(const tmf_status_minute_t *minute)
{
    return (double)minute->delivered;
}

static double failed(const tmf_status_minute_t *minute)
{
    return (double)minute->failed;
}

/* Errors stand at the bottom, where a few can be seen below many successes. */
static const tmf_chart_t charts[] = {
    {"Requests per minute",
     "no request in the last hour",
     0,
     3,
     {{"server errors", "bar-bad", server_errors},
      {"client errors", "bar-warn", client_errors},
      {"answered", "bar", answered}}},
    {"Duration of requests",
     "no request in the last hour",
     1,
     2,
     {{"p99", "line-dashed", p99}, {"median", "line", median}}},
    {"Notifications per minute",
     "nothing was sent in the last hour",
     0,
     2,
     {{"failed", "bar-bad", failed}, {"delivered", "bar", delivered}}},
};

static void write_charts(tmf_text_t *html, const tmf_status_overview_t *overview)
{
    apr_size_t i;

    append(html, "<div class=\"charts\">\n");
    for (i = 0; i < sizeof(charts) / sizeof(charts[0]); i++) {
        tmf_chart_write(html, &charts[i], overview->minutes);
    }
    append(html, "</div>\n");
}

/* ---- operations ---- */

static void write_operation(tmf_text_t *html, const char *name,
                            const tmf_status_requests_t *requests)
{
    char buffer[TMF_DURATION_BYTES];

    tmf_text_append_format(html, "<tr><th scope=\"row\">%s</th><td class=\"n\">", name);
    tmf_markup_number(html, (apr_int64_t)requests->requests);
    append(html, "</td><td class=\"n\">");
    tmf_markup_number(html, (apr_int64_t)requests->client_errors);
    append(html, "</td><td class=\"n\">");
    tmf_markup_number(html, (apr_int64_t)requests->server_errors);
    append(html, "</td><td class=\"n\">");
    append(html, tmf_duration_text(buffer, requests->median));
    append(html, "</td><td class=\"n\">");
    append(html, tmf_duration_text(buffer, requests->p99));
    append(html, "</td></tr>\n");
}

static void write_operations(tmf_text_t *html, const tmf_status_overview_t *overview)
{
    int i;

    append(html, "<section><h2>Operations</h2>");
    if (overview->operation_count == 0) {
        append(html, "<p class=\"none\">Nothing has been asked for yet.</p></section>\n");
        return;
    }
    append(html, "<table class=\"operations\"><caption>");
    tmf_markup_moment(html, "Counted for ", overview->counted_since, "", overview->now);
    append(html, "</caption><thead><tr><th scope=\"col\">Operation</th>"
                 "<th scope=\"col\" class=\"n\">Requests</th>"
                 "<th scope=\"col\" class=\"n\" title=\"client errors\">4xx</th>"
                 "<th scope=\"col\" class=\"n\" title=\"server errors\">5xx</th>"
                 "<th scope=\"col\" class=\"n\">Median</th><th scope=\"col\" class=\"n\">p99</th>"
                 "</tr></thead><tbody>\n");
    for (i = 0; i < overview->operation_count; i++) {
        write_operation(html, overview->operations[i].name, &overview->operations[i].requests);
    }
    append(html, "</tbody><tfoot>");
    write_operation(html, "All", &overview->total);
    append(html, "</tfoot></table></section>\n");
}

/* ---- customers by status ---- */

static void write_share_bar(tmf_text_t *html, apr_int64_t customers, apr_int64_t most)
{
    tmf_text_append_format(html,
                           "<td class=\"share\"><svg viewBox=\"0 0 100 10\" aria-hidden=\"true\""
                           " preserveAspectRatio=\"none\"><rect class=\"bar\" y=\"2\" height=\"6\""
                           " width=\"%.2f\"/></svg></td><td class=\"n\">",
                           most > 0 ? fmin(100.0 * (double)customers / (double)most, 100) : 0);
    tmf_markup_number(html, customers);
    append(html, "</td>");
}

static void write_value_row(tmf_text_t *html, apr_int64_t customers, apr_int64_t most,
                            apr_int64_t all)
{
    append(html, "</th>");
    write_share_bar(html, customers, most);
    append(html, "<td class=\"n\">");
    tmf_markup_share(html, (apr_uint64_t)customers, (apr_uint64_t)all);
    append(html, "</td></tr>\n");
}

static void write_value(tmf_text_t *html, const char *value)
{
    append(html, "<tr><th scope=\"row\">");
    if (value == NULL) {
        append(html, "<i class=\"none\">none</i>");
    } else if (*value == '\0') {
        append(html, "<i class=\"none\">empty</i>");
    } else {
        tmf_markup_foreign(html, value, STATUS_BYTES);
    }
}

static void write_values(tmf_text_t *html, const tmf_status_values_t *values)
{
    apr_int64_t all = values->customers_left_out;
    int i;

    for (i = 0; i < values->count; i++) {
        all += values->rows[i].customers;
    }
    for (i = 0; i < values->count; i++) {
        write_value(html, values->rows[i].value);
        write_value_row(html, values->rows[i].customers, values->rows[0].customers, all);
    }
    if (values->left_out > 0) {
        append(html, "<tr><th scope=\"row\">and ");
        tmf_markup_number(html, values->left_out);
        append(html, values->is_left_out_bounded ? " or more others" : " more");
        write_value_row(html, values->customers_left_out, values->rows[0].customers, all);
    }
}

static void write_customers(tmf_text_t *html, const tmf_status_values_t *values)
{
    append(html, "<section><h2>Customers by status</h2>");
    if (values == NULL) {
        append(html, UNKNOWN);
    } else if (values->count == 0) {
        append(html, "<p class=\"none\">There is no customer yet.</p>");
    } else {
        append(html, "<table class=\"statuses\"><thead><tr><th scope=\"col\">Status</th><td></td>"
                     "<th scope=\"col\" class=\"n\">Customers</th>"
                     "<th scope=\"col\" class=\"n\">Share</th></tr></thead><tbody>\n");
        write_values(html, values);
        append(html, "</tbody></table>");
    }
    append(html, "</section>\n");
}

/* ---- listeners ---- */

static void write_listener_state(tmf_text_t *html, const tmf_status_listener_t *listener,
                                 apr_time_t now)
{
    static const char *const words[] = {"active", "paused", "disabled"};

    tmf_text_append_format(
        html, "<td data-label=\"State\"><span><span class=\"state %s\">%s %s</span>",
        health_classes[listener->state], health_signs[listener->state], words[listener->state]);
    if (listener->state == TMF_LISTENER_PAUSED && listener->paused_until > now) {
        append(html, "<br>");
        tmf_markup_moment(html, "for ", listener->paused_until, "", now);
    }
    append(html, "</span></td>");
}

static void write_listener_error(tmf_text_t *html, const tmf_status_listener_t *listener,
                                 apr_time_t now)
{
    append(html, "<td data-label=\"Last error\"><span>");
    if (listener->error != NULL) {
        tmf_markup_foreign(html, listener->error, TMF_STATUS_TEXT_MAX);
    } else {
        append(html, "<span class=\"none\">none</span>");
    }
    if (listener->ill_since != 0) {
        append(html, "<br><span class=\"soft\">");
        tmf_markup_moment(html, "failing for ", listener->ill_since, "", now);
        append(html, "</span>");
    }
    append(html, "</span></td></tr>\n");
}

static void write_listener(tmf_text_t *html, const tmf_status_listener_t *listener,
                           const tmf_status_overview_t *overview)
{
    append(html, "<tr><th scope=\"row\">");
    tmf_markup_foreign(html, listener->origin, VALUE_BYTES);
    append(html, "<br><a class=\"id\" href=\"");
    tmf_markup_text(html, overview->links);
    append(html, "listeners/");
    tmf_markup_text(html, listener->id);
    append(html, "\">");
    tmf_markup_text(html, listener->id);
    append(html, "</a></th>");
    write_listener_state(html, listener, overview->now);
    append(html, "<td class=\"n\" data-label=\"Waiting\">");
    append_count(html, listener->pending, TMF_STATUS_COUNT_MAX);
    append(html, "</td><td class=\"n\" data-label=\"The oldest\">");
    if (listener->oldest_pending != 0) {
        tmf_markup_moment(html, "", listener->oldest_pending, "", overview->now);
    } else {
        append(html, "–");
    }
    append(html, "</td><td class=\"n\" data-label=\"Dead letters\">");
    append_count(html, listener->dead, TMF_STATUS_COUNT_MAX);
    append(html, "</td>");
    write_listener_error(html, listener, overview->now);
}

static void write_listener_table(tmf_text_t *html, const tmf_status_overview_t *overview)
{
    const tmf_status_listeners_t *listeners = overview->listeners;
    int i;

    append(html, "<table class=\"listeners\"><thead><tr><th scope=\"col\">Listener</th>"
                 "<th scope=\"col\">State</th><th scope=\"col\" class=\"n\">Waiting</th>"
                 "<th scope=\"col\" class=\"n\">The oldest</th>"
                 "<th scope=\"col\" class=\"n\">Dead letters</th>"
                 "<th scope=\"col\">Last error</th></tr></thead><tbody>\n");
    for (i = 0; i < listeners->count; i++) {
        write_listener(html, &listeners->rows[i], overview);
    }
    append(html, "</tbody></table>");
    if (listeners->left_out > 0) {
        append(html, "<p>and <a href=\"");
        tmf_markup_text(html, overview->links);
        append(html, "listeners\">");
        tmf_markup_count(html, listeners->left_out, "more", "more");
        append(html, "</a></p>");
    }
}

static void write_deliveries(tmf_text_t *html, const tmf_status_overview_t *overview)
{
    static const char *const outcomes[TMF_OUTCOMES] = {"accepted", "refused", "failed", "given up"};
    int i;

    append(html, "<p class=\"soft\">");
    tmf_markup_moment(html, "In ", overview->counted_since, ":", overview->now);
    for (i = 0; i < TMF_OUTCOMES; i++) {
        append(html, i > 0 ? ", " : " ");
        tmf_markup_number(html, (apr_int64_t)overview->deliveries[i]);
        tmf_text_append_format(html, " %s", outcomes[i]);
    }
    append(html, ".</p>");
}

static void write_listeners(tmf_text_t *html, const tmf_status_overview_t *overview)
{
    append(html, "<section><h2>Listeners</h2>");
    if (overview->listeners == NULL) {
        append(html, UNKNOWN);
    } else if (overview->listeners->count == 0) {
        append(html, "<p class=\"none\">No listener is registered.</p>");
    } else {
        write_deliveries(html, overview);
        write_listener_table(html, overview);
    }
    append(html, "</section>\n");
}

/* ---- foot ---- */

static void write_foot(tmf_text_t *html, const tmf_status_overview_t *overview)
{
    static const char *const below[] = {"ready", "live", "metrics", "listeners"};
    apr_size_t i;

    append(html, "<footer>mod_tmf_customer ");
    tmf_markup_text(html, overview->build.version);
    tmf_text_append_format(html, ", schema %d; httpd was %s ", overview->build.schema,
                           overview->generation > 0 ? "restarted" : "started");
    tmf_markup_moment(html, "", overview->started, " ago", overview->now);
    append(html, ". For programs:");
    for (i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        append(html, " <a href=\"");
        tmf_markup_text(html, overview->links);
        tmf_text_append_format(html, "%s\">%s</a>", below[i], below[i]);
    }
    append(html, ", and this page as application/json.</footer>\n</body></html>\n");
}

void tmf_page_write(tmf_text_t *html, const tmf_status_overview_t *overview)
{
    const apr_array_header_t *problems = tmf_problems_find(overview, html->pool);
    tmf_health_t health = tmf_problems_health(problems);

    write_head(html, overview, health);
    write_header(html, overview, health);
    append(html, "<main>\n");
    write_problems(html, problems);
    append(html, "<dl class=\"tiles\">\n");
    write_request_tiles(html, overview);
    write_server_tiles(html, overview);
    write_customer_tiles(html, overview);
    append(html, "</dl>\n");
    write_charts(html, overview);
    append(html, "<div class=\"pair\">\n");
    write_operations(html, overview);
    write_customers(html, overview->values);
    append(html, "</div>\n");
    write_listeners(html, overview);
    append(html, "</main>\n");
    write_foot(html, overview);
}
