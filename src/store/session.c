/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a statement misses its deadline here, its connection is cut (shutdown) instead of closed:
 * the next ap_dbd_open sees the broken connection and replaces it. mod_dbd has no way to discard
 * one.
 */
#include "store/session.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include "model/clock.h"

#define STATEMENTS_MAX 64   /* prepared on one connection */
#define SQL_LENGTH_MAX 8192 /* bytes; a longer statement is not prepared */
#define NOT_PREPARED   (-1)
#define CANCEL_LOOK    (100 * 1000) /* microseconds between two looks at `cancel` */

/* Bytes: the memory of a larger result goes back to the system. */
#define LARGE_RESULT (16 * 1024 * 1024)

/* A prepared statement: "tmf_customer_<index>". */
typedef struct {
    char *sql; /* malloc'ed, because one that goes must leave nothing behind; NULL = none */
    apr_uint64_t used_at; /* on the session's clock, which ticks with each use */
} prepared_t;

struct tmf_session_t {
    PGconn *connection;
    int backend_pid; /* of what was prepared; another one now: the connection was reset */
    apr_interval_time_t patience;
    apr_uint32_t *cancel;     /* of the present borrower: NULL, or atomic, not 0 = wait no longer */
    apr_interval_time_t most; /* of the present borrower: 0, or less than patience */
    tmf_session_state_t state;
    apr_uint64_t clock;
    prepared_t prepared[STATEMENTS_MAX];
};

static void forget(prepared_t *prepared)
{
    free(prepared->sql);
    prepared->sql = NULL;
    prepared->used_at = 0;
}

static apr_status_t forget_all(void *data)
{
    tmf_session_t *session = data;
    int i;

    for (i = 0; i < STATEMENTS_MAX; i++) {
        forget(&session->prepared[i]);
    }
    return APR_SUCCESS;
}

tmf_session_t *tmf_session_make(apr_pool_t *pool)
{
    tmf_session_t *session = apr_pcalloc(pool, sizeof(*session));

    apr_pool_cleanup_register(pool, session, forget_all, apr_pool_cleanup_null);
    return session;
}

int tmf_session_is_new(tmf_session_t *session, PGconn *connection)
{
    session->connection = connection;
    return session->backend_pid != PQbackendPID(connection);
}

void tmf_session_begin(tmf_session_t *session)
{
    forget_all(session);
    session->backend_pid = PQbackendPID(session->connection);
}

void tmf_session_lose(tmf_session_t *session)
{
    session->backend_pid = 0;
}

tmf_session_state_t *tmf_session_state(tmf_session_t *session)
{
    return &session->state;
}

void tmf_session_set_patience(tmf_session_t *session, apr_interval_time_t patience)
{
    session->patience = patience;
}

void tmf_session_hurry(tmf_session_t *session, apr_uint32_t *cancel, apr_interval_time_t most)
{
    session->cancel = cancel;
    session->most = most;
}

/* libpq's messages end in a newline and may have several lines. */
const char *tmf_session_one_line(const char *message, apr_pool_t *pool)
{
    char *line = apr_pstrdup(pool, message);
    char *at;

    for (at = line; *at != '\0'; at++) {
        if (*at == '\n' || *at == '\t') {
            *at = ' ';
        }
    }
    while (at > line && at[-1] == ' ') {
        *--at = '\0';
    }
    return line;
}

typedef struct {
    const char
        *prefix; /* of a SQLSTATE; the longest that fits counts, so longer ones stand first */
    tmf_error_code_t code;
    const char *message;
    int is_unfit; /* as in tmf_error_t */
} sqlstate_row_t;

