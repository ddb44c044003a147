/* SPDX-License-Identifier: Apache-2.0 */
/* GET S */
#include "status/overview.h"

#include <string.h>

#include <ap_mpm.h>
#include <apr_strings.h>
#include <httpd.h>
#include <http_log.h>
#include <scoreboard.h>

#include "model/clock.h"
#include "notify/notices.h"
#include "status/page.h"
#include "status/readiness.h"
#include "status/status.h"
#include "store/attention.h"
#include "store/overview.h"
#include "store/schema.h"

APLOG_USE_MODULE(tmf_customer);

/* So long the statements may take: numbers that are not there are better than a page that is late.
 */
#define STATEMENTS_MOST (600 * 1000)
#define STATEMENT_LEAST (50 * 1000)

/* Rows of statuses that are looked at: those that the page does not show are counted. */
#define VALUES_LOOKED_AT 1000

enum { PAGE, JSON }; /* as in the offers of the route */

/* ---- what httpd and the metrics know ---- */

static tmf_status_requests_t requests_of(const tmf_request_sums_t *sums)
{
    tmf_status_requests_t made = {sums->count, sums->client_errors, sums->server_errors, -1, -1};

    if (sums->durations.count > 0) {
        made.median = tmf_metrics_duration_quantile(&sums->durations, 0.5);
        made.p99 = tmf_metrics_duration_quantile(&sums->durations, 0.99);
    }
    return made;
}

static void read_operations(tmf_status_overview_t *overview, const tmf_totals_t *totals,
                            apr_pool_t *result_pool)
{
    tmf_status_operation_t *operations = apr_palloc(result_pool,
                                                    sizeof(*operations) * TMF_OPERATIONS);
    tmf_request_sums_t all = {0};
    int i;

    for (i = 0; i < TMF_OPERATIONS; i++) {
        const tmf_operation_t operation = (tmf_operation_t)i;
        tmf_request_sums_t sums = {0};

        tmf_metrics_add_requests(&sums, totals, operation);
        tmf_metrics_add_requests(&all, totals, operation);
        if (sums.count > 0) {
            operations[overview->operation_count++] = (tmf_status_operation_t){
                tmf_operation_name(operation), requests_of(&sums)};
        }
    }
    overview->operations = operations;
    overview->total = requests_of(&all);
}

static void read_minutes(tmf_status_minute_t *minutes, const tmf_metrics_snapshot_t *snapshot)
{
    int first = TMF_MINUTES - snapshot->minute_count;
    int i;

    for (i = 0; i < snapshot->minute_count; i++) {
        const tmf_minute_t *minute = &snapshot->minutes[i];

        minutes[first + i] = (tmf_status_minute_t){minute->begin, requests_of(&minute->requests),
                                                   minute->changes, minute->deliveries,
                                                   minute->failed_deliveries};
    }
}

static void read_metrics(tmf_status_overview_t *overview, tmf_metrics_t *metrics,
                         apr_pool_t *result_pool)
{
    const tmf_metrics_snapshot_t *snapshot = tmf_metrics_snapshot(metrics, result_pool);
    int i;

    overview->now = snapshot->taken_at;
    overview->counted_since = snapshot->since;
    memcpy(overview->connections, snapshot->connections, sizeof(overview->connections));
    memcpy(overview->lookups, snapshot->totals.lookups, sizeof(overview->lookups));
    memcpy(overview->deliveries, snapshot->totals.deliveries, sizeof(overview->deliveries));
    for (i = 0; i < TMF_EVENT_TYPES; i++) {
        overview->changes += snapshot->totals.changes[i];
    }
    read_operations(overview, &snapshot->totals, result_pool);
    read_minutes(overview->minutes, snapshot);
}

static void read_httpd(tmf_status_overview_t *overview, const tmf_request_t *request)
{
    const char *host = strstr(request->base_url, "://");

    host = host != NULL ? host + strlen("://") : request->base_url;
    overview->server = apr_pstrmemdup(request->pool, host, strcspn(host, "/"));
    overview->links = apr_pstrcat(
        request->pool, ap_os_escape_path(request->pool, request->base_path, 1), "/", NULL);
    overview->build = (tmf_build_t){TMF_VERSION, tmf_schema_version()};
    ap_mpm_query(AP_MPMQ_GENERATION, &overview->generation);
    if (ap_exists_scoreboard_image()) {
        overview->started = ap_scoreboard_image->global->restart_time;
    }
}

/* ---- what the database knows ---- */

/* How long the next statement may take: what is left of the time for all of them. */
static apr_interval_time_t rest_of(apr_time_t deadline)
{
    apr_interval_time_t rest = deadline - tmf_clock_now();

    return rest > STATEMENT_LEAST ? rest : STATEMENT_LEAST;
}

