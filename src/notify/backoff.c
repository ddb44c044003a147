/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/backoff.h"

#include <string.h>

#include <apr_date.h>
#include <apr_strings.h>

apr_interval_time_t tmf_backoff_pause(const apr_array_header_t *schedule, int failures,
                                      apr_uint32_t random)
{
    int entry = failures <= schedule->nelts ? failures - 1 : schedule->nelts - 1;
    apr_interval_time_t pause = APR_ARRAY_IDX(schedule, entry < 0 ? 0 : entry, apr_interval_time_t);

    return pause - pause / 5 * (random % 1000) / 1000;
}

apr_interval_time_t tmf_backoff_retry_after(const char *header, apr_time_t now)
{
    apr_interval_time_t pause;

    if (header == NULL || *header == '\0') {
        return 0;
    }
    if (strspn(header, "0123456789") == strlen(header)) {
        pause = strlen(header) > 6 ? TMF_RETRY_AFTER_MOST : apr_time_from_sec(apr_atoi64(header));
    } else {
        apr_time_t date = apr_date_parse_http(header);

        if (date == APR_DATE_BAD) {
            return 0;
        }
        pause = date - now;
    }
    pause = pause < TMF_RETRY_AFTER_LEAST ? TMF_RETRY_AFTER_LEAST : pause;
    return pause > TMF_RETRY_AFTER_MOST ? TMF_RETRY_AFTER_MOST : pause;
}
