/* SPDX-License-Identifier: Apache-2.0 */
#include "query/filter_jsonpath.h"

#include <string.h>

#include <apr_strings.h>

static void append_name(tmf_text_t *text, const char *name)
{
    tmf_text_append(text, ".", 1);
    tmf_text_append_json(text, name, strlen(name));
}

void tmf_jsonpath_append_path(tmf_text_t *text, const char *root, tmf_path_t path, int each)
{
    int i;

    tmf_text_append_string(text, root);
    for (i = 0; i < path.count; i++) {
        append_name(text, path.names[i]);
        tmf_text_append_string(text, each ? "[*]" : "[0]");
    }
    if (path.count == 0) {
        tmf_text_append_string(text, each ? "[*]" : "[0]");
    }
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

static void append_equal(tmf_text_t *text, const char *path, const char *literal,
                         const char **separator)
{
    tmf_text_append_string(text, *separator);
    tmf_text_append_string(text, path);
    tmf_text_append_string(text, " == ");
    tmf_text_append_string(text, literal);
    *separator = " || ";
}

static void append_operand(tmf_text_t *text, const char *path, const tmf_operand_t *operand,
                           const char **separator)
{
    tmf_text_t quoted;

    if (operand->is_null) {
        append_equal(text, path, "null", separator);
        return;
    }
    tmf_text_init(&quoted, strlen(operand->text) + 16, text->pool);
    tmf_text_append_json(&quoted, operand->text, strlen(operand->text));
    append_equal(text, path, tmf_text_string(&quoted), separator);
    if (operand->number != NULL || operand->is_boolean) {
        append_equal(text, path, operand->text, separator);
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
    const char *separator = "";
    tmf_text_t path;
    int i;

    if (!is_for_jsonpath(compare)) {
        return TMF_PREDICATE_NONE;
    }
    tmf_text_init(&path, 128, text->pool);
    tmf_jsonpath_append_path(&path, root, compare->path, 1);
    tmf_text_append(text, "(", 1);
    for (i = 0; i < compare->operands->nelts; i++) {
        append_operand(text, tmf_text_string(&path),
                       &APR_ARRAY_IDX(compare->operands, i, tmf_operand_t), &separator);
    }
    tmf_text_append(text, ")", 1);
    return TMF_PREDICATE_EXACT;
}

/* An empty array exists, too: the last name is not entered. */
static tmf_predicate_t append_exists(tmf_text_t *text, const tmf_filter_t *exists, const char *root)
{
    tmf_path_t before = {exists->path.names, exists->path.count - 1};

    if (exists->path.count == 0) {
        return TMF_PREDICATE_NONE;
    }
    tmf_text_append_string(text, "(exists (");
    tmf_jsonpath_append_path(text, root, before, 1);
    append_name(text, exists->path.names[before.count]);
    tmf_text_append_string(text, "))");
    return TMF_PREDICATE_EXACT;
}

static tmf_predicate_t append_any(tmf_text_t *text, const tmf_filter_t *any, const char *root)
{
    apr_size_t start = text->length;
    tmf_predicate_t inside;

    tmf_text_append_string(text, "(exists (");
    tmf_jsonpath_append_path(text, root, any->path, 1);
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

void tmf_filter_append_missing(tmf_text_t *text, tmf_path_t path)
{
    int i;

    for (i = 0; i < path.count; i++) {
        tmf_path_t before = {path.names, i};

        tmf_text_append_string(text, i > 0 ? " || exists (" : "exists (");
        tmf_jsonpath_append_path(text, "$", before, 1);
        tmf_text_append_string(text, " ? (!exists (@");
        append_name(text, path.names[i]);
        tmf_text_append_string(text, "[*])))");
    }
}
