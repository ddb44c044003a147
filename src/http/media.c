/* SPDX-License-Identifier: Apache-2.0 */
#include "http/media.h"

#include <ctype.h>
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

/* Does the media type have the parameter from `at` to `end`, in any case, quoted or not? */
static int has_parameter(const char *type, const char *at, const char *end)
{
    const char *own = type;

    while ((own = strchr(own, ';')) != NULL) {
        const char *given = at;

        own++;
        own += strspn(own, " \t");
        for (; given < end; given++) {
            if (*given == '"') {
                continue;
            }
            if (tolower((unsigned char)*given) != tolower((unsigned char)*own)) {
                break;
            }
            own++;
        }
        if (given == end && (*own == ';' || *own == '\0')) {
            return 1;
        }
    }
    return 0;
}

#define WEIGHT_MOST 1000

/* Thousandths, of what stands behind `q=`: from 0 to 1, else 1. */
static int weight(const char *at, const char *end)
{
    int unit = WEIGHT_MOST / 10;
    int sum = 0;

    if (at == end || *at++ != '0') {
        return WEIGHT_MOST;
    }
    at += at < end && *at == '.';
    for (; at < end && *at >= '0' && *at <= '9'; at++, unit /= 10) {
        sum += (*at - '0') * unit;
    }
    return at == end ? sum : WEIGHT_MOST;
}

/* One range of an Accept, as one of our types sees it. */
typedef struct {
    int has_unknown; /* a parameter that the type has not */
    int has_known;   /* one that it has */
    int weight;
} range_t;

/* The parameters of the range at `at`, up to its weight. */
static void read_parameters(range_t *range, const char *at, const char *end, const char *type)
{
    memset(range, 0, sizeof(*range));
    range->weight = WEIGHT_MOST;
    for (at = find_unquoted(at, end, ";"); at < end; at = find_unquoted(at, end, ";")) {
        const char *last;

        at++;
        at += strspn(at, " \t");
        last = find_unquoted(at, end, ";");
        while (last > at && strchr(" \t", last[-1]) != NULL) {
            last--;
        }
        if (last - at >= 2 && strncasecmp(at, "q=", 2) == 0) {
            range->weight = weight(at + 2, last);
            return;
        }
        if (has_parameter(type, at, last)) {
            range->has_known = 1;
        } else if (last > at) {
            range->has_unknown = 1;
        }
    }
}

/* Is what stands at `element` the first `length` bytes of the type, and then `rest`? */
static int is_range(const char *element, const char *type, size_t length, const char *rest)
{
    return strncasecmp(element, type, length) == 0 && is_named(element + length, rest);
}

/* How exactly the range at `element` fits the type: 0 = not at all. One with a parameter that it
 * lacks refuses nothing of it, and asks for it where nothing fits better. */
static int specificity(const char *element, const range_t *range, const char *type)
{
    int exactness = range->has_unknown ? -1 : range->has_known;

    if (range->has_unknown && range->weight == 0) {
        return 0;
    }
    if (is_range(element, type, strcspn(type, "; \t"), "")) {
        return 8 + exactness;
    }
    if (is_range(element, type, strcspn(type, "/"), "/*")) {
        return 5 + exactness;
    }
    return is_named(element, "*/*") ? 2 + exactness : 0;
}

/* How much a type is preferred: by its weight, and among equals by how exactly the Accept names it
 * (specificity is below 16); 0 = it is not admitted. */
static int preference_of(const char *accept, const char *type)
{
    int best = 0;
    int found = 0;

    while (*accept != '\0') {
        const char *element = accept + strspn(accept, " \t,");
        const char *end = find_unquoted(element, element + strlen(element), ",");
        range_t range;
        int fits;

        read_parameters(&range, element, end, type);
        fits = specificity(element, &range, type);
        if (fits > best) {
            best = fits;
            found = range.weight;
        }
        accept = end + (*end == ',');
    }
    return found == 0 ? 0 : 16 * found + best;
}

int tmf_media_choose(const char *accept, const char *const *types)
{
    int most = 0;
    int best = -1;
    int i;

    if (accept == NULL || accept[strspn(accept, " \t")] == '\0') {
        return 0;
    }
    for (i = 0; types[i] != NULL; i++) {
        int found = preference_of(accept, types[i]);

        if (found > most) {
            most = found;
            best = i;
        }
    }
    return best;
}
