/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON values: trees, which json.c keeps and writes, and json_parse.c reads.
 *
 * Both are our own because a library's were in the way: json-c's reader, even when strict, accepts
 * single quotes, NaN, raw control characters and repeated members, replaces lone surrogates, and
 * clamps integers beyond 64 bits; and half of a change's processor time went into its trees, each
 * node, name and table of which is allocated and freed alone.
 *
 * Ownership: every `tmf_json_t *` returned lives as long as the `result_pool` it was asked for, or
 * as the pool of the value it was asked of. Putting a value into another shares it, and it must
 * live as long as that; nothing needs freeing. JSON null is a value here (TMF_JSON_NULL), NULL
 * means "absent".
 *
 * Numbers keep the text they were written with, so their value is exact whatever their size.
 */
#ifndef TMF_MODEL_JSON_H
#define TMF_MODEL_JSON_H

#include <apr_pools.h>

#include "error.h"

typedef struct tmf_json_t tmf_json_t;

typedef enum {
    TMF_JSON_NULL,
    TMF_JSON_BOOLEAN,
    TMF_JSON_NUMBER,
    TMF_JSON_STRING,
    TMF_JSON_ARRAY,
    TMF_JSON_OBJECT
} tmf_json_type_t;

/* What one text may hold. */
typedef struct {
    int depth;            /* levels of nesting: a scalar 0, `[]` 1, `[[]]` 2 */
    apr_size_t expansion; /* bytes that all exponents together may add once written out (1e3 adds 1:
                             "1000" is one byte longer); guards what PostgreSQL sends back */
} tmf_json_limits_t;

/* What PostgreSQL keeps of a number: its digits before and behind the point, once its exponent is
 * written out (1e400 has 401). */
#define TMF_JSON_DIGITS_BEFORE 131072
#define TMF_JSON_DIGITS_BEHIND 16383

/* Reads one RFC 8259 text of `length` bytes, blanks around it allowed. Refused with
 * TMF_ERROR_MALFORMED_JSON, and a message that names line and column (both from 1, in bytes): any
 * breach of the grammar, empty input, invalid UTF-8, lone surrogates, \u0000, a member that occurs
 * twice in one object, a number or a nesting beyond the limits. A BOM is a breach. `*value` is NULL
 * then. */
tmf_error_t *tmf_json_parse(tmf_json_t **value, const char *text, apr_size_t length,
                            const tmf_json_limits_t *limits, apr_pool_t *result_pool);

/* Writes `value` as compact JSON: UTF-8 as it is, `/` not escaped, numbers as they were read.
 * NUL-terminated; `length` (may be NULL) does not count the NUL. */
const char *tmf_json_write(const tmf_json_t *value, apr_size_t *length, apr_pool_t *result_pool);

tmf_json_type_t tmf_json_type(const tmf_json_t *value);
/* "null", "a boolean", "a number", "a string", "an array", "an object": for messages. */
const char *tmf_json_type_name(tmf_json_type_t type);

/* New values. `length` counts bytes; strings must be valid UTF-8 without NUL; `text` is a JSON
 * number. */
tmf_json_t *tmf_json_null(void);
tmf_json_t *tmf_json_truth(int is_true);
tmf_json_t *tmf_json_string(const char *text, apr_size_t length, apr_pool_t *result_pool);
tmf_json_t *tmf_json_number(const char *text, apr_size_t length, apr_pool_t *result_pool);
tmf_json_t *tmf_json_object(apr_pool_t *result_pool);
tmf_json_t *tmf_json_array(apr_pool_t *result_pool);
/* A copy that shares nothing with `value`. */
tmf_json_t *tmf_json_copy(const tmf_json_t *value, apr_pool_t *result_pool);

/* Contents of a scalar; NULL / 0 when it is of another type. The text lives as long as the value.
 */
const char *tmf_json_string_text(const tmf_json_t *value);
const char *tmf_json_number_text(const tmf_json_t *value);
int tmf_json_boolean(const tmf_json_t *value);

/* Objects. `get` answers NULL when `object` is no object or lacks the member. `set` replaces or
 * appends; a `value` of NULL stands for JSON null. `add` appends, or answers 0 when there is a
 * member of this name, which has `length` bytes. `unset` of an absent member does nothing. */
tmf_json_t *tmf_json_get(const tmf_json_t *object, const char *name);
void tmf_json_set(tmf_json_t *object, const char *name, tmf_json_t *value);
int tmf_json_add(tmf_json_t *object, const char *name, apr_size_t length, tmf_json_t *value);
void tmf_json_unset(tmf_json_t *object, const char *name);
int tmf_json_member_count(const tmf_json_t *object);

/* Walks the members in order. The callback may not change `object`; a return of 0 ends the walk. */
typedef int (*tmf_json_member_fn)(void *context, const char *name, tmf_json_t *value);
void tmf_json_each(const tmf_json_t *object, tmf_json_member_fn callback, void *context);

/* Arrays. `at` answers NULL outside 0…count-1; what is no array has no elements. */
int tmf_json_count(const tmf_json_t *array);
tmf_json_t *tmf_json_at(const tmf_json_t *array, int index);
void tmf_json_append(tmf_json_t *array, tmf_json_t *value);
/* `put` replaces the element at 0…count-1, `insert` comes before it (count = behind the last one),
 * `remove` takes it out. */
void tmf_json_put(tmf_json_t *array, int index, tmf_json_t *value);
void tmf_json_insert(tmf_json_t *array, int index, tmf_json_t *value);
void tmf_json_remove(tmf_json_t *array, int index);

/* How much a value is: levels of nesting as in tmf_json_limits_t, and about the bytes of its text
 * with all exponents written out. */
typedef struct {
    int depth;
    apr_size_t size;
} tmf_json_extent_t;

tmf_json_extent_t tmf_json_measure(const tmf_json_t *value);

/* Same value? Objects without regard to order, numbers by value (1, 1.0, 10e-1 are equal, at any
 * size), strings by their characters, arrays by position. */
int tmf_json_equal(const tmf_json_t *a, const tmf_json_t *b);

/* Bytes of a JSON number as PostgreSQL writes it: without an exponent. 0 when it cannot keep it. */
apr_size_t tmf_json_number_size(const char *text);

/* Compares two JSON numbers by value at any size: <0, 0, >0. */
int tmf_json_number_compare(const char *a, const char *b);

#endif