/* The one table from SQLSTATE to reply. A code that is missing here is our fault: 500. */
static const sqlstate_row_t sqlstate_table[] = {
    {"57014", TMF_ERROR_STATEMENT_TIMEOUT, "The database took too long for this request", 0},
    {"40", TMF_ERROR_WRITE_CONFLICT, "Others are changing the same customer", 0},
    {"08", TMF_ERROR_DATABASE_UNAVAILABLE, TMF_DATABASE_UNAVAILABLE_MESSAGE, 0},
    {"53", TMF_ERROR_DATABASE_UNAVAILABLE, "The database has no resources for this at the moment",
     0},
    {"57", TMF_ERROR_DATABASE_UNAVAILABLE, TMF_DATABASE_UNAVAILABLE_MESSAGE, 0},
    {"25006", TMF_ERROR_DATABASE_UNAVAILABLE, "The database does not take changes at the moment",
     0},
    {"26000", TMF_ERROR_DATABASE_UNAVAILABLE, "A connection to the database was renewed meanwhile",
     0},
    {"3F000", TMF_ERROR_DATABASE_UNAVAILABLE, TMF_DATABASE_UNFIT_MESSAGE, 1}, /* no schema */
    {"42P01", TMF_ERROR_DATABASE_UNAVAILABLE, TMF_DATABASE_UNFIT_MESSAGE, 1}, /* no table */
    {"42703", TMF_ERROR_DATABASE_UNAVAILABLE, TMF_DATABASE_UNFIT_MESSAGE, 1}, /* no column */
    {"42883", TMF_ERROR_DATABASE_UNAVAILABLE, TMF_DATABASE_UNFIT_MESSAGE, 1}, /* no function */
    {"42501", TMF_ERROR_DATABASE_UNAVAILABLE, TMF_DATABASE_UNFIT_MESSAGE, 1}, /* no right */
    {"22003", TMF_ERROR_TOO_LARGE_TO_STORE, "A number in the body is too large to be kept", 0},
    {"2201B", TMF_ERROR_INVALID_PATTERN, "the regular expression is not valid", 0},
    {"54000", TMF_ERROR_TOO_LARGE_TO_STORE, "The body has a part that is too large to be kept", 0},
};

static const char *sqlstate_of(const PGresult *result)
{
    const char *sqlstate = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;

    return sqlstate != NULL ? sqlstate : "";
}

static tmf_error_t *from_row(const sqlstate_row_t *row, const char *cause, apr_pool_t *result_pool)
{
    tmf_error_t *error = row->code == TMF_ERROR_TOO_LARGE_TO_STORE ||
                                 row->code == TMF_ERROR_INVALID_PATTERN
                             ? tmf_error_make(result_pool, row->code, "%s", row->message)
                             : tmf_error_fault(result_pool, row->code, "TMF0020", row->message,
                                               "PostgreSQL: %s", cause);

    error->is_unfit = row->is_unfit;
    return error;
}

static tmf_error_t *from_sqlstate(const char *sqlstate, const char *cause, apr_pool_t *result_pool)
{
    apr_size_t i;

    for (i = 0; i < sizeof(sqlstate_table) / sizeof(sqlstate_table[0]); i++) {
        const sqlstate_row_t *row = &sqlstate_table[i];

        if (strncmp(sqlstate, row->prefix, strlen(row->prefix)) == 0) {
            return from_row(row, cause, result_pool);
        }
    }
    return tmf_error_fault(result_pool, TMF_ERROR_INTERNAL, "TMF0021",
                           "The request could not be completed", "PostgreSQL: %s", cause);
}

static int is_cancelled(const tmf_session_t *session)
{
    return session->cancel != NULL && apr_atomic_read32(session->cancel) != 0;
}

/* Milliseconds of one poll: who can be cancelled looks up now and then. */
static int poll_time(const tmf_session_t *session, apr_interval_time_t left)
{
    apr_interval_time_t most = session->cancel != NULL ? CANCEL_LOOK : left;

    return (int)((left < most ? left : most) / 1000) + 1;
}

/* Waits until libpq has something for PQgetResult: 1; 0 at the deadline, when nobody waits any
 * more, or when the connection broke. */
static int await_answer(const tmf_session_t *session, apr_time_t deadline)
{
    PGconn *connection = session->connection;

    for (;;) {
        int unsent = PQflush(connection);
        struct pollfd socket = {PQsocket(connection), POLLIN, 0};
        apr_interval_time_t left = deadline - tmf_clock_now();

        if (unsent == 0 && !PQisBusy(connection)) {
            return 1;
        }
        if (unsent < 0 || left <= 0 || is_cancelled(session)) {
            return 0;
        }
        if (unsent > 0) {
            socket.events |= POLLOUT;
        }
        if (poll(&socket, 1, poll_time(session, left)) > 0 &&
            (socket.revents & (POLLIN | POLLERR | POLLHUP)) != 0 && !PQconsumeInput(connection)) {
            return 0;
        }
    }
}

/* Makes the connection unusable, so that its next borrower gets a new one. */
static void cut_connection(PGconn *connection)
{
    if (PQsocket(connection) >= 0) {
        shutdown(PQsocket(connection), SHUT_RDWR);
    }
    PQconsumeInput(connection);
}

static void add_row(tmf_session_rows_t *rows, PGresult *row)
{
    if (rows->bytes > rows->budget) {
        rows->is_cut = 1;
        PQclear(row);
        return;
    }
    APR_ARRAY_PUSH(rows->results, PGresult *) = row;
    rows->bytes += PQresultMemorySize(row);
}

