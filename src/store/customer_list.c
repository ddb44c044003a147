/* SPDX-License-Identifier: Apache-2.0 */
#include "store/customer_list.h"

#include <apr_strings.h>

#include "model/text.h"

/* Columns of the result; behind them those of the order, but its last one, which is the id. */
enum { COLUMN_ID, COLUMN_REVISION, COLUMN_DOC, COLUMN_TOTAL, COLUMN_KEY };

/* A statement in the making. */
typedef struct {
    const tmf_customer_selection_t *selection;
    tmf_text_t text;
    apr_pool_t *pool;
} writer_t;

static void append(writer_t *writer, const char *sql)
{
    tmf_text_append_string(&writer->text, sql);
}

static void append_parameter(writer_t *writer, const char *value, const char *type)
{
    APR_ARRAY_PUSH(writer->selection->parameters, const char *) = value;
    tmf_text_append_format(&writer->text, "$%d::%s", writer->selection->parameters->nelts, type);
}

static void write_number(writer_t *writer, apr_int64_t number)
{
    append_parameter(writer, apr_psprintf(writer->pool, "%" APR_INT64_T_FMT, number), "bigint");
}

/* How the statement calls a column of the order: by its expression, or, where it has been selected
 * already, by the name it was given: k0, k1, … */
typedef const char *column_name_fn(const writer_t *writer, int index);

static const char *by_expression(const writer_t *writer, int index)
{
    return writer->selection->order[index].expression;
}

static const char *by_name(const writer_t *writer, int index)
{
    return apr_psprintf(writer->pool, "k%d", index);
}

/* Behind the statement's own columns, whose names would hide those of the page. */
static const char *by_name_of_page(const writer_t *writer, int index)
{
    return apr_psprintf(writer->pool, "page.k%d", index);
}

/* `, expression AS k0, …` */
static void write_keys(writer_t *writer)
{
    int i;

    for (i = 0; i < writer->selection->order_count; i++) {
        tmf_text_append_format(&writer->text, ", %s AS k%d", by_expression(writer, i), i);
    }
}

static void write_order(writer_t *writer, column_name_fn *name, int backward)
{
    int i;

    append(writer, " ORDER BY ");
    for (i = 0; i < writer->selection->order_count; i++) {
        const tmf_order_column_t *column = &writer->selection->order[i];

        append(writer, i > 0 ? ", " : "");
        append(writer, name(writer, i));
        append(writer, column->descending != backward ? " DESC" : "");
        if (column->nullable) {
            append(writer, backward ? " NULLS FIRST" : " NULLS LAST");
        }
    }
}

/* Column `index` has the value of `after`. */
static void write_same(writer_t *writer, column_name_fn *name, int index)
{
    append(writer, name(writer, index));
    if (writer->selection->after[index] == NULL) {
        append(writer, " IS NULL");
        return;
    }
    append(writer, " = ");
    append_parameter(writer, writer->selection->after[index], writer->selection->order[index].type);
}

/* Can a value stand beyond that of `after` in column `index`? Nothing follows a missing one. */
static int has_beyond(const writer_t *writer, int index)
{
    return writer->selection->after[index] != NULL || writer->selection->backward;
}

/* Column `index` stands beyond `after`, in the direction of reading. */
static void write_beyond(writer_t *writer, column_name_fn *name, int index)
{
    const tmf_customer_selection_t *selection = writer->selection;
    const tmf_order_column_t *column = &selection->order[index];
    const char *called = name(writer, index);

    if (selection->after[index] == NULL) {
        tmf_text_append_format(&writer->text, "%s IS NOT NULL", called);
        return;
    }
    tmf_text_append_format(&writer->text, "(%s %s ", called,
                           column->descending != selection->backward ? "<" : ">");
    append_parameter(writer, selection->after[index], column->type);
    if (column->nullable && !selection->backward) {
        tmf_text_append_format(&writer->text, " OR %s IS NULL", called);
    }
    append(writer, ")");
}

