/* SPDX-License-Identifier: Apache-2.0 */
/* Pure parsers of directive arguments. Each returns NULL, or a message that says what would be
 * right; httpd puts the directive's name and place before it. */
#ifndef TMF_CONFIG_PARSE_H
#define TMF_CONFIG_PARSE_H

#include <apr_pools.h>
#include <apr_time.h>

/* A whole number from `least` to `most`. */
const char *tmf_parse_number(apr_pool_t *pool, const char *text, int least, int most, int *number);

/* What a duration may be. */
typedef struct {
    apr_interval_time_t least;
    apr_interval_time_t most;
    const char *text; /* "from 100ms to 1h" */
} tmf_duration_range_t;

/* A duration: a whole number with ms, s, min, h or d; without a unit, seconds. */
const char *tmf_parse_duration(apr_pool_t *pool, const char *text,
                               const tmf_duration_range_t *range, apr_interval_time_t *duration);

/* An absolute http or https URL without user, query and fragment. `url` is the text without
 * trailing slashes; `has_path` tells whether anything follows the host and port. */
const char *tmf_parse_base_url(apr_pool_t *pool, const char *text, const char **url, int *has_path);

#endif
