/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * A tree is made in one go, changed in few places and forgotten with its request, so all of it is
 * taken from a pool, and nothing is ever given back alone. Scalars never change: null, true and
 * false are constants, and a value may stand in several others. An object is a list of its members
 * in their order; most have a handful, so looking through it is fastest. One with many members has
 * an index besides, or a client could make us compare each name with each other.
 */
#include "model/json.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "model/hash.h"
#include "model/text.h"

#define MEMBERS_LISTED 16 /* an object with more of them has an index */

typedef struct member_t {
    struct member_t *previous;
    struct member_t *next;
    tmf_json_t *value;
    char name[];
} member_t;

typedef struct {
    member_t *first;
    member_t *last;
    int count;
    apr_hash_t *index; /* name → member_t; NULL = there have always been few */
    apr_pool_t *pool;
} object_t;

struct tmf_json_t {
    tmf_json_type_t type;
    unsigned length; /* of a string or number, in bytes */
    union {
        const char *text; /* of a string or number, NUL-terminated */
        apr_array_header_t *elements;
        object_t *object;
    };
};

static tmf_json_t null_value = {.type = TMF_JSON_NULL};
static tmf_json_t false_value = {.type = TMF_JSON_BOOLEAN};
static tmf_json_t true_value = {.type = TMF_JSON_BOOLEAN};

/* A value with room for `extra` bytes behind it. */
static tmf_json_t *make(tmf_json_type_t type, apr_size_t extra, apr_pool_t *pool)
{
    tmf_json_t *value = apr_palloc(pool, sizeof(*value) + extra);

    value->type = type;
    return value;
}

static tmf_json_t *make_text(tmf_json_type_t type, const char *text, apr_size_t length,
                             apr_pool_t *pool)
{
    tmf_json_t *value = make(type, length + 1, pool);
    char *copy = (char *)(value + 1);

    memcpy(copy, text, length);
    copy[length] = '\0';
    value->text = copy;
    value->length = (unsigned)length;
    return value;
}

tmf_json_t *tmf_json_null(void)
{
    return &null_value;
}

tmf_json_t *tmf_json_truth(int is_true)
{
    return is_true ? &true_value : &false_value;
}

tmf_json_t *tmf_json_string(const char *text, apr_size_t length, apr_pool_t *result_pool)
{
    return make_text(TMF_JSON_STRING, text, length, result_pool);
}

tmf_json_t *tmf_json_number(const char *text, apr_size_t length, apr_pool_t *result_pool)
{
    return make_text(TMF_JSON_NUMBER, text, length, result_pool);
}

tmf_json_t *tmf_json_object(apr_pool_t *result_pool)
{
    tmf_json_t *value = make(TMF_JSON_OBJECT, sizeof(object_t), result_pool);

    value->object = (object_t *)(value + 1);
    *value->object = (object_t){.pool = result_pool};
    return value;
}

tmf_json_t *tmf_json_array(apr_pool_t *result_pool)
{
    tmf_json_t *value = make(TMF_JSON_ARRAY, 0, result_pool);

    value->elements = apr_array_make(result_pool, 2, sizeof(tmf_json_t *));
    return value;
}

tmf_json_type_t tmf_json_type(const tmf_json_t *value)
{
    return value != NULL ? value->type : TMF_JSON_NULL;
}

const char *tmf_json_type_name(tmf_json_type_t type)
{
    static const char *const names[] = {
        [TMF_JSON_NULL] = "null",       [TMF_JSON_BOOLEAN] = "a boolean",
        [TMF_JSON_NUMBER] = "a number", [TMF_JSON_STRING] = "a string",
        [TMF_JSON_ARRAY] = "an array",  [TMF_JSON_OBJECT] = "an object"};

    return names[type];
}

static int is_of(const tmf_json_t *value, tmf_json_type_t type)
{
    return value != NULL && value->type == type;
}

const char *tmf_json_string_text(const tmf_json_t *value)
{
    return is_of(value, TMF_JSON_STRING) ? value->text : NULL;
}

