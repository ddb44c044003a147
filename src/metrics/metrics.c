/* SPDX-License-Identifier: Apache-2.0 */
/* The memory, and what is added to it; README.md has the design. */
#include "metrics/metrics.h"

#include <stddef.h>
#include <unistd.h>

#include <apr_hash.h>
#include <apr_shm.h>
#include <apr_strings.h>

#include "metrics/shared.h"
#include "metrics/tables.h"

_Static_assert(sizeof(shared_t) == 131520 && sizeof(process_t) == 64,
               "the memory has another layout: count up TMF_METRICS_LAYOUT");

/* The index of a counter among the words of a stripe. */
#define WORD(member) (offsetof(tmf_totals_t, member) / sizeof(apr_uint64_t))

struct tmf_metrics_hosts_t {
    apr_hash_t *hosts; /* identity to tmf_metrics_t * */
    int process_count;
    apr_pool_t *pool;
};

/* ---- recording ---- */

static stripe_t *own_stripe(tmf_metrics_t *metrics)
{
    static atomic_uint threads;
    static _Thread_local unsigned number; /* of this thread's stripe, from 1 on; 0 = none yet */

    if (number == 0) {
        number = ((unsigned)getpid() + atomic_fetch_add(&threads, 1)) % STRIPES + 1;
    }
    return &metrics->shared->stripes[number - 1];
}

static void add(stripe_t *stripe, size_t word, apr_uint64_t amount)
{
    atomic_fetch_add_explicit(&stripe->words[word], amount, memory_order_relaxed);
}

static void observe(stripe_t *stripe, size_t histogram, const tmf_bounds_t *bounds,
                    apr_int64_t value)
{
    const apr_int64_t positive = value > 0 ? value : 0; /* the time of day may have been set */
    const size_t bucket = (size_t)tmf_bounds_find(bounds, positive);

    add(stripe, histogram + offsetof(tmf_histogram_t, buckets) / sizeof(apr_uint64_t) + bucket, 1);
    add(stripe, histogram + offsetof(tmf_histogram_t, sum) / sizeof(apr_uint64_t),
        (apr_uint64_t)positive);
}

void tmf_metrics_request(tmf_metrics_t *metrics, tmf_operation_t operation, int status,
                         apr_interval_time_t duration)
{
    if (metrics != NULL) {
        stripe_t *stripe = own_stripe(metrics);

        add(stripe, WORD(requests) + operation * TMF_STATUSES + (size_t)tmf_status_index(status),
            1);
        observe(stripe, WORD(durations) + operation * WORDS(tmf_histogram_t), &tmf_duration_bounds,
                duration);
    }
}

void tmf_metrics_database_error(tmf_metrics_t *metrics, const char *code)
{
    if (metrics != NULL) {
        add(own_stripe(metrics), WORD(database_errors) + (size_t)tmf_database_error_index(code), 1);
    }
}

void tmf_metrics_batch(tmf_metrics_t *metrics, tmf_batch_t kind, int size)
{
    if (metrics != NULL) {
        observe(own_stripe(metrics), WORD(batches) + kind * WORDS(tmf_histogram_t),
                &tmf_batch_bounds, size);
    }
}

void tmf_metrics_lookup(tmf_metrics_t *metrics, tmf_lookup_t result)
{
    if (metrics != NULL) {
        add(own_stripe(metrics), WORD(lookups) + result, 1);
    }
}

void tmf_metrics_change(tmf_metrics_t *metrics, tmf_event_type_t type, int count)
{
    if (metrics != NULL) {
        add(own_stripe(metrics), WORD(changes) + type, (apr_uint64_t)count);
    }
}

void tmf_metrics_delivery(tmf_metrics_t *metrics, tmf_outcome_t outcome)
{
    if (metrics != NULL) {
        add(own_stripe(metrics), WORD(deliveries) + outcome, 1);
    }
}

void tmf_metrics_delivery_delay(tmf_metrics_t *metrics, apr_interval_time_t delay)
{
    if (metrics != NULL) {
        observe(own_stripe(metrics), WORD(delivery_delays), &tmf_delay_bounds, delay);
    }
}

