/* SPDX-License-Identifier: Apache-2.0 */
#include "http/route.h"

#include <string.h>

#include <apr_strings.h>

static const tmf_route_t routes[] = {
    {"", 0, NULL, M_GET, TMF_MEDIA_NONE, tmf_api_entry_point},
    {"customer", 0, NULL, M_GET, TMF_MEDIA_NONE, tmf_api_customer_list},
    {"customer", 0, NULL, M_POST, TMF_MEDIA_JSON, tmf_api_customer_create},
    {"customer", 1, NULL, M_GET, TMF_MEDIA_NONE, tmf_api_customer_get},
    {"customer", 1, NULL, M_PATCH, TMF_MEDIA_PATCH, tmf_api_customer_patch},
    {"customer", 1, NULL, M_PUT, TMF_MEDIA_JSON, tmf_api_customer_replace},
    {"customer", 1, NULL, M_DELETE, TMF_MEDIA_NONE, tmf_api_customer_delete},
    {"customer", 1, "history", M_GET, TMF_MEDIA_NONE, tmf_api_customer_history},
    {"hub", 0, NULL, M_GET, TMF_MEDIA_NONE, tmf_api_hub_list},
    {"hub", 0, NULL, M_POST, TMF_MEDIA_JSON, tmf_api_hub_create},
    {"hub", 1, NULL, M_GET, TMF_MEDIA_NONE, tmf_api_hub_get},
    {"hub", 1, NULL, M_DELETE, TMF_MEDIA_NONE, tmf_api_hub_delete},
    {"openapi.json", 0, NULL, M_GET, TMF_MEDIA_NONE, tmf_api_not_implemented},
};

/* Cuts the next segment off the path; NULL when there is none. */
static const char *next_segment(const char **path, apr_pool_t *pool)
{
    const char *start = *path + strspn(*path, "/");
    apr_size_t length = strcspn(start, "/");

    *path = start + length;
    return length > 0 ? apr_pstrmemdup(pool, start, length) : NULL;
}

static const char *method_name(int method)
{
    switch (method) {
    case M_GET:
        return "GET, HEAD";
    case M_POST:
        return "POST";
    case M_PATCH:
        return "PATCH";
    case M_PUT:
        return "PUT";
    default:
        return "DELETE";
    }
}

static void add_route(tmf_match_t *match, const tmf_route_t *route, int method, apr_pool_t *pool)
{
    match->allow = match->allow == NULL
                       ? method_name(route->method)
                       : apr_pstrcat(pool, match->allow, ", ", method_name(route->method), NULL);
    if (route->method == M_POST) {
        match->post = route->media;
    }
    if (route->method == M_PATCH) {
        match->patch = route->media;
    }
    if (route->method == method) {
        match->route = route;
    }
    match->is_history = route->handler == tmf_api_customer_history;
}

static int is_at(const tmf_route_t *route, const char *collection, const tmf_match_t *match,
                 const char *part)
{
    return strcmp(route->collection, collection) == 0 && route->has_id == (match->id != NULL) &&
           (route->part == NULL ? part == NULL : part != NULL && strcmp(route->part, part) == 0);
}

void tmf_route_find(tmf_match_t *match, const char *path, int method, apr_pool_t *result_pool)
{
    const char *collection = next_segment(&path, result_pool);
    const char *part;
    apr_size_t i;

    memset(match, 0, sizeof(*match));
    match->id = next_segment(&path, result_pool);
    part = next_segment(&path, result_pool);
    if (next_segment(&path, result_pool) != NULL) {
        return;
    }
    if (collection == NULL) {
        collection = "";
    }
    for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (is_at(&routes[i], collection, match, part)) {
            add_route(match, &routes[i], method, result_pool);
        }
    }
    if (match->allow != NULL) {
        match->allow = apr_pstrcat(result_pool, match->allow, ", OPTIONS", NULL);
    }
}
