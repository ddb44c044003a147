/* SPDX-License-Identifier: Apache-2.0 */
#include "api/customer_order.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* A name that is as long as the column can hold may go on in the document. */
static const tmf_order_column_t name_order[] = {
    {"c.name", "text", 0, 0},
    {"CASE WHEN length(c.name) = 500 THEN (c.doc ->> 'name') COLLATE \"C\" END", "text", 0, 1}};
static const tmf_order_column_t status_order[] = {
    {"c.status", "text", 0, 1},
    {"CASE WHEN length(c.status) = 500 THEN (c.doc ->> 'status') COLLATE \"C\" END", "text", 0, 1}};
static const tmf_order_column_t href_order[] = {
    {"(tmf_customer.encode_segment(c.id)) COLLATE \"C\"", "text", 0, 0}};
static const tmf_order_column_t id_order[] = {{"c.id", "text", 0, 0}};
static const tmf_order_column_t creation_order[] = {{"c.seq", "bigint", 0, 0},
                                                    {"c.id", "text", 0, 0}};

/* Attributes of the customer itself that need no look into the document. */
static const struct {
    const char *name;
    const tmf_order_column_t *columns;
    int count;
} own_orders[] = {{"name", name_order, 2},
                  {"status", status_order, 2},
                  {"href", href_order, 1},
                  {"id", id_order, 1}};

static void add_columns(apr_array_header_t *order, const tmf_order_column_t *columns, int count,
                        int descending)
{
    int i;

    for (i = 0; i < count; i++) {
        tmf_order_column_t *column = apr_array_push(order);

        *column = columns[i];
        column->descending = descending;
    }
}

static int add_own(apr_array_header_t *order, const tmf_sort_key_t *key)
{
    apr_size_t i;

    for (i = 0; i < sizeof(own_orders) / sizeof(own_orders[0]) && key->path.count == 1; i++) {
        if (strcmp(own_orders[i].name, key->path.names[0]) == 0) {
            add_columns(order, own_orders[i].columns, own_orders[i].count, key->descending);
            return 1;
        }
    }
    return 0;
}

/* Any other attribute: the sort_key of the value that the path leads to first, into arrays within
 * arrays, too. */
static const char *add_document_key(apr_array_header_t *order, const tmf_sort_key_t *key,
                                    const char *joins, tmf_sql_t *sql)
{
    int number = order->nelts;
    const tmf_order_column_t columns[] = {
        {apr_psprintf(sql->pool, "s%d.rank", number), "integer", 0, 1},
        {apr_psprintf(sql->pool, "s%d.number", number), "numeric", 0, 1},
        {apr_psprintf(sql->pool, "s%d.written", number), "text", 0, 1}};

    add_columns(order, columns, 3, key->descending);
    return apr_psprintf(sql->pool,
                        "%s CROSS JOIN LATERAL tmf_customer.sort_key("
                        "jsonb_path_query_first(c.doc, %s)) AS s%d",
                        joins, tmf_sql_jsonpath(sql, "c.doc", key->path, "[0]"), number);
}

void tmf_customer_order(tmf_customer_selection_t *selection, const apr_array_header_t *sort,
                        tmf_sql_t *sql)
{
    apr_array_header_t *order = apr_array_make(sql->pool, 4, sizeof(tmf_order_column_t));
    int i;

    selection->joins = "";
    for (i = 0; i < sort->nelts; i++) {
        const tmf_sort_key_t *key = &APR_ARRAY_IDX(sort, i, tmf_sort_key_t);

        if (!add_own(order, key)) {
            selection->joins = add_document_key(order, key, selection->joins, sql);
        }
    }
    if (sort->nelts == 0) {
        add_columns(order, creation_order, 2, 0);
    } else {
        add_columns(order, id_order, 1, 0);
    }
    selection->order = (const tmf_order_column_t *)order->elts;
    selection->order_count = order->nelts;
}

