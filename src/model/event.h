/* SPDX-License-Identifier: Apache-2.0 */
/* The events of a customer and the document that a listener receives (src/api/README.md §7). */
#ifndef TMF_MODEL_EVENT_H
#define TMF_MODEL_EVENT_H

#include "model/text.h"
#include "model/trace.h"

typedef enum {
    TMF_EVENT_CREATE,
    TMF_EVENT_STATE_CHANGE,
    TMF_EVENT_ATTRIBUTE_VALUE_CHANGE,
    TMF_EVENT_DELETE
} tmf_event_type_t;

#define TMF_EVENT_TYPES 4

/* A set of types: bit 1 << tmf_event_type_t. */
#define TMF_EVENT_TYPES_ALL ((1u << TMF_EVENT_TYPES) - 1)

/* One occurrence. Strings are UTF-8, NUL-terminated. */
typedef struct {
    const char *event_id; /* a UUID, the same on every attempt */
    const char *time;     /* RFC 3339 */
    tmf_event_type_t type;
    const char *customer_id;
    const char *href;           /* of the customer */
    const char *changed;        /* top-level names, comma-separated; NULL = none are told */
    const char *correlation_id; /* NULL = none */
    tmf_trace_t trace;          /* of the request that made it */
    const char *customer;       /* JSON object of the state at commit, without id and href */
    apr_size_t customer_length;
} tmf_event_t;

/* "CustomerCreateEvent" and so on. */
const char *tmf_event_type_name(tmf_event_type_t type);

/* The type of that name: 1; 0 when there is none. */
int tmf_event_type_find(tmf_event_type_t *type, const char *name);

/* Appends the document: a JSON object, escaped as jsonb escapes (so that tmf_fields_project can cut
 * it). An attribute value change has fieldPath instead of id and href, as the official swagger
 * says. */
void tmf_event_write(tmf_text_t *text, const tmf_event_t *event);

#endif
