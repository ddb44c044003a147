/* SPDX-License-Identifier: Apache-2.0 */
/* Which path and method leads to which endpoint. */
#ifndef TMF_HTTP_ROUTE_H
#define TMF_HTTP_ROUTE_H

#include "api/api.h"
#include "config/config.h"
#include "http/media.h"
#include "metrics/metrics.h"

typedef struct {
    const char *collection; /* first segment below B; "" for B itself */
    int has_id;             /* a second segment follows */
    const char *part;       /* a third one, this; NULL = none */
    int method;             /* M_GET (HEAD too), M_POST, … */
    tmf_media_t media;      /* of the body */
    tmf_api_fn *handler;
    const char *const *offers; /* what a reply can be, the most usual first; NULL ends them */
    int is_local;              /* answered also where there is no database */
    int needs_history;         /* there only where TMFCustomerHistory is On */
    tmf_operation_t operation; /* that it is counted as */
} tmf_route_t;

/* The paths of one of our handlers. */
typedef struct {
    tmf_handler_t handler;
    const tmf_route_t *routes;
    apr_size_t count;
    const char *no_such_path; /* for whoever asks for another one */
} tmf_routes_t;

/* Of a route whose replies are JSON. */
extern const char *const tmf_route_json[];

/* Those of the API. */
extern const tmf_routes_t tmf_api_routes;

typedef struct {
    const tmf_route_t *route; /* NULL when the path or the method has none */
    const char *id;           /* the second segment, NULL = none */
    const char *allow; /* the methods of this path, for Allow; NULL when there is no such path */
    tmf_media_t post;  /* media of this path's POST and PATCH; TMF_MEDIA_NONE = no such method */
    tmf_media_t patch;
} tmf_match_t;

/* What a request that was found so is counted as. */
tmf_operation_t tmf_match_operation(const tmf_match_t *match);

/* Looks up the decoded path below the base (`/customer/42`). Repeated slashes count as one and a
 * trailing one does not count (src/api/README.md §2). `keeps_history`: the host has the routes that
 * need one. */
void tmf_route_find(tmf_match_t *match, const tmf_routes_t *routes, const char *path, int method,
                    int keeps_history, apr_pool_t *result_pool);

#endif
