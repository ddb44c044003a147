/* SPDX-License-Identifier: Apache-2.0 */
#include "query/filter_jsonpath.h"

#include <string.h>

#include <apr_strings.h>

static void append_name(tmf_text_t *text, const char *name)
{
    tmf_text_append(text, ".", 1);
    tmf_text_append_json(text, name, strlen(name));
}

/* Can the values of a path be arrays within arrays? Those that the schema types are never. */
static int may_nest(tmf_path_t path)
{
    const tmf_attribute_t *attribute = tmf_path_attribute(path);

    return attribute == NULL || attribute->kind == TMF_KIND_ANY;
}

void tmf_jsonpath_append_path(tmf_text_t *text, const char *root, tmf_path_t path,
                              const char *entry, int entries)
{
    int left;
    int i;

    tmf_text_append_string(text, root);
    for (i = 0; i < path.count; i++) {
        append_name(text, path.names[i]);
        for (left = may_nest(tmf_path_begin(path, i + 1)) ? entries : 1; left > 0; left--) {
            tmf_text_append_string(text, entry);
        }
    }
    if (path.count == 0) {
        tmf_text_append_string(text, entry);
    }
}

int tmf_jsonpath_append_nested(tmf_text_t *text, tmf_path_t path)
{
    int can_be = 0;
    int i;

    for (i = 0; i < path.count; i++) {
        if (!may_nest(tmf_path_begin(path, i + 1))) {
            continue;
        }
        tmf_text_append_string(text, can_be ? " || exists (" : "exists (");
        tmf_jsonpath_append_path(text, "$", tmf_path_begin(path, i), "[*]", 1);
        append_name(text, path.names[i]);
        tmf_text_append_string(text, " ? (@.type() == \"array\"))");
        can_be = 1;
    }
    return can_be;
}

const tmf_sql_column_t *tmf_sql_find_column(const tmf_sql_document_t *document, tmf_path_t path)
{
    const tmf_sql_column_t *column;

    if (document == NULL || path.count == 0) {
        return NULL;
    }
    for (column = document->columns; column->name != NULL; column++) {
        if (strcmp(column->name, path.names[0]) == 0) {
            return column;
        }
    }
    return NULL;
}

static int is_outside(const tmf_sql_document_t *document, tmf_path_t path)
{
    const tmf_sql_column_t *column = tmf_sql_find_column(document, path);

    return column != NULL && column->json != NULL;
}

/* Can the operand be more than one value: "5" and 5? */
static int is_of_two_types(const tmf_operand_t *operand)
{
    return operand->number != NULL || operand->is_boolean;
}

/* `"5" || @ == 5`: all that the operand can be. */
static void append_operand(tmf_text_t *text, const tmf_operand_t *operand)
{
    if (operand->is_null) {
        tmf_text_append_string(text, "null");
        return;
    }
    tmf_text_append_json(text, operand->text, strlen(operand->text));
    if (is_of_two_types(operand)) {
        tmf_text_append_format(text, " || @ == %s", operand->text);
    }
}

/* A negative number would be an expression to jsonpath, which no index answers. */
static int is_for_jsonpath(const tmf_filter_t *compare)
{
    int i;

    for (i = 0; i < compare->operands->nelts; i++) {
        const tmf_operand_t *operand = &APR_ARRAY_IDX(compare->operands, i, tmf_operand_t);

        if (operand->is_instant || (operand->number != NULL && *operand->number == '-')) {
            return 0;
        }
    }
    return compare->comparator == TMF_EQUAL;
}

static tmf_predicate_t append_compare(tmf_text_t *text, const tmf_filter_t *compare,
                                      const char *root)
{
    const tmf_operand_t *operands = (const tmf_operand_t *)compare->operands->elts;
    int is_one = compare->operands->nelts == 1 && !is_of_two_types(operands);
    int i;

    if (!is_for_jsonpath(compare)) {
        return TMF_PREDICATE_NONE;
    }
    tmf_text_append_string(text, is_one ? "(" : "(exists (");
    tmf_jsonpath_append_path(text, root, compare->path, "[*]", TMF_SQL_ARRAYS_MAX);
    for (i = 0; i < compare->operands->nelts; i++) {
        tmf_text_append_string(text, i > 0 ? " || @ == " : is_one ? " == " : " ? (@ == ");
        append_operand(text, &operands[i]);
    }
    tmf_text_append_string(text, is_one ? ")" : ")))");
    return TMF_PREDICATE_EXACT;
}

