/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Patch, RFC 6902.
 *
 * The selections of JSON Patch Query (query/patch_query.h) end in these operations, too.
 */
#ifndef TMF_MODEL_JSON_PATCH_H
#define TMF_MODEL_JSON_PATCH_H

#include <apr_tables.h>

#include "model/json_pointer.h"

/* Operations in one patch at most. */
#define TMF_PATCH_OPERATIONS_MAX 1000

typedef enum {
    TMF_PATCH_ADD,
    TMF_PATCH_REMOVE,
    TMF_PATCH_REPLACE,
    TMF_PATCH_MOVE,
    TMF_PATCH_COPY,
    TMF_PATCH_TEST
} tmf_patch_kind_t;

typedef struct {
    int index; /* in the patch, from 0: for messages */
    tmf_patch_kind_t kind;
    const char *path_text;
    const char *from_text;   /* of move and copy, else NULL */
    const tmf_json_t *value; /* of add, replace and test, else NULL */
    tmf_pointer_t path;      /* not set by tmf_patch_read: what path_text leads to */
    tmf_pointer_t from;
} tmf_patch_operation_t;

/* What the values that a patch puts into a document may come to: a patch of a few lines can copy
 * what it has copied again and again. */
typedef struct {
    int depth;       /* levels of nesting in the document */
    apr_size_t size; /* bytes (tmf_json_measure) that all of them may still have: counts down */
} tmf_patch_room_t;

/* Reads a patch into an array of tmf_patch_operation_t: a list of objects with a known `op` and the
 * members that it needs (RFC 6902 §4), others ignored. TMF_ERROR_INVALID_BODY names the operation.
 */
tmf_error_t *tmf_patch_read(apr_array_header_t **operations, const tmf_json_t *patch,
                            apr_pool_t *result_pool);

/* Reads the path, and for move and copy from, as JSON Pointers. TMF_ERROR_INVALID_BODY: one that is
 * none, or a move of a value into itself. */
tmf_error_t *tmf_patch_read_pointers(tmf_patch_operation_t *operation, apr_pool_t *result_pool);

/* Applies one operation, whose pointers are set, to `*document`, which is changed in place or
 * replaced: on an error, what was applied before it stays. TMF_ERROR_PATCH_CONFLICT: a path that is
 * not there, or a test that fails; TMF_ERROR_INVALID_BODY: no room. */
tmf_error_t *tmf_patch_apply(tmf_json_t **document, const tmf_patch_operation_t *operation,
                             tmf_patch_room_t *room, apr_pool_t *result_pool);

/* Gives an error, also NULL, the subject "Operation 2 (remove /a/b)". */
tmf_error_t *tmf_patch_about(tmf_error_t *error, const tmf_patch_operation_t *operation,
                             apr_pool_t *result_pool);

/* An error about an operation. */
tmf_error_t *tmf_patch_error(const tmf_patch_operation_t *operation, tmf_error_code_t code,
                             const char *what, apr_pool_t *result_pool);

#endif