/* The customers beyond `after`: those that differ from it first in column 0, or in column 1, … The
 * bound of column 0 says nothing new, but lets an index begin there. */
static void write_after(writer_t *writer, column_name_fn *name)
{
    const tmf_customer_selection_t *selection = writer->selection;
    const tmf_order_column_t *first = &selection->order[0];
    const char *separator = "";
    int i;
    int j;

    if (!first->nullable) {
        tmf_text_append_format(&writer->text, "%s %s= ", name(writer, 0),
                               first->descending != selection->backward ? "<" : ">");
        append_parameter(writer, selection->after[0], first->type);
        append(writer, " AND ");
    }
    append(writer, "(");
    for (i = 0; i < selection->order_count; i++) {
        if (!has_beyond(writer, i)) {
            continue;
        }
        append(writer, separator);
        for (j = 0; j < i; j++) {
            write_same(writer, name, j);
            append(writer, " AND ");
        }
        write_beyond(writer, name, i);
        separator = " OR ";
    }
    append(writer, ")");
}

/* `WHERE` with the condition, with that of `after`, or with both. */
static void write_where(writer_t *writer, const char *condition, column_name_fn *name, int after)
{
    const char *separator = " WHERE ";

    if (condition != NULL) {
        append(writer, separator);
        append(writer, condition);
        separator = " AND ";
    }
    if (after && writer->selection->after != NULL) {
        append(writer, separator);
        write_after(writer, name);
    }
}

/* A power of two, at least `limit`. */
static apr_int64_t bound_of(apr_int64_t limit)
{
    apr_int64_t bound = 16;

    while (bound < limit) {
        bound *= 2;
    }
    return bound;
}

/* Orders and cuts what was opened by `(SELECT`. The exact limit is a parameter, of which a prepared
 * plan knows nothing; the bound below it says that a few rows are wanted. */
static void write_cut(writer_t *writer, column_name_fn *name)
{
    const tmf_customer_selection_t *selection = writer->selection;
    /* One customer more than asked for tells whether there are more. */
    apr_int64_t limit = selection->limit + (selection->after != NULL);

    write_order(writer, name, selection->backward);
    tmf_text_append_format(&writer->text, " LIMIT %" APR_INT64_T_FMT, bound_of(limit));
    if (selection->offset > 0) {
        append(writer, " OFFSET ");
        write_number(writer, selection->offset);
    }
    append(writer, ") AS bounded");
    write_order(writer, by_name, selection->backward);
    append(writer, " LIMIT ");
    write_number(writer, limit);
}

static void write_source(writer_t *writer)
{
    append(writer, " FROM tmf_customer.customer AS c");
    append(writer, writer->selection->joins);
}

static void write_counted(writer_t *writer)
{
    const tmf_customer_selection_t *selection = writer->selection;

    append(writer, "WITH page AS (SELECT * FROM (SELECT c.id, c.revision, c.doc");
    write_keys(writer);
    write_source(writer);
    write_where(writer, selection->condition, by_expression, 1);
    write_cut(writer, by_expression);
    append(writer, "), total AS (SELECT coalesce(sum(count), 0)::bigint AS count"
                   " FROM tmf_customer.customer_total WHERE ");
    append(writer, selection->total);
    append(writer, ")");
}

static void write_matched(writer_t *writer)
{
    const tmf_customer_selection_t *selection = writer->selection;

    append(writer, "WITH matched AS MATERIALIZED (SELECT c.id");
    write_keys(writer);
    write_source(writer);
    write_where(writer, selection->condition, by_expression, 0);
    append(writer, "), cut AS (SELECT * FROM (SELECT * FROM matched");
    write_where(writer, NULL, by_name, 1);
    write_cut(writer, by_name);
    append(writer, "), page AS (SELECT cut.*, c.revision, c.doc FROM cut"
                   " JOIN tmf_customer.customer AS c ON c.id = cut.id),"
                   " total AS (SELECT count(*) FROM matched)");
}

