/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of numbers, for parameters that a statement casts to bigint or interval. */
#ifndef TMF_STORE_NUMBER_H
#define TMF_STORE_NUMBER_H

#include <apr_pools.h>
#include <apr_time.h>

/* "42" */
const char *tmf_number_text(apr_int64_t number, apr_pool_t *result_pool);
/* "42 microseconds" */
const char *tmf_interval_text(apr_interval_time_t interval, apr_pool_t *result_pool);
/* The same of how long something is kept; NULL for 0, which is for ever. */
const char *tmf_kept_for_text(apr_interval_time_t kept_for, apr_pool_t *result_pool);

#endif
