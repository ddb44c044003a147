/* SPDX-License-Identifier: Apache-2.0 */
#include "api/precondition.h"

#include <string.h>

#include <apr_strings.h>

typedef struct {
    int any;  /* `*` */
    int weak; /* `W/` stands before it */
    const char *opaque;
    apr_size_t length; /* of opaque, without a suffix of a compressing filter */
} etag_t;

const char *tmf_etag_make(apr_int64_t revision, apr_pool_t *result_pool)
{
    return apr_psprintf(result_pool, "\"%" APR_INT64_T_FMT "\"", revision);
}

static apr_size_t without_suffix(const char *opaque, apr_size_t length)
{
    static const char *const suffixes[] = {"-gzip", "-br"};
    apr_size_t i;

    for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        apr_size_t suffix = strlen(suffixes[i]);

        if (length > suffix && memcmp(opaque + length - suffix, suffixes[i], suffix) == 0) {
            return length - suffix;
        }
    }
    return length;
}

/* Reads the next tag of a list and moves past it; 0 at the end and where the list is broken. */
static int next_etag(const char **at, etag_t *etag)
{
    const char *end;

    *at += strspn(*at, " \t,");
    memset(etag, 0, sizeof(*etag));
    if (**at == '*') {
        etag->any = 1;
        (*at)++;
        return 1;
    }
    if (strncmp(*at, "W/", 2) == 0) {
        etag->weak = 1;
        *at += 2;
    }
    if (**at != '"' || (end = strchr(*at + 1, '"')) == NULL) {
        return 0;
    }
    etag->opaque = *at + 1;
    etag->length = without_suffix(etag->opaque, (apr_size_t)(end - etag->opaque));
    *at = end + 1;
    return 1;
}

/* The revision that a tag stands for; 0 = none that we ever made. */
static apr_int64_t revision_of(const etag_t *etag)
{
    char digits[20];

    if (etag->length == 0 || etag->length >= sizeof(digits) || etag->opaque[0] == '0' ||
        strspn(etag->opaque, "0123456789") < etag->length) {
        return 0;
    }
    apr_cpystrn(digits, etag->opaque, etag->length + 1);
    return apr_atoi64(digits);
}

int tmf_etag_matches(const char *header, apr_int64_t revision, int weak)
{
    etag_t etag;

    while (next_etag(&header, &etag)) {
        if (etag.any || (revision_of(&etag) == revision && (weak || !etag.weak))) {
            return 1;
        }
    }
    return 0;
}

int tmf_etag_is_listed(const char *header, const char *tag, int weak)
{
    const apr_size_t length = strlen(tag) - 2; /* without the quotes */
    etag_t etag;

    while (next_etag(&header, &etag)) {
        if (etag.any || ((weak || !etag.weak) && etag.length == length &&
                         memcmp(etag.opaque, tag + 1, length) == 0)) {
            return 1;
        }
    }
    return 0;
}

tmf_error_t *tmf_precondition_check(const char *if_match, const char *if_none_match,
                                    apr_int64_t revision, apr_pool_t *result_pool)
{
    if (if_match != NULL && !tmf_etag_matches(if_match, revision, 0)) {
        return tmf_error_make(result_pool, TMF_ERROR_PRECONDITION_FAILED,
                              "If-Match does not name the customer's current ETag: read it again");
    }
    if (if_none_match != NULL && tmf_etag_matches(if_none_match, revision, 1)) {
        return tmf_error_make(result_pool, TMF_ERROR_PRECONDITION_FAILED,
                              "If-None-Match names the customer's current ETag");
    }
    return NULL;
}
