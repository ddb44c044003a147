/* SPDX-License-Identifier: Apache-2.0 */
#include "store/customer_reads.h"

#include <string.h>

#include <apr_strings.h>

#include "store/array.h"
#include "store/combiner.h"
#include "store/customer_cache.h"

enum { COLUMN_ID, COLUMN_REVISION, COLUMN_DOC };

/* Nobody waits for somebody else's large document: instead of one that takes more than 8 kB in the
 * table there is a NULL, and who wants it reads it alone. The array hides behind a SELECT, so that
 * plans do not depend on its length: for a short array, PostgreSQL would plan anew each time. */
static const char get_all_sql[] =
    "SELECT id, revision,"
    " CASE WHEN pg_catalog.pg_column_size(doc) <= 8192 THEN doc::text END"
    " FROM tmf_customer.customer WHERE id = ANY ((SELECT $1::text[])::text[])";

struct tmf_customer_reads_t {
    tmf_db_pool_t *database;
    tmf_combiner_t *combiner;
};

static tmf_error_t *read_one(void *context, const void *id, const void **customer,
                             apr_pool_t *result_pool)
{
    const tmf_customer_t *found = NULL;
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, context, result_pool));
    tmf_metrics_batch(tmf_db_metrics(context), TMF_BATCH_READ, 1);
    error = tmf_customer_store_get(db, id, &found, result_pool);
    tmf_db_give_back(db);
    *customer = found;
    return error;
}

static tmf_error_t *read_all(void *context, const void *const *ids, int count, const void **answers,
                             apr_pool_t *batch_pool)
{
    const char *parameters[1];
    const tmf_db_rows_t *rows = NULL;
    tmf_error_t *error;
    tmf_text_t array;
    tmf_db_t *db;
    int i;

    tmf_array_init(&array, batch_pool);
    for (i = 0; i < count; i++) {
        tmf_array_add(&array, ids[i]);
    }
    parameters[0] = tmf_array_text(&array);
    TMF_TRY(tmf_db_borrow(&db, context, batch_pool));
    tmf_metrics_batch(tmf_db_metrics(context), TMF_BATCH_READ, count);
    error = tmf_db_execute(db, get_all_sql, 1, parameters, &rows, batch_pool);
    tmf_db_give_back(db);
    *answers = rows;
    return error;
}

/* The row of a customer; the number of rows when it has none. */
static int row_of(const tmf_db_rows_t *rows, const char *id)
{
    int count = tmf_db_row_count(rows);
    int row = 0;

    while (row < count && strcmp(tmf_db_text(rows, row, COLUMN_ID, NULL), id) != 0) {
        row++;
    }
    return row;
}

/* Several may have asked for one customer: the place says nothing. */
static int take(const void *answers, int place, const void *id, const void **answer,
                apr_pool_t *result_pool)
{
    const tmf_db_rows_t *rows = answers;
    int row = row_of(rows, id);
    tmf_customer_t *customer;
    const char *doc;

    (void)place;
    *answer = NULL;
    if (row == tmf_db_row_count(rows)) {
        return 1;
    }
    customer = apr_palloc(result_pool, sizeof(*customer));
    doc = tmf_db_text(rows, row, COLUMN_DOC, &customer->doc_length);
    if (doc == NULL) {
        return 0;
    }
    customer->id = apr_pstrdup(result_pool, id);
    customer->revision = tmf_db_number(rows, row, COLUMN_REVISION);
    customer->doc = apr_pstrmemdup(result_pool, doc, customer->doc_length);
    *answer = customer;
    return 1;
}

apr_status_t tmf_customer_reads_make(tmf_customer_reads_t **reads, tmf_db_pool_t *database,
                                     apr_pool_t *child_pool)
{
    const tmf_combiner_work_t work = {database, read_one, read_all, take};
    tmf_customer_reads_t *made = apr_palloc(child_pool, sizeof(*made));

    made->database = database;
    *reads = made;
    return tmf_combiner_make(&made->combiner, &work, child_pool);
}

static tmf_error_t *read_stored(const tmf_customer_reads_t *reads, const char *id,
                                const tmf_customer_t **customer, apr_pool_t *result_pool)
{
    const void *answer = NULL;

    TMF_TRY(tmf_combiner_ask(reads->combiner, id, &answer, result_pool));
    *customer = answer;
    return NULL;
}

tmf_error_t *tmf_customer_reads_get_stored(tmf_customer_reads_t *reads, const char *id,
                                           const tmf_customer_t **customer, apr_pool_t *result_pool)
{
    tmf_customer_key_t key = {0, id};

    TMF_TRY(read_stored(reads, id, customer, result_pool));
    key.database = tmf_db_identity(reads->database);
    tmf_customer_cache_forget(tmf_db_caching(reads->database), &key);
    return NULL;
}

tmf_error_t *tmf_customer_reads_get(tmf_customer_reads_t *reads, const char *id,
                                    const tmf_customer_t **customer, apr_pool_t *result_pool)
{
    const tmf_customer_caching_t *caching = tmf_db_caching(reads->database);
    const tmf_customer_key_t key = {tmf_db_identity(reads->database), id};
    tmf_cache_ticket_t ticket;
    int is_hit = tmf_customer_cache_get(caching, &key, customer, &ticket, result_pool);

    if (caching->memory != NULL) {
        tmf_metrics_lookup(tmf_db_metrics(reads->database),
                           is_hit ? TMF_LOOKUP_HIT : TMF_LOOKUP_MISS);
    }
    if (is_hit) {
        return NULL;
    }
    TMF_TRY(read_stored(reads, id, customer, result_pool));
    if (*customer != NULL && tmf_db_identity(reads->database) == key.database) {
        tmf_customer_cache_put(caching, &key, *customer, &ticket);
    }
    return NULL;
}
