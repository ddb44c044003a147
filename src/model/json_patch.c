/* SPDX-License-Identifier: Apache-2.0 */
#include "model/json_patch.h"

#include <string.h>

#include "model/utf8.h"

#define PATH_SHOWN 200 /* bytes of a path in a message */

static const struct {
    const char *name;
    int needs_value;
    int needs_from;
} kinds[] = {
    [TMF_PATCH_ADD] = {"add", 1, 0},         [TMF_PATCH_REMOVE] = {"remove", 0, 0},
    [TMF_PATCH_REPLACE] = {"replace", 1, 0}, [TMF_PATCH_MOVE] = {"move", 0, 1},
    [TMF_PATCH_COPY] = {"copy", 0, 1},       [TMF_PATCH_TEST] = {"test", 1, 0},
};

#define KIND_COUNT (int)(sizeof(kinds) / sizeof(kinds[0]))

tmf_error_t *tmf_patch_about(tmf_error_t *error, const tmf_patch_operation_t *operation,
                             apr_pool_t *result_pool)
{
    const char *path = operation->path_text;
    apr_size_t length = strlen(path);
    apr_size_t shown = length > PATH_SHOWN ? PATH_SHOWN : length;

    while (!tmf_utf8_valid(path, shown)) {
        shown--;
    }
    return tmf_error_about(error, result_pool, "Operation %d (%s %.*s%s)", operation->index,
                           kinds[operation->kind].name, (int)shown, path,
                           shown < length ? "…" : "");
}

tmf_error_t *tmf_patch_error(const tmf_patch_operation_t *operation, tmf_error_code_t code,
                             const char *what, apr_pool_t *result_pool)
{
    return tmf_patch_about(tmf_error_make(result_pool, code, "%s", what), operation, result_pool);
}

/* ---- reading ---- */

static tmf_error_t *malformed(int index, const char *what, apr_pool_t *pool)
{
    return tmf_error_about(tmf_error_make(pool, TMF_ERROR_INVALID_BODY, "%s", what), pool,
                           "Operation %d", index);
}

static int find_kind(const char *name)
{
    int kind = KIND_COUNT - 1;

    while (kind >= 0 && strcmp(kinds[kind].name, name) != 0) {
        kind--;
    }
    return kind;
}

static tmf_error_t *read_operation(tmf_patch_operation_t *operation, int index,
                                   const tmf_json_t *object, apr_pool_t *pool)
{
    const char *name = tmf_json_string_text(tmf_json_get(object, "op"));
    int kind = name != NULL ? find_kind(name) : -1;

    if (tmf_json_type(object) != TMF_JSON_OBJECT) {
        return malformed(index, "it must be an object", pool);
    }
    if (kind < 0) {
        return malformed(index, "op must be add, remove, replace, move, copy or test", pool);
    }
    memset(operation, 0, sizeof(*operation));
    operation->index = index;
    operation->kind = (tmf_patch_kind_t)kind;
    operation->path_text = tmf_json_string_text(tmf_json_get(object, "path"));
    if (operation->path_text == NULL) {
        return malformed(index, "path must be a string", pool);
    }
    if (kinds[kind].needs_from) {
        operation->from_text = tmf_json_string_text(tmf_json_get(object, "from"));
        if (operation->from_text == NULL) {
            return malformed(index, "from must be a string", pool);
        }
    }
    if (kinds[kind].needs_value) {
        operation->value = tmf_json_get(object, "value");
        if (operation->value == NULL) {
            return malformed(index, "value is missing", pool);
        }
    }
    return NULL;
}

tmf_error_t *tmf_patch_read(apr_array_header_t **operations, const tmf_json_t *patch,
                            apr_pool_t *result_pool)
{
    int i;

    if (tmf_json_type(patch) != TMF_JSON_ARRAY) {
        return tmf_error_make(result_pool, TMF_ERROR_INVALID_BODY,
                              "A JSON Patch must be an array of operations, not %s",
                              tmf_json_type_name(tmf_json_type(patch)));
    }
    if (tmf_json_count(patch) > TMF_PATCH_OPERATIONS_MAX) {
        return tmf_error_make(result_pool, TMF_ERROR_INVALID_BODY,
                              "A patch may have %d operations at most", TMF_PATCH_OPERATIONS_MAX);
    }
    *operations = apr_array_make(result_pool, tmf_json_count(patch) + 1,
                                 sizeof(tmf_patch_operation_t));
    for (i = 0; i < tmf_json_count(patch); i++) {
        TMF_TRY(read_operation(apr_array_push(*operations), i, tmf_json_at(patch, i), result_pool));
    }
    return NULL;
}

tmf_error_t *tmf_patch_read_pointers(tmf_patch_operation_t *operation, apr_pool_t *result_pool)
{
    if (!tmf_pointer_parse(&operation->path, operation->path_text, result_pool)) {
        return tmf_patch_error(operation, TMF_ERROR_INVALID_BODY,
                               "path must be a JSON Pointer such as /contactMedium/0", result_pool);
    }
    if (operation->from_text == NULL) {
        return NULL;
    }
    if (!tmf_pointer_parse(&operation->from, operation->from_text, result_pool)) {
        return tmf_patch_error(operation, TMF_ERROR_INVALID_BODY,
                               "from must be a JSON Pointer such as /contactMedium/0", result_pool);
    }
    return operation->kind == TMF_PATCH_MOVE &&
                   tmf_pointer_is_below(&operation->path, &operation->from)
               ? tmf_patch_error(operation, TMF_ERROR_INVALID_BODY,
                                 "a value cannot be moved into itself", result_pool)
               : NULL;
}

/* ---- applying ---- */

