/* SPDX-License-Identifier: Apache-2.0 */
/* A clock for waiting: microseconds that only move forward, the same for all processes of a
 * machine. Leases, pauses and ages must not follow when somebody sets the time of day. */
#ifndef TMF_MODEL_CLOCK_H
#define TMF_MODEL_CLOCK_H

#include <time.h>

#include <apr_time.h>

/* Since some moment of the past; never 0. */
static inline apr_time_t tmf_clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (apr_time_t)now.tv_sec * APR_USEC_PER_SEC + now.tv_nsec / 1000 + 1;
}

#endif
