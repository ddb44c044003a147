/* SPDX-License-Identifier: Apache-2.0 */
/* Statements and transactions on a borrowed connection. */
#include <string.h>

#include "store/connection.h"

#define GRACE_TIME (APR_USEC_PER_SEC / 2) /* past a limit in the database: it is not awaited */

typedef tmf_error_t *run_fn(tmf_connection_t *connection, const char *sql, int count,
                            const char *const *parameters, tmf_db_rows_t *rows);

/* What was prepared on the connection is gone. Within a transaction that has failed with this, it
 * is for the next borrower. */
static int must_be_set_up_again(tmf_connection_t *connection, const PGresult *result)
{
    if (!tmf_sqlstate_is(result, "26000")) {
        return 0;
    }
    connection->backend_pid = 0;
    return PQtransactionStatus(connection->pg) == PQTRANS_IDLE;
}

static tmf_error_t *run_again(tmf_connection_t *connection, run_fn *how, const char *sql, int count,
                              const char *const *parameters, tmf_db_rows_t *rows)
{
    TMF_TRY(how(connection, sql, count, parameters, rows));
    if (must_be_set_up_again(connection, rows->result)) {
        TMF_TRY(tmf_db_set_up_session(connection, rows->pool));
        TMF_TRY(how(connection, sql, count, parameters, rows));
    }
    rows->identity = connection->identity;
    return rows->is_cut ? NULL : tmf_sqlstate_error(rows->result, rows->pool);
}

static tmf_error_t *run(tmf_db_t *db, run_fn *how, const char *sql, int count,
                        const char *const *parameters, tmf_db_rows_t *rows)
{
    return tmf_db_counted(db->borrower.pool, run_again(db, how, sql, count, parameters, rows));
}

tmf_error_t *tmf_db_run(tmf_db_t *db, const tmf_statement_t *statement,
                        const char *const *parameters, const tmf_db_rows_t **rows,
                        apr_pool_t *result_pool)
{
    tmf_db_rows_t *read = tmf_rows_make(0, result_pool);

    TMF_TRY(run(db, tmf_connection_execute, statement->text, statement->parameter_count, parameters,
                read));
    *rows = read;
    return NULL;
}

tmf_error_t *tmf_db_run_within(tmf_db_pool_t *pool, apr_interval_time_t most,
                               const tmf_statement_t *statement, const char *const *parameters,
                               const tmf_db_rows_t **rows, apr_pool_t *result_pool)
{
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, pool, result_pool));
    tmf_db_set_deadline(db, NULL, most + GRACE_TIME);
    error = tmf_db_limit(db, most, result_pool);
    if (error == NULL) {
        error = tmf_db_run(db, statement, parameters, rows, result_pool);
    }
    tmf_db_give_back(db);
    return error;
}

tmf_error_t *tmf_db_read(tmf_db_t *db, const char *sql, int count, const char *const *parameters,
                         int is_planned_anew, apr_size_t budget, const tmf_db_rows_t **rows,
                         int *is_cut, apr_pool_t *result_pool)
{
    tmf_db_rows_t *read = tmf_rows_make(budget, result_pool);
    run_fn *how = is_planned_anew ? tmf_connection_ask : tmf_connection_execute;

    TMF_TRY(run(db, how, sql, count, parameters, read));
    *rows = read;
    *is_cut = read->is_cut;
    return NULL;
}

/* Runs a command of a transaction. */
static tmf_error_t *run_plain(tmf_db_t *db, const char *command, apr_pool_t *scratch_pool)
{
    return run(db, tmf_connection_ask, command, 0, NULL, tmf_rows_make(0, scratch_pool));
}

tmf_error_t *tmf_db_begin(tmf_db_t *db, apr_pool_t *result_pool)
{
    return run_plain(db, "BEGIN", result_pool);
}

static tmf_error_t *commit(tmf_db_t *db, apr_pool_t *result_pool)
{
    tmf_borrower_t *borrower = &db->borrower;
    int type;

    TMF_TRY(run_plain(db, "COMMIT", result_pool));
    for (type = 0; type < TMF_EVENT_TYPES; type++) {
        tmf_metrics_change(borrower->pool->metrics, (tmf_event_type_t)type,
                           borrower->changes[type]);
        borrower->changes[type] = 0;
    }
    if (borrower->wake_at_commit) {
        tmf_wake_send(borrower->pool->wake);
    }
    return NULL;
}

/* It only fails when the connection is lost, which rolls back as well. */
static void roll_back(tmf_db_t *db, apr_pool_t *scratch_pool)
{
    (void)run_plain(db, "ROLLBACK", scratch_pool);
    memset(db->borrower.changes, 0, sizeof(db->borrower.changes));
    db->borrower.wake_at_commit = 0;
}

tmf_error_t *tmf_db_end(tmf_db_t *db, tmf_error_t *error, apr_pool_t *result_pool)
{
    if (error == NULL) {
        return commit(db, result_pool);
    }
    roll_back(db, result_pool);
    return error;
}

void tmf_db_wake_notifier(tmf_db_t *db)
{
    if (PQtransactionStatus(db->pg) == PQTRANS_IDLE) {
        tmf_wake_send(db->borrower.pool->wake);
    } else {
        db->borrower.wake_at_commit = 1;
    }
}

void tmf_db_count_change(tmf_db_t *db, tmf_event_type_t type)
{
    if (PQtransactionStatus(db->pg) == PQTRANS_IDLE) {
        tmf_metrics_change(db->borrower.pool->metrics, type, 1);
    } else {
        db->borrower.changes[type]++;
    }
}
