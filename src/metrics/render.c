/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text that Prometheus and whoever speaks OpenMetrics scrape. The two formats differ in the
 * heads of counters (OpenMetrics names the family without _total) and of the build's info, in UNIT
 * and in the last line. What has never happened of a pair of labels that could be many has no line;
 * labels that are few always have theirs, with 0.
 */
#include "metrics/metrics.h"

#include <apr_strings.h>

#include "metrics/tables.h"

#define PREFIX "tmf_customer_"

typedef struct {
    tmf_text_t *text;
    int is_openmetrics;
} out_t;

typedef enum { COUNTER, GAUGE, HISTOGRAM, INFO } type_t;

typedef struct {
    const char *name; /* without prefix, and without _total or _info */
    type_t type;
    const char *unit; /* which the name ends with; NULL = none */
    const char *help;
} family_t;

/* ---- lines ---- */

static const char *suffix_of(type_t type)
{
    return type == COUNTER ? "_total" : type == INFO ? "_info" : "";
}

static const char *type_name(const out_t *out, type_t type)
{
    switch (type) {
    case COUNTER:
        return "counter";
    case HISTOGRAM:
        return "histogram";
    case INFO:
        return out->is_openmetrics ? "info" : "gauge";
    default:
        return "gauge";
    }
}

static void begin_family(const out_t *out, const family_t *family)
{
    const char *suffix = out->is_openmetrics ? "" : suffix_of(family->type);

    tmf_text_append_format(out->text, "# HELP " PREFIX "%s%s %s\n", family->name, suffix,
                           family->help);
    tmf_text_append_format(out->text, "# TYPE " PREFIX "%s%s %s\n", family->name, suffix,
                           type_name(out, family->type));
    if (out->is_openmetrics && family->unit != NULL) {
        tmf_text_append_format(out->text, "# UNIT " PREFIX "%s %s\n", family->name, family->unit);
    }
}

static void append_label(tmf_text_t *text, const char *separator, const char *name,
                         const char *value)
{
    tmf_text_append_format(text, "%s%s=\"", separator, name);
    for (; value != NULL && *value != '\0'; value++) {
        if (*value == '\\' || *value == '"') {
            tmf_text_append(text, "\\", 1);
        }
        if (*value == '\n') {
            tmf_text_append_string(text, "\\n");
        } else {
            tmf_text_append(text, value, 1);
        }
    }
    tmf_text_append(text, "\"", 1);
}

/* One sample: with the label, unless its name is NULL. */
static void append_number(const out_t *out, const family_t *family, const char *label,
                          const char *value, apr_uint64_t number)
{
    tmf_text_append_format(out->text, PREFIX "%s%s", family->name, suffix_of(family->type));
    if (label != NULL) {
        append_label(out->text, "{", label, value);
        tmf_text_append(out->text, "}", 1);
    }
    tmf_text_append_format(out->text, " %" APR_UINT64_T_FMT "\n", number);
}

static void begin_part(const out_t *out, const family_t *family, const char *part,
                       const char *label, const char *value)
{
    tmf_text_append_format(out->text, PREFIX "%s_%s", family->name, part);
    if (label != NULL) {
        append_label(out->text, "{", label, value);
    }
}

static void append_bucket(const out_t *out, const family_t *family, const char *label,
                          const char *value, const char *bound, apr_uint64_t count)
{
    begin_part(out, family, "bucket", label, value);
    append_label(out->text, label != NULL ? "," : "{", "le", bound);
    tmf_text_append_format(out->text, "} %" APR_UINT64_T_FMT "\n", count);
}

/* Sum and count; seconds are kept as microseconds. */
static void end_histogram(const out_t *out, const family_t *family, const char *label,
                          const char *value, const tmf_histogram_t *histogram)
{
    const char *end = label != NULL ? "}" : "";

    begin_part(out, family, "sum", label, value);
    if (family->unit != NULL) {
        tmf_text_append_format(out->text, "%s %" APR_UINT64_T_FMT ".%06u\n", end,
                               histogram->sum / APR_USEC_PER_SEC,
                               (unsigned)(histogram->sum % APR_USEC_PER_SEC));
    } else {
        tmf_text_append_format(out->text, "%s %" APR_UINT64_T_FMT "\n", end, histogram->sum);
    }
    begin_part(out, family, "count", label, value);
    tmf_text_append_format(out->text, "%s %" APR_UINT64_T_FMT "\n", end, histogram->count);
}

