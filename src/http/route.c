/* SPDX-License-Identifier: Apache-2.0 */
#include "http/route.h"

#include <string.h>

#include <apr_strings.h>

static const tmf_route_t routes[] = {
    {"", 0, M_GET, TMF_MEDIA_NONE, tmf_api_entry_point, TMF_OPERATION_ENTRY_POINT},
    {"customer", 0, M_GET, TMF_MEDIA_NONE, tmf_api_customer_list, TMF_OPERATION_LIST_CUSTOMER},
    {"customer", 0, M_POST, TMF_MEDIA_JSON, tmf_api_customer_create, TMF_OPERATION_CREATE_CUSTOMER},
    {"customer", 1, M_GET, TMF_MEDIA_NONE, tmf_api_customer_get, TMF_OPERATION_RETRIEVE_CUSTOMER},
    {"customer", 1, M_PATCH, TMF_MEDIA_PATCH, tmf_api_customer_patch, TMF_OPERATION_PATCH_CUSTOMER},
    {"customer", 1, M_PUT, TMF_MEDIA_JSON, tmf_api_customer_replace,
     TMF_OPERATION_REPLACE_CUSTOMER},
    {"customer", 1, M_DELETE, TMF_MEDIA_NONE, tmf_api_customer_delete,
     TMF_OPERATION_DELETE_CUSTOMER},
    {"hub", 0, M_GET, TMF_MEDIA_NONE, tmf_api_hub_list, TMF_OPERATION_LIST_LISTENER},
    {"hub", 0, M_POST, TMF_MEDIA_JSON, tmf_api_hub_create, TMF_OPERATION_REGISTER_LISTENER},
    {"hub", 1, M_GET, TMF_MEDIA_NONE, tmf_api_hub_get, TMF_OPERATION_RETRIEVE_LISTENER},
    {"hub", 1, M_DELETE, TMF_MEDIA_NONE, tmf_api_hub_delete, TMF_OPERATION_UNREGISTER_LISTENER},
    {"openapi.json", 0, M_GET, TMF_MEDIA_NONE, tmf_api_not_implemented, TMF_OPERATION_OPENAPI},
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
}

tmf_operation_t tmf_match_operation(const tmf_match_t *match)
{
    return match->route != NULL ? match->route->operation : TMF_OPERATION_OTHER;
}

void tmf_route_find(tmf_match_t *match, const char *path, int method, apr_pool_t *result_pool)
{
    const char *collection = next_segment(&path, result_pool);
    apr_size_t i;

    memset(match, 0, sizeof(*match));
    match->id = next_segment(&path, result_pool);
    if (next_segment(&path, result_pool) != NULL) {
        return;
    }
    if (collection == NULL) {
        collection = "";
    }
    for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(routes[i].collection, collection) == 0 &&
            routes[i].has_id == (match->id != NULL)) {
            add_route(match, &routes[i], method, result_pool);
        }
    }
    if (match->allow != NULL) {
        match->allow = apr_pstrcat(result_pool, match->allow, ", OPTIONS", NULL);
    }
}
