/* SPDX-License-Identifier: Apache-2.0 */
/* Between json.c and json_parse.c: values that belong to nobody yet. Each raw value is either put
 * into another (which then owns it), handed to a pool, or dropped. */
#ifndef TMF_MODEL_JSON_INTERNAL_H
#define TMF_MODEL_JSON_INTERNAL_H

#include "model/json.h"

tmf_json_t *tmf_json_raw_null(void);
tmf_json_t *tmf_json_raw_boolean(int value);
tmf_json_t *tmf_json_raw_number(const char *text);
tmf_json_t *tmf_json_raw_string(const char *text, apr_size_t length);
tmf_json_t *tmf_json_raw_object(void);
tmf_json_t *tmf_json_raw_array(void);

/* Adds a member; 0, and `value` stays the caller's, when there is one of this name. */
int tmf_json_raw_add(tmf_json_t *object, const char *name, tmf_json_t *value);
void tmf_json_raw_append(tmf_json_t *array, tmf_json_t *value);

tmf_json_t *tmf_json_own(tmf_json_t *value, apr_pool_t *result_pool);

/* What is made of `length` bytes will be owned by `pool` from here on: when that goes, the memory
 * of a large text is given back to the system, which glibc would keep for the thread. */
void tmf_json_trim_after(apr_size_t length, apr_pool_t *pool);
void tmf_json_drop(tmf_json_t *value);

#endif