/* One operation at work. */
typedef struct {
    tmf_json_t **document;
    const tmf_patch_operation_t *operation;
    tmf_patch_room_t *room;
    apr_pool_t *pool;
} work_t;

static tmf_error_t *not_there(const work_t *work)
{
    return tmf_patch_error(work->operation, TMF_ERROR_PATCH_CONFLICT, "the path is not there",
                           work->pool);
}

/* The value that the first `count` tokens lead to; NULL when it is not there. */
static tmf_json_t *walk(const work_t *work, const tmf_pointer_t *pointer, int count)
{
    tmf_json_t *value = *work->document;
    int i;

    for (i = 0; i < count && value != NULL; i++) {
        value = tmf_pointer_step(value, pointer->tokens[i]);
    }
    return value;
}

static const char *last_token(const tmf_pointer_t *pointer)
{
    return pointer->tokens[pointer->count - 1];
}

/* A copy of the value that is to be put at the path, if there is room. */
static tmf_error_t *copy_value(tmf_json_t **copy, const work_t *work, const tmf_json_t *value)
{
    tmf_json_extent_t extent = tmf_json_measure(value);

    if (work->operation->path.count + extent.depth > work->room->depth) {
        return tmf_patch_error(work->operation, TMF_ERROR_INVALID_BODY,
                               "the customer would be nested too deep", work->pool);
    }
    if (extent.size > work->room->size) {
        return tmf_patch_error(work->operation, TMF_ERROR_INVALID_BODY,
                               "the values that the patch puts in come to more bytes than a body "
                               "may have",
                               work->pool);
    }
    work->room->size -= extent.size;
    *copy = tmf_json_copy(value, work->pool);
    return NULL;
}

static tmf_error_t *add(const work_t *work, tmf_json_t *value)
{
    const tmf_pointer_t *path = &work->operation->path;
    tmf_json_t *parent;
    int index;

    if (path->count == 0) {
        *work->document = value;
        return NULL;
    }
    parent = walk(work, path, path->count - 1);
    if (parent != NULL && tmf_json_type(parent) == TMF_JSON_OBJECT) {
        tmf_json_set(parent, last_token(path), value);
        return NULL;
    }
    if (parent == NULL || tmf_json_type(parent) != TMF_JSON_ARRAY) {
        return not_there(work);
    }
    index = tmf_pointer_index(last_token(path));
    if (index == TMF_INDEX_NONE || index > tmf_json_count(parent)) {
        return not_there(work);
    }
    tmf_json_insert(parent, index == TMF_INDEX_END ? tmf_json_count(parent) : index, value);
    return NULL;
}

static tmf_error_t *take(const work_t *work, const tmf_pointer_t *path)
{
    tmf_json_t *parent;

    if (path->count == 0) {
        *work->document = tmf_json_null();
        return NULL;
    }
    if (walk(work, path, path->count) == NULL) {
        return not_there(work);
    }
    parent = walk(work, path, path->count - 1);
    if (tmf_json_type(parent) == TMF_JSON_ARRAY) {
        tmf_json_remove(parent, tmf_pointer_index(last_token(path)));
    } else {
        tmf_json_unset(parent, last_token(path));
    }
    return NULL;
}

static tmf_error_t *replace(const work_t *work, tmf_json_t *value)
{
    const tmf_pointer_t *path = &work->operation->path;
    tmf_json_t *parent;

    if (walk(work, path, path->count) == NULL) {
        return not_there(work);
    }
    if (path->count == 0) {
        *work->document = value;
        return NULL;
    }
    parent = walk(work, path, path->count - 1);
    if (tmf_json_type(parent) == TMF_JSON_ARRAY) {
        tmf_json_put(parent, tmf_pointer_index(last_token(path)), value);
    } else {
        tmf_json_set(parent, last_token(path), value);
    }
    return NULL;
}

static tmf_error_t *test(const work_t *work)
{
    const tmf_json_t *value = walk(work, &work->operation->path, work->operation->path.count);

    if (value == NULL) {
        return not_there(work);
    }
    return tmf_json_equal(value, work->operation->value)
               ? NULL
               : tmf_patch_error(work->operation, TMF_ERROR_PATCH_CONFLICT,
                                 "the value there is another one", work->pool);
}

static tmf_error_t *put_value(const work_t *work)
{
    tmf_json_t *copy;

    TMF_TRY(copy_value(&copy, work, work->operation->value));
    return work->operation->kind == TMF_PATCH_REPLACE ? replace(work, copy) : add(work, copy);
}

static tmf_error_t *move_or_copy(const work_t *work)
{
    const tmf_pointer_t *from = &work->operation->from;
    const tmf_json_t *value = walk(work, from, from->count);
    tmf_json_t *copy;

    if (value == NULL) {
        return tmf_patch_error(work->operation, TMF_ERROR_PATCH_CONFLICT, "from is not there",
                               work->pool);
    }
    TMF_TRY(copy_value(&copy, work, value));
    if (work->operation->kind == TMF_PATCH_MOVE) {
        TMF_TRY(take(work, from));
    }
    return add(work, copy);
}

tmf_error_t *tmf_patch_apply(tmf_json_t **document, const tmf_patch_operation_t *operation,
                             tmf_patch_room_t *room, apr_pool_t *result_pool)
{
    const work_t work = {document, operation, room, result_pool};

    switch (operation->kind) {
    case TMF_PATCH_REMOVE:
        return take(&work, &operation->path);
    case TMF_PATCH_TEST:
        return test(&work);
    case TMF_PATCH_ADD:
    case TMF_PATCH_REPLACE:
        return put_value(&work);
    default:
        return move_or_copy(&work);
    }
}
