/* SPDX-License-Identifier: Apache-2.0 */
/* How long a listener that fails is left alone. Pure. */
#ifndef TMF_NOTIFY_BACKOFF_H
#define TMF_NOTIFY_BACKOFF_H

#include <apr_tables.h>
#include <apr_time.h>

/* What a listener may ask for with Retry-After: not less, not more. */
#define TMF_RETRY_AFTER_LEAST (1 * APR_USEC_PER_SEC)
#define TMF_RETRY_AFTER_MOST  (3600 * APR_USEC_PER_SEC)

/* The pause after the `failures`th failure in a row (1…): that entry of `schedule` (array of
 * apr_interval_time_t, not empty), the last one from there on, and up to a fifth less, by `random`
 * (any number), so that listeners that failed together are not tried together. */
apr_interval_time_t tmf_backoff_pause(const apr_array_header_t *schedule, int failures,
                                      apr_uint32_t random);

/* Reads Retry-After (RFC 9110 §10.2.3), seconds or an HTTP date, within the bounds above; 0 when
 * `header` is NULL or neither. */
apr_interval_time_t tmf_backoff_retry_after(const char *header, apr_time_t now);

#endif
