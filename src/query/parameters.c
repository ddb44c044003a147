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
    tmf_reading_t *reading;
} reader_t;

static tmf_error_t *add_fields(reader_t *reader, tmf_raw_t value)
{
    tmf_parameters_t *parameters = reader->parameters;

    while (value.length > 0) {
        const char *name;

        TMF_TRY(tmf_raw_decode_value(&name, tmf_raw_cut(&value, ','), reader->reading));
        if (name[strspn(name, " ")] == '\0') {
            continue;
        }
        if (parameters->fields == NULL) {
            parameters->fields = tmf_fields_make(reader->reading->pool);
        }
        TMF_TRY(tmf_fields_add(parameters->fields, name, reader->reading));
    }
    return NULL;
}

static tmf_error_t *given_twice(const char *name, const tmf_reading_t *reading)
{
    return tmf_reading_refuse(reading, "%s is given more than once", name);
}

/* A whole number, 0 or more; what passes 64 bits counts as the largest. */
static tmf_error_t *set_number(const char *name, tmf_raw_t value, int *has, apr_int64_t *number,
                               const tmf_reading_t *reading)
{
    const char *text;

    TMF_TRY(tmf_raw_decode_value(&text, value, reading));
    if (*has) {
        return given_twice(name, reading);
    }
    if (*text == '\0' || strspn(text, "0123456789") != strlen(text)) {
        return tmf_reading_refuse(reading, "%s must be a whole number, 0 or more", name);
    }
    *has = 1;
    *number = apr_strtoi64(text, NULL, 10);
    return NULL;
}

static tmf_error_t *set_limit(reader_t *reader, tmf_raw_t value)
{
    return set_number("limit", value, &reader->parameters->has_limit, &reader->parameters->limit,
                      reader->reading);
}

static tmf_error_t *set_offset(reader_t *reader, tmf_raw_t value)
{
    return set_number("offset", value, &reader->parameters->has_offset, &reader->parameters->offset,
                      reader->reading);
}

/* `[-|+]name`; the plus sign may have been decoded to a blank. */
static tmf_error_t *add_sort(reader_t *reader, tmf_raw_t value)
{
    while (value.length > 0) {
        tmf_sort_key_t key;
        const char *name;

        TMF_TRY(tmf_raw_decode_value(&name, tmf_raw_cut(&value, ','), reader->reading));
        if (reader->parameters->sort->nelts == TMF_SORT_KEYS_MAX) {
            return tmf_reading_refuse(reader->reading, "sort: at most %d attributes are supported",
                                      TMF_SORT_KEYS_MAX);
        }
        name += strspn(name, " ");
        key.descending = *name == '-';
        name += *name == '-' || *name == '+';
        TMF_TRY(tmf_path_parse(&key.path, name, reader->reading));
        APR_ARRAY_PUSH(reader->parameters->sort, tmf_sort_key_t) = key;
    }
    return NULL;
}

static tmf_error_t *set_cursor(reader_t *reader, tmf_raw_t value)
{
    if (reader->parameters->cursor != NULL) {
        return given_twice("cursor", reader->reading);
    }
    return tmf_raw_decode_value(&reader->parameters->cursor, value, reader->reading);
}

static tmf_error_t *add_filter(reader_t *reader, tmf_raw_t value)
{
    const char *text;

    TMF_TRY(tmf_raw_decode_value(&text, value, reader->reading));
    return tmf_jsonpath_add(reader->jsonpaths, text, reader->reading);
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
                                  const tmf_condition_t *condition, const tmf_reading_t *reading)
{
    TMF_TRY(tmf_raw_decode_name(name, condition->name, reading));
    *reserved = find_reserved(*name);
    if (*reserved != NULL && condition->has_operator && !condition->is_plain) {
        return tmf_reading_refuse(reading, "%s is no attribute to compare: write %s=…", *name,
                                  *name);
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

        TMF_TRY(read_reserved(&reserved, &name, &condition, reader->reading));
        if (reserved != NULL && condition.has_operator) {
            return tmf_reading_refuse(
                reader->reading, "%s cannot be joined by ; (a ; within its value is %%3B)", name);
        }
    }
    return tmf_conditions_add(reader->parameters->filter, group, reader->reading);
}

static tmf_error_t *add_parameter(reader_t *reader, tmf_raw_t piece)
{
    tmf_condition_t condition = tmf_condition_split(piece);
    const reserved_t *reserved;
    const char *name;

    TMF_TRY(read_reserved(&reserved, &name, &condition, reader->reading));
    if ((reserved == NULL || !reserved->is_common) && reader->parameters->other == NULL) {
        reader->parameters->other = name;
    }
    if (reserved == NULL || memchr(piece.data, ';', piece.length) != NULL) {
        return add_group(reader, piece);
    }
    return reserved->read(reader, condition.value);
}

tmf_error_t *tmf_parameters_read(tmf_parameters_t **parameters, const char *raw,
                                 tmf_reading_t *reading)
{
    apr_pool_t *result_pool = reading->pool;
    tmf_raw_t rest = {raw != NULL ? raw : "", raw != NULL ? strlen(raw) : 0};
    reader_t reader = {apr_pcalloc(result_pool, sizeof(**parameters)),
                       tmf_filter_make(TMF_FILTER_AND, result_pool), reading};

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

tmf_error_t *tmf_parameters_parse(tmf_parameters_t **parameters, const char *raw,
                                  const tmf_attribute_t *schema, apr_pool_t *result_pool)
{
    tmf_reading_t reading = {TMF_ERROR_INVALID_PARAMETER, schema, 0, 0, result_pool};

    return tmf_parameters_read(parameters, raw, &reading);
}

int tmf_parameter_is(const char *raw, apr_size_t length, const char *name, apr_pool_t *scratch_pool)
{
    const tmf_reading_t reading = {TMF_ERROR_INVALID_PARAMETER, NULL, 0, 0, scratch_pool};
    tmf_raw_t piece = {raw, length};
    const char *decoded;

    return tmf_raw_decode_name(&decoded, tmf_condition_split(piece).name, &reading) == NULL &&
           strcmp(decoded, name) == 0;
}
