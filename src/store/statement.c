/* SPDX-License-Identifier: Apache-2.0 */
/* Statements and transactions on a borrowed connection. */
#include <string.h>

#include "store/db_internal.h"
#include "store/rows.h"

#define GRACE_TIME (APR_USEC_PER_SEC / 2) /* past a limit in the database: it is not awaited */

/* What was prepared on the connection is gone. Within a transaction that has failed with this, it
 * is for the next borrower. */
static int must_be_set_up_again(tmf_db_t *db, const PGresult *result)
{
    if (!tmf_session_is_lost(result)) {
        return 0;
    }
    tmf_session_lose(db->session);
    return PQtransactionStatus(db->connection) == PQTRANS_IDLE;
}

static tmf_error_t *run_prepared(tmf_db_t *db, const char *sql, int count,
                                 const char *const *parameters, const tmf_db_rows_t **rows,
                                 apr_pool_t *result_pool)
{
    PGresult *result;

    TMF_TRY(tmf_session_execute(db->session, sql, count, parameters, &result, result_pool));
    if (must_be_set_up_again(db, result)) {
        TMF_TRY(tmf_db_set_up_session(db, result_pool));
        TMF_TRY(tmf_session_execute(db->session, sql, count, parameters, &result, result_pool));
    }
    TMF_TRY(tmf_session_error(result, result_pool));
    *rows = tmf_rows_make(result, NULL, result_pool);
    return NULL;
}

tmf_error_t *tmf_db_execute(tmf_db_t *db, const char *sql, int count, const char *const *parameters,
                            const tmf_db_rows_t **rows, apr_pool_t *result_pool)
{
    return tmf_db_counted(db->pool, run_prepared(db, sql, count, parameters, rows, result_pool));
}

tmf_error_t *tmf_db_execute_within(tmf_db_pool_t *pool, apr_interval_time_t most, const char *sql,
                                   int count, const char *const *parameters,
                                   const tmf_db_rows_t **rows, apr_pool_t *result_pool)
{
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, pool, result_pool));
    tmf_db_hurry(db, NULL, most + GRACE_TIME);
    error = tmf_db_limit(db, most, result_pool);
    if (error == NULL) {
        error = tmf_db_execute(db, sql, count, parameters, rows, result_pool);
    }
    tmf_db_give_back(db);
    return error;
}

static tmf_error_t *run_once(tmf_db_t *db, const char *sql, int count,
                             const char *const *parameters, const tmf_db_rows_t **rows,
                             apr_pool_t *result_pool)
{
    PGresult *result;

    TMF_TRY(tmf_session_ask(db->session, sql, count, parameters, &result, result_pool));
    TMF_TRY(tmf_session_error(result, result_pool));
    *rows = tmf_rows_make(result, NULL, result_pool);
    return NULL;
}

tmf_error_t *tmf_db_ask(tmf_db_t *db, const char *sql, int count, const char *const *parameters,
                        const tmf_db_rows_t **rows, apr_pool_t *result_pool)
{
    return tmf_db_counted(db->pool, run_once(db, sql, count, parameters, rows, result_pool));
}

static tmf_error_t *run_reading(tmf_db_t *db, const char *sql, int count,
                                const char *const *parameters, int is_planned_anew,
                                apr_size_t budget, const tmf_db_rows_t **rows, int *is_cut,
                                apr_pool_t *result_pool)
{
    tmf_session_rows_t *read = tmf_session_rows_make(budget, result_pool);
    PGresult *result;

    TMF_TRY(tmf_session_read(db->session, sql, count, parameters, !is_planned_anew, read, &result,
                             result_pool));
    if (must_be_set_up_again(db, result)) {
        TMF_TRY(tmf_db_set_up_session(db, result_pool));
        TMF_TRY(tmf_session_read(db->session, sql, count, parameters, !is_planned_anew, read,
                                 &result, result_pool));
    }
    if (!read->is_cut) {
        TMF_TRY(tmf_session_error(result, result_pool));
    }
    *is_cut = read->is_cut;
    *rows = tmf_rows_make(NULL, read->results, result_pool);
    return NULL;
}

tmf_error_t *tmf_db_read(tmf_db_t *db, const char *sql, int count, const char *const *parameters,
                         int is_planned_anew, apr_size_t budget, const tmf_db_rows_t **rows,
                         int *is_cut, apr_pool_t *result_pool)
{
    return tmf_db_counted(db->pool, run_reading(db, sql, count, parameters, is_planned_anew, budget,
                                                rows, is_cut, result_pool));
}

tmf_error_t *tmf_db_begin(tmf_db_t *db, apr_pool_t *result_pool)
{
    const tmf_db_rows_t *rows;

    return tmf_db_ask(db, "BEGIN", 0, NULL, &rows, result_pool);
}

tmf_error_t *tmf_db_commit(tmf_db_t *db, apr_pool_t *result_pool)
{
    const tmf_db_rows_t *rows;
    int type;

    TMF_TRY(tmf_db_ask(db, "COMMIT", 0, NULL, &rows, result_pool));
    for (type = 0; type < TMF_EVENT_TYPES; type++) {
        tmf_metrics_change(db->pool->metrics, (tmf_event_type_t)type, db->changes[type]);
        db->changes[type] = 0;
    }
    if (db->wake_at_commit) {
        tmf_wake_send(db->pool->wake);
    }
    return NULL;
}

/* It only fails when the connection is lost, which rolls back as well. */
void tmf_db_roll_back(tmf_db_t *db, apr_pool_t *scratch_pool)
{
    const tmf_db_rows_t *rows;

    (void)tmf_db_ask(db, "ROLLBACK", 0, NULL, &rows, scratch_pool);
    memset(db->changes, 0, sizeof(db->changes));
}

void tmf_db_wake_notifier(tmf_db_t *db)
{
    if (PQtransactionStatus(db->connection) == PQTRANS_IDLE) {
        tmf_wake_send(db->pool->wake);
    } else {
        db->wake_at_commit = 1;
    }
}

void tmf_db_count_change(tmf_db_t *db, tmf_event_type_t type)
{
    if (PQtransactionStatus(db->connection) == PQTRANS_IDLE) {
        tmf_metrics_change(db->pool->metrics, type, 1);
    } else {
        db->changes[type]++;
    }
}
