/* SPDX-License-Identifier: Apache-2.0 */
#include "query/parameters.h"

#include <string.h>

#include <apr_strings.h>

#include "query/conditions.h"
#include "query/jsonpath.h"
#include "query/raw.h"

/* What the readers of one request share. */
typedef struct {
    tmf_parameters_t *parameters;
    tmf_filter_t *jsonpaths; /* an AND of what `filter=` has; no equality unites with these */
    tmf_filter_limits_t limits;
    apr_pool_t *pool;
} reader_t;

static tmf_error_t *add_fields(reader_t *reader, tmf_raw_t value)
{
    tmf_parameters_t *parameters = reader->parameters;

    while (value.length > 0) {
        const char *name;

        TMF_TRY(tmf_raw_decode_value(&name, tmf_raw_cut(&value, ','), reader->pool));
        if (name[strspn(name, " ")] == '\0') {
            continue;
        }
        if (parameters->fields == NULL) {
            parameters->fields = tmf_fields_make(reader->pool);
        }
        TMF_TRY(tmf_fields_add(parameters->fields, name, reader->pool));
    }
    return NULL;
}

static tmf_error_t *given_twice(const char *name, apr_pool_t *pool)
{
    return tmf_error_make(pool, TMF_ERROR_INVALID_PARAMETER, "%s is given more than once", name);
}

/* A whole number, 0 or more; what passes 64 bits counts as the largest. */
static tmf_error_t *set_number(const char *name, tmf_raw_t value, int *has, apr_int64_t *number,
                               apr_pool_t *pool)
{
    const char *text;

    TMF_TRY(tmf_raw_decode_value(&text, value, pool));
    if (*has) {
        return given_twice(name, pool);
    }
    if (*text == '\0' || strspn(text, "0123456789") != strlen(text)) {
        return tmf_error_make(pool, TMF_ERROR_INVALID_PARAMETER,
                              "%s must be a whole number, 0 or more", name);
    }
    *has = 1;
    *number = apr_strtoi64(text, NULL, 10);
    return NULL;
}

static tmf_error_t *set_limit(reader_t *reader, tmf_raw_t value)
{
    return set_number("limit", value, &reader->parameters->has_limit, &reader->parameters->limit,
                      reader->pool);
}

static tmf_error_t *set_offset(reader_t *reader, tmf_raw_t value)
{
    return set_number("offset", value, &reader->parameters->has_offset, &reader->parameters->offset,
                      reader->pool);
}

/* `[-|+]name`; the plus sign may have been decoded to a blank. */
static tmf_error_t *add_sort(reader_t *reader, tmf_raw_t value)
{
    while (value.length > 0) {
        tmf_sort_key_t key;
        const char *name;

        TMF_TRY(tmf_raw_decode_value(&name, tmf_raw_cut(&value, ','), reader->pool));
        if (reader->parameters->sort->nelts == TMF_SORT_KEYS_MAX) {
            return tmf_error_make(reader->pool, TMF_ERROR_INVALID_PARAMETER,
                                  "sort: at most %d attributes are supported", TMF_SORT_KEYS_MAX);
        }
        name += strspn(name, " ");
        key.descending = *name == '-';
        name += *name == '-' || *name == '+';
        TMF_TRY(tmf_path_parse(&key.path, name, reader->limits.schema, reader->pool));
        APR_ARRAY_PUSH(reader->parameters->sort, tmf_sort_key_t) = key;
    }
    return NULL;
}

static tmf_error_t *set_cursor(reader_t *reader, tmf_raw_t value)
{
    if (reader->parameters->cursor != NULL) {
        return given_twice("cursor", reader->pool);
    }
    return tmf_raw_decode_value(&reader->parameters->cursor, value, reader->pool);
}

static tmf_error_t *add_filter(reader_t *reader, tmf_raw_t value)
{
    const char *text;

    TMF_TRY(tmf_raw_decode_value(&text, value, reader->pool));
    return tmf_jsonpath_add(reader->jsonpaths, text, &reader->limits);
}

typedef struct {
    const char *name;
    int is_common; /* also of requests that take no filters: not "other" */
    tmf_error_t *(*read)(reader_t *reader, tmf_raw_t value);
} reserved_t;

