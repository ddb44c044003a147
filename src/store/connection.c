/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a statement misses its deadline here, its connection is cut (shutdown) instead of closed:
 * the next ap_dbd_open sees the broken connection and replaces it. mod_dbd has no way to discard
 * one.
 */
#include "store/connection.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include "model/clock.h"

#define SQL_LENGTH_MAX 8192         /* bytes; a longer statement is not prepared */
#define CANCEL_LOOK    (100 * 1000) /* microseconds between two looks at `cancel` */

static void forget(tmf_prepared_t *statement)
{
    free(statement->sql);
    statement->sql = NULL;
    statement->used_at = 0;
}

static apr_status_t forget_all(void *data)
{
    tmf_connection_t *connection = data;
    int i;

    for (i = 0; i < TMF_PREPARED_MAX; i++) {
        forget(&connection->prepared[i]);
    }
    return APR_SUCCESS;
}

tmf_connection_t *tmf_connection_make(apr_pool_t *pool)
{
    tmf_connection_t *connection = apr_pcalloc(pool, sizeof(*connection));
    int i;

    for (i = 0; i < TMF_PREPARED_MAX; i++) {
        snprintf(connection->prepared[i].name, sizeof(connection->prepared[i].name),
                 "tmf_customer_%d", i);
    }
    apr_pool_cleanup_register(pool, connection, forget_all, apr_pool_cleanup_null);
    return connection;
}

void tmf_connection_begin(tmf_connection_t *connection)
{
    forget_all(connection);
    connection->backend_pid = PQbackendPID(connection->pg);
}

/* ---- waiting ---- */

static int is_cancelled(const tmf_borrower_t *borrower)
{
    return borrower->cancel != NULL && apr_atomic_read32(borrower->cancel) != 0;
}

/* Milliseconds of one poll: who can be cancelled looks up now and then. */
static int poll_time(const tmf_borrower_t *borrower, apr_interval_time_t left)
{
    apr_interval_time_t most = borrower->cancel != NULL ? CANCEL_LOOK : left;

    return (int)((left < most ? left : most) / 1000) + 1;
}

/* The one wait for a database: until libpq has something for PQgetResult: 1; 0 at the deadline, a
 * moment of tmf_clock_now, when nobody waits any more, or when the connection broke. */
static int await_answer(const tmf_connection_t *connection, apr_time_t deadline)
{
    const tmf_borrower_t *borrower = &connection->borrower;
    PGconn *pg = connection->pg;

    for (;;) {
        int unsent = PQflush(pg);
        struct pollfd socket = {PQsocket(pg), POLLIN, 0};
        apr_interval_time_t left = deadline - tmf_clock_now();

        if (unsent == 0 && !PQisBusy(pg)) {
            return 1;
        }
        if (unsent < 0 || left <= 0 || is_cancelled(borrower)) {
            return 0;
        }
        if (unsent > 0) {
            socket.events |= POLLOUT;
        }
        if (poll(&socket, 1, poll_time(borrower, left)) > 0 &&
            (socket.revents & (POLLIN | POLLERR | POLLHUP)) != 0 && !PQconsumeInput(pg)) {
            return 0;
        }
    }
}

/* Makes the connection unusable, so that its next borrower gets a new one. */
static void cut_connection(PGconn *pg)
{
    if (PQsocket(pg) >= 0) {
        shutdown(PQsocket(pg), SHUT_RDWR);
    }
    PQconsumeInput(pg);
}

/* Reads results until libpq has no more: 1 when the connection takes the next statement. 0 when it
 * does not, or when more rows are left than it is worth reading. */
static int read_results(const tmf_connection_t *connection, apr_time_t deadline,
                        tmf_db_rows_t *rows)
{
    PGconn *pg = connection->pg;

    while (await_answer(connection, deadline)) {
        PGresult *result = PQgetResult(pg);

        if (result == NULL) {
            return rows->result != NULL && PQtransactionStatus(pg) != PQTRANS_UNKNOWN;
        }
        if (PQresultStatus(result) != PGRES_SINGLE_TUPLE) {
            tmf_rows_set_result(rows, result);
        } else {
            tmf_rows_add(rows, result);
        }
        if (PQstatus(pg) != CONNECTION_OK || (rows->is_cut && rows->bytes > 2 * rows->budget)) {
            return 0;
        }
    }
    return 0;
}

