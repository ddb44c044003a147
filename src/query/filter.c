/* SPDX-License-Identifier: Apache-2.0 */
#include "query/filter.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "model/json.h"

tmf_filter_t *tmf_filter_make(tmf_filter_kind_t kind, apr_pool_t *pool)
{
    tmf_filter_t *filter = apr_pcalloc(pool, sizeof(*filter));

    filter->kind = kind;
    filter->children = apr_array_make(pool, 2, sizeof(tmf_filter_t *));
    return filter;
}

void tmf_filter_add(tmf_filter_t *parent, tmf_filter_t *child)
{
    APR_ARRAY_PUSH(parent->children, tmf_filter_t *) = child;
}

tmf_filter_t *tmf_filter_compare(tmf_path_t path, tmf_operator_t comparator, apr_pool_t *pool)
{
    tmf_filter_t *compare = tmf_filter_make(TMF_FILTER_COMPARE, pool);

    compare->path = path;
    compare->comparator = comparator;
    compare->operands = apr_array_make(pool, 1, sizeof(tmf_operand_t));
    return compare;
}

tmf_filter_t *tmf_filter_simplify(tmf_filter_t *filter)
{
    int is_list = filter->kind == TMF_FILTER_AND || filter->kind == TMF_FILTER_OR;

    return is_list && filter->children->nelts == 1
               ? APR_ARRAY_IDX(filter->children, 0, tmf_filter_t *)
               : filter;
}

tmf_operator_t tmf_operator_mirror(tmf_operator_t comparator)
{
    switch (comparator) {
    case TMF_GREATER:
        return TMF_LESS;
    case TMF_GREATER_OR_EQUAL:
        return TMF_LESS_OR_EQUAL;
    case TMF_LESS:
        return TMF_GREATER;
    case TMF_LESS_OR_EQUAL:
        return TMF_GREATER_OR_EQUAL;
    default:
        return comparator;
    }
}

tmf_error_t *tmf_filter_count(tmf_reading_t *reading)
{
    if (++reading->conditions > TMF_FILTER_CONDITIONS_MAX) {
        return tmf_reading_refuse(reading, "At most %d conditions are supported in one request",
                                  TMF_FILTER_CONDITIONS_MAX);
    }
    return NULL;
}

tmf_error_t *tmf_path_parse(tmf_path_t *path, const char *name, const tmf_reading_t *reading)
{
    const char **names = apr_palloc(reading->pool, sizeof(*names) * TMF_FILTER_PATH_MAX);
    const char *at = name;

    path->names = names;
    path->count = 0;
    path->schema = reading->schema;
    if (strlen(name) > TMF_FILTER_NAME_MAX) {
        return tmf_reading_refuse(reading, "An attribute's name may have at most %d bytes",
                                  TMF_FILTER_NAME_MAX);
    }
    for (;;) {
        apr_size_t length = strcspn(at, ".");

        if (length == 0) {
            return tmf_reading_refuse(
                reading, "\"%s\" is no attribute: names separated by single dots are", name);
        }
        if (path->count == TMF_FILTER_PATH_MAX) {
            return tmf_reading_refuse(reading, "\"%s\" has more than %d names", name,
                                      TMF_FILTER_PATH_MAX);
        }
        names[path->count++] = apr_pstrmemdup(reading->pool, at, length);
        if (at[length] == '\0') {
            return NULL;
        }
        at += length + 1;
    }
}

tmf_path_t tmf_path_begin(tmf_path_t path, int count)
{
    path.count = count;
    return path;
}

tmf_path_t tmf_path_rest(tmf_path_t path, int cut)
{
    tmf_path_t rest = {path.names + cut, path.count - cut, NULL};

    return rest;
}

const char *tmf_path_text(tmf_path_t path, apr_pool_t *result_pool)
{
    const char *text = path.count > 0 ? path.names[0] : "@";
    int i;

    for (i = 1; i < path.count; i++) {
        text = apr_pstrcat(result_pool, text, ".", path.names[i], NULL);
    }
    return text;
}

int tmf_path_equal(tmf_path_t a, tmf_path_t b)
{
    int i = 0;

    while (i < a.count && i < b.count && strcmp(a.names[i], b.names[i]) == 0) {
        i++;
    }
    return i == a.count && i == b.count;
}

static const tmf_attribute_t *find_attribute(const tmf_attribute_t *attributes, const char *name)
{
    for (; attributes->name != NULL; attributes++) {
        if (strcmp(attributes->name, name) == 0) {
            return attributes;
        }
    }
    return NULL;
}

const tmf_attribute_t *tmf_path_attribute(tmf_path_t path)
{
    const tmf_attribute_t *schema = path.schema;
    const tmf_attribute_t *attribute = NULL;
    int i;

    for (i = 0; i < path.count && schema != NULL; i++) {
        attribute = find_attribute(schema, path.names[i]);
        schema = attribute != NULL ? attribute->inside : NULL;
    }
    return i == path.count ? attribute : NULL;
}

