/* SPDX-License-Identifier: Apache-2.0 */
#include "store/number.h"

#include <apr_strings.h>

const char *tmf_number_text(apr_int64_t number, apr_pool_t *result_pool)
{
    return apr_psprintf(result_pool, "%" APR_INT64_T_FMT, number);
}

const char *tmf_interval_text(apr_interval_time_t interval, apr_pool_t *result_pool)
{
    return apr_psprintf(result_pool, "%" APR_TIME_T_FMT " microseconds", interval);
}

const char *tmf_kept_for_text(apr_interval_time_t kept_for, apr_pool_t *result_pool)
{
    return kept_for > 0 ? tmf_interval_text(kept_for, result_pool) : NULL;
}