/* Reads results until libpq has no more, and keeps the last; those that are a row each go to `rows`
 * (NULL = there are none). 1 when the connection takes the next statement, or `rows` are cut. */
static int read_results(const tmf_session_t *session, apr_time_t deadline, tmf_session_rows_t *rows,
                        PGresult **last)
{
    PGconn *connection = session->connection;

    while (await_answer(session, deadline)) {
        PGresult *result = PQgetResult(connection);

        if (result == NULL) {
            return PQtransactionStatus(connection) != PQTRANS_UNKNOWN;
        }
        if (rows != NULL && PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
            add_row(rows, result);
            if (rows->is_cut) {
                cut_connection(connection);
                return 1;
            }
            continue;
        }
        PQclear(*last);
        *last = result;
        if (PQstatus(connection) != CONNECTION_OK) {
            return 0;
        }
    }
    return 0;
}

/* Takes the answer to what was sent (`sent`: libpq accepted it): its last result, which the caller
 * clears. */
static tmf_error_t *take_answer(tmf_session_t *session, int sent, tmf_session_rows_t *rows,
                                PGresult **answer, apr_pool_t *result_pool)
{
    apr_time_t deadline = tmf_clock_now() + (session->most > 0 ? session->most : session->patience);
    const char *cause;

    *answer = NULL;
    if (sent && read_results(session, deadline, rows, answer) &&
        (*answer != NULL || (rows != NULL && rows->is_cut))) {
        return NULL;
    }
    cause = tmf_clock_now() >= deadline
                ? "no answer in time"
                : tmf_session_one_line(PQerrorMessage(session->connection), result_pool);
    cut_connection(session->connection);
    PQclear(*answer);
    *answer = NULL;
    return tmf_error_fault(result_pool, TMF_ERROR_DATABASE_UNAVAILABLE, "TMF0022",
                           TMF_DATABASE_UNAVAILABLE_MESSAGE, "lost the database in a statement: %s",
                           cause);
}

/* glibc keeps what a thread has freed for that thread: after one large page in each, a child would
 * hold as many pages as it has threads. */
static void give_memory_back(size_t size)
{
#ifdef __GLIBC__
    if (size > LARGE_RESULT) {
        malloc_trim(0);
    }
#else
    (void)size;
#endif
}

static apr_status_t clear_result(void *data)
{
    size_t size = PQresultMemorySize(data);

    PQclear(data);
    give_memory_back(size);
    return APR_SUCCESS;
}

static apr_status_t clear_rows(void *data)
{
    tmf_session_rows_t *rows = data;
    int i;

    for (i = 0; i < rows->results->nelts; i++) {
        PQclear(APR_ARRAY_IDX(rows->results, i, PGresult *));
    }
    give_memory_back(rows->bytes);
    return APR_SUCCESS;
}

tmf_session_rows_t *tmf_session_rows_make(apr_size_t budget, apr_pool_t *result_pool)
{
    tmf_session_rows_t *rows = apr_pcalloc(result_pool, sizeof(*rows));

    rows->results = apr_array_make(result_pool, 32, sizeof(PGresult *));
    rows->budget = budget;
    apr_pool_cleanup_register(result_pool, rows, clear_rows, apr_pool_cleanup_null);
    return rows;
}

static tmf_error_t *keep_answer(tmf_session_t *session, int sent, tmf_session_rows_t *rows,
                                PGresult **result, apr_pool_t *result_pool)
{
    if (sent && rows != NULL) {
        PQsetSingleRowMode(session->connection);
    }
    TMF_TRY(take_answer(session, sent, rows, result, result_pool));
    if (*result != NULL) {
        apr_pool_cleanup_register(result_pool, *result, clear_result, apr_pool_cleanup_null);
    }
    return NULL;
}

static tmf_error_t *ask(tmf_session_t *session, const char *sql, int count,
                        const char *const *parameters, tmf_session_rows_t *rows, PGresult **result,
                        apr_pool_t *result_pool)
{
    int sent = PQsendQueryParams(session->connection, sql, count, NULL, parameters, NULL, NULL, 0);

    return keep_answer(session, sent, rows, result, result_pool);
}

tmf_error_t *tmf_session_ask(tmf_session_t *session, const char *sql, int count,
                             const char *const *parameters, PGresult **result,
                             apr_pool_t *result_pool)
{
    return ask(session, sql, count, parameters, NULL, result, result_pool);
}

static int is_success(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/* Some messages repeat data: those of class 22, "data exception" (`invalid input syntax for type
 * integer: "…"`), of 42601 where the syntax is that of a jsonpath, and what functions of the
 * operator raise in their own words. */
static int may_quote_data(const PGresult *result)
{
    const char *routine = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);

    return strncmp(sqlstate_of(result), "22", 2) == 0 ||
           strcmp(sqlstate_of(result), "42601") == 0 ||
           (routine != NULL && strcmp(routine, "exec_stmt_raise") == 0);
}

