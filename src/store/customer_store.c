/* SPDX-License-Identifier: Apache-2.0 */
#include "store/customer_store.h"

#include "store/array.h"
#include "store/history.h"
#include "store/number.h"
#include "store/statements.h"
#include "store/tell.h"

/* Columns of every statement that yields a customer; the last one when it writes. */
enum { COLUMN_ID, COLUMN_REVISION, COLUMN_DOC, COLUMN_DELIVERIES };

/* Every write is one statement, whose `written` is the customer as it was written. */

static const char get_sql[] =
    "SELECT id, revision, doc::text FROM tmf_customer.customer WHERE id = $1::text";

/* Each has two texts: without a history, and with one. */
enum { WITHOUT_HISTORY, WITH_HISTORY };

#define SELECT_WRITTEN_SQL(expire)                                                                 \
    " SELECT id, revision, doc::text, " TMF_TELL_COUNT_SQL expire " FROM written"

#define CREATE_SQL(history, expire)                                                                \
    "WITH written AS ("                                                                            \
    " INSERT INTO tmf_customer.customer (id, doc) VALUES ($7::text, $8::jsonb)"                    \
    "  ON CONFLICT (id) DO NOTHING RETURNING id, revision, doc)" TMF_TELL_SQL history              \
    SELECT_WRITTEN_SQL(expire)

static const char *const create_sql[] = {
    CREATE_SQL("", ""), CREATE_SQL(TMF_HISTORY_SQL("written.revision", "NULL", "$9", "$10"),
                                   TMF_HISTORY_EXPIRE_SQL("$11", "2"))};

#define UPDATE_SET_SQL                                                                             \
    " UPDATE tmf_customer.customer SET doc = $9::jsonb, updated_at = now(),"                       \
    "  revision = nextval('tmf_customer.customer_revision')"

/* What was before is looked at under the lock, whoever else writes. */
static const char *const update_sql[] = {
    "WITH written AS (" UPDATE_SET_SQL "  WHERE id = $7::text AND revision = $8::bigint"
    "  RETURNING id, revision, doc)" TMF_TELL_SQL SELECT_WRITTEN_SQL(""),
    "WITH found AS (SELECT id, doc FROM tmf_customer.customer"
    "  WHERE id = $7::text AND revision = $8::bigint FOR NO KEY UPDATE),"
    " written AS (" UPDATE_SET_SQL "  FROM found WHERE customer.id = found.id"
    "  RETURNING customer.id, customer.revision, customer.doc, found.doc AS before)" TMF_TELL_SQL
        TMF_HISTORY_SQL("written.revision", "written.before", "$10", "$11")
            SELECT_WRITTEN_SQL(TMF_HISTORY_EXPIRE_SQL("$12", "2"))};

/* `written` is the customer as it was last. The second column sees it as it was before the
 * statement. */
#define DELETE_SQL(history, expire)                                                                \
    "WITH written AS ("                                                                            \
    " DELETE FROM tmf_customer.customer WHERE id = $7::text"                                       \
    "  AND ($8::bigint[] IS NULL OR revision = ANY ($8::bigint[]))"                                \
    "  AND ($9::bigint[] IS NULL OR revision <> ALL ($9::bigint[]))"                               \
    "  RETURNING id, revision, doc)" TMF_TELL_SQL history                                          \
    " SELECT (SELECT count(*) FROM written),"                                                      \
    "  (SELECT count(*) FROM tmf_customer.customer WHERE id = $7::text"                            \
    "   AND ($8::bigint[] IS NOT NULL OR $9::bigint[] IS NOT NULL)), " TMF_TELL_COUNT_SQL expire

static const char *const delete_sql[] = {
    DELETE_SQL("", ""), DELETE_SQL(TMF_HISTORY_SQL("nextval('tmf_customer.customer_revision')",
                                                   "written.doc", "$10", "$11"),
                                   TMF_HISTORY_EXPIRE_SQL("$12", "2"))};

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

/* Runs a statement that writes one customer or none, and tells about it in `column`; `sql`: its two
 * texts. Its id is the first of the `count` parameters, behind which there is room for those of the
 * history. */
static tmf_error_t *write_one(tmf_db_t *db, const char *const *sql, int count,
                              const char **parameters, const tmf_tell_t *tell, int column,
                              const tmf_db_rows_t **rows, apr_pool_t *pool)
{
    tmf_db_begin_write(db, parameters[TMF_TELL_PARAMETERS]);
    tmf_tell_set(parameters, tell, pool);
    count += tmf_history_set(parameters + count, tell->record, pool);
    TMF_TRY(tmf_db_execute(db, sql[tell->record != NULL ? WITH_HISTORY : WITHOUT_HISTORY], count,
                           parameters, rows, pool));
    tmf_tell_done(db, *rows, column);
    return NULL;
}

