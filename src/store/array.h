/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of PostgreSQL arrays, for parameters that a statement casts to text[] or bigint[]. */
#ifndef TMF_STORE_ARRAY_H
#define TMF_STORE_ARRAY_H

#include "model/text.h"

/* Starts an array without elements. */
void tmf_array_init(tmf_text_t *array, apr_pool_t *pool);

/* Append an element: a text (NULL = SQL NULL), or a number. */
void tmf_array_add(tmf_text_t *array, const char *element);
void tmf_array_add_number(tmf_text_t *array, apr_int64_t element);

/* A set of event types (model/event.h) as the text of an array of their names. */
const char *tmf_array_of_events(unsigned types, apr_pool_t *result_pool);

/* Ends it: `{"a","b"}`, NUL-terminated. */
const char *tmf_array_text(tmf_text_t *array);

#endif
