/* SPDX-License-Identifier: Apache-2.0 */
#include "store/customer_store.h"

#include <apr_strings.h>

#include "store/array.h"
#include "store/tell.h"

/* Columns of every statement that yields a customer; the last one when it writes. */
enum { COLUMN_ID, COLUMN_REVISION, COLUMN_DOC, COLUMN_DELIVERIES };

/* Every write is one statement, whose `written` is the customer as it was written. */

static const char get_sql[] =
    "SELECT id, revision, doc::text FROM tmf_customer.customer WHERE id = $1::text";

static const char lock_sql[] = "SELECT id, revision, doc::text,"
                               "  set_config('idle_in_transaction_session_timeout', $2::text, true)"
                               " FROM tmf_customer.customer WHERE id = $1::text FOR NO KEY UPDATE";

#define SELECT_WRITTEN_SQL " SELECT id, revision, doc::text, " TMF_TELL_COUNT_SQL " FROM written"

static const char create_sql[] =
    "WITH written AS ("
    " INSERT INTO tmf_customer.customer (id, doc) VALUES ($5::text, $6::jsonb)"
    "  ON CONFLICT (id) DO NOTHING RETURNING id, revision, doc)" TMF_TELL_SQL SELECT_WRITTEN_SQL;

static const char update_sql[] =
    "WITH written AS ("
    " UPDATE tmf_customer.customer SET doc = $7::jsonb, updated_at = now(),"
    "  revision = nextval('tmf_customer.customer_revision')"
    "  WHERE id = $5::text AND revision = $6::bigint"
    "  RETURNING id, revision, doc)" TMF_TELL_SQL SELECT_WRITTEN_SQL;

/* `written` is the customer as it was last. The second column sees it as it was before the
 * statement. */
static const char delete_sql[] =
    "WITH written AS ("
    " DELETE FROM tmf_customer.customer WHERE id = $5::text"
    "  AND ($6::bigint[] IS NULL OR revision = ANY ($6::bigint[]))"
    "  AND ($7::bigint[] IS NULL OR revision <> ALL ($7::bigint[]))"
    "  RETURNING id, revision, doc)" TMF_TELL_SQL " SELECT (SELECT count(*) FROM written),"
    "  (SELECT count(*) FROM tmf_customer.customer WHERE id = $5::text"
    "   AND ($6::bigint[] IS NOT NULL OR $7::bigint[] IS NOT NULL)), " TMF_TELL_COUNT_SQL;

static const char match_sql[] =
    "SELECT string_agg(CASE WHEN text ~ $1::text THEN 't' ELSE 'f' END, '' ORDER BY place)"
    "  FROM unnest($2::text[]) WITH ORDINALITY AS asked (text, place)";

const tmf_customer_t *tmf_customer_store_read(const tmf_db_rows_t *rows, apr_pool_t *result_pool)
{
    tmf_customer_t *customer;

    if (tmf_db_row_count(rows) == 0 || tmf_db_text(rows, 0, COLUMN_ID, NULL) == NULL) {
        return NULL;
    }
    customer = apr_palloc(result_pool, sizeof(*customer));
    customer->id = tmf_db_text(rows, 0, COLUMN_ID, NULL);
    customer->revision = tmf_db_number(rows, 0, COLUMN_REVISION);
    customer->doc = tmf_db_text(rows, 0, COLUMN_DOC, &customer->doc_length);
    return customer;
}

/* Runs a statement that reads one customer or none. */
static tmf_error_t *read_one(tmf_db_t *db, const char *sql, int count,
                             const char *const *parameters, const tmf_customer_t **customer,
                             apr_pool_t *pool)
{
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_execute(db, sql, count, parameters, &rows, pool));
    *customer = tmf_customer_store_read(rows, pool);
    return NULL;
}

/* Runs a statement that writes one customer or none: its id is the first parameter of its own. */
static tmf_error_t *write_customer(tmf_db_t *db, const char *sql, int count,
                                   const char **parameters, const tmf_tell_t *tell,
                                   const tmf_customer_t **customer, apr_pool_t *pool)
{
    const tmf_db_rows_t *rows;

    tmf_db_begin_write(db, parameters[TMF_TELL_PARAMETERS]);
    tmf_tell_set(parameters, tell, pool);
    TMF_TRY(tmf_db_execute(db, sql, count, parameters, &rows, pool));
    tmf_tell_done(db, rows, COLUMN_DELIVERIES);
    *customer = tmf_customer_store_read(rows, pool);
    if (*customer != NULL) {
        tmf_tell_count(db, tell);
    }
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

    return read_one(db, get_sql, 1, parameters, customer, result_pool);
}

tmf_error_t *tmf_customer_store_lock(tmf_db_t *db, const char *id, const tmf_customer_t **customer,
                                     apr_pool_t *result_pool)
{
    const char *parameters[] = {
        id, number_text(apr_time_as_msec(tmf_db_statement_timeout(db)), result_pool)};

    return read_one(db, lock_sql, 2, parameters, customer, result_pool);
}

tmf_error_t *tmf_customer_store_create(tmf_db_t *db, const char *id, const char *doc,
                                       const tmf_tell_t *tell, const tmf_customer_t **customer,
                                       apr_pool_t *result_pool)
{
    const char *parameters[] = {NULL, NULL, NULL, NULL, id, doc};

    return write_customer(db, create_sql, 6, parameters, tell, customer, result_pool);
}

tmf_error_t *tmf_customer_store_update(tmf_db_t *db, const char *id, apr_int64_t revision,
                                       const char *doc, const tmf_tell_t *tell,
                                       const tmf_customer_t **customer, apr_pool_t *result_pool)
{
    const char *parameters[] = {NULL, NULL, NULL, NULL, id, number_text(revision, result_pool),
                                doc};

    return write_customer(db, update_sql, 7, parameters, tell, customer, result_pool);
}

tmf_error_t *tmf_customer_store_delete(tmf_db_t *db, const char *id, const char *only,
                                       const char *except, const tmf_tell_t *tell,
                                       tmf_delete_outcome_t *outcome, apr_pool_t *result_pool)
{
    const char *parameters[] = {NULL, NULL, NULL, NULL, id, only, except};
    const tmf_db_rows_t *rows;

    tmf_db_begin_write(db, id);
    tmf_tell_set(parameters, tell, result_pool);
    TMF_TRY(tmf_db_execute(db, delete_sql, 7, parameters, &rows, result_pool));
    tmf_tell_done(db, rows, 2);
    if (tmf_db_number(rows, 0, 0) > 0) {
        *outcome = TMF_DELETE_DONE;
        tmf_tell_count(db, tell);
    } else {
        *outcome = tmf_db_number(rows, 0, 1) > 0 ? TMF_DELETE_OTHER_REVISION : TMF_DELETE_NOT_FOUND;
    }
    return NULL;
}

tmf_error_t *tmf_customer_store_match(tmf_db_t *db, const char *pattern, const char *const *texts,
                                      int count, char *matches, apr_pool_t *scratch_pool)
{
    const char *parameters[] = {pattern, NULL};
    const tmf_db_rows_t *rows;
    const char *answers;
    tmf_text_t array;
    int i;

    tmf_array_init(&array, scratch_pool);
    for (i = 0; i < count; i++) {
        tmf_array_add(&array, texts[i]);
    }
    parameters[1] = tmf_array_text(&array);
    TMF_TRY(tmf_db_execute(db, match_sql, 2, parameters, &rows, scratch_pool));
    answers = tmf_db_text(rows, 0, 0, NULL);
    for (i = 0; i < count; i++) {
        matches[i] = answers[i] == 't';
    }
    return NULL;
}
