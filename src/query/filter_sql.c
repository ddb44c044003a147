/* SPDX-License-Identifier: Apache-2.0 */
#include "query/filter_sql.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "query/filter_jsonpath.h"

/* Where a part of the filter is about: the document, or one value v1, v2, … within it. */
typedef struct {
    const char *json;                   /* SQL of the jsonb */
    const tmf_sql_document_t *document; /* NULL within */
    int depth;
} scope_t;

static void write_filter(tmf_sql_t *sql, const tmf_filter_t *filter, const scope_t *scope);

void tmf_sql_init(tmf_sql_t *sql, apr_pool_t *pool)
{
    tmf_text_init(&sql->text, 512, pool);
    sql->parameters = apr_array_make(pool, 16, sizeof(const char *));
    sql->patterns = apr_array_make(pool, 2, sizeof(const char *));
    sql->is_skewed = 0;
    sql->pool = pool;
}

const char *tmf_sql_parameter(tmf_sql_t *sql, const char *value)
{
    APR_ARRAY_PUSH(sql->parameters, const char *) = value;
    return apr_psprintf(sql->pool, "$%d", sql->parameters->nelts);
}

static void append(tmf_sql_t *sql, const char *text)
{
    tmf_text_append_string(&sql->text, text);
}

static void append_parameter(tmf_sql_t *sql, const char *value, const char *type)
{
    append(sql, tmf_sql_parameter(sql, value));
    append(sql, "::");
    append(sql, type);
}

static const tmf_operand_t *operand_at(const tmf_filter_t *compare, int index)
{
    return &APR_ARRAY_IDX(compare->operands, index, tmf_operand_t);
}

/* ---- columns ---- */

int tmf_filter_is_for_column(const tmf_filter_t *filter, const tmf_sql_document_t *document)
{
    const tmf_sql_column_t *column;
    int i;

    if (filter->kind != TMF_FILTER_COMPARE || filter->comparator != TMF_EQUAL ||
        filter->path.count != 1) {
        return 0;
    }
    column = tmf_sql_find_column(document, filter->path);
    if (column == NULL || column->column == NULL) {
        return 0;
    }
    for (i = 0; i < filter->operands->nelts; i++) {
        const tmf_operand_t *operand = operand_at(filter, i);

        if (operand->is_instant || operand->is_null ||
            strlen(operand->text) >= TMF_SQL_COLUMN_TEXT_MAX) {
            return 0;
        }
    }
    return 1;
}

static int is_for_column(const tmf_filter_t *filter, const scope_t *scope)
{
    return tmf_filter_is_for_column(filter, scope->document);
}

static void write_column(tmf_sql_t *sql, const tmf_filter_t *compare, const scope_t *scope)
{
    const tmf_sql_column_t *column = tmf_sql_find_column(scope->document, compare->path);
    int i;

    sql->is_skewed |= column->is_skewed;
    append(sql, column->column);
    append(sql, compare->operands->nelts == 1 ? " = " : " IN (");
    for (i = 0; i < compare->operands->nelts; i++) {
        append(sql, i > 0 ? ", " : "");
        append_parameter(sql, operand_at(compare, i)->text, "text");
    }
    append(sql, compare->operands->nelts == 1 ? "" : ")");
}

/* What every match of `^prefix…` begins with; "" when nothing can be said. */
static const char *literal_prefix(const char *pattern, apr_pool_t *pool)
{
    apr_size_t length;

    if (*pattern != '^' || strchr(pattern, '|') != NULL) {
        return "";
    }
    pattern++;
    length = strcspn(pattern, "\\^$.[]|()?*+{}");
    if (pattern[length] != '\0' && strchr("?*{", pattern[length]) != NULL) {
        while (length > 0 && (pattern[--length] & 0xC0) == 0x80) {
        }
    }
    return apr_pstrmemdup(pool, pattern, length);
}

/* The least text above all that begin with `prefix`: its last character is the next one, or goes,
 * when its last byte has no next one in UTF-8. "" when there is none. */
