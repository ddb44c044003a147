/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds of histograms, statuses and codes that are told apart. Internal to metrics/. */
#ifndef TMF_METRICS_TABLES_H
#define TMF_METRICS_TABLES_H

#include "metrics/metrics.h"

/* The upper bounds of a histogram's buckets but for the last, which has none. */
typedef struct {
    int count;               /* less than TMF_HISTOGRAM_BUCKETS */
    const char *const *text; /* of each bound, as the label `le` */
    const apr_int64_t *most; /* the same: in microseconds, or in what is counted */
} tmf_bounds_t;

extern const tmf_bounds_t tmf_duration_bounds;
extern const tmf_bounds_t tmf_delay_bounds;
extern const tmf_bounds_t tmf_batch_bounds;

/* The bucket that an observation belongs to. */
int tmf_bounds_find(const tmf_bounds_t *bounds, apr_int64_t value);

/* The index of a status or code; 0 = it is one of the others. */
int tmf_status_index(int status);
int tmf_database_error_index(const char *code);

#endif
