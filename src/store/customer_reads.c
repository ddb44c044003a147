/* SPDX-License-Identifier: Apache-2.0 */
#include "store/customer_reads.h"

#include <string.h>

#include <apr_strings.h>

#include "store/array.h"
#include "store/combiner.h"
#include "store/customer_cache.h"
#include "store/number.h"
#include "store/statements.h"

/* What was found of a customer, and where: DBDParams with several hosts may lead each connection to
 * another database. */
typedef struct {
    apr_uint64_t database; /* its identity */
    int is_there;
    tmf_customer_t customer;
} found_t;

struct tmf_customer_reads_t {
    tmf_db_pool_t *database;
    tmf_combiner_t *combiner;
};

static tmf_error_t *run(tmf_db_pool_t *database, const void *const *ids, int count,
                        const char *doc_most, const tmf_db_rows_t **rows, apr_pool_t *pool)
{
    const char *parameters[TMF_GET_CUSTOMERS_PARAMETERS];
    tmf_error_t *error;
    tmf_text_t array;
    tmf_db_t *db;
    int i;

    tmf_array_init(&array, pool);
    for (i = 0; i < count; i++) {
        tmf_array_add(&array, ids[i]);
    }
    parameters[TMF_GET_CUSTOMERS_IDS] = tmf_array_text(&array);
    parameters[TMF_GET_CUSTOMERS_DOC_MOST] = doc_most;
    TMF_TRY(tmf_db_borrow(&db, database, pool));
    tmf_metrics_batch(tmf_db_metrics(database), TMF_BATCH_READ, count);
    error = tmf_db_run(db, &TMF_SQL_GET_CUSTOMERS, parameters, rows, pool);
    tmf_db_give_back(db);
    return error;
}

/* What a row has of a customer, of lock_customer.sql, too, which has the same columns; its texts
 * are the row's. There is none in a row behind the last one. */
static found_t *found_in(const tmf_db_rows_t *rows, int row, apr_pool_t *pool)
{
    found_t *found = apr_pcalloc(pool, sizeof(*found));
    tmf_customer_t *customer = &found->customer;

    found->database = tmf_db_identity_of(rows);
    found->is_there = row < tmf_db_row_count(rows);
    if (found->is_there) {
        customer->id = tmf_db_text(rows, row, TMF_GET_CUSTOMERS_COLUMN_ID, NULL);
        customer->revision = tmf_db_number(rows, row, TMF_GET_CUSTOMERS_COLUMN_REVISION);
        customer->doc = tmf_db_text(rows, row, TMF_GET_CUSTOMERS_COLUMN_DOC, &customer->doc_length);
    }
    return found;
}

static tmf_error_t *read_one(void *context, const void *id, const void **found,
                             apr_pool_t *result_pool)
{
    const tmf_db_rows_t *rows;

    TMF_TRY(run(context, &id, 1, NULL, &rows, result_pool));
    *found = found_in(rows, 0, result_pool);
    return NULL;
}

static tmf_error_t *read_all(void *context, const void *const *ids, int count, const void **answers,
                             apr_pool_t *batch_pool)
{
    const tmf_db_rows_t *rows = NULL;
    tmf_error_t *error = run(context, ids, count, APR_STRINGIFY(TMF_SHARED_DOC_MOST), &rows,
                             batch_pool);

    *answers = rows;
    return error;
}

/* The row of a customer; the number of rows when it has none. */
static int row_of(const tmf_db_rows_t *rows, const char *id)
{
    int count = tmf_db_row_count(rows);
    int row = 0;

    while (row < count &&
           strcmp(tmf_db_text(rows, row, TMF_GET_CUSTOMERS_COLUMN_ID, NULL), id) != 0) {
        row++;
    }
    return row;
}

/* Several may have asked for one customer: the place says nothing. */
static int take(const void *answers, int place, const void *id, const void **answer,
                apr_pool_t *result_pool)
{
    const tmf_db_rows_t *rows = answers;
    found_t *found = found_in(rows, row_of(rows, id), result_pool);
    tmf_customer_t *customer = &found->customer;

    (void)place;
    *answer = found;
    if (!found->is_there) {
        return 1;
    }
    if (customer->doc == NULL) {
        return 0;
    }
    customer->id = apr_pstrdup(result_pool, id);
    customer->doc = apr_pstrmemdup(result_pool, customer->doc, customer->doc_length);
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
                                const found_t **found, const tmf_customer_t **customer,
                                apr_pool_t *result_pool)
{
    const void *answer;

    TMF_TRY(tmf_combiner_ask(reads->combiner, id, &answer, result_pool));
    *found = answer;
    *customer = (*found)->is_there ? &(*found)->customer : NULL;
    return NULL;
}

tmf_error_t *tmf_customer_reads_get_stored(tmf_customer_reads_t *reads, const char *id,
                                           const tmf_customer_t **customer, apr_pool_t *result_pool)
{
    tmf_customer_key_t key = {0, id};
    const found_t *found;

    TMF_TRY(read_stored(reads, id, &found, customer, result_pool));
    key.database = found->database;
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
    const found_t *found;

    if (caching->memory != NULL) {
        tmf_metrics_lookup(tmf_db_metrics(reads->database),
                           is_hit ? TMF_LOOKUP_HIT : TMF_LOOKUP_MISS);
    }
    if (is_hit) {
        return NULL;
    }
    TMF_TRY(read_stored(reads, id, &found, customer, result_pool));
    if (*customer != NULL && found->database == key.database) {
        tmf_customer_cache_put(caching, &key, *customer, &ticket);
    }
    return NULL;
}

tmf_error_t *tmf_customer_reads_lock(tmf_db_t *db, const char *id, const tmf_customer_t **customer,
                                     apr_pool_t *result_pool)
{
    const char *parameters[] = {
        [TMF_LOCK_CUSTOMER_ID] = id,
        [TMF_LOCK_CUSTOMER_IDLE_TIME] = tmf_number_text(
            apr_time_as_msec(tmf_db_statement_timeout(db)), result_pool),
    };
    const tmf_db_rows_t *rows;

    tmf_db_begin_write(db, id);
    TMF_TRY(tmf_db_run(db, &TMF_SQL_LOCK_CUSTOMER, parameters, &rows, result_pool));
    *customer = tmf_db_row_count(rows) > 0 ? &found_in(rows, 0, result_pool)->customer : NULL;
    return NULL;
}