static const char *above_prefix(const char *prefix, apr_pool_t *pool)
{
    char *above = apr_pstrdup(pool, prefix);
    apr_size_t length = strlen(above);

    while (length > 0) {
        unsigned char last = (unsigned char)above[length - 1];

        if (last != 0x7F && last != 0xBF) {
            above[length - 1]++;
            break;
        }
        while (length > 0 && (above[--length] & 0xC0) == 0x80) {
        }
    }
    above[length] = '\0';
    return above;
}

/* A pattern that begins with text is a range of the column's index; the pattern itself decides. */
static void write_prefix_range(tmf_sql_t *sql, const tmf_filter_t *compare, const scope_t *scope)
{
    const tmf_sql_column_t *column = tmf_sql_find_column(scope->document, compare->path);
    const char *prefix;
    const char *above;

    if (column == NULL || column->column == NULL || compare->path.count != 1 ||
        compare->comparator != TMF_REGEX || compare->operands->nelts != 1) {
        return;
    }
    prefix = literal_prefix(operand_at(compare, 0)->text, sql->pool);
    above = above_prefix(prefix, sql->pool);
    if (*above == '\0' || strlen(prefix) >= TMF_SQL_COLUMN_TEXT_MAX) {
        return;
    }
    tmf_text_append_format(&sql->text, "%s >= ", column->column);
    append_parameter(sql, prefix, "text");
    tmf_text_append_format(&sql->text, " AND %s < ", column->column);
    append_parameter(sql, above, "text");
    append(sql, " AND ");
}

/* ---- comparisons of one value ---- */

/* A JSON array of all that the operands can be, but date-times. */
static const char *candidates(const tmf_filter_t *compare, apr_pool_t *pool)
{
    tmf_text_t array;
    int i;

    tmf_text_init(&array, 128, pool);
    for (i = 0; i < compare->operands->nelts; i++) {
        const tmf_operand_t *operand = operand_at(compare, i);

        if (operand->is_null) {
            tmf_text_append_string(&array, ",null");
        } else if (!operand->is_instant) {
            tmf_text_append(&array, ",", 1);
            tmf_text_append_json(&array, operand->text, strlen(operand->text));
        }
        if (operand->number != NULL || operand->is_boolean) {
            tmf_text_append_format(&array, ",%s", operand->text);
        }
    }
    if (array.length == 0) {
        return NULL;
    }
    array.data[0] = '[';
    tmf_text_append(&array, "]", 1);
    return tmf_text_string(&array);
}

/* As tmf_customer.instant() has it. */
static void write_instant(tmf_sql_t *sql, const tmf_instant_t *instant)
{
    append_parameter(sql, apr_psprintf(sql->pool, "%" APR_INT64_T_FMT, instant->seconds),
                     "numeric");
    if (instant->fraction_length > 0) {
        append(sql, " + ");
        append_parameter(
            sql,
            apr_psprintf(sql->pool, "0.%.*s", (int)instant->fraction_length, instant->fraction),
            "numeric");
    }
}

/* `tmf_customer.compare(value, operand, …) symbol 0` */
static void write_order(tmf_sql_t *sql, const char *value, const tmf_operand_t *operand,
                        const char *symbol)
{
    tmf_text_append_format(&sql->text, "tmf_customer.compare(%s, ", value);
    append_parameter(sql, operand->text, "text");
    append(sql, ", ");
    if (operand->number != NULL) {
        append_parameter(sql, operand->number, "numeric");
        append(sql, ", NULL)");
    } else if (operand->is_instant) {
        append(sql, "NULL, ");
        write_instant(sql, &operand->instant);
        append(sql, ")");
    } else {
        append(sql, "NULL, NULL)");
    }
    tmf_text_append_format(&sql->text, " %s 0", symbol);
}