const char *tmf_json_number_text(const tmf_json_t *value)
{
    return is_of(value, TMF_JSON_NUMBER) ? value->text : NULL;
}

int tmf_json_boolean(const tmf_json_t *value)
{
    return value == &true_value;
}

/* ---- objects ---- */

static member_t *find(const object_t *object, const char *name)
{
    member_t *member;

    if (object->index != NULL) {
        return apr_hash_get(object->index, name, APR_HASH_KEY_STRING);
    }
    for (member = object->first; member != NULL; member = member->next) {
        if (*member->name == *name && strcmp(member->name, name) == 0) {
            return member;
        }
    }
    return NULL;
}

static void enter(object_t *object, member_t *member)
{
    apr_hash_set(object->index, member->name, APR_HASH_KEY_STRING, member);
}

static void make_index(object_t *object)
{
    member_t *member;

    object->index = tmf_hash_make(object->pool);
    for (member = object->first; member != NULL; member = member->next) {
        enter(object, member);
    }
}

/* Behind the last member. */
static void append_member(object_t *object, member_t *member, tmf_json_t *value)
{
    member->value = value;
    member->previous = object->last;
    member->next = NULL;
    *(object->last != NULL ? &object->last->next : &object->first) = member;
    object->last = member;
    object->count++;
    if (object->index != NULL) {
        enter(object, member);
    } else if (object->count > MEMBERS_LISTED) {
        make_index(object);
    }
}

static member_t *make_member(const object_t *object, const char *name, apr_size_t length)
{
    member_t *member = apr_palloc(object->pool, sizeof(*member) + length + 1);

    memcpy(member->name, name, length);
    member->name[length] = '\0';
    return member;
}

int tmf_json_add(tmf_json_t *object, const char *name, apr_size_t length, tmf_json_t *value)
{
    member_t *member = make_member(object->object, name, length);

    if (find(object->object, member->name) != NULL) {
        return 0;
    }
    append_member(object->object, member, value);
    return 1;
}

tmf_json_t *tmf_json_get(const tmf_json_t *object, const char *name)
{
    const member_t *member = is_of(object, TMF_JSON_OBJECT) ? find(object->object, name) : NULL;

    return member != NULL ? member->value : NULL;
}

void tmf_json_set(tmf_json_t *object, const char *name, tmf_json_t *value)
{
    member_t *member = find(object->object, name);

    value = value != NULL ? value : &null_value;
    if (member != NULL) {
        member->value = value;
    } else {
        append_member(object->object, make_member(object->object, name, strlen(name)), value);
    }
}

void tmf_json_unset(tmf_json_t *object, const char *name)
{
    object_t *members = object->object;
    member_t *member = find(members, name);

    if (member == NULL) {
        return;
    }
    if (members->index != NULL) {
        apr_hash_set(members->index, member->name, APR_HASH_KEY_STRING, NULL);
    }
    *(member->previous != NULL ? &member->previous->next : &members->first) = member->next;
    *(member->next != NULL ? &member->next->previous : &members->last) = member->previous;
    members->count--;
}

int tmf_json_member_count(const tmf_json_t *object)
{
    return object->object->count;
}

void tmf_json_each(const tmf_json_t *object, tmf_json_member_fn callback, void *context)
{
    const member_t *member = object->object->first;

    while (member != NULL && callback(context, member->name, member->value)) {
        member = member->next;
    }
}

/* ---- arrays ---- */

static tmf_json_t **element_at(const tmf_json_t *array, int index)
{
    return &APR_ARRAY_IDX(array->elements, index, tmf_json_t *);
}

int tmf_json_count(const tmf_json_t *array)
{
    return is_of(array, TMF_JSON_ARRAY) ? array->elements->nelts : 0;
}

tmf_json_t *tmf_json_at(const tmf_json_t *array, int index)
{
    return index >= 0 && index < tmf_json_count(array) ? *element_at(array, index) : NULL;
}

void tmf_json_append(tmf_json_t *array, tmf_json_t *value)
{
    APR_ARRAY_PUSH(array->elements, tmf_json_t *) = value;
}

