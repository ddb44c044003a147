/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: what there is now, and what there was in the last hour. */
#include <string.h>

#include "metrics/shared.h"

/* ---- the last hour ---- */

static void add_histogram(tmf_histogram_t *sum, const tmf_histogram_t *part)
{
    int i;

    for (i = 0; i < TMF_HISTOGRAM_BUCKETS; i++) {
        sum->buckets[i] += part->buckets[i];
    }
    sum->count += part->count;
    sum->sum += part->sum;
}

void tmf_metrics_add_requests(tmf_request_sums_t *sums, const tmf_totals_t *totals,
                              tmf_operation_t operation)
{
    int i;

    add_histogram(&sums->durations, &totals->durations[operation]);
    for (i = 0; i < TMF_STATUSES; i++) {
        const apr_uint64_t requests = totals->requests[operation][i];

        sums->count += requests;
        sums->client_errors += tmf_metrics_status(i) / 100 == 4 ? requests : 0;
        sums->server_errors += tmf_metrics_status(i) / 100 == 5 ? requests : 0;
    }
}

static void sum_up(sums_t *sums, const tmf_totals_t *totals)
{
    int i;

    memset(sums, 0, sizeof(*sums));
    for (i = 0; i < TMF_OPERATIONS; i++) {
        tmf_metrics_add_requests(&sums->requests, totals, (tmf_operation_t)i);
    }
    for (i = 0; i < TMF_EVENT_TYPES; i++) {
        sums->changes += totals->changes[i];
    }
    sums->deliveries = totals->deliveries[TMF_OUTCOME_DELIVERED];
    sums->failed_deliveries = totals->deliveries[TMF_OUTCOME_REFUSED] +
                              totals->deliveries[TMF_OUTCOME_FAILED];
}

static void count_histogram(tmf_histogram_t *histogram)
{
    int i;

    histogram->count = 0;
    for (i = 0; i < TMF_HISTOGRAM_BUCKETS; i++) {
        histogram->count += histogram->buckets[i];
    }
}

static void read_totals(tmf_totals_t *totals, shared_t *shared)
{
    apr_uint64_t words[WORDS(tmf_totals_t)] = {0};
    size_t stripe;
    size_t i;

    for (stripe = 0; stripe < STRIPES; stripe++) {
        for (i = 0; i < WORDS(tmf_totals_t); i++) {
            words[i] += atomic_load_explicit(&shared->stripes[stripe].words[i],
                                             memory_order_relaxed);
        }
    }
    memcpy(totals, words, sizeof(*totals));
    for (i = 0; i < TMF_OPERATIONS; i++) {
        count_histogram(&totals->durations[i]);
    }
    for (i = 0; i < TMF_BATCHES; i++) {
        count_histogram(&totals->batches[i]);
    }
    count_histogram(&totals->delivery_delays);
}