/* The customer that such a statement has written; NULL = none. */
static const tmf_customer_t *take_written(tmf_db_t *db, const tmf_db_rows_t *rows,
                                          const tmf_tell_t *tell, apr_pool_t *pool)
{
    const tmf_customer_t *customer = tmf_customer_store_read(rows, pool);

    if (customer != NULL) {
        tmf_tell_count(db, tell);
    }
    return customer;
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
        [TMF_LOCK_CUSTOMER_ID] = id,
        [TMF_LOCK_CUSTOMER_IDLE_TIME] = tmf_number_text(
            apr_time_as_msec(tmf_db_statement_timeout(db)), result_pool),
    };

    tmf_db_begin_write(db, id);
    return read_one(db, TMF_SQL_LOCK_CUSTOMER.text, 2, parameters, customer, result_pool);
}

tmf_error_t *tmf_customer_store_create(tmf_db_t *db, const char *id, const char *doc,
                                       const tmf_tell_t *tell, const tmf_customer_t **customer,
                                       apr_pool_t *result_pool)
{
    const char *parameters[TMF_TELL_PARAMETERS + 2 + TMF_HISTORY_PARAMETERS] = {NULL};
    const tmf_db_rows_t *rows;

    parameters[TMF_TELL_PARAMETERS] = id;
    parameters[TMF_TELL_PARAMETERS + 1] = doc;
    TMF_TRY(write_one(db, create_sql, TMF_TELL_PARAMETERS + 2, parameters, tell, COLUMN_DELIVERIES,
                      &rows, result_pool));
    *customer = take_written(db, rows, tell, result_pool);
    return NULL;
}

tmf_error_t *tmf_customer_store_update(tmf_db_t *db, const char *id, apr_int64_t revision,
                                       const char *doc, const tmf_tell_t *tell,
                                       const tmf_customer_t **customer, apr_pool_t *result_pool)
{
    const char *parameters[TMF_TELL_PARAMETERS + 3 + TMF_HISTORY_PARAMETERS] = {NULL};
    const tmf_db_rows_t *rows;

    parameters[TMF_TELL_PARAMETERS] = id;
    parameters[TMF_TELL_PARAMETERS + 1] = tmf_number_text(revision, result_pool);
    parameters[TMF_TELL_PARAMETERS + 2] = doc;
    TMF_TRY(write_one(db, update_sql, TMF_TELL_PARAMETERS + 3, parameters, tell, COLUMN_DELIVERIES,
                      &rows, result_pool));
    *customer = take_written(db, rows, tell, result_pool);
    return NULL;
}

tmf_error_t *tmf_customer_store_delete(tmf_db_t *db, const char *id, const char *only,
                                       const char *except, const tmf_tell_t *tell,
                                       tmf_delete_outcome_t *outcome, apr_pool_t *result_pool)
{
    const char *parameters[TMF_TELL_PARAMETERS + 3 + TMF_HISTORY_PARAMETERS] = {NULL};
    const tmf_db_rows_t *rows;

    parameters[TMF_TELL_PARAMETERS] = id;
    parameters[TMF_TELL_PARAMETERS + 1] = only;
    parameters[TMF_TELL_PARAMETERS + 2] = except;
    TMF_TRY(write_one(db, delete_sql, TMF_TELL_PARAMETERS + 3, parameters, tell, 2, &rows,
                      result_pool));
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
    const char *parameters[] = {
        [TMF_MATCH_TEXTS_PATTERN] = pattern, [TMF_MATCH_TEXTS_TEXTS] = NULL};
    const tmf_db_rows_t *rows;
    const char *answers;
    tmf_text_t array;
    int i;

    tmf_array_init(&array, scratch_pool);
    for (i = 0; i < count; i++) {
        tmf_array_add(&array, texts[i]);
    }
    parameters[TMF_MATCH_TEXTS_TEXTS] = tmf_array_text(&array);
    TMF_TRY(tmf_db_run(db, &TMF_SQL_MATCH_TEXTS, parameters, &rows, scratch_pool));
    answers = tmf_db_text(rows, 0, TMF_MATCH_TEXTS_COLUMN_ANSWERS, NULL);
    for (i = 0; i < count; i++) {
        matches[i] = answers[i] == 't';
    }
    return NULL;
}
