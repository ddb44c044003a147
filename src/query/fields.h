/* SPDX-License-Identifier: Apache-2.0 */
/* `fields=` (src/api/README.md §3): which attributes a reply shows, and cutting a document down to
 * them. */
#ifndef TMF_QUERY_FIELDS_H
#define TMF_QUERY_FIELDS_H

#include "query/reading.h"
#include "model/text.h"

/* Names separated by dots at most, and names in one request at most. */
#define TMF_FIELDS_DEPTH_MAX 16
#define TMF_FIELDS_COUNT_MAX 256

typedef struct tmf_fields_t tmf_fields_t;

/* A selection of nothing yet. */
tmf_fields_t *tmf_fields_make(apr_pool_t *result_pool);

/* Adds one decoded name, possibly dotted (`contactMedium.mediumType`). Blanks around it are
 * trimmed; an empty name and "none" add nothing. The reading's fault beyond the limits above. */
tmf_error_t *tmf_fields_add(tmf_fields_t *fields, const char *name, const tmf_reading_t *reading);

/* What tmf_fields_project shows of a document. */
typedef struct {
    const tmf_fields_t *fields; /* NULL = every attribute */
    const char
        *first_only; /* of this top-level array the first element only; NULL = no such rule */
} tmf_projection_t;

/* Appends to `text` the members of the JSON object `document` that the projection shows, separated
 * and each preceded by a comma; 0 or more of them, without braces. Dotted names select inside
 * objects and every element of arrays; what selects nothing is left out, so are unknown names.
 * `document` is jsonb's output (well-formed, escaped as tmf_text_append_json escapes). */
void tmf_fields_project(tmf_text_t *text, const char *document, const tmf_projection_t *projection);

#endif