static void append_histogram(const out_t *out, const family_t *family, const tmf_bounds_t *bounds,
                             const char *label, const char *value, const tmf_histogram_t *histogram)
{
    apr_uint64_t count = 0;
    int i;

    for (i = 0; i < bounds->count; i++) {
        count += histogram->buckets[i];
        append_bucket(out, family, label, value, bounds->text[i], count);
    }
    append_bucket(out, family, label, value, "+Inf", histogram->count);
    end_histogram(out, family, label, value, histogram);
}

/* ---- families ---- */

static const char *status_text(int index, apr_pool_t *pool)
{
    return index == 0 ? "other" : apr_itoa(pool, tmf_metrics_status(index));
}

static void append_requests(const out_t *out, const tmf_totals_t *totals)
{
    static const family_t family = {"requests", COUNTER, NULL,
                                    "Requests to the API that were answered, by HTTP status."};
    int operation;
    int i;

    begin_family(out, &family);
    for (operation = 0; operation < TMF_OPERATIONS; operation++) {
        for (i = 0; i < TMF_STATUSES; i++) {
            if (totals->requests[operation][i] > 0) {
                tmf_text_append_string(out->text, PREFIX "requests_total");
                append_label(out->text, "{", "operation",
                             tmf_operation_name((tmf_operation_t)operation));
                append_label(out->text, ",", "code", status_text(i, out->text->pool));
                tmf_text_append_format(out->text, "} %" APR_UINT64_T_FMT "\n",
                                       totals->requests[operation][i]);
            }
        }
    }
}

static void append_durations(const out_t *out, const tmf_totals_t *totals)
{
    static const family_t family = {
        "request_duration_seconds", HISTOGRAM, "seconds",
        "From the first byte of a request to the last of its reply, as far as httpd sees them."};
    int i;

    begin_family(out, &family);
    for (i = 0; i < TMF_OPERATIONS; i++) {
        if (totals->durations[i].count > 0) {
            append_histogram(out, &family, &tmf_duration_bounds, "operation",
                             tmf_operation_name((tmf_operation_t)i), &totals->durations[i]);
        }
    }
}

static void append_connections(const out_t *out, const apr_int64_t *connections)
{
    static const family_t family = {
        "database_connections", GAUGE, NULL,
        "Connections to the database that are in use, idle, or waited for, in all children."};
    int i;

    begin_family(out, &family);
    for (i = 0; i < TMF_CONNECTIONS; i++) {
        append_number(out, &family, "state", tmf_connection_name((tmf_connection_state_t)i),
                      (apr_uint64_t)(connections[i] > 0 ? connections[i] : 0));
    }
}

static void append_database_errors(const out_t *out, const tmf_totals_t *totals)
{
    static const family_t family = {
        "database_errors", COUNTER, NULL,
        "What the database refused, by SQLSTATE, and where it did not answer, by our own code."};
    int i;

    begin_family(out, &family);
    for (i = 0; i < TMF_DATABASE_ERRORS; i++) {
        if (totals->database_errors[i] > 0) {
            append_number(out, &family, "code", tmf_metrics_database_error_code(i),
                          totals->database_errors[i]);
        }
    }
}

static void append_batches(const out_t *out, const tmf_totals_t *totals)
{
    static const family_t family = {"batch_size", HISTOGRAM, NULL,
                                    "How many requests for single customers shared a statement."};

    begin_family(out, &family);
    append_histogram(out, &family, &tmf_batch_bounds, "kind", "read",
                     &totals->batches[TMF_BATCH_READ]);
    append_histogram(out, &family, &tmf_batch_bounds, "kind", "write",
                     &totals->batches[TMF_BATCH_WRITE]);
}

static void append_lookups(const out_t *out, const tmf_totals_t *totals)
{
    static const family_t family = {"cache_lookups", COUNTER, NULL,
                                    "Customers that TMFCustomerCache was asked for."};

    begin_family(out, &family);
    append_number(out, &family, "result", "hit", totals->lookups[TMF_LOOKUP_HIT]);
    append_number(out, &family, "result", "miss", totals->lookups[TMF_LOOKUP_MISS]);
}