const char *tmf_customer_list_sql(const tmf_customer_selection_t *selection,
                                  apr_pool_t *result_pool)
{
    writer_t writer = {selection, {NULL, 0, 0, NULL}, result_pool};
    int i;

    tmf_text_init(&writer.text, 1024, result_pool);
    if (selection->total != NULL) {
        write_counted(&writer);
    } else {
        write_matched(&writer);
    }
    /* Behind the sort, so that a document becomes text when it is read: a page may be cut. */
    append(&writer, " SELECT listed.id, listed.revision, listed.doc::text, listed.count");
    for (i = 0; i < selection->order_count - 1; i++) {
        tmf_text_append_format(&writer.text, ", listed.k%d::text", i);
    }
    /* One row at least: the total stands in it also when the page is empty. */
    append(&writer, " FROM (SELECT page.*, total.count FROM total LEFT JOIN page ON true");
    write_order(&writer, by_name_of_page, selection->backward);
    append(&writer, " OFFSET 0) AS listed");
    return tmf_text_string(&writer.text);
}

static const char *const *read_key(const tmf_db_rows_t *rows, int row, int columns,
                                   apr_pool_t *pool)
{
    const char **key = apr_palloc(pool, sizeof(*key) * (apr_size_t)columns);
    int i;

    for (i = 0; i < columns - 1; i++) {
        key[i] = tmf_db_text(rows, row, COLUMN_KEY + i, NULL);
    }
    key[i] = tmf_db_text(rows, row, COLUMN_ID, NULL);
    return key;
}

static void read_customer(tmf_customer_t *customer, const tmf_db_rows_t *rows, int row)
{
    customer->id = tmf_db_text(rows, row, COLUMN_ID, NULL);
    customer->revision = tmf_db_number(rows, row, COLUMN_REVISION);
    customer->doc = tmf_db_text(rows, row, COLUMN_DOC, &customer->doc_length);
}

/* Rows come in the direction of reading: what is missing, or too much, is at their end. */
static void read_page(tmf_customer_page_t *page, const tmf_db_rows_t *rows, int is_cut,
                      const tmf_customer_selection_t *selection, apr_pool_t *pool)
{
    int rows_read = tmf_db_text(rows, 0, COLUMN_ID, NULL) != NULL ? tmf_db_row_count(rows) : 0;
    tmf_customer_t *customers;
    int last;
    int i;

    page->total = tmf_db_number(rows, 0, COLUMN_TOTAL);
    page->more = is_cut || rows_read > selection->limit;
    page->count = rows_read > selection->limit ? (int)selection->limit : rows_read;
    last = page->count - 1;
    customers = apr_palloc(pool, sizeof(*customers) * (apr_size_t)page->count);
    for (i = 0; i <= last; i++) {
        read_customer(&customers[i], rows, selection->backward ? last - i : i);
    }
    page->customers = customers;
    if (page->count > 0) {
        page->first_key = read_key(rows, selection->backward ? last : 0, selection->order_count,
                                   pool);
        page->last_key = read_key(rows, selection->backward ? 0 : last, selection->order_count,
                                  pool);
    }
}

tmf_error_t *tmf_customer_list_read(tmf_db_t *db, const tmf_customer_selection_t *selection,
                                    tmf_customer_page_t *page, apr_pool_t *result_pool)
{
    const char *sql = tmf_customer_list_sql(selection, result_pool);
    const char *const *values = (const char *const *)selection->parameters->elts;
    const tmf_db_rows_t *rows;
    int is_cut;

    TMF_TRY(tmf_db_read(db, sql, selection->parameters->nelts, values, selection->plan_by_values,
                        TMF_PAGE_BYTES, &rows, &is_cut, result_pool));
    read_page(page, rows, is_cut, selection, result_pool);
    return NULL;
}
