/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

void tmf_http_read_trace(request_rec *r, tmf_trace_t *trace)
{
    tmf_trace_read(trace, apr_table_get(r->headers_in, "traceparent"),
                   apr_table_get(r->headers_in, "tracestate"), r->pool);
    if (trace->parent != NULL) {
        apr_table_setn(r->notes, "TMF_TRACE", trace->parent);
    }
}
