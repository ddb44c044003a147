/* SPDX-License-Identifier: Apache-2.0 */
/* Our section in the page of mod_status, and our lines in its machine-readable form (?auto). Like
 * all of that page it is about the whole httpd. Nothing here asks the database. */
#include "status/server_status.h"

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_main.h>
#include <http_protocol.h>
#include <apr_optional_hooks.h>
#include <mod_status.h>

#include "config/config.h"
#include "metrics/metrics.h"
#include "service.h"

/* What a virtual host, or all of them, have to show. */
enum {
    REQUESTS,
    CLIENT_ERRORS,
    SERVER_ERRORS,
    DATABASE_ERRORS,
    IN_USE,
    IDLE,
    WAITING,
    CACHE_HITS,
    CACHE_MISSES,
    CHANGES,
    DELIVERED,
    NOT_DELIVERED,
    DEAD,
    ROWS
};

static const char *const names[ROWS] = {
    "Requests",        "ClientErrors",       "ServerErrors", "DatabaseErrors", "ConnectionsInUse",
    "ConnectionsIdle", "ConnectionsWaiting", "CacheHits",    "CacheMisses",    "Events",
    "Delivered",       "DeliveryFailures",   "DeadLetters"};

static void add_requests(apr_uint64_t *rows, const tmf_totals_t *totals)
{
    tmf_request_sums_t sums = {0};
    int i;

    for (i = 0; i < TMF_OPERATIONS; i++) {
        tmf_metrics_add_requests(&sums, totals, (tmf_operation_t)i);
    }
    rows[REQUESTS] += sums.count;
    rows[CLIENT_ERRORS] += sums.client_errors;
    rows[SERVER_ERRORS] += sums.server_errors;
}

static void add_host(apr_uint64_t *rows, const tmf_metrics_snapshot_t *snapshot)
{
    const tmf_totals_t *totals = &snapshot->totals;
    int i;

    add_requests(rows, totals);
    for (i = 0; i < TMF_DATABASE_ERRORS; i++) {
        rows[DATABASE_ERRORS] += totals->database_errors[i];
    }
    for (i = 0; i < TMF_CONNECTIONS; i++) {
        rows[IN_USE + i] += (apr_uint64_t)snapshot->connections[i];
    }
    rows[CACHE_HITS] += totals->lookups[TMF_LOOKUP_HIT];
    rows[CACHE_MISSES] += totals->lookups[TMF_LOOKUP_MISS];
    for (i = 0; i < TMF_EVENT_TYPES; i++) {
        rows[CHANGES] += totals->changes[i];
    }
    rows[DELIVERED] += totals->deliveries[TMF_OUTCOME_DELIVERED];
    rows[NOT_DELIVERED] += totals->deliveries[TMF_OUTCOME_REFUSED] +
                           totals->deliveries[TMF_OUTCOME_FAILED];
    rows[DEAD] += totals->deliveries[TMF_OUTCOME_DEAD];
}

/* NULL = nothing is counted there. */
static tmf_metrics_t *metrics_of(const server_rec *server)
{
    const tmf_service_t *service = tmf_config_of_server(server)->service;

    return service != NULL ? service->metrics : NULL;
}

static void write_lines(request_rec *r)
{
    apr_uint64_t rows[ROWS] = {0};
    const server_rec *server;
    int i;

    for (server = ap_server_conf; server != NULL; server = server->next) {
        tmf_metrics_t *metrics = metrics_of(server);

        if (metrics != NULL) {
            add_host(rows, tmf_metrics_snapshot(metrics, r->pool));
        }
    }
    for (i = 0; i < ROWS; i++) {
        ap_rprintf(r, "TMFCustomer%s: %" APR_UINT64_T_FMT "\n", names[i], rows[i]);
    }
}

static void write_host(request_rec *r, const server_rec *server, tmf_metrics_t *metrics)
{
    apr_uint64_t rows[ROWS] = {0};
    int i;

    add_host(rows, tmf_metrics_snapshot(metrics, r->pool));
    ap_rprintf(r, "<tr><td>%s</td>", ap_escape_html(r->pool, server->server_hostname));
    for (i = 0; i < ROWS; i++) {
        ap_rprintf(r, "<td>%" APR_UINT64_T_FMT "</td>", rows[i]);
    }
    ap_rputs("</tr>\n", r);
}

static void write_table(request_rec *r)
{
    const server_rec *server;
    int i;

    ap_rputs("<hr>\n<h2>Customer Management API</h2>\n<table border=\"0\"><tr><th>Host</th>", r);
    for (i = 0; i < ROWS; i++) {
        ap_rprintf(r, "<th>%s</th>", names[i]);
    }
    ap_rputs("</tr>\n", r);
    for (server = ap_server_conf; server != NULL; server = server->next) {
        tmf_metrics_t *metrics = metrics_of(server);

        if (metrics != NULL) {
            write_host(r, server, metrics);
        }
    }
    ap_rputs("</table>\n", r);
}

static int write_section(request_rec *r, int flags)
{
    if ((flags & AP_STATUS_SHORT) != 0) {
        write_lines(r);
    } else {
        write_table(r);
    }
    return OK;
}

void tmf_server_status_register(void)
{
    APR_OPTIONAL_HOOK(ap, status_hook, write_section, NULL, NULL, APR_HOOK_MIDDLE);
}
