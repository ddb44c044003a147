/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entity tags and conditional requests (RFC 9110 §8.8.3, §13). Our tag is the customer's revision
 * in quotes: strong, and never used twice.
 */
#ifndef TMF_API_PRECONDITION_H
#define TMF_API_PRECONDITION_H

#include "error.h"

/* The tag of a revision: `"42"`. */
const char *tmf_etag_make(apr_int64_t revision, apr_pool_t *result_pool);

/* Does the list of tags in a header's text contain `*` or the tag of `revision`? `weak`: `W/` does
 * not matter (If-None-Match), else a tag with it never matches (If-Match). The suffixes -gzip and
 * -br that mod_deflate and mod_brotli put inside the quotes do not matter. Text that is no list of
 * tags matches nothing from where it is broken. */
int tmf_etag_matches(const char *header, apr_int64_t revision, int weak);

/* The same for a tag that is no revision's, given with its quotes. */
int tmf_etag_is_listed(const char *header, const char *tag, int weak);

/* For a write: TMF_ERROR_PRECONDITION_FAILED unless both headers (NULL = absent) let it happen to a
 * customer of `revision`. */
tmf_error_t *tmf_precondition_check(const char *if_match, const char *if_none_match,
                                    apr_int64_t revision, apr_pool_t *result_pool);

#endif