static void append_changes(const out_t *out, const tmf_totals_t *totals)
{
    static const family_t family = {
        "changes", COUNTER, NULL,
        "Changes of customers that this httpd committed, by the event that tells of them."};
    int i;

    begin_family(out, &family);
    for (i = 0; i < TMF_EVENT_TYPES; i++) {
        append_number(out, &family, "event", tmf_event_type_name((tmf_event_type_t)i),
                      totals->changes[i]);
    }
}

static void append_deliveries(const out_t *out, const tmf_totals_t *totals)
{
    static const family_t deliveries = {
        "deliveries", COUNTER, NULL,
        "Attempts of this httpd to deliver an event to a listener, and events given up (dead)."};
    static const family_t delays = {"delivery_delay_seconds", HISTOGRAM, "seconds",
                                    "From the commit of an event to the listener's 2xx."};
    int i;

    begin_family(out, &deliveries);
    for (i = 0; i < TMF_OUTCOMES; i++) {
        append_number(out, &deliveries, "outcome", tmf_outcome_name((tmf_outcome_t)i),
                      totals->deliveries[i]);
    }
    begin_family(out, &delays);
    append_histogram(out, &delays, &tmf_delay_bounds, NULL, NULL, &totals->delivery_delays);
}

static void append_gauge(const out_t *out, const char *name, const char *help, apr_int64_t value)
{
    const family_t family = {name, GAUGE, NULL, help};

    begin_family(out, &family);
    append_number(out, &family, NULL, NULL, (apr_uint64_t)(value > 0 ? value : 0));
}

static void append_oldest_pending(const out_t *out, double seconds)
{
    static const family_t family = {
        "oldest_pending_seconds", GAUGE, "seconds",
        "How long the oldest event waits that a listener, unless disabled, has not acknowledged."};

    begin_family(out, &family);
    tmf_text_append_format(out->text, PREFIX "oldest_pending_seconds %.3f\n", seconds);
}

static void append_listeners(const out_t *out, const tmf_overview_t *overview)
{
    static const family_t family = {"listeners", GAUGE, NULL, "Hubs by the state of delivery."};
    int i;

    begin_family(out, &family);
    for (i = 0; i < TMF_LISTENER_STATES; i++) {
        append_number(out, &family, "state", tmf_listener_state_name((tmf_listener_state_t)i),
                      (apr_uint64_t)overview->listeners[i]);
    }
}

static void append_overview(const out_t *out, int is_database_up, const tmf_overview_t *overview)
{
    append_gauge(out, "database_up", "1 when the database answered this scrape, else 0.",
                 is_database_up);
    if (overview != NULL) {
        append_gauge(out, "customers", "Customers in the database.", overview->customers);
        append_listeners(out, overview);
        append_gauge(out, "deliveries_pending",
                     "Deliveries that are still to be made, counted up to 100,000.",
                     overview->pending);
        append_gauge(out, "deliveries_dead", "Dead letters, counted up to 100,000.",
                     overview->dead);
        append_oldest_pending(out, overview->oldest_pending);
    }
}

static void append_build(const out_t *out, const tmf_build_t *build)
{
    static const family_t family = {"build", INFO, NULL,
                                    "The versions of the module and of the schema it needs."};

    begin_family(out, &family);
    tmf_text_append_string(out->text, PREFIX "build_info");
    append_label(out->text, "{", "version", build->version);
    tmf_text_append_format(out->text, ",schema=\"%d\"} 1\n", build->schema);
}

void tmf_metrics_render(tmf_text_t *text, const tmf_metrics_snapshot_t *snapshot,
                        int is_database_up, const tmf_overview_t *overview,
                        const tmf_build_t *build, int is_openmetrics)
{
    const out_t out = {text, is_openmetrics};

    append_build(&out, build);
    append_requests(&out, &snapshot->totals);
    append_durations(&out, &snapshot->totals);
    append_connections(&out, snapshot->connections);
    append_database_errors(&out, &snapshot->totals);
    append_batches(&out, &snapshot->totals);
    append_lookups(&out, &snapshot->totals);
    append_changes(&out, &snapshot->totals);
    append_deliveries(&out, &snapshot->totals);
    append_overview(&out, is_database_up, overview);
    if (is_openmetrics) {
        tmf_text_append_string(text, "# EOF\n");
    }
}