const char *tmf_session_cause(const PGresult *result, apr_pool_t *result_pool)
{
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);

    if (primary == NULL) { /* it is libpq's own */
        return tmf_session_one_line(PQresultErrorMessage(result), result_pool);
    }
    if (may_quote_data(result)) {
        primary = "its message may quote data, and stands in PostgreSQL's own log alone";
    }
    return apr_pstrcat(result_pool, sqlstate_of(result), " ",
                       tmf_session_one_line(primary, result_pool),
                       constraint != NULL ? " (constraint " : NULL, constraint, ")", NULL);
}

tmf_error_t *tmf_session_error(const PGresult *result, apr_pool_t *result_pool)
{
    tmf_error_t *error;

    if (is_success(result)) {
        return NULL;
    }
    error = from_sqlstate(sqlstate_of(result), tmf_session_cause(result, result_pool), result_pool);
    error->sqlstate = apr_pstrdup(result_pool, sqlstate_of(result));
    return error;
}

int tmf_session_is_lost(const PGresult *result)
{
    return strcmp(sqlstate_of(result), "26000") == 0;
}

/* NOT_PREPARED when it is not. */
static int find_prepared(const tmf_session_t *session, const char *sql)
{
    int i;

    for (i = 0; i < STATEMENTS_MAX; i++) {
        const char *prepared = session->prepared[i].sql;

        if (prepared != NULL && strcmp(prepared, sql) == 0) {
            return i;
        }
    }
    return NOT_PREPARED;
}

static int longest_unused(const tmf_session_t *session)
{
    int oldest = 0;
    int i;

    for (i = 1; i < STATEMENTS_MAX; i++) {
        if (session->prepared[i].used_at < session->prepared[oldest].used_at) {
            oldest = i;
        }
    }
    return oldest;
}

static const char *name_of(int index, apr_pool_t *pool)
{
    return apr_psprintf(pool, "tmf_customer_%d", index);
}

/* Prepares a statement in the place of the longest unused one. `*index` stays NOT_PREPARED when the
 * database refused it: `*result` says why. */
static tmf_error_t *prepare(tmf_session_t *session, const char *sql, int *index, PGresult **result,
                            apr_pool_t *pool)
{
    int place = longest_unused(session);
    const char *name = name_of(place, pool);

    if (session->prepared[place].sql != NULL) {
        TMF_TRY(tmf_session_ask(session, apr_pstrcat(pool, "DEALLOCATE ", name, NULL), 0, NULL,
                                result, pool));
        if (!is_success(*result)) {
            return NULL;
        }
        forget(&session->prepared[place]);
    }
    TMF_TRY(keep_answer(session, PQsendPrepare(session->connection, name, sql, 0, NULL), NULL,
                        result, pool));
    if (is_success(*result)) {
        session->prepared[place].sql = strdup(sql);
        *index = place;
    }
    return NULL;
}

static tmf_error_t *execute(tmf_session_t *session, const char *sql, int count,
                            const char *const *parameters, tmf_session_rows_t *rows,
                            PGresult **result, apr_pool_t *result_pool)
{
    int index = find_prepared(session, sql);

    if (strlen(sql) > SQL_LENGTH_MAX) {
        return ask(session, sql, count, parameters, rows, result, result_pool);
    }
    if (index == NOT_PREPARED) {
        TMF_TRY(prepare(session, sql, &index, result, result_pool));
    }
    if (index == NOT_PREPARED) {
        return NULL;
    }
    session->prepared[index].used_at = ++session->clock;
    return keep_answer(session,
                       PQsendQueryPrepared(session->connection, name_of(index, result_pool), count,
                                           parameters, NULL, NULL, 0),
                       rows, result, result_pool);
}

tmf_error_t *tmf_session_execute(tmf_session_t *session, const char *sql, int count,
                                 const char *const *parameters, PGresult **result,
                                 apr_pool_t *result_pool)
{
    return execute(session, sql, count, parameters, NULL, result, result_pool);
}

tmf_error_t *tmf_session_read(tmf_session_t *session, const char *sql, int count,
                              const char *const *parameters, int prepared, tmf_session_rows_t *rows,
                              PGresult **result, apr_pool_t *result_pool)
{
    return prepared ? execute(session, sql, count, parameters, rows, result, result_pool)
                    : ask(session, sql, count, parameters, rows, result, result_pool);
}