static void write_equal(tmf_sql_t *sql, const char *value, const tmf_filter_t *compare)
{
    const char *array = candidates(compare, sql->pool);
    const char *separator = "";
    int i;

    append(sql, "(");
    if (array != NULL) {
        append_parameter(sql, array, "jsonb");
        tmf_text_append_format(&sql->text, " @> %s", value);
        separator = " OR ";
    }
    for (i = 0; i < compare->operands->nelts; i++) {
        if (operand_at(compare, i)->is_instant) {
            append(sql, separator);
            write_order(sql, value, operand_at(compare, i), "=");
            separator = " OR ";
        }
    }
    append(sql, ")");
}

static void write_pattern(tmf_sql_t *sql, const char *value, const tmf_operand_t *operand)
{
    const char *pattern = tmf_sql_parameter(sql, operand->text);

    APR_ARRAY_PUSH(sql->patterns, const char *) = pattern;
    tmf_text_append_format(&sql->text,
                           "CASE jsonb_typeof(%s) WHEN 'string' THEN %s #>> '{}' ~ %s::text END",
                           value, value, pattern);
}

/* What one value must meet. */
static void write_value(tmf_sql_t *sql, const char *value, const tmf_filter_t *compare)
{
    static const char *const symbols[] = {[TMF_GREATER] = ">",
                                          [TMF_GREATER_OR_EQUAL] = ">=",
                                          [TMF_LESS] = "<",
                                          [TMF_LESS_OR_EQUAL] = "<="};
    int i;

    if (compare->comparator == TMF_EQUAL || compare->comparator == TMF_NOT_EQUAL) {
        write_equal(sql, value, compare);
        append(sql, compare->comparator == TMF_NOT_EQUAL ? " IS NOT TRUE" : "");
        return;
    }
    for (i = 0; i < compare->operands->nelts; i++) {
        append(sql, i > 0 ? " OR " : "");
        if (compare->comparator == TMF_REGEX) {
            write_pattern(sql, value, operand_at(compare, i));
        } else if (operand_at(compare, i)->is_unordered) {
            append(sql, "false");
        } else {
            write_order(sql, value, operand_at(compare, i), symbols[compare->comparator]);
        }
    }
}

/* ---- the tree ---- */

static const char *path_parameter(tmf_sql_t *sql, tmf_path_t path, const char *entry, int entries)
{
    tmf_text_t jsonpath;

    tmf_text_init(&jsonpath, 128, sql->pool);
    tmf_jsonpath_append_path(&jsonpath, "$", path, entry, entries);
    tmf_text_append_string(&jsonpath, entry);
    return apr_psprintf(sql->pool, "%s::jsonpath",
                        tmf_sql_parameter(sql, tmf_text_string(&jsonpath)));
}

/* To enter arrays within arrays costs a scan of a table half of its time; so only what has them is
 * entered deeper. */
const char *tmf_sql_jsonpath(tmf_sql_t *sql, const char *json, tmf_path_t path, const char *entry)
{
    const char *flat = path_parameter(sql, path, entry, 1);
    const char *condition;
    tmf_text_t nested;

    tmf_text_init(&nested, 128, sql->pool);
    if (!tmf_jsonpath_append_nested(&nested, path)) {
        return flat;
    }
    condition = tmf_sql_parameter(sql, tmf_text_string(&nested));
    return apr_psprintf(sql->pool, "CASE WHEN %s @@ %s::jsonpath THEN %s ELSE %s END", json,
                        condition, path_parameter(sql, path, entry, TMF_SQL_ARRAYS_MAX), flat);
}

/* `EXISTS (SELECT FROM … AS v2(value) WHERE `: the values of a path within the scope, of which one
 * must meet what follows; the caller closes the parenthesis. Arrays are entered once more than in a
 * predicate, whose comparison enters them itself. */
static void open_values(tmf_sql_t *sql, const char *json, tmf_path_t path, int depth)
{
    tmf_text_append_format(&sql->text,
                           "EXISTS (SELECT FROM jsonb_path_query(%s, %s) AS v%d(value) WHERE ",
                           json, tmf_sql_jsonpath(sql, json, path, "[*]"), depth);
}

/* An attribute that is not in the document is one by itself: the scope moves there, and the path
 * loses its name. */
