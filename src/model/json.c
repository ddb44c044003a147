/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tmf_json_t is json-c's struct json_object. Two of its types are used in a way of our own.
 *
 * A number is always a double object that carries its text (json_object_new_double_s): json-c
 * writes that text; the double itself is never looked at.
 *
 * For null json-c has no object (NULL), but "absent" and "null" are different answers here: it is a
 * boolean that carries the text "null", which json-c writes in its place.
 */
#include "model/json.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <string.h>

#include <apr_strings.h>
#include <json-c/json.h>

#include "model/json_internal.h"

#define LARGE_TEXT  (512 * 1024) /* bytes: a tree of it may take a hundred times as much */
#define WRITE_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static struct json_object *object_of(const tmf_json_t *value)
{
    return (struct json_object *)value;
}

static apr_status_t put(void *object)
{
    json_object_put(object);
    return APR_SUCCESS;
}

tmf_json_t *tmf_json_own(tmf_json_t *value, apr_pool_t *result_pool)
{
    apr_pool_cleanup_register(result_pool, value, put, apr_pool_cleanup_null);
    return value;
}

#ifdef __GLIBC__
static apr_status_t trim(void *unused)
{
    (void)unused;
    malloc_trim(0);
    return APR_SUCCESS;
}
#endif

void tmf_json_trim_after(apr_size_t length, apr_pool_t *pool)
{
#ifdef __GLIBC__
    if (length > LARGE_TEXT) {
        apr_pool_cleanup_register(pool, NULL, trim, apr_pool_cleanup_null);
    }
#else
    (void)length;
    (void)pool;
#endif
}

void tmf_json_drop(tmf_json_t *value)
{
    json_object_put(object_of(value));
}

tmf_json_t *tmf_json_raw_null(void)
{
    struct json_object *null = json_object_new_boolean(0);

    /* A text of its own, because json_object_deep_copy duplicates it. */
    json_object_set_serializer(null, json_object_userdata_to_json_string, strdup("null"),
                               json_object_free_userdata);
    return (tmf_json_t *)null;
}

tmf_json_t *tmf_json_raw_boolean(int value)
{
    return (tmf_json_t *)json_object_new_boolean(value);
}

tmf_json_t *tmf_json_raw_number(const char *text)
{
    return (tmf_json_t *)json_object_new_double_s(0, text);
}

tmf_json_t *tmf_json_raw_string(const char *text, apr_size_t length)
{
    return (tmf_json_t *)json_object_new_string_len(text, (int)length);
}

tmf_json_t *tmf_json_raw_object(void)
{
    return (tmf_json_t *)json_object_new_object();
}

tmf_json_t *tmf_json_raw_array(void)
{
    return (tmf_json_t *)json_object_new_array_ext(4);
}

int tmf_json_raw_add(tmf_json_t *object, const char *name, tmf_json_t *value)
{
    if (json_object_object_get_ex(object_of(object), name, NULL)) {
        return 0;
    }
    json_object_object_add_ex(object_of(object), name, object_of(value),
                              JSON_C_OBJECT_ADD_KEY_IS_NEW);
    return 1;
}

void tmf_json_raw_append(tmf_json_t *array, tmf_json_t *value)
{
    json_object_array_add(object_of(array), object_of(value));
}

tmf_json_t *tmf_json_null(apr_pool_t *result_pool)
{
    return tmf_json_own(tmf_json_raw_null(), result_pool);
}

tmf_json_t *tmf_json_string(const char *text, apr_size_t length, apr_pool_t *result_pool)
{
    return tmf_json_own(tmf_json_raw_string(text, length), result_pool);
}

tmf_json_t *tmf_json_number(const char *text, apr_pool_t *result_pool)
{
    return tmf_json_own(tmf_json_raw_number(text), result_pool);
}

tmf_json_t *tmf_json_object(apr_pool_t *result_pool)
{
    return tmf_json_own(tmf_json_raw_object(), result_pool);
}

tmf_json_t *tmf_json_array(apr_pool_t *result_pool)
{
    return tmf_json_own(tmf_json_raw_array(), result_pool);
}

