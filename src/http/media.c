/* SPDX-License-Identifier: Apache-2.0 */
#include "http/media.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *type;
    tmf_media_t media;
    tmf_patch_format_t format;
} readable[] = {
    {"application/json", TMF_MEDIA_JSON, TMF_FORMAT_MERGE_PATCH},
    {"application/json", TMF_MEDIA_PATCH, TMF_FORMAT_MERGE_PATCH},
    {"application/merge-patch+json", TMF_MEDIA_PATCH, TMF_FORMAT_MERGE_PATCH},
    {"application/json-patch+json", TMF_MEDIA_PATCH, TMF_FORMAT_JSON_PATCH},
    {"application/json-patch-query+json", TMF_MEDIA_PATCH, TMF_FORMAT_JSON_PATCH_QUERY},
};

const char *tmf_media_list(tmf_media_t media)
{
    return media == TMF_MEDIA_PATCH ? "application/merge-patch+json, application/json-patch+json, "
                                      "application/json-patch-query+json, application/json"
                                    : "application/json";
}

/* Is `name` what stands at `text`, up to a parameter, a comma or the end? */
static int is_named(const char *text, const char *name)
{
    size_t length = strlen(name);

    return strncasecmp(text, name, length) == 0 && strchr(" \t;,", text[length]) != NULL;
}

int tmf_media_is_readable(const char *content_type, tmf_media_t media, tmf_patch_format_t *format)
{
    size_t i;

    *format = TMF_FORMAT_MERGE_PATCH;
    if (content_type == NULL) {
        return 1;
    }
    content_type += strspn(content_type, " \t");
    for (i = 0; i < sizeof(readable) / sizeof(readable[0]); i++) {
        if (readable[i].media == media && is_named(content_type, readable[i].type)) {
            *format = readable[i].format;
            return 1;
        }
    }
    return 0;
}

/* The first of `stops` from `at` on, or `end`; what is within a quoted string does not count. */
static const char *find_unquoted(const char *at, const char *end, const char *stops)
{
    int quoted = 0;

    for (; at < end && (quoted || strchr(stops, *at) == NULL); at++) {
        if (*at == '"') {
            quoted = !quoted;
        } else if (quoted && *at == '\\' && at + 1 < end) {
            at++;
        }
    }
    return at;
}

/* Is the parameter from `at` to `end` spelled so, in any case? */
static int is_spelled(const char *at, const char *end, const char *parameter)
{
    size_t length = strlen(parameter);

    return (size_t)(end - at) == length && strncasecmp(at, parameter, length) == 0;
}

/* A weight of 0: `q=0`, `q=0.000`. */
static int is_zero_weight(const char *at, const char *end)
{
    at += strlen("q=0");
    at += at < end && *at == '.';
    return at + strspn(at, "0") >= end;
}

/* One range of an Accept. */
typedef struct {
    int has_unknown; /* a parameter that our JSON has not */
    int has_charset; /* the one that it has */
    int is_refused;  /* its weight is 0 */
} range_t;

/* The parameters of the range at `at`, up to its weight. */
static void read_parameters(range_t *range, const char *at, const char *end)
{
    memset(range, 0, sizeof(*range));
    for (at = find_unquoted(at, end, ";"); at < end; at = find_unquoted(at, end, ";")) {
        const char *last;

        at++;
        at += strspn(at, " \t");
        last = find_unquoted(at, end, ";");
        while (last > at && strchr(" \t", last[-1]) != NULL) {
            last--;
        }
        if (last - at >= 2 && strncasecmp(at, "q=", 2) == 0) {
            range->is_refused = strncasecmp(at, "q=0", 3) == 0 && is_zero_weight(at, last);
            return;
        }
        if (is_spelled(at, last, "charset=utf-8") || is_spelled(at, last, "charset=\"utf-8\"")) {
            range->has_charset = 1;
        } else if (last > at) {
            range->has_unknown = 1;
        }
    }
}

/* How exactly the range at `element` fits our JSON: 0 = not at all. One with a parameter that it
 * lacks refuses nothing of it, and asks for it where nothing fits better. */
static int specificity(const char *element, const range_t *range)
{
    static const char *const types[] = {"*/*", "application/*", "application/json"};
    int i;

    if (range->has_unknown && range->is_refused) {
        return 0;
    }
    for (i = 2; i >= 0; i--) {
        if (is_named(element, types[i])) {
            return 3 * i + 2 + (range->has_unknown ? -1 : range->has_charset);
        }
    }
    return 0;
}

int tmf_media_is_acceptable(const char *accept)
{
    int best = 0;
    int acceptable = 0;

    if (accept == NULL || accept[strspn(accept, " \t")] == '\0') {
        return 1;
    }
    while (*accept != '\0') {
        const char *element = accept + strspn(accept, " \t,");
        const char *end = find_unquoted(element, element + strlen(element), ",");
        range_t range;
        int fits;

        read_parameters(&range, element, end);
        fits = specificity(element, &range);
        if (fits > best) {
            best = fits;
            acceptable = !range.is_refused;
        }
        accept = end + (*end == ',');
    }
    return acceptable;
}
