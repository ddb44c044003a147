/* SPDX-License-Identifier: Apache-2.0 */
/* The trace that a request belongs to: W3C Trace Context, https://www.w3.org/TR/trace-context-1/.
 */
#ifndef TMF_MODEL_TRACE_H
#define TMF_MODEL_TRACE_H

#include <apr_pools.h>

#define TMF_TRACE_PARENT_LENGTH 55 /* "00-", 32 digits, "-", 16 digits, "-", 2 digits */
#define TMF_TRACE_SPAN_LENGTH   8  /* bytes of what names the parent of a request */

typedef struct {
    const char *parent; /* the first 55 characters of traceparent; NULL = there is no trace */
    const char *state;  /* tracestate; NULL = none */
} tmf_trace_t;

/* Reads the headers of these names (NULL = absent; several of one name joined by commas). A
 * traceparent that is not valid is none, and then there is no tracestate either; of a version above
 * 00 the first 55 characters count ("Versioning of traceparent"). A tracestate that is not valid,
 * or longer than 8192 bytes, is none. */
void tmf_trace_read(tmf_trace_t *trace, const char *traceparent, const char *tracestate,
                    apr_pool_t *result_pool);

/* Writes the traceparent, NUL-terminated, of a request that goes on with the trace of `parent` (of
 * tmf_trace_read) and calls itself `span`, which must not be all zeros: in version 00, which knows
 * one flag, sampled ("trace-flags"). */
void tmf_trace_continue(char traceparent[TMF_TRACE_PARENT_LENGTH + 1], const char *parent,
                        const unsigned char span[TMF_TRACE_SPAN_LENGTH]);

#endif