tmf_json_t *tmf_json_copy(const tmf_json_t *value, apr_pool_t *result_pool)
{
    struct json_object *copy = NULL;

    json_object_deep_copy(object_of(value), &copy, NULL);
    return tmf_json_own((tmf_json_t *)copy, result_pool);
}

const char *tmf_json_write(const tmf_json_t *value, apr_size_t *length, apr_pool_t *result_pool)
{
    size_t written;
    const char *text = json_object_to_json_string_length(object_of(value), WRITE_FLAGS, &written);

    if (length != NULL) {
        *length = written;
    }
    return apr_pstrmemdup(result_pool, text, written);
}

tmf_json_type_t tmf_json_type(const tmf_json_t *value)
{
    switch (json_object_get_type(object_of(value))) {
    case json_type_boolean:
        return json_object_get_userdata(object_of(value)) != NULL ? TMF_JSON_NULL
                                                                  : TMF_JSON_BOOLEAN;
    case json_type_double:
        return TMF_JSON_NUMBER;
    case json_type_string:
        return TMF_JSON_STRING;
    case json_type_array:
        return TMF_JSON_ARRAY;
    case json_type_object:
        return TMF_JSON_OBJECT;
    default:
        return TMF_JSON_NULL;
    }
}

const char *tmf_json_type_name(tmf_json_type_t type)
{
    static const char *const names[] = {
        [TMF_JSON_NULL] = "null",       [TMF_JSON_BOOLEAN] = "a boolean",
        [TMF_JSON_NUMBER] = "a number", [TMF_JSON_STRING] = "a string",
        [TMF_JSON_ARRAY] = "an array",  [TMF_JSON_OBJECT] = "an object"};

    return names[type];
}

static int is_of(const tmf_json_t *value, enum json_type type)
{
    return json_object_is_type(object_of(value), type);
}

const char *tmf_json_string_text(const tmf_json_t *value)
{
    return is_of(value, json_type_string) ? json_object_get_string(object_of(value)) : NULL;
}

const char *tmf_json_number_text(const tmf_json_t *value)
{
    return is_of(value, json_type_double) ? json_object_get_userdata(object_of(value)) : NULL;
}

int tmf_json_boolean(const tmf_json_t *value)
{
    return is_of(value, json_type_boolean) && json_object_get_boolean(object_of(value));
}

tmf_json_t *tmf_json_get(const tmf_json_t *object, const char *name)
{
    struct json_object *value = NULL;

    return is_of(object, json_type_object) &&
                   json_object_object_get_ex(object_of(object), name, &value)
               ? (tmf_json_t *)value
               : NULL;
}

void tmf_json_set(tmf_json_t *object, const char *name, tmf_json_t *value)
{
    tmf_json_t *shared = value != NULL ? (tmf_json_t *)json_object_get(object_of(value))
                                       : tmf_json_raw_null();

    json_object_object_add(object_of(object), name, object_of(shared));
}

void tmf_json_unset(tmf_json_t *object, const char *name)
{
    json_object_object_del(object_of(object), name);
}

int tmf_json_member_count(const tmf_json_t *object)
{
    return json_object_object_length(object_of(object));
}

void tmf_json_each(const tmf_json_t *object, tmf_json_member_fn callback, void *context)
{
    const struct lh_entry *entry;

    for (entry = json_object_get_object(object_of(object))->head; entry != NULL;
         entry = entry->next) {
        if (!callback(context, lh_entry_k(entry), (tmf_json_t *)lh_entry_v(entry))) {
            return;
        }
    }
}

int tmf_json_count(const tmf_json_t *array)
{
    return (int)json_object_array_length(object_of(array));
}

tmf_json_t *tmf_json_at(const tmf_json_t *array, int index)
{
    return index < 0 ? NULL
                     : (tmf_json_t *)json_object_array_get_idx(object_of(array), (size_t)index);
}

void tmf_json_append(tmf_json_t *array, tmf_json_t *value)
{
    tmf_json_raw_append(array, (tmf_json_t *)json_object_get(object_of(value)));
}

void tmf_json_put(tmf_json_t *array, int index, tmf_json_t *value)
{
    json_object_array_put_idx(object_of(array), (size_t)index, json_object_get(object_of(value)));
}

