/* SPDX-License-Identifier: Apache-2.0 */
/* How it lies in shared memory; README.md has the design. Internal to metrics/. */
#ifndef TMF_METRICS_SHARED_H
#define TMF_METRICS_SHARED_H

#include <stdatomic.h>

#include "metrics/metrics.h"

#define STRIPES     16
#define CACHE_LINE  64
#define SAMPLES     (TMF_MINUTES + 1)
#define ALIGNED     __attribute__((aligned(CACHE_LINE)))
#define WORDS(type) (sizeof(type) / sizeof(apr_uint64_t))

typedef struct {
    _Atomic apr_uint64_t words[WORDS(tmf_totals_t)];
} ALIGNED stripe_t;

typedef struct {
    _Atomic apr_int64_t id; /* of the process; 0 = free */
    _Atomic apr_int64_t open;
    _Atomic apr_int64_t states[TMF_CONNECTIONS];
} ALIGNED process_t;

/* What of the totals the last hour has. */
typedef struct {
    tmf_request_sums_t requests;
    apr_uint64_t changes;
    apr_uint64_t deliveries;
    apr_uint64_t failed_deliveries;
} sums_t;

typedef struct {
    _Atomic apr_int64_t at; /* 0 = it is being written */
    _Atomic apr_uint64_t words[WORDS(sums_t)];
} sample_t;

typedef struct {
    stripe_t stripes[STRIPES];
    sample_t samples[SAMPLES];
    _Atomic apr_uint64_t taken; /* samples, the first one when counting began */
    apr_time_t since;           /* counting began */
    process_t processes[];
} shared_t;

/* In the memory of each process. */
struct tmf_metrics_t {
    shared_t *shared;
    int process_count;
    process_t *process; /* the row of this one; NULL = it has none */
};

/* Begins the first minute. */
void tmf_minutes_begin(shared_t *shared, apr_time_t now);

/* Begins a new one when `now` is in another. */
void tmf_minutes_tick(shared_t *shared, apr_time_t now);

#endif
