/* SPDX-License-Identifier: Apache-2.0 */
/* Pure parsers of directive arguments, all of one shape: they put what `text` says into `place`,
 * where `pool` owns what is pointed to, and return NULL, or a message that says what would be
 * right; httpd puts the directive's name and place before it.
 *
 * A range is a text as its readers see it: "1 to 1000", "100ms to 1h", or "1s to 365d, or forever",
 * where the word stands for 0. The others need none. */
#ifndef TMF_CONFIG_PARSE_H
#define TMF_CONFIG_PARSE_H

#include <apr_pools.h>

typedef const char *tmf_parse_fn(void *place, const char *text, const char *range,
                                 apr_pool_t *pool);

/* An int: a whole number. */
tmf_parse_fn tmf_parse_number;

/* An apr_interval_time_t: a whole number with ms, s, min, h or d; without a unit, seconds. */
tmf_parse_fn tmf_parse_duration;

/* A tmf_base_url_t * (settings.h): an absolute http or https URL without user, query and fragment.
 */
tmf_parse_fn tmf_parse_base_url;

/* An int: 1 for On, 0 for Off. */
tmf_parse_fn tmf_parse_flag;

/* An int of tmf_credit_profile_t: all or current. */
tmf_parse_fn tmf_parse_credit_profile;

#endif