/* Takes the answer to what was sent (`sent`: libpq accepted it). */
static tmf_error_t *take_answer(const tmf_connection_t *connection, int sent, tmf_db_rows_t *rows)
{
    apr_time_t deadline = tmf_clock_now() + connection->borrower.answer_time;
    const char *cause;

    tmf_rows_set_result(rows, NULL);
    if (sent && rows->budget > 0) {
        PQsetSingleRowMode(connection->pg);
    }
    if (sent && read_results(connection, deadline, rows)) {
        return NULL;
    }
    cause = tmf_clock_now() >= deadline
                ? "no answer in time"
                : tmf_sqlstate_one_line(PQerrorMessage(connection->pg), rows->pool);
    cut_connection(connection->pg);
    return rows->is_cut ? NULL
                        : tmf_error_fault(rows->pool, TMF_ERROR_DATABASE_UNAVAILABLE, "TMF0022",
                                          TMF_DATABASE_UNAVAILABLE_MESSAGE,
                                          "lost the database in a statement: %s", cause);
}

tmf_error_t *tmf_connection_ask(tmf_connection_t *connection, const char *sql, int count,
                                const char *const *parameters, tmf_db_rows_t *rows)
{
    int sent = PQsendQueryParams(connection->pg, sql, count, NULL, parameters, NULL, NULL, 0);

    return take_answer(connection, sent, rows);
}

/* ---- prepared statements ---- */

/* NULL when there is none. */
static tmf_prepared_t *find_prepared(tmf_connection_t *connection, const char *sql,
                                     apr_size_t length)
{
    int i;

    for (i = 0; i < TMF_PREPARED_MAX; i++) {
        tmf_prepared_t *statement = &connection->prepared[i];

        if (statement->sql != NULL && statement->length == length &&
            memcmp(statement->sql, sql, length) == 0) {
            return statement;
        }
    }
    return NULL;
}

static int longest_unused(const tmf_connection_t *connection)
{
    int oldest = 0;
    int i;

    for (i = 1; i < TMF_PREPARED_MAX; i++) {
        if (connection->prepared[i].used_at < connection->prepared[oldest].used_at) {
            oldest = i;
        }
    }
    return oldest;
}

static tmf_error_t *deallocate(tmf_connection_t *connection, const tmf_prepared_t *statement,
                               tmf_db_rows_t *rows)
{
    const char *sql = apr_pstrcat(rows->pool, "DEALLOCATE ", statement->name, NULL);

    return tmf_connection_ask(connection, sql, 0, NULL, rows);
}

static tmf_error_t *send_prepare(tmf_connection_t *connection, const tmf_prepared_t *statement,
                                 const char *sql, tmf_db_rows_t *rows)
{
    return take_answer(connection, PQsendPrepare(connection->pg, statement->name, sql, 0, NULL),
                       rows);
}

/* Prepares a statement in the place of the longest unused one, which is forgotten whatever happens:
 * so the database may have a statement there that is not known here, and says so (42P05). When it
 * refuses to do any of this, `*prepared` is NULL, and `rows->result` says why. */
static tmf_error_t *prepare(tmf_connection_t *connection, const char *sql, apr_size_t length,
                            tmf_prepared_t **prepared, tmf_db_rows_t *rows)
{
    int place = longest_unused(connection);
    tmf_prepared_t *statement = &connection->prepared[place];
    int was_used = statement->sql != NULL;

    *prepared = NULL;
    forget(statement);
    if (was_used) {
        TMF_TRY(deallocate(connection, statement, rows));
        if (!tmf_sqlstate_is_success(rows->result)) {
            return NULL;
        }
    }
    TMF_TRY(send_prepare(connection, statement, sql, rows));
    if (tmf_sqlstate_is(rows->result, "42P05") &&
        PQtransactionStatus(connection->pg) == PQTRANS_IDLE) {
        TMF_TRY(deallocate(connection, statement, rows));
        TMF_TRY(send_prepare(connection, statement, sql, rows));
    }
    if (tmf_sqlstate_is_success(rows->result)) {
        connection->prepared[place].sql = strdup(sql);
        statement->length = length;
        *prepared = statement;
    }
    return NULL;
}

tmf_error_t *tmf_connection_execute(tmf_connection_t *connection, const char *sql, int count,
                                    const char *const *parameters, tmf_db_rows_t *rows)
{
    apr_size_t length = strlen(sql);
    tmf_prepared_t *statement = find_prepared(connection, sql, length);
    int sent;

    if (length > SQL_LENGTH_MAX) {
        return tmf_connection_ask(connection, sql, count, parameters, rows);
    }
    if (statement == NULL) {
        TMF_TRY(prepare(connection, sql, length, &statement, rows));
    }
    if (statement == NULL) {
        return NULL;
    }
    statement->used_at = ++connection->clock;
    sent = PQsendQueryPrepared(connection->pg, statement->name, count, parameters, NULL, NULL, 0);
    return take_answer(connection, sent, rows);
}