/* An empty array exists, too: the last name is not entered. */
static tmf_predicate_t append_exists(tmf_text_t *text, const tmf_filter_t *exists, const char *root)
{
    int last = exists->path.count - 1;

    if (exists->path.count == 0) {
        return TMF_PREDICATE_NONE;
    }
    tmf_text_append_string(text, "(exists (");
    tmf_jsonpath_append_path(text, root, tmf_path_begin(exists->path, last), "[*]",
                             TMF_SQL_ARRAYS_MAX);
    append_name(text, exists->path.names[last]);
    tmf_text_append_string(text, "))");
    return TMF_PREDICATE_EXACT;
}

static tmf_predicate_t append_any(tmf_text_t *text, const tmf_filter_t *any, const char *root)
{
    apr_size_t start = text->length;
    tmf_predicate_t inside;

    tmf_text_append_string(text, "(exists (");
    tmf_jsonpath_append_path(text, root, any->path, "[*]", TMF_SQL_ARRAYS_MAX);
    tmf_text_append_string(text, " ? ");
    inside = tmf_filter_append_predicate(text, APR_ARRAY_IDX(any->children, 0, tmf_filter_t *), "@",
                                         NULL);
    tmf_text_append_string(text, "))");
    if (inside == TMF_PREDICATE_NONE) {
        text->length = start;
    }
    return inside;
}

/* AND says what its parts say; OR says something when all of its parts do. */
static tmf_predicate_t append_list(tmf_text_t *text, const tmf_filter_t *list, const char *root,
                                   const tmf_sql_document_t *document)
{
    tmf_predicate_t whole = TMF_PREDICATE_EXACT;
    apr_size_t start = text->length;
    int parts = 0;
    int i;

    for (i = 0; i < list->children->nelts; i++) {
        apr_size_t before = text->length;
        tmf_predicate_t part;

        tmf_text_append_string(text, parts == 0                     ? "("
                                     : list->kind == TMF_FILTER_AND ? " && "
                                                                    : " || ");
        part = tmf_filter_append_predicate(text, APR_ARRAY_IDX(list->children, i, tmf_filter_t *),
                                           root, document);
        if (part == TMF_PREDICATE_NONE) {
            text->length = before;
        }
        parts += part != TMF_PREDICATE_NONE;
        whole = part == TMF_PREDICATE_EXACT ? whole : TMF_PREDICATE_IMPLIED;
    }
    if (parts == 0 || (list->kind == TMF_FILTER_OR && parts < list->children->nelts)) {
        text->length = start;
        return TMF_PREDICATE_NONE;
    }
    tmf_text_append(text, ")", 1);
    return whole;
}

tmf_predicate_t tmf_filter_append_predicate(tmf_text_t *text, const tmf_filter_t *filter,
                                            const char *root, const tmf_sql_document_t *document)
{
    switch (filter->kind) {
    case TMF_FILTER_AND:
    case TMF_FILTER_OR:
        return append_list(text, filter, root, document);
    case TMF_FILTER_NOT:
        return TMF_PREDICATE_NONE;
    default:
        break;
    }
    if (is_outside(document, filter->path)) {
        return TMF_PREDICATE_NONE;
    }
    if (filter->kind == TMF_FILTER_ANY) {
        return append_any(text, filter, root);
    }
    return filter->kind == TMF_FILTER_EXISTS ? append_exists(text, filter, root)
                                             : append_compare(text, filter, root);
}

/* Appends that a value of the member, or an array within that, is an empty array. A filter looks at
 * the elements of an array, so each one within another is one level deeper. */
static void append_empty(tmf_text_t *text, const char *name)
{
    int level;

    tmf_text_append_string(text, " || exists (@");
    append_name(text, name);
    for (level = 0; level < TMF_SQL_ARRAYS_MAX; level++) {
        tmf_text_append_string(text, level > 0 ? " || exists (@" : "");
        tmf_text_append_string(text, " ? (@.type() == \"array\" && (!exists (@[*])");
    }
    for (level = 0; level < TMF_SQL_ARRAYS_MAX; level++) {
        tmf_text_append_string(text, ")))");
    }
}

void tmf_filter_append_missing(tmf_text_t *text, tmf_path_t path)
{
    int i;

    for (i = 0; i < path.count; i++) {
        tmf_text_append_string(text, i > 0 ? " || exists (" : "exists (");
        tmf_jsonpath_append_path(text, "$", tmf_path_begin(path, i), "[*]", TMF_SQL_ARRAYS_MAX);
        tmf_text_append_string(text, " ? (!exists (@");
        append_name(text, path.names[i]);
        tmf_text_append_string(text, "[*])");
        if (may_nest(tmf_path_begin(path, i + 1))) {
            append_empty(text, path.names[i]);
        }
        tmf_text_append_string(text, "))");
    }
}