int tmf_filter_is_number(const char *text)
{
    const char *at = text + (*text == '-');
    apr_size_t digits = strspn(at, "0123456789");

    if (digits == 0 || (*at == '0' && digits > 1)) {
        return 0;
    }
    at += digits;
    if (*at == '.') {
        digits = strspn(++at, "0123456789");
        at += digits;
        if (digits == 0) {
            return 0;
        }
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '+' || *at == '-';
        digits = strspn(at, "0123456789");
        at += digits;
        if (digits == 0) {
            return 0;
        }
    }
    return *at == '\0' && tmf_json_number_size(text) > 0;
}

int tmf_filter_read_instant(const char *text, tmf_instant_t *instant)
{
    return tmf_datetime_parse(text, instant) || tmf_date_parse(text, instant);
}

static tmf_error_t *check_type(const tmf_operand_t *operand, const tmf_attribute_t *attribute,
                               const tmf_filter_t *compare, const tmf_reading_t *reading)
{
    const char *wanted = NULL;

    switch (attribute->kind) {
    case TMF_KIND_INTEGER:
        wanted = operand->number != NULL ? NULL : "a number";
        break;
    case TMF_KIND_BOOLEAN:
        wanted = operand->is_boolean ? NULL : "true or false";
        break;
    case TMF_KIND_DATETIME:
        wanted = operand->is_instant ? NULL : "a date-time such as 2018-06-12T00:00:00Z";
        break;
    default:
        break;
    }
    return wanted == NULL ? NULL
                          : tmf_reading_refuse(reading, "%s must be compared with %s",
                                               tmf_path_text(compare->path, reading->pool), wanted);
}

static tmf_error_t *count_operand(tmf_reading_t *reading)
{
    return ++reading->operands > TMF_FILTER_OPERANDS_MAX
               ? tmf_reading_refuse(reading, "At most %d values are supported in one request",
                                    TMF_FILTER_OPERANDS_MAX)
               : NULL;
}

tmf_error_t *tmf_filter_add_operand(tmf_filter_t *compare, const char *text, tmf_reading_t *reading)
{
    const tmf_attribute_t *attribute = tmf_path_attribute(compare->path);
    int max = compare->comparator == TMF_REGEX ? TMF_FILTER_PATTERN_MAX : TMF_FILTER_VALUE_MAX;
    tmf_operand_t operand = {text, NULL, 0, 0, {0, NULL, 0}, 0, 0};

    TMF_TRY(count_operand(reading));
    if (strlen(text) > (apr_size_t)max) {
        return tmf_reading_refuse(reading, "The value of %s is longer than %d bytes",
                                  tmf_path_text(compare->path, reading->pool), max);
    }
    operand.number = tmf_filter_is_number(text) ? text : NULL;
    operand.is_boolean = strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    operand.is_instant = tmf_filter_read_instant(text, &operand.instant);
    if (attribute != NULL && compare->comparator != TMF_REGEX) {
        TMF_TRY(check_type(&operand, attribute, compare, reading));
    }
    APR_ARRAY_PUSH(compare->operands, tmf_operand_t) = operand;
    return NULL;
}

tmf_error_t *tmf_filter_add_word(tmf_filter_t *compare, const char *word, tmf_reading_t *reading)
{
    const tmf_operand_t null = {word, NULL, 0, 0, {0, NULL, 0}, 1, 1};

    if (strcmp(word, "null") == 0) {
        TMF_TRY(count_operand(reading));
        APR_ARRAY_PUSH(compare->operands, tmf_operand_t) = null;
        return NULL;
    }
    TMF_TRY(tmf_filter_add_operand(compare, word, reading));
    APR_ARRAY_IDX(compare->operands, compare->operands->nelts - 1, tmf_operand_t).is_unordered = 1;
    return NULL;
}

static void collect_patterns(const char **names, const tmf_filter_t *filter, apr_pool_t *pool)
{
    int i;

    if (filter->comparator == TMF_REGEX) {
        *names = apr_pstrcat(pool, *names, **names != '\0' ? ", " : "",
                             tmf_path_text(filter->path, pool), NULL);
    }
    for (i = 0; i < filter->children->nelts; i++) {
        collect_patterns(names, APR_ARRAY_IDX(filter->children, i, tmf_filter_t *), pool);
    }
}

tmf_error_t *tmf_filter_about_patterns(tmf_error_t *error, const tmf_filter_t *filter,
                                       apr_pool_t *result_pool)
{
    const char *names = "";

    if (error == NULL || !tmf_error_is(error, TMF_ERROR_INVALID_PATTERN)) {
        return error;
    }
    collect_patterns(&names, filter, result_pool);
    return tmf_error_about(error, result_pool, "%s", names);
}