static const char *json_of(tmf_sql_t *sql, const scope_t *scope, tmf_path_t *path)
{
    const tmf_sql_column_t *column = tmf_sql_find_column(scope->document, *path);
    const char *placeholder;

    if (column == NULL || column->json == NULL) {
        return scope->json;
    }
    *path = tmf_path_rest(*path, 1);
    placeholder = strstr(column->json, "%s");
    if (placeholder == NULL) {
        return column->json;
    }
    return apr_pstrcat(
        sql->pool,
        apr_pstrmemdup(sql->pool, column->json, (apr_size_t)(placeholder - column->json)),
        tmf_sql_parameter(sql, column->operand), placeholder + 2, NULL);
}

static void write_compare(tmf_sql_t *sql, const tmf_filter_t *compare, const scope_t *scope)
{
    int depth = scope->depth + 1;
    tmf_path_t path = compare->path;
    const char *json = json_of(sql, scope, &path);
    tmf_text_t missing;

    append(sql, "(");
    write_prefix_range(sql, compare, scope);
    open_values(sql, json, path, depth);
    write_value(sql, apr_psprintf(sql->pool, "v%d.value", depth), compare);
    append(sql, ")");
    if (compare->comparator == TMF_NOT_EQUAL && path.count > 0) {
        tmf_text_init(&missing, 128, sql->pool);
        tmf_filter_append_missing(&missing, path);
        tmf_text_append_format(&sql->text, " OR %s @@ ", json);
        append_parameter(sql, tmf_text_string(&missing), "jsonpath");
    }
    append(sql, ")");
}

static void write_exists(tmf_sql_t *sql, const tmf_filter_t *exists, const scope_t *scope)
{
    const tmf_sql_column_t *column = tmf_sql_find_column(scope->document, exists->path);
    int is_outside = column != NULL && column->json != NULL;
    tmf_filter_t inside = *exists;
    tmf_text_t predicate;
    const char *json;

    if (exists->path.count == is_outside) {
        append(sql, "true");
        return;
    }
    json = json_of(sql, scope, &inside.path);
    tmf_text_init(&predicate, 128, sql->pool);
    tmf_filter_append_predicate(&predicate, &inside, "$", NULL);
    tmf_text_append_format(&sql->text, "%s @@ ", json);
    append_parameter(sql, tmf_text_string(&predicate), "jsonpath");
}

static void write_any(tmf_sql_t *sql, const tmf_filter_t *any, const scope_t *scope)
{
    tmf_path_t path = any->path;
    const char *json = json_of(sql, scope, &path);
    scope_t inside = {NULL, NULL, scope->depth + 1};

    inside.json = apr_psprintf(sql->pool, "v%d.value", inside.depth);
    open_values(sql, json, path, inside.depth);
    write_filter(sql, APR_ARRAY_IDX(any->children, 0, tmf_filter_t *), &inside);
    append(sql, ")");
}

static void write_predicate(tmf_sql_t *sql, const tmf_text_t *predicate, const scope_t *scope)
{
    tmf_text_append_format(&sql->text, "%s @@ ", scope->json);
    append_parameter(sql, apr_pstrmemdup(sql->pool, predicate->data, predicate->length),
                     "jsonpath");
}

static tmf_predicate_t predicate_of(tmf_text_t *predicate, const tmf_filter_t *filter,
                                    const scope_t *scope, apr_pool_t *pool)
{
    tmf_text_init(predicate, 256, pool);
    return tmf_filter_append_predicate(predicate, filter, "$", scope->document);
}

/* Children of an AND that one predicate can say together are said together: the index then looks
 * for the rarest of them. A column is for those that are alone. */
static int is_said_together(const tmf_filter_t *child, const scope_t *scope, int only_columns,
                            apr_pool_t *pool)
{
    tmf_text_t predicate;

    return !(only_columns && is_for_column(child, scope)) &&
           predicate_of(&predicate, child, scope, pool) == TMF_PREDICATE_EXACT;
}

