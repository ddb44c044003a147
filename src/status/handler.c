/* SPDX-License-Identifier: Apache-2.0 */
#include "status/status.h"

#include <string.h>

/* What a health check is: a monitor that insists on plain JSON gets that. */
static const char *const health[] = {"application/health+json", TMF_CONTENT_TYPE, NULL};

static const tmf_route_t routes[] = {
    {"live", 0, NULL, M_GET, TMF_MEDIA_NONE, tmf_status_live, health, 1},
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
