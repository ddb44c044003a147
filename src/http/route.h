/* SPDX-License-Identifier: Apache-2.0 */
/* Which path and method leads to which endpoint. */
#ifndef TMF_HTTP_ROUTE_H
#define TMF_HTTP_ROUTE_H

#include "api/api.h"
#include "http/media.h"

typedef struct {
    const char *collection; /* first segment below B; "" for B itself */
    int has_id;             /* a second segment follows */
    const char *part;       /* a third one, this; NULL = none */
    int method;             /* M_GET (HEAD too), M_POST, … */
    tmf_media_t media;      /* of the body */
    tmf_api_fn *handler;
} tmf_route_t;

typedef struct {
    const tmf_route_t *route; /* NULL when the path or the method has none */
    const char *id;           /* the second segment, NULL = none */
    const char *allow; /* the methods of this path, for Allow; NULL when there is no such path */
    tmf_media_t post;  /* media of this path's POST and PATCH; TMF_MEDIA_NONE = no such method */
    tmf_media_t patch;
    int is_history; /* the path is that of a history */
} tmf_match_t;

/* Looks up the decoded path below B (`/customer/42`). Repeated slashes count as one and a trailing
 * one does not count (src/api/README.md §2). */
void tmf_route_find(tmf_match_t *match, const char *path, int method, apr_pool_t *result_pool);

#endif
