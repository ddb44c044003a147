/* SPDX-License-Identifier: Apache-2.0 */
#include "status/status.h"

#include <string.h>

/* What a health check is: a monitor that insists on plain JSON gets that. */
static const char *const health[] = {"application/health+json", TMF_CONTENT_TYPE, NULL};

/* A browser asks for HTML, a program for what it wants; whoever does not say may be either. */
static const char *const overview[] = {"text/html;charset=utf-8", TMF_CONTENT_TYPE, NULL};

static const char *const metrics[] = {TMF_METRICS_TEXT_TYPE, TMF_METRICS_OPEN_TYPE, NULL};

static const tmf_route_t routes[] = {
    {"", 0, NULL, M_GET, TMF_MEDIA_NONE, tmf_status_overview, overview, 1, 0, TMF_OPERATION_OTHER},
    {"live", 0, NULL, M_GET, TMF_MEDIA_NONE, tmf_status_live, health, 1, 0, TMF_OPERATION_OTHER},
    {"ready", 0, NULL, M_GET, TMF_MEDIA_NONE, tmf_status_ready, health, 1, 0, TMF_OPERATION_OTHER},
    {"listeners", 0, NULL, M_GET, TMF_MEDIA_NONE, tmf_status_listener_list, tmf_route_json, 0, 0,
     TMF_OPERATION_OTHER},
    {"listeners", 1, NULL, M_GET, TMF_MEDIA_NONE, tmf_status_listener_get, tmf_route_json, 0, 0,
     TMF_OPERATION_OTHER},
    {"listeners", 1, "deliveries", M_GET, TMF_MEDIA_NONE, tmf_status_delivery_list, tmf_route_json,
     0, 0, TMF_OPERATION_OTHER},
    {"listeners", 1, "enable", M_POST, TMF_MEDIA_JSON, tmf_status_enable, tmf_route_json, 0, 0,
     TMF_OPERATION_OTHER},
    {"listeners", 1, "replay", M_POST, TMF_MEDIA_JSON, tmf_status_replay, tmf_route_json, 0, 0,
     TMF_OPERATION_OTHER},
    {"listeners", 1, "purge", M_POST, TMF_MEDIA_JSON, tmf_status_purge, tmf_route_json, 0, 0,
     TMF_OPERATION_OTHER},
    {"metrics", 0, NULL, M_GET, TMF_MEDIA_NONE, tmf_status_metrics, metrics, 1, 0,
     TMF_OPERATION_OTHER},
};

static const tmf_routes_t status_routes = {TMF_HANDLER_STATUS, routes,
                                           sizeof(routes) / sizeof(routes[0]),
                                           "There is no such path; there are live, ready, metrics "
                                           "and listeners"};

int tmf_status_handler(request_rec *r)
{
    return tmf_http_serve(r, &status_routes);
}

tmf_error_t *tmf_status_check_parameters(const tmf_request_t *request)
{
    const char *raw = request->query;

    return raw == NULL || raw[strspn(raw, "&")] == '\0'
               ? NULL
               : tmf_error_make(request->pool, TMF_ERROR_INVALID_PARAMETER,
                                "This path takes no parameters");
}
