/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Pointer, RFC 6901. */
#ifndef TMF_MODEL_JSON_POINTER_H
#define TMF_MODEL_JSON_POINTER_H

#include "model/json.h"

/* Names in a pointer at most. */
#define TMF_POINTER_MAX 64

/* A pointer's reference tokens, decoded; 0 of them = the whole document. */
typedef struct {
    const char *const *tokens;
    int count;
} tmf_pointer_t;

/* What an array index can be. */
enum { TMF_INDEX_END = -1 /* "-": behind the last element */, TMF_INDEX_NONE = -2 /* no index */ };

/* Reads the text of a pointer. 0 when it is none: it begins with something else than "/", has a `~`
 * before anything but 0 or 1, or more than TMF_POINTER_MAX tokens. */
int tmf_pointer_parse(tmf_pointer_t *pointer, const char *text, apr_pool_t *result_pool);

/* The index that a token stands for (RFC 6901 §4: no leading zeros), or one of the above; an index
 * beyond any array is TMF_INDEX_NONE. */
int tmf_pointer_index(const char *token);

/* The value behind one token of `value`; NULL when there is none. */
tmf_json_t *tmf_pointer_step(const tmf_json_t *value, const char *token);

/* Does every way that `long_one` goes begin with `prefix`, and go on? */
int tmf_pointer_is_below(const tmf_pointer_t *long_one, const tmf_pointer_t *prefix);

#endif
