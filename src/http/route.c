/* SPDX-License-Identifier: Apache-2.0 */
#include "http/route.h"

#include <string.h>

#include <apr_strings.h>

#include "http/http.h"

const char *const tmf_route_json[] = {TMF_CONTENT_TYPE, NULL};

static const tmf_route_t api_routes[] = {
    {"", 0, NULL, M_GET, TMF_MEDIA_NONE, tmf_api_entry_point, tmf_route_json, 0, 0,
     TMF_OPERATION_ENTRY_POINT},
    {"customer", 0, NULL, M_GET, TMF_MEDIA_NONE, tmf_api_customer_list, tmf_route_json, 0, 0,
     TMF_OPERATION_LIST_CUSTOMER},
    {"customer", 0, NULL, M_POST, TMF_MEDIA_JSON, tmf_api_customer_create, tmf_route_json, 0, 0,
     TMF_OPERATION_CREATE_CUSTOMER},
    {"customer", 1, NULL, M_GET, TMF_MEDIA_NONE, tmf_api_customer_get, tmf_route_json, 0, 0,
     TMF_OPERATION_RETRIEVE_CUSTOMER},
    {"customer", 1, NULL, M_PATCH, TMF_MEDIA_PATCH, tmf_api_customer_patch, tmf_route_json, 0, 0,
     TMF_OPERATION_PATCH_CUSTOMER},
    {"customer", 1, NULL, M_PUT, TMF_MEDIA_JSON, tmf_api_customer_replace, tmf_route_json, 0, 0,
     TMF_OPERATION_REPLACE_CUSTOMER},
    {"customer", 1, NULL, M_DELETE, TMF_MEDIA_NONE, tmf_api_customer_delete, tmf_route_json, 0, 0,
     TMF_OPERATION_DELETE_CUSTOMER},
    {"customer", 1, "history", M_GET, TMF_MEDIA_NONE, tmf_api_customer_history, tmf_route_json, 0,
     1, TMF_OPERATION_LIST_CUSTOMER_HISTORY},
    {"hub", 0, NULL, M_GET, TMF_MEDIA_NONE, tmf_api_hub_list, tmf_route_json, 0, 0,
     TMF_OPERATION_LIST_HUB},
    {"hub", 0, NULL, M_POST, TMF_MEDIA_JSON, tmf_api_hub_create, tmf_route_json, 0, 0,
     TMF_OPERATION_CREATE_HUB},
    {"hub", 1, NULL, M_GET, TMF_MEDIA_NONE, tmf_api_hub_get, tmf_route_json, 0, 0,
     TMF_OPERATION_RETRIEVE_HUB},
    {"hub", 1, NULL, M_DELETE, TMF_MEDIA_NONE, tmf_api_hub_delete, tmf_route_json, 0, 0,
     TMF_OPERATION_DELETE_HUB},
    {"openapi.json", 0, NULL, M_GET, TMF_MEDIA_NONE, tmf_api_openapi, tmf_route_json, 0, 0,
     TMF_OPERATION_OPENAPI},
};

const tmf_routes_t tmf_api_routes = {TMF_HANDLER_API, api_routes,
                                     sizeof(api_routes) / sizeof(api_routes[0]),
                                     "The API has no such path; its collection is at customer"};

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
}

tmf_operation_t tmf_match_operation(const tmf_match_t *match)
{
    return match->route != NULL ? match->route->operation : TMF_OPERATION_OTHER;
}

static int is_at(const tmf_route_t *route, const char *collection, const tmf_match_t *match,
                 const char *part, int keeps_history)
{
    return (keeps_history || !route->needs_history) && strcmp(route->collection, collection) == 0 &&
           route->has_id == (match->id != NULL) &&
           (route->part == NULL ? part == NULL : part != NULL && strcmp(route->part, part) == 0);
}

void tmf_route_find(tmf_match_t *match, const tmf_routes_t *routes, const char *path, int method,
                    int keeps_history, apr_pool_t *result_pool)
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
    for (i = 0; i < routes->count; i++) {
        if (is_at(&routes->routes[i], collection != NULL ? collection : "", match, part,
                  keeps_history)) {
            add_route(match, &routes->routes[i], method, result_pool);
        }
    }
    if (match->allow != NULL) {
        match->allow = apr_pstrcat(result_pool, match->allow, ", OPTIONS", NULL);
    }
}