static int has_only_columns(const tmf_filter_t *all, const scope_t *scope, apr_pool_t *pool)
{
    int i;

    for (i = 0; i < all->children->nelts; i++) {
        const tmf_filter_t *child = APR_ARRAY_IDX(all->children, i, tmf_filter_t *);

        if (!is_for_column(child, scope) && is_said_together(child, scope, 0, pool)) {
            return 0;
        }
    }
    return 1;
}

static void write_and(tmf_sql_t *sql, const tmf_filter_t *all, const scope_t *scope)
{
    int only_columns = has_only_columns(all, scope, sql->pool);
    tmf_filter_t *together = tmf_filter_make(TMF_FILTER_AND, sql->pool);
    const char *separator = "(";
    tmf_text_t predicate;
    int i;

    for (i = 0; i < all->children->nelts; i++) {
        tmf_filter_t *child = APR_ARRAY_IDX(all->children, i, tmf_filter_t *);

        if (is_said_together(child, scope, only_columns, sql->pool)) {
            tmf_filter_add(together, child);
            continue;
        }
        append(sql, separator);
        write_filter(sql, child, scope);
        separator = " AND ";
    }
    if (together->children->nelts > 0) {
        append(sql, separator);
        predicate_of(&predicate, together, scope, sql->pool);
        write_predicate(sql, &predicate, scope);
    }
    append(sql, all->children->nelts > 0 ? ")" : "true");
}

static void write_or(tmf_sql_t *sql, const tmf_filter_t *any, const scope_t *scope)
{
    int i;

    for (i = 0; i < any->children->nelts; i++) {
        append(sql, i > 0 ? " OR " : "(");
        write_filter(sql, APR_ARRAY_IDX(any->children, i, tmf_filter_t *), scope);
    }
    append(sql, any->children->nelts > 0 ? ")" : "false");
}

static void write_node(tmf_sql_t *sql, const tmf_filter_t *filter, const scope_t *scope)
{
    switch (filter->kind) {
    case TMF_FILTER_AND:
        write_and(sql, filter, scope);
        break;
    case TMF_FILTER_OR:
        write_or(sql, filter, scope);
        break;
    case TMF_FILTER_NOT:
        append(sql, "(");
        write_filter(sql, APR_ARRAY_IDX(filter->children, 0, tmf_filter_t *), scope);
        append(sql, ") IS NOT TRUE");
        break;
    case TMF_FILTER_ANY:
        write_any(sql, filter, scope);
        break;
    case TMF_FILTER_EXISTS:
        write_exists(sql, filter, scope);
        break;
    case TMF_FILTER_COMPARE:
        write_compare(sql, filter, scope);
        break;
    }
}

/* The cheapest exact form; and before an inexact one, what an index can say of it. */
static void write_filter(tmf_sql_t *sql, const tmf_filter_t *filter, const scope_t *scope)
{
    tmf_text_t predicate;
    tmf_predicate_t said = TMF_PREDICATE_NONE;

    if (is_for_column(filter, scope)) {
        write_column(sql, filter, scope);
        return;
    }
    if (filter->kind != TMF_FILTER_AND) {
        said = predicate_of(&predicate, filter, scope, sql->pool);
    }
    if (said == TMF_PREDICATE_IMPLIED && scope->document == NULL) {
        said = TMF_PREDICATE_NONE;
    }
    if (said != TMF_PREDICATE_NONE) {
        write_predicate(sql, &predicate, scope);
    }
    if (said == TMF_PREDICATE_IMPLIED) {
        append(sql, " AND ");
    }
    if (said != TMF_PREDICATE_EXACT) {
        write_node(sql, filter, scope);
    }
}

void tmf_filter_to_sql(tmf_sql_t *sql, const tmf_filter_t *filter,
                       const tmf_sql_document_t *document)
{
    const scope_t scope = {document->json, document, 0};
    int i;

    write_filter(sql, filter, &scope);
    for (i = 0; i < sql->patterns->nelts; i++) {
        tmf_text_append_format(&sql->text, " AND ('' ~ %s::text) IS NOT NULL",
                               APR_ARRAY_IDX(sql->patterns, i, const char *));
    }
}