static int is_whole_number(const char *text)
{
    text += *text == '-';
    return *text != '\0' && strlen(text) <= 18 && strspn(text, "0123456789") == strlen(text);
}

/* A decimal as PostgreSQL writes a numeric: no exponent, and no more than it can read. */
static int is_decimal(const char *text)
{
    apr_size_t digits;

    text += *text == '-';
    digits = strspn(text, "0123456789");
    if (digits == 0 || strlen(text) > 2000) {
        return 0;
    }
    text += digits;
    return *text == '\0' || (*text == '.' && apr_isdigit(text[1]) &&
                             strspn(text + 1, "0123456789") == strlen(text + 1));
}

static int accepts(const tmf_order_column_t *column, const char *value)
{
    if (value == NULL) {
        return column->nullable;
    }
    if (strcmp(column->type, "text") == 0) {
        return 1;
    }
    if (strcmp(column->type, "integer") == 0) {
        return strlen(value) == 1 && apr_isdigit(*value);
    }
    return strcmp(column->type, "numeric") == 0 ? is_decimal(value) : is_whole_number(value);
}

int tmf_customer_order_accepts(const tmf_customer_selection_t *selection, const char *const *key,
                               int count)
{
    int i;

    if (count != selection->order_count) {
        return 0;
    }
    for (i = 0; i < count; i++) {
        if (!accepts(&selection->order[i], key[i])) {
            return 0;
        }
    }
    return 1;
}

/* A filter that asks for the status alone: its comparison; else NULL. */
static const tmf_filter_t *status_alone(const tmf_filter_t *filter)
{
    const tmf_filter_t *only = tmf_filter_simplify((tmf_filter_t *)filter);

    return only->kind == TMF_FILTER_COMPARE && only->comparator == TMF_EQUAL &&
                   only->path.count == 1 && strcmp(only->path.names[0], "status") == 0
               ? only
               : NULL;
}

void tmf_customer_condition(tmf_customer_selection_t *selection, const tmf_parameters_t *parameters,
                            const char *base_url, tmf_sql_t *sql)
{
    const tmf_filter_t *filter = parameters->filter;
    const tmf_filter_t *status = status_alone(filter);
    const tmf_sql_column_t columns[] = {{"id", "c.id", "to_jsonb(c.id)", NULL, 0},
                                        {"href", NULL,
                                         "to_jsonb(%s::text || tmf_customer.encode_segment(c.id))",
                                         apr_pstrcat(sql->pool, base_url, "/customer/", NULL), 0},
                                        {"name", "c.name", NULL, NULL, 0},
                                        {"status", "c.status", NULL, NULL, 1},
                                        {NULL, NULL, NULL, NULL, 0}};
    const tmf_sql_document_t document = {"c.doc", columns};
    const tmf_sql_column_t counted[] = {{"status", "status", NULL, NULL, 0},
                                        {NULL, NULL, NULL, NULL, 0}};
    const tmf_sql_document_t counters = {NULL, counted};

    selection->condition = NULL;
    selection->total = "of_all AND status = ''";
    selection->plan_by_values = 0;
    if (filter->children->nelts == 0) {
        return;
    }
    tmf_filter_to_sql(sql, filter, &document);
    selection->condition = apr_pstrdup(sql->pool, tmf_text_string(&sql->text));
    selection->total = NULL;
    selection->plan_by_values = sql->is_skewed;
    if (status != NULL && tmf_filter_is_for_column(status, &counters)) {
        /* One index has the customers of a status in the order of creation, few or many. */
        selection->plan_by_values = status->operands->nelts > 1 || parameters->sort->nelts > 0;
        sql->text.length = 0;
        tmf_filter_to_sql(sql, filter, &counters);
        selection->total = apr_pstrcat(sql->pool, "NOT of_all AND ", tmf_text_string(&sql->text),
                                       NULL);
    }
}