/* json-c has no insertion before 0.17: what was appended is moved to its place. */
void tmf_json_insert(tmf_json_t *array, int index, tmf_json_t *value)
{
    const struct array_list *list = json_object_get_array(object_of(array));
    void **place;

    tmf_json_append(array, value);
    place = list->array + index;
    memmove(place + 1, place, (list->length - 1 - (size_t)index) * sizeof(*place));
    *place = (void *)value;
}

void tmf_json_remove(tmf_json_t *array, int index)
{
    json_object_array_del_idx(object_of(array), (size_t)index, 1);
}

static int measure_member(void *context, const char *name, tmf_json_t *value)
{
    tmf_json_extent_t *whole = context;
    tmf_json_extent_t part = tmf_json_measure(value);

    whole->size += strlen(name) + 4 + part.size; /* quotes, colon, comma */
    whole->depth = part.depth >= whole->depth ? part.depth + 1 : whole->depth;
    return 1;
}

static tmf_json_extent_t measure_array(const tmf_json_t *array)
{
    tmf_json_extent_t whole = {1, 2};
    int i;

    for (i = 0; i < tmf_json_count(array); i++) {
        tmf_json_extent_t part = tmf_json_measure(tmf_json_at(array, i));

        whole.size += part.size + 1;
        whole.depth = part.depth >= whole.depth ? part.depth + 1 : whole.depth;
    }
    return whole;
}

tmf_json_extent_t tmf_json_measure(const tmf_json_t *value)
{
    tmf_json_extent_t extent = {0, 5};

    switch (tmf_json_type(value)) {
    case TMF_JSON_NUMBER:
        extent.size = tmf_json_number_size(tmf_json_number_text(value));
        return extent;
    case TMF_JSON_STRING:
        extent.size = (apr_size_t)json_object_get_string_len(object_of(value)) + 2;
        return extent;
    case TMF_JSON_ARRAY:
        return measure_array(value);
    case TMF_JSON_OBJECT:
        extent.depth = 1;
        extent.size = 2;
        tmf_json_each(value, measure_member, &extent);
        return extent;
    default:
        return extent;
    }
}

static int equal_strings(const tmf_json_t *a, const tmf_json_t *b)
{
    int length = json_object_get_string_len(object_of(a));

    return length == json_object_get_string_len(object_of(b)) &&
           memcmp(json_object_get_string(object_of(a)), json_object_get_string(object_of(b)),
                  (size_t)length) == 0;
}

static int equal_arrays(const tmf_json_t *a, const tmf_json_t *b)
{
    int count = tmf_json_count(a);
    int i;

    if (count != tmf_json_count(b)) {
        return 0;
    }
    for (i = 0; i < count; i++) {
        if (!tmf_json_equal(tmf_json_at(a, i), tmf_json_at(b, i))) {
            return 0;
        }
    }
    return 1;
}

typedef struct {
    const tmf_json_t *other;
    int equal;
} comparison_t;

static int compare_member(void *context, const char *name, tmf_json_t *value)
{
    comparison_t *comparison = context;
    const tmf_json_t *other = tmf_json_get(comparison->other, name);

    comparison->equal = other != NULL && tmf_json_equal(value, other);
    return comparison->equal;
}

static int equal_objects(const tmf_json_t *a, const tmf_json_t *b)
{
    comparison_t comparison = {b, 1};

    if (tmf_json_member_count(a) != tmf_json_member_count(b)) {
        return 0;
    }
    tmf_json_each(a, compare_member, &comparison);
    return comparison.equal;
}

int tmf_json_equal(const tmf_json_t *a, const tmf_json_t *b)
{
    tmf_json_type_t type = tmf_json_type(a);

    if (a == b) {
        return 1;
    }
    if (type != tmf_json_type(b)) {
        return 0;
    }
    switch (type) {
    case TMF_JSON_BOOLEAN:
        return tmf_json_boolean(a) == tmf_json_boolean(b);
    case TMF_JSON_NUMBER:
        return tmf_json_number_compare(tmf_json_number_text(a), tmf_json_number_text(b)) == 0;
    case TMF_JSON_STRING:
        return equal_strings(a, b);
    case TMF_JSON_ARRAY:
        return equal_arrays(a, b);
    case TMF_JSON_OBJECT:
        return equal_objects(a, b);
    default:
        return 1;
    }
}
