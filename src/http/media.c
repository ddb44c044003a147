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

/* The end of one element of a comma list; commas in quoted strings do not count. */
static const char *end_of_element(const char *at)
{
    int quoted = 0;

    for (; *at != '\0' && (quoted || *at != ','); at++) {
        if (*at == '"') {
            quoted = !quoted;
        } else if (quoted && *at == '\\' && at[1] != '\0') {
            at++;
        }
    }
    return at;
}

/* Has the element a weight of 0 (`q=0`, `q=0.000`)? */
static int is_refused(const char *element, const char *end)
{
    const char *at;

    for (at = memchr(element, ';', (size_t)(end - element)); at != NULL;
         at = memchr(at, ';', (size_t)(end - at))) {
        at++;
        at += strspn(at, " \t");
        if (strncasecmp(at, "q=0", 3) == 0) {
            at += 3;
            at += *at == '.';
            at += strspn(at, "0");
            return at >= end || strchr(" \t;,", *at) != NULL;
        }
    }
    return 0;
}

/* How exactly the range at `element` fits application/json: 0 = not at all. */
static int specificity(const char *element)
{
    static const char *const ranges[] = {"*/*", "application/*", "application/json"};
    int i;

    for (i = 2; i >= 0; i--) {
        if (is_named(element, ranges[i])) {
            return i + 1;
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
        const char *end = end_of_element(element);
        int fits = specificity(element);

        if (fits > best) {
            best = fits;
            acceptable = !is_refused(element, end);
        }
        accept = end + (*end == ',');
    }
    return acceptable;
}
