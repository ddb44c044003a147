/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include <http_config.h>

tmf_request_state_t *tmf_request_state(request_rec *r)
{
    tmf_request_state_t *state = ap_get_module_config(r->request_config, &tmf_customer_module);

    if (state == NULL) {
        state = apr_pcalloc(r->pool, sizeof(*state));
        ap_set_module_config(r->request_config, &tmf_customer_module, state);
    }
    return state;
}

static const tmf_trace_t *read_trace(request_rec *r)
{
    tmf_trace_t *trace = apr_palloc(r->pool, sizeof(*trace));

    tmf_trace_read(trace, apr_table_get(r->headers_in, "traceparent"),
                   apr_table_get(r->headers_in, "tracestate"), r->pool);
    if (trace->parent != NULL) {
        apr_table_setn(r->notes, "TMF_TRACE", trace->parent);
    }
    return trace;
}

const tmf_trace_t *tmf_http_trace(request_rec *r)
{
    tmf_request_state_t *state = tmf_request_state(r);

    if (state->trace == NULL) {
        state->trace = read_trace(r);
    }
    return state->trace;
}
