/* SPDX-License-Identifier: Apache-2.0 */
#include "config/parse.h"

#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "config/settings.h"

typedef struct {
    const char *name;
    apr_int64_t size;
} unit_t;

static const unit_t no_units[] = {{"", 1}, {NULL, 0}};

static const unit_t time_units[] = {
    {"", APR_USEC_PER_SEC},
    {"ms", 1000},
    {"s", APR_USEC_PER_SEC},
    {"min", 60 * APR_USEC_PER_SEC},
    {"h", 3600 * APR_USEC_PER_SEC},
    {"d", 24 * 3600 * APR_USEC_PER_SEC},
    {NULL, 0},
};

/* Reads digits and a unit at `text`, and moves it behind them; 0 when there are none, or too many.
 */
static int read_amount(const char **text, const unit_t *units, apr_int64_t *amount)
{
    const char *at = *text;
    apr_size_t letters = 0;

    for (*amount = 0; apr_isdigit(*at) && at - *text < 12; at++) {
        *amount = *amount * 10 + (*at - '0');
    }
    while (apr_isalpha(at[letters])) {
        letters++;
    }
    while (units->name != NULL &&
           (strncmp(units->name, at, letters) != 0 || units->name[letters] != '\0')) {
        units++;
    }
    if (at == *text || units->name == NULL || *amount > APR_INT64_MAX / units->size) {
        return 0;
    }
    *amount *= units->size;
    *text = at + letters;
    return 1;
}

static int is_within(const char *text, const char *range, const unit_t *units, apr_int64_t *amount)
{
    apr_int64_t least = 0;
    apr_int64_t most = 0;
    const char *word = strstr(range, ", or ");

    if (word != NULL && strcasecmp(text, word + strlen(", or ")) == 0) {
        *amount = 0;
        return 1;
    }
    read_amount(&range, units, &least);
    range += strlen(" to ");
    read_amount(&range, units, &most);
    return read_amount(&text, units, amount) && *text == '\0' && *amount >= least &&
           *amount <= most;
}

const char *tmf_parse_number(void *place, const char *text, const char *range, apr_pool_t *pool)
{
    apr_int64_t amount;

    if (!is_within(text, range, no_units, &amount)) {
        return apr_psprintf(pool, "takes a whole number from %s, not '%s'", range, text);
    }
    *(int *)place = (int)amount;
    return NULL;
}

const char *tmf_parse_duration(void *place, const char *text, const char *range, apr_pool_t *pool)
{
    apr_int64_t amount;

    if (!is_within(text, range, time_units, &amount)) {
        return apr_psprintf(
            pool, "takes a duration from %s, a whole number with ms, s, min, h or d, not '%s'",
            range, text);
    }
    *(apr_interval_time_t *)place = amount;
    return NULL;
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

const char *tmf_parse_base_url(void *place, const char *text, const char *range, apr_pool_t *pool)
{
    tmf_base_url_t *url = apr_palloc(pool, sizeof(*url));
    apr_uri_t parts;
    apr_size_t length = strlen(text);

    (void)range;
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
    url->text = apr_pstrmemdup(pool, text, length);
    url->is_whole = parts.path != NULL && strspn(parts.path, "/") < strlen(parts.path);
    *(tmf_base_url_t **)place = url;
    return NULL;
}

const char *tmf_parse_flag(void *place, const char *text, const char *range, apr_pool_t *pool)
{
    int is_on = strcasecmp(text, "On") == 0;

    (void)range;
    (void)pool;
    *(int *)place = is_on;
    return is_on || strcasecmp(text, "Off") == 0 ? NULL : "must be On or Off";
}

const char *tmf_parse_credit_profile(void *place, const char *text, const char *range,
                                     apr_pool_t *pool)
{
    int is_current = strcasecmp(text, "current") == 0;

    (void)range;
    *(int *)place = is_current ? TMF_CREDIT_PROFILE_CURRENT : TMF_CREDIT_PROFILE_ALL;
    return is_current || strcasecmp(text, "all") == 0
               ? NULL
               : apr_psprintf(pool, "takes 'all' or 'current', not '%s'", text);
}