static tmf_error_t *read_values(tmf_status_overview_t *overview, tmf_db_pool_t *database,
                                apr_time_t deadline, apr_pool_t *result_pool)
{
    tmf_status_values_t *values = apr_pcalloc(result_pool, sizeof(*values));
    tmf_status_value_t *rows = apr_palloc(result_pool, sizeof(*rows) * TMF_STATUS_VALUES_MAX);
    const tmf_status_count_t *counts;
    int count;
    int i;

    TMF_TRY(tmf_overview_statuses(database, rest_of(deadline), VALUES_LOOKED_AT, &counts, &count,
                                  result_pool));
    for (i = 0; i < count; i++) {
        if (i < TMF_STATUS_VALUES_MAX) {
            rows[i] = (tmf_status_value_t){counts[i].status, counts[i].count};
            values->count++;
        } else {
            values->customers_left_out += counts[i].count;
        }
    }
    values->rows = rows;
    values->left_out = count - values->count;
    values->is_left_out_bounded = count == VALUES_LOOKED_AT;
    overview->values = values;
    return NULL;
}

static tmf_error_t *read_listeners(tmf_status_overview_t *overview, tmf_db_pool_t *database,
                                   apr_time_t deadline, apr_pool_t *result_pool)
{
    tmf_status_listeners_t *listeners = apr_pcalloc(result_pool, sizeof(*listeners));
    tmf_status_listener_t *rows = apr_palloc(result_pool, sizeof(*rows) * TMF_STATUS_LISTENERS_MAX);
    const tmf_attention_t *found;
    apr_int64_t total;
    int i;

    TMF_TRY(tmf_attention_read(database, rest_of(deadline), TMF_STATUS_LISTENERS_MAX, &found,
                               &listeners->count, &total, result_pool));
    for (i = 0; i < listeners->count; i++) {
        rows[i] = (tmf_status_listener_t){
            found[i].id,        tmf_notices_origin(found[i].callback, result_pool),
            found[i].state,     found[i].pending,
            found[i].dead,      found[i].oldest_pending,
            found[i].ill_since, found[i].paused_until,
            found[i].error};
    }
    listeners->rows = rows;
    listeners->left_out = total - listeners->count;
    overview->listeners = listeners;
    return NULL;
}

static tmf_error_t *read_counts(tmf_status_overview_t *overview, tmf_db_pool_t *database,
                                apr_time_t deadline, apr_pool_t *result_pool)
{
    return tmf_overview_read(database, rest_of(deadline), &overview->counts, result_pool);
}

/* What does not come in time is left out; any other error ends it. */
static tmf_error_t *read_database(tmf_status_overview_t *overview, tmf_db_pool_t *database,
                                  apr_pool_t *result_pool)
{
    static tmf_error_t *(*const reads[])(tmf_status_overview_t *, tmf_db_pool_t *, apr_time_t,
                                         apr_pool_t *) = {read_values, read_listeners, read_counts};
    apr_time_t deadline = tmf_clock_now() + STATEMENTS_MOST;
    apr_size_t i;

    for (i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        tmf_error_t *error = reads[i](overview, database, deadline, result_pool);

        if (error != NULL && !tmf_error_is(error, TMF_ERROR_STATEMENT_TIMEOUT)) {
            return error;
        }
        overview->is_cut = overview->is_cut || error != NULL;
    }
    return NULL;
}

static void log_fault(const tmf_error_t *error, const tmf_db_pool_t *database)
{
    if (error->cause != NULL) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, tmf_db_server(database), "%s: status: %s",
                     error->tag, error->cause);
    }
}

/* Only one that has just answered is asked for more: connecting to one that does not may take long.
 */
static void look_at_database(tmf_status_overview_t *overview, const tmf_request_t *request)
{
    tmf_readiness_report_t report;
    tmf_error_t *error;

    tmf_readiness_look(request->service->readiness, &report, request->pool);
    overview->notifier = report.notifier_fault;
    overview->database = report.probe.database != NULL ? report.probe.database
                                                       : report.probe.schema;
    if (overview->database != NULL) {
        return;
    }
    error = read_database(overview, request->service->database, request->pool);
    if (error != NULL) {
        overview->database = error->message;
        log_fault(error, request->service->database);
    }
}

static void write_page(const tmf_status_overview_t *overview, tmf_reply_t *reply)
{
    apr_table_setn(reply->headers, "Content-Security-Policy", TMF_PAGE_POLICY);
    apr_table_setn(reply->headers, "Referrer-Policy", "no-referrer");
    tmf_page_write(&reply->body, overview);
}

tmf_error_t *tmf_status_overview(const tmf_request_t *request, tmf_reply_t *reply)
{
    tmf_status_overview_t *overview = apr_pcalloc(request->pool, sizeof(*overview));

    TMF_TRY(tmf_status_check_parameters(request));
    read_httpd(overview, request);
    read_metrics(overview, request->service->metrics, request->pool);
    look_at_database(overview, request);
    reply->status = 200;
    apr_table_setn(reply->headers, "Cache-Control", "no-store");
    apr_table_setn(reply->headers, "Vary", "Accept");
    apr_table_setn(reply->headers, "X-Content-Type-Options", "nosniff");
    tmf_text_init(&reply->body, 128 * 1024, request->pool);
    if (request->offer == JSON) {
        tmf_overview_write_json(&reply->body, overview);
    } else {
        write_page(overview, reply);
    }
    return NULL;
}
