/* SPDX-License-Identifier: Apache-2.0 */
/* Media types (src/api/README.md §2, "Media types"). Pure. */
#ifndef TMF_HTTP_MEDIA_H
#define TMF_HTTP_MEDIA_H

#include "api/api.h"

/* What a route reads. */
typedef enum {
    TMF_MEDIA_NONE, /* no body */
    TMF_MEDIA_JSON, /* application/json */
    TMF_MEDIA_PATCH /* application/json, which is a merge patch then, and the three for patches */
} tmf_media_t;

/* May a body of this Content-Type (NULL = absent, read as JSON) be read as `media`, and as which
 * format of a patch? Parameters and case do not matter. */
int tmf_media_is_readable(const char *content_type, tmf_media_t media, tmf_patch_format_t *format);

/* The value of Accept-Post or Accept-Patch. */
const char *tmf_media_list(tmf_media_t media);

/* Which of these media types (with their parameters; NULL ends them) does an Accept header (NULL =
 * absent) prefer? Of several with one weight the one that it names most exactly, else the first; -1
 * when it admits none. RFC 9110 §12.5.1: the most specific range that fits a type decides its
 * weight, and a weight of 0 refuses it. A range with a parameter that the type lacks refuses
 * nothing of it, and admits it where no other range fits better. */
int tmf_media_choose(const char *accept, const char *const *types);

#endif