static void write_sample(shared_t *shared, apr_time_t now, const sums_t *sums)
{
    const apr_uint64_t taken = atomic_load_explicit(&shared->taken, memory_order_relaxed);
    sample_t *sample = &shared->samples[taken % SAMPLES];
    apr_uint64_t words[WORDS(sums_t)];
    size_t i;

    memcpy(words, sums, sizeof(words));
    atomic_store_explicit(&sample->at, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (i = 0; i < WORDS(sums_t); i++) {
        atomic_store_explicit(&sample->words[i], words[i], memory_order_relaxed);
    }
    atomic_store_explicit(&sample->at, now, memory_order_release);
    atomic_store_explicit(&shared->taken, taken + 1, memory_order_release);
}

/* 0 when it was written meanwhile. */
static int read_sample(sample_t *sample, apr_time_t *at, sums_t *sums)
{
    apr_uint64_t words[WORDS(sums_t)] = {0};
    size_t i;

    *at = atomic_load_explicit(&sample->at, memory_order_acquire);
    for (i = 0; i < WORDS(sums_t); i++) {
        words[i] = atomic_load_explicit(&sample->words[i], memory_order_relaxed);
    }
    memcpy(sums, words, sizeof(*sums));
    atomic_thread_fence(memory_order_acquire);
    return *at != 0 && atomic_load_explicit(&sample->at, memory_order_relaxed) == *at;
}

void tmf_minutes_begin(shared_t *shared, apr_time_t now)
{
    static const sums_t nothing;

    write_sample(shared, now, &nothing);
}

void tmf_minutes_tick(shared_t *shared, apr_time_t now)
{
    const apr_uint64_t last = atomic_load_explicit(&shared->taken, memory_order_relaxed) - 1;
    const apr_time_t at = atomic_load_explicit(&shared->samples[last % SAMPLES].at,
                                               memory_order_relaxed);
    tmf_totals_t totals;
    sums_t sums;

    if (apr_time_sec(now) / 60 != apr_time_sec(at) / 60) {
        read_totals(&totals, shared);
        sum_up(&sums, &totals);
        write_sample(shared, now, &sums);
    }
}

/* ---- reading ---- */

static void subtract_histogram(tmf_histogram_t *from, const tmf_histogram_t *part)
{
    int i;

    for (i = 0; i < TMF_HISTOGRAM_BUCKETS; i++) {
        from->buckets[i] -= part->buckets[i];
    }
    from->count -= part->count;
    from->sum -= part->sum;
}

static void subtract_requests(tmf_request_sums_t *from, const tmf_request_sums_t *part)
{
    from->count -= part->count;
    from->client_errors -= part->client_errors;
    from->server_errors -= part->server_errors;
    subtract_histogram(&from->durations, &part->durations);
}

/* `minute` begins where its sums are `begin`. */
static void end_minute(tmf_minute_t *minute, apr_time_t now, const sums_t *begin, const sums_t *end)
{
    minute->length = now > minute->begin ? now - minute->begin : 0;
    minute->requests = end->requests;
    subtract_requests(&minute->requests, &begin->requests);
    minute->changes = end->changes - begin->changes;
    minute->deliveries = end->deliveries - begin->deliveries;
    minute->failed_deliveries = end->failed_deliveries - begin->failed_deliveries;
}

/* Reads where the minutes begin: before the totals, which are never less then. */
static int read_begins(shared_t *shared, tmf_minute_t *minutes, sums_t *begins)
{
    const apr_uint64_t taken = atomic_load_explicit(&shared->taken, memory_order_acquire);
    apr_uint64_t i = taken > TMF_MINUTES ? taken - TMF_MINUTES : 0;
    int count = 0;

    for (; i < taken; i++) {
        if (read_sample(&shared->samples[i % SAMPLES], &minutes[count].begin, &begins[count])) {
            count++;
        }
    }
    return count;
}

static void end_minutes(tmf_metrics_snapshot_t *snapshot, const sums_t *begins)
{
    sums_t now;
    int i;

    sum_up(&now, &snapshot->totals);
    for (i = 0; i < snapshot->minute_count; i++) {
        const int is_last = i == snapshot->minute_count - 1;

        end_minute(&snapshot->minutes[i],
                   is_last ? snapshot->taken_at : snapshot->minutes[i + 1].begin, &begins[i],
                   is_last ? &now : &begins[i + 1]);
    }
}

static void read_connections(const tmf_metrics_t *metrics, apr_int64_t *connections)
{
    apr_int64_t open = 0;
    int i;
    int state;

    for (i = 0; i < metrics->process_count; i++) {
        process_t *process = &metrics->shared->processes[i];

        if (atomic_load_explicit(&process->id, memory_order_relaxed) != 0) {
            open += atomic_load_explicit(&process->open, memory_order_relaxed);
            for (state = 0; state < TMF_CONNECTIONS; state++) {
                connections[state] += atomic_load_explicit(&process->states[state],
                                                           memory_order_relaxed);
            }
        }
    }
    open -= connections[TMF_CONNECTION_IN_USE];
    connections[TMF_CONNECTION_IDLE] = open > 0 ? open : 0;
}

const tmf_metrics_snapshot_t *tmf_metrics_snapshot(tmf_metrics_t *metrics, apr_pool_t *result_pool)
{
    tmf_metrics_snapshot_t *snapshot = apr_pcalloc(result_pool, sizeof(*snapshot));
    sums_t *begins = apr_pcalloc(result_pool, sizeof(*begins) * TMF_MINUTES);

    snapshot->taken_at = apr_time_now();
    snapshot->since = snapshot->taken_at;
    snapshot->minute_count = 1;
    snapshot->minutes[0].begin = snapshot->taken_at;
    if (metrics != NULL) {
        snapshot->since = metrics->shared->since;
        snapshot->minute_count = read_begins(metrics->shared, snapshot->minutes, begins);
        read_totals(&snapshot->totals, metrics->shared);
        read_connections(metrics, snapshot->connections);
        end_minutes(snapshot, begins);
    }
    return snapshot;
}
