/* SPDX-License-Identifier: Apache-2.0 */
#include "config/parse.h"

#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

/* Reads the digits at `text`; 0 when there are none or too many. */
static int read_digits(const char *text, const char **end, apr_int64_t *number)
{
    const char *at = text;

    *number = 0;
    while (apr_isdigit(*at) && at - text < 12) {
        *number = *number * 10 + (*at - '0');
        at++;
    }
    *end = at;
    return at > text;
}

const char *tmf_parse_number(apr_pool_t *pool, const char *text, int least, int most, int *number)
{
    const char *end;
    apr_int64_t value;

    if (!read_digits(text, &end, &value) || *end != '\0' || value < least || value > most) {
        return apr_psprintf(pool, "takes a whole number from %d to %d, not '%s'", least, most,
                            text);
    }
    *number = (int)value;
    return NULL;
}

const char *tmf_parse_duration(apr_pool_t *pool, const char *text,
                               const tmf_duration_range_t *range, apr_interval_time_t *duration)
{
    static const struct {
        const char *name;
        apr_interval_time_t length;
    } units[] = {
        {"", APR_USEC_PER_SEC},         {"ms", 1000},
        {"s", APR_USEC_PER_SEC},        {"min", 60 * APR_USEC_PER_SEC},
        {"h", 3600 * APR_USEC_PER_SEC}, {"d", 24 * 3600 * APR_USEC_PER_SEC},
    };
    const char *unit;
    apr_int64_t value;
    apr_size_t i;

    for (i = 0; read_digits(text, &unit, &value) && i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i].name) == 0 && value <= range->most / units[i].length &&
            value * units[i].length >= range->least) {
            *duration = value * units[i].length;
            return NULL;
        }
    }
    return apr_psprintf(pool,
                        "takes a duration %s, a whole number with ms, s, min, h or d, not '%s'",
                        range->text, text);
}

static int is_web_scheme(const char *scheme)
{
    return scheme != NULL && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
}

/* Printable ASCII without what a JSON string or a header would have to escape. */
static int is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if (!apr_isgraph(*text) || strchr("\"\\<>^`{|}", *text) != NULL) {
            return 0;
        }
    }
    return 1;
}

static int is_port(const char *text)
{
    return strspn(text, "0123456789") == strlen(text) && strlen(text) <= 5 && atoi(text) >= 1 &&
           atoi(text) <= 65535;
}

const char *tmf_parse_base_url(apr_pool_t *pool, const char *text, const char **url, int *has_path)
{
    apr_uri_t parts;
    apr_size_t length = strlen(text);

    if (!is_plain(text) || apr_uri_parse(pool, text, &parts) != APR_SUCCESS ||
        !is_web_scheme(parts.scheme) || parts.hostname == NULL || *parts.hostname == '\0' ||
        (parts.port_str != NULL && !is_port(parts.port_str)) || parts.user != NULL ||
        parts.query != NULL || parts.fragment != NULL) {
        return apr_psprintf(pool,
                            "takes an absolute http or https URL without user, query and fragment, "
                            "such as https://api.example.com, not '%s'",
                            text);
    }
    while (text[length - 1] == '/') {
        length--;
    }
    *url = apr_pstrmemdup(pool, text, length);
    *has_path = parts.path != NULL && strspn(parts.path, "/") < strlen(parts.path);
    return NULL;
}
