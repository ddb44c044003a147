/* SPDX-License-Identifier: Apache-2.0 */
#include "store/customer_store.h"

#include <apr_strings.h>

/* Columns of every statement that yields a customer. */
enum { COLUMN_ID, COLUMN_REVISION, COLUMN_DOC, COLUMN_TOTAL };

static const tmf_db_statement_t get_statement = {
    "tmf_customer_get",
    "SELECT id, revision, doc::text FROM tmf_customer.customer WHERE id = $1::text", 1};

/* One row at least: the total stands in it also when the page is empty. */
static const tmf_db_statement_t list_statement = {
    "tmf_customer_list",
    "SELECT page.id, page.revision, page.doc::text, total.count"
    " FROM (SELECT count(*) FROM tmf_customer.customer) AS total"
    " LEFT JOIN (SELECT id, revision, doc, seq FROM tmf_customer.customer"
    "  ORDER BY seq, id LIMIT $1::bigint OFFSET $2::bigint) AS page ON true"
    " ORDER BY page.seq, page.id",
    2};

static const tmf_db_statement_t create_statement = {
    "tmf_customer_create",
    "INSERT INTO tmf_customer.customer (id, doc) VALUES ($1::text, $2::jsonb)"
    " ON CONFLICT (id) DO NOTHING RETURNING id, revision, doc::text",
    2};

static const tmf_db_statement_t update_statement = {
    "tmf_customer_update",
    "UPDATE tmf_customer.customer SET doc = $3::jsonb, updated_at = now(),"
    "  revision = nextval('tmf_customer.customer_revision')"
    " WHERE id = $1::text AND revision = $2::bigint RETURNING id, revision, doc::text",
    3};

/* The second column sees the customer as it was before the statement. */
static const tmf_db_statement_t delete_statement = {
    "tmf_customer_delete",
    "WITH gone AS (DELETE FROM tmf_customer.customer WHERE id = $1::text"
    "  AND ($2::bigint[] IS NULL OR revision = ANY ($2::bigint[]))"
    "  AND ($3::bigint[] IS NULL OR revision <> ALL ($3::bigint[])) RETURNING 1)"
    " SELECT (SELECT count(*) FROM gone),"
    "  (SELECT count(*) FROM tmf_customer.customer WHERE id = $1::text"
    "   AND ($2::bigint[] IS NOT NULL OR $3::bigint[] IS NOT NULL))",
    3};

static void read_customer(const tmf_db_rows_t *rows, int row, tmf_customer_t *customer)
{
    customer->id = tmf_db_text(rows, row, COLUMN_ID, NULL);
    customer->revision = tmf_db_number(rows, row, COLUMN_REVISION);
    customer->doc = tmf_db_text(rows, row, COLUMN_DOC, &customer->doc_length);
}

/* Runs a statement that yields one customer or none. */
static tmf_error_t *execute_for_one(tmf_db_t *db, const tmf_db_statement_t *statement,
                                    const char *const *parameters, const tmf_customer_t **customer,
                                    apr_pool_t *pool)
{
    const tmf_db_rows_t *rows;
    tmf_customer_t *read = NULL;

    TMF_TRY(tmf_db_execute(db, statement, parameters, &rows, pool));
    if (tmf_db_row_count(rows) > 0) {
        read = apr_palloc(pool, sizeof(*read));
        read_customer(rows, 0, read);
    }
    *customer = read;
    return NULL;
}

static const char *number_text(apr_int64_t number, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_INT64_T_FMT, number);
}

tmf_error_t *tmf_customer_store_get(tmf_db_t *db, const char *id, const tmf_customer_t **customer,
                                    apr_pool_t *result_pool)
{
    const char *parameters[] = {id};

    return execute_for_one(db, &get_statement, parameters, customer, result_pool);
}

tmf_error_t *tmf_customer_store_list(tmf_db_t *db, apr_int64_t limit, apr_int64_t offset,
                                     tmf_customer_page_t *page, apr_pool_t *result_pool)
{
    const char *parameters[] = {number_text(limit, result_pool), number_text(offset, result_pool)};
    const tmf_db_rows_t *rows;
    tmf_customer_t *customers;
    int i;

    TMF_TRY(tmf_db_execute(db, &list_statement, parameters, &rows, result_pool));
    page->total = tmf_db_number(rows, 0, COLUMN_TOTAL);
    page->count = tmf_db_text(rows, 0, COLUMN_ID, NULL) != NULL ? tmf_db_row_count(rows) : 0;
    customers = apr_palloc(result_pool, sizeof(*customers) * (apr_size_t)page->count);
    for (i = 0; i < page->count; i++) {
        read_customer(rows, i, &customers[i]);
    }
    page->customers = customers;
    return NULL;
}

tmf_error_t *tmf_customer_store_create(tmf_db_t *db, const char *id, const char *doc,
                                       const tmf_customer_t **customer, apr_pool_t *result_pool)
{
    const char *parameters[] = {id, doc};

    return execute_for_one(db, &create_statement, parameters, customer, result_pool);
}

tmf_error_t *tmf_customer_store_update(tmf_db_t *db, const char *id, apr_int64_t revision,
                                       const char *doc, const tmf_customer_t **customer,
                                       apr_pool_t *result_pool)
{
    const char *parameters[] = {id, number_text(revision, result_pool), doc};

    return execute_for_one(db, &update_statement, parameters, customer, result_pool);
}

tmf_error_t *tmf_customer_store_delete(tmf_db_t *db, const char *id, const char *only,
                                       const char *except, tmf_delete_outcome_t *outcome,
                                       apr_pool_t *result_pool)
{
    const char *parameters[] = {id, only, except};
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_execute(db, &delete_statement, parameters, &rows, result_pool));
    if (tmf_db_number(rows, 0, 0) > 0) {
        *outcome = TMF_DELETE_DONE;
    } else {
        *outcome = tmf_db_number(rows, 0, 1) > 0 ? TMF_DELETE_OTHER_REVISION : TMF_DELETE_NOT_FOUND;
    }
    return NULL;
}
