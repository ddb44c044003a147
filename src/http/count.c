/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include "http/route.h"

void tmf_count_begin(request_rec *r, tmf_operation_t operation)
{
    tmf_request_state(r)->operation = apr_pmemdup(r->pool, &operation, sizeof(operation));
}

/* What our handler said of the request, or of one that it was redirected to; NULL = it saw none. */
static const tmf_operation_t *handled_as(const request_rec *r)
{
    const tmf_operation_t *operation = NULL;

    for (; r != NULL && operation == NULL; r = r->next) {
        const tmf_request_state_t *state = ap_get_module_config(r->request_config,
                                                                &tmf_customer_module);

        operation = state != NULL ? state->operation : NULL;
    }
    return operation;
}

/* Of a request that never came to our handler: 1, when it is one of the API. */
static int find_operation(request_rec *r, int status, tmf_operation_t *operation)
{
    const tmf_base_t *base = tmf_config_base_of(r->server, r->uri, TMF_HANDLER_NONE);
    tmf_match_t match;

    *operation = TMF_OPERATION_OTHER;
    if (base != NULL && base->handler == TMF_HANDLER_API) {
        tmf_route_find(&match, &tmf_api_routes, r->uri + base->length, r->method_number,
                       tmf_config_of_server(r->server)->history.enabled, r->pool);
        *operation = tmf_match_operation(&match);
        return 1;
    }
    return base == NULL && ap_is_HTTP_ERROR(status) && tmf_space_has_error(r);
}

int tmf_count_end(request_rec *r)
{
    const tmf_service_t *service = tmf_config_of_server(r->server)->service;
    const tmf_operation_t *handled = handled_as(r);
    const request_rec *last = r;
    tmf_operation_t operation;

    while (last->next != NULL) {
        last = last->next;
    }
    if (service == NULL || service->metrics == NULL ||
        (handled == NULL && !find_operation(r, last->status, &operation))) {
        return DECLINED;
    }
    tmf_metrics_request(service->metrics, handled != NULL ? *handled : operation, last->status,
                        apr_time_now() - r->request_time);
    return DECLINED;
}