static const reserved_t reserved_table[] = {
    {"fields", 1, add_fields}, {"limit", 1, set_limit},   {"offset", 1, set_offset},
    {"sort", 0, add_sort},     {"cursor", 0, set_cursor}, {"filter", 0, add_filter},
};

static const reserved_t *find_reserved(const char *name)
{
    apr_size_t i;

    for (i = 0; i < sizeof(reserved_table) / sizeof(reserved_table[0]); i++) {
        if (strcmp(reserved_table[i].name, name) == 0) {
            return &reserved_table[i];
        }
    }
    return NULL;
}

/* The row of the reserved parameter that a piece names; NULL when it names none. */
static tmf_error_t *read_reserved(const reserved_t **reserved, const char **name,
                                  const tmf_condition_t *condition, apr_pool_t *pool)
{
    TMF_TRY(tmf_raw_decode_name(name, condition->name, pool));
    *reserved = find_reserved(*name);
    if (*reserved != NULL && condition->has_operator && !condition->is_plain) {
        return tmf_error_make(pool, TMF_ERROR_INVALID_PARAMETER,
                              "%s is no attribute to compare: write %s=…", *name, *name);
    }
    return NULL;
}

/* A group whose members must all be conditions: `;` joins nothing else. */
static tmf_error_t *add_group(reader_t *reader, tmf_raw_t group)
{
    tmf_raw_t rest = group;

    while (rest.length > 0) {
        tmf_condition_t condition = tmf_condition_split(tmf_raw_cut(&rest, ';'));
        const reserved_t *reserved;
        const char *name;

        TMF_TRY(read_reserved(&reserved, &name, &condition, reader->pool));
        if (reserved != NULL && condition.has_operator) {
            return tmf_error_make(reader->pool, TMF_ERROR_INVALID_PARAMETER,
                                  "%s cannot be joined by ; (a ; within its value is %%3B)", name);
        }
    }
    return tmf_conditions_add(reader->parameters->filter, group, &reader->limits);
}

static tmf_error_t *add_parameter(reader_t *reader, tmf_raw_t piece)
{
    tmf_condition_t condition = tmf_condition_split(piece);
    const reserved_t *reserved;
    const char *name;

    TMF_TRY(read_reserved(&reserved, &name, &condition, reader->pool));
    if ((reserved == NULL || !reserved->is_common) && reader->parameters->other == NULL) {
        reader->parameters->other = name;
    }
    if (reserved == NULL || memchr(piece.data, ';', piece.length) != NULL) {
        return add_group(reader, piece);
    }
    return reserved->read(reader, condition.value);
}

tmf_error_t *tmf_parameters_parse(tmf_parameters_t **parameters, const char *raw,
                                  const tmf_attribute_t *schema, apr_pool_t *result_pool)
{
    tmf_raw_t rest = {raw != NULL ? raw : "", raw != NULL ? strlen(raw) : 0};
    reader_t reader = {apr_pcalloc(result_pool, sizeof(**parameters)),
                       tmf_filter_make(TMF_FILTER_AND, result_pool),
                       {schema, 0, 0, result_pool},
                       result_pool};

    *parameters = reader.parameters;
    reader.parameters->sort = apr_array_make(result_pool, 1, sizeof(tmf_sort_key_t));
    reader.parameters->filter = tmf_filter_make(TMF_FILTER_AND, result_pool);
    while (rest.length > 0) {
        tmf_raw_t piece = tmf_raw_cut(&rest, '&');

        if (piece.length > 0) {
            TMF_TRY(add_parameter(&reader, piece));
        }
    }
    apr_array_cat(reader.parameters->filter->children, reader.jsonpaths->children);
    return NULL;
}

int tmf_parameter_is(const char *raw, apr_size_t length, const char *name, apr_pool_t *scratch_pool)
{
    tmf_raw_t piece = {raw, length};
    const char *decoded;

    return tmf_raw_decode_name(&decoded, tmf_condition_split(piece).name, scratch_pool) == NULL &&
           strcmp(decoded, name) == 0;
}