void tmf_metrics_connection(tmf_metrics_t *metrics, tmf_connection_state_t state, int change)
{
    if (metrics != NULL && metrics->process != NULL) {
        atomic_fetch_add_explicit(&metrics->process->states[state], change, memory_order_relaxed);
    }
}

void tmf_metrics_connection_open(tmf_metrics_t *metrics, int change)
{
    if (metrics != NULL && metrics->process != NULL) {
        atomic_fetch_add_explicit(&metrics->process->open, change, memory_order_relaxed);
    }
}

/* ---- where it is kept ---- */

tmf_metrics_hosts_t *tmf_metrics_hosts_make(int processes, apr_pool_t *process_pool)
{
    tmf_metrics_hosts_t *hosts = apr_palloc(process_pool, sizeof(*hosts));

    hosts->hosts = apr_hash_make(process_pool);
    hosts->process_count = processes;
    hosts->pool = process_pool;
    return hosts;
}

static apr_status_t make_shared(shared_t **shared, int processes, apr_pool_t *process_pool)
{
    apr_shm_t *memory;
    apr_status_t status = apr_shm_create(
        &memory, CACHE_LINE + sizeof(shared_t) + (apr_size_t)processes * sizeof(process_t), NULL,
        process_pool);

    if (status == APR_SUCCESS) { /* zeros */
        *shared = (shared_t *)APR_ALIGN((apr_uintptr_t)apr_shm_baseaddr_get(memory),
                                        (apr_uintptr_t)CACHE_LINE);
        (*shared)->since = apr_time_now();
        tmf_minutes_begin(*shared, apr_time_now());
    }
    return status;
}

apr_status_t tmf_metrics_of_host(tmf_metrics_t **metrics, tmf_metrics_hosts_t *hosts,
                                 const char *identity)
{
    tmf_metrics_t *found = apr_hash_get(hosts->hosts, identity, APR_HASH_KEY_STRING);
    apr_status_t status = APR_SUCCESS;

    if (found == NULL) {
        found = apr_pcalloc(hosts->pool, sizeof(*found));
        found->process_count = hosts->process_count;
        status = make_shared(&found->shared, hosts->process_count, hosts->pool);
        if (status == APR_SUCCESS) {
            apr_hash_set(hosts->hosts, apr_pstrdup(hosts->pool, identity), APR_HASH_KEY_STRING,
                         found);
        }
    }
    *metrics = status == APR_SUCCESS ? found : NULL;
    return status;
}

static void clear(process_t *process)
{
    int state;

    atomic_store(&process->open, 0);
    for (state = 0; state < TMF_CONNECTIONS; state++) {
        atomic_store(&process->states[state], 0);
    }
    atomic_store(&process->id, 0);
}

static void left(const tmf_metrics_t *metrics, pid_t process)
{
    int i;

    for (i = 0; i < metrics->process_count; i++) {
        if (atomic_load(&metrics->shared->processes[i].id) == process) {
            clear(&metrics->shared->processes[i]);
        }
    }
}

void tmf_metrics_left(tmf_metrics_hosts_t *hosts, pid_t process)
{
    apr_hash_index_t *at;

    for (at = apr_hash_first(NULL, hosts->hosts); at != NULL; at = apr_hash_next(at)) {
        left(apr_hash_this_val(at), process);
    }
}

void tmf_metrics_enter(tmf_metrics_t *metrics)
{
    int i;

    for (i = 0; metrics != NULL && i < metrics->process_count && metrics->process == NULL; i++) {
        process_t *process = &metrics->shared->processes[i];
        apr_int64_t nobody = 0;

        if (atomic_compare_exchange_strong(&process->id, &nobody, getpid())) {
            metrics->process = process;
        }
    }
}

void tmf_metrics_tick(tmf_metrics_hosts_t *hosts, apr_time_t now)
{
    apr_hash_index_t *at;

    for (at = apr_hash_first(NULL, hosts->hosts); at != NULL; at = apr_hash_next(at)) {
        const tmf_metrics_t *metrics = apr_hash_this_val(at);

        tmf_minutes_tick(metrics->shared, now);
    }
}