void tmf_json_put(tmf_json_t *array, int index, tmf_json_t *value)
{
    *element_at(array, index) = value;
}

void tmf_json_insert(tmf_json_t *array, int index, tmf_json_t *value)
{
    tmf_json_t **place;

    tmf_json_append(array, value);
    place = element_at(array, index);
    memmove(place + 1, place, sizeof(*place) * (apr_size_t)(array->elements->nelts - 1 - index));
    *place = value;
}

void tmf_json_remove(tmf_json_t *array, int index)
{
    tmf_json_t **place = element_at(array, index);

    array->elements->nelts--;
    memmove(place, place + 1, sizeof(*place) * (apr_size_t)(array->elements->nelts - index));
}

/* ---- whole trees ---- */

static tmf_json_t *copy_object(const tmf_json_t *object, apr_pool_t *pool)
{
    tmf_json_t *copy = tmf_json_object(pool);
    const member_t *member;

    for (member = object->object->first; member != NULL; member = member->next) {
        append_member(copy->object, make_member(copy->object, member->name, strlen(member->name)),
                      tmf_json_copy(member->value, pool));
    }
    return copy;
}

static tmf_json_t *copy_array(const tmf_json_t *array, apr_pool_t *pool)
{
    tmf_json_t *copy = tmf_json_array(pool);
    int i;

    for (i = 0; i < array->elements->nelts; i++) {
        tmf_json_append(copy, tmf_json_copy(*element_at(array, i), pool));
    }
    return copy;
}

tmf_json_t *tmf_json_copy(const tmf_json_t *value, apr_pool_t *result_pool)
{
    switch (tmf_json_type(value)) {
    case TMF_JSON_OBJECT:
        return copy_object(value, result_pool);
    case TMF_JSON_ARRAY:
        return copy_array(value, result_pool);
    case TMF_JSON_STRING:
    case TMF_JSON_NUMBER:
        return make_text(value->type, value->text, value->length, result_pool);
    case TMF_JSON_BOOLEAN:
        return tmf_json_truth(tmf_json_boolean(value));
    default:
        return &null_value;
    }
}

static void write_value(tmf_text_t *text, const tmf_json_t *value);

static void write_object(tmf_text_t *text, const object_t *object)
{
    const member_t *member;

    tmf_text_append(text, "{", 1);
    for (member = object->first; member != NULL; member = member->next) {
        if (member != object->first) {
            tmf_text_append(text, ",", 1);
        }
        tmf_text_append_json(text, member->name, strlen(member->name));
        tmf_text_append(text, ":", 1);
        write_value(text, member->value);
    }
    tmf_text_append(text, "}", 1);
}

static void write_array(tmf_text_t *text, const tmf_json_t *array)
{
    int i;

    tmf_text_append(text, "[", 1);
    for (i = 0; i < array->elements->nelts; i++) {
        if (i > 0) {
            tmf_text_append(text, ",", 1);
        }
        write_value(text, *element_at(array, i));
    }
    tmf_text_append(text, "]", 1);
}

static void write_value(tmf_text_t *text, const tmf_json_t *value)
{
    switch (tmf_json_type(value)) {
    case TMF_JSON_OBJECT:
        write_object(text, value->object);
        break;
    case TMF_JSON_ARRAY:
        write_array(text, value);
        break;
    case TMF_JSON_STRING:
        tmf_text_append_json(text, value->text, value->length);
        break;
    case TMF_JSON_NUMBER:
        tmf_text_append(text, value->text, value->length);
        break;
    case TMF_JSON_BOOLEAN:
        tmf_text_append_string(text, tmf_json_boolean(value) ? "true" : "false");
        break;
    default:
        tmf_text_append(text, "null", 4);
    }
}

const char *tmf_json_write(const tmf_json_t *value, apr_size_t *length, apr_pool_t *result_pool)
{
    tmf_text_t text;

    tmf_text_init(&text, 256, result_pool);
    write_value(&text, value);
    if (length != NULL) {
        *length = text.length;
    }
    return tmf_text_string(&text);
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
        extent.size = value->length + 2;
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
    return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
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
