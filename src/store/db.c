/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * mod_dbd's pool waits for ever when it is exhausted, and opens connections while it holds its own
 * lock. So one thread of a child at a time stands at its door (`door`, a lock with a deadline): it
 * may wait there for a connection that another thread gives back, or for the database to answer;
 * all others give up after TMFCustomerPoolTimeout with a 503. Giving back needs no door.
 *
 *   door          guards away_until, and is held while ap_dbd_open or PQreset runs (a few
 * microseconds, or connect_timeout of DBDParams when the database is away) away_until    after a
 * failed attempt nobody tries for AWAY_TIME, so a thousand requests wait for one attempt, not for a
 * thousand quiet         guards quiet_until: one log line for an outage, not one for each request
 *   session_t     what we did on one connection; belongs to whoever has borrowed it
 *
 * A borrowed connection is known to be usable: idle, not readable (the server says nothing unasked,
 * so a readable idle connection is a dead one: it is reset before anything is sent, and no write is
 * in doubt because of it), set up, and of our schema version.
 *
 * When a statement misses its deadline here, its connection is cut (shutdown) instead of closed:
 * the next ap_dbd_open sees the broken connection and replaces it. mod_dbd has no way to discard
 * one.
 *
 * prefork: SIGTERM and SIGHUP end the child inside their handler, and mod_dbd aborts when a
 * connection is out at that moment; so they wait while one is borrowed.
 */
#include "store/db.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <httpd.h>
#include <http_log.h>
#include <ap_mpm.h>
#include <apr_atomic.h>
#include <apr_optional.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <apr_dbd.h>
#include <mod_dbd.h>
#include <libpq-fe.h>

extern module AP_MODULE_DECLARE_DATA tmf_customer_module;
APLOG_USE_MODULE(tmf_customer);

#define AWAY_TIME  (1 * APR_USEC_PER_SEC)
#define QUIET_TIME (60 * APR_USEC_PER_SEC)
#define GRACE_TIME                                                                                 \
    (1 * APR_USEC_PER_SEC) /* past statement_timeout, before the connection is cut                 \
                            */
#define STATEMENTS_MAX 32  /* prepared on one connection */
#define SESSION_KEY    "tmf_customer_session"

#define UNAVAILABLE_MESSAGE "The database cannot be reached at the moment"

struct tmf_db_pool_t {
    server_rec *server;
    apr_thread_mutex_t *door;
    apr_time_t away_until;
    apr_thread_mutex_t *quiet;
    apr_time_t away_quiet_until;
    apr_time_t busy_quiet_until;
    apr_interval_time_t statement_timeout;
    apr_interval_time_t pool_timeout;
    const char *statement_timeout_text; /* milliseconds, for set_config */
    apr_uint32_t connect_timeout_checked;
    int threaded; /* the MPM has threads, and keeps signals away from them */
};

/* What was done on a connection; lives in the connection's own pool. */
typedef struct {
    int backend_pid; /* it was done there; another one now: the connection was reset */
    const tmf_db_statement_t *prepared[STATEMENTS_MAX];
    int prepared_count;
} session_t;

struct tmf_db_t {
    tmf_db_pool_t *pool;
    ap_dbd_t *dbd;
    PGconn *connection;
    session_t *session;
    sigset_t signals; /* to restore; prefork only */
};

struct tmf_db_rows_t {
    PGresult *result;
};

static APR_OPTIONAL_FN_TYPE(ap_dbd_open) * dbd_open;
static APR_OPTIONAL_FN_TYPE(ap_dbd_close) * dbd_close;

int tmf_db_find_mod_dbd(void)
{
    dbd_open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    dbd_close = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    return dbd_open != NULL && dbd_close != NULL;
}

apr_status_t tmf_db_pool_make(tmf_db_pool_t **pool, server_rec *server,
                              apr_interval_time_t statement_timeout,
                              apr_interval_time_t pool_timeout, apr_pool_t *child_pool)
{
    tmf_db_pool_t *made = apr_pcalloc(child_pool, sizeof(*made));
    apr_status_t status;

    made->server = server;
    made->statement_timeout = statement_timeout;
    made->pool_timeout = pool_timeout;
    made->statement_timeout_text = apr_psprintf(child_pool, "%" APR_TIME_T_FMT,
                                                apr_time_as_msec(statement_timeout));
    ap_mpm_query(AP_MPMQ_IS_THREADED, &made->threaded);
    status = apr_thread_mutex_create(&made->door, APR_THREAD_MUTEX_TIMED, child_pool);
    if (status == APR_SUCCESS) {
        status = apr_thread_mutex_create(&made->quiet, APR_THREAD_MUTEX_DEFAULT, child_pool);
    }
    *pool = made;
    return status;
}

/* May a fault of this kind be logged? Once in QUIET_TIME, and again after the database was back. */
static int may_log(tmf_db_pool_t *pool, apr_time_t *quiet_until)
{
    apr_time_t now = apr_time_now();
    int may;

    apr_thread_mutex_lock(pool->quiet);
    may = now >= *quiet_until;
    if (may) {
        *quiet_until = now + QUIET_TIME;
    }
    apr_thread_mutex_unlock(pool->quiet);
    return may;
}

static void database_is_back(tmf_db_pool_t *pool)
{
    apr_thread_mutex_lock(pool->quiet);
    pool->away_quiet_until = 0;
    pool->busy_quiet_until = 0;
    apr_thread_mutex_unlock(pool->quiet);
}

static tmf_error_t *away(tmf_db_pool_t *pool, const char *tag, const char *cause,
                         apr_pool_t *result_pool)
{
    return may_log(pool, &pool->away_quiet_until)
               ? tmf_error_fault(result_pool, TMF_ERROR_DATABASE_UNAVAILABLE, tag,
                                 UNAVAILABLE_MESSAGE, "%s", cause)
               : tmf_error_make(result_pool, TMF_ERROR_DATABASE_UNAVAILABLE, UNAVAILABLE_MESSAGE);
}

static tmf_error_t *busy(tmf_db_pool_t *pool, apr_pool_t *result_pool)
{
    static const char message[] = "All connections to the database are in use";

    return may_log(pool, &pool->busy_quiet_until)
               ? tmf_error_fault(
                     result_pool, TMF_ERROR_DATABASE_BUSY, "TMF0026", message,
                     "no connection within TMFCustomerPoolTimeout: DBDMax may be too low")
               : tmf_error_make(result_pool, TMF_ERROR_DATABASE_BUSY, message);
}

/* libpq's messages end in a newline and may have several lines. */
static const char *one_line(const char *message, apr_pool_t *pool)
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
} sqlstate_row_t;

/* The one table from SQLSTATE to reply. A code that is missing here is our fault: 500. */
static const sqlstate_row_t sqlstate_table[] = {
    {"57014", TMF_ERROR_STATEMENT_TIMEOUT, "The database took too long for this request"},
    {"40", TMF_ERROR_WRITE_CONFLICT, "Others are changing the same customer"},
    {"08", TMF_ERROR_DATABASE_UNAVAILABLE, UNAVAILABLE_MESSAGE},
    {"53", TMF_ERROR_DATABASE_UNAVAILABLE, UNAVAILABLE_MESSAGE},
    {"57", TMF_ERROR_DATABASE_UNAVAILABLE, UNAVAILABLE_MESSAGE},
    {"25006", TMF_ERROR_DATABASE_UNAVAILABLE, "The database does not take changes at the moment"},
    {"3F000", TMF_ERROR_DATABASE_UNAVAILABLE, UNAVAILABLE_MESSAGE}, /* no schema, */
    {"42P01", TMF_ERROR_DATABASE_UNAVAILABLE, UNAVAILABLE_MESSAGE}, /* no table, */
    {"42703", TMF_ERROR_DATABASE_UNAVAILABLE, UNAVAILABLE_MESSAGE}, /* no column: another version */
    {"42501", TMF_ERROR_DATABASE_UNAVAILABLE, UNAVAILABLE_MESSAGE}, /* no right */
    {"22003", TMF_ERROR_INVALID_BODY, "A number in the body is too large to be kept"},
    {"54000", TMF_ERROR_INVALID_BODY, "The body has a part that is too large to be kept"},
};

static tmf_error_t *from_sqlstate(const char *sqlstate, const char *cause, apr_pool_t *result_pool)
{
    apr_size_t i;

    for (i = 0; i < sizeof(sqlstate_table) / sizeof(sqlstate_table[0]); i++) {
        const sqlstate_row_t *row = &sqlstate_table[i];

        if (strncmp(sqlstate, row->prefix, strlen(row->prefix)) == 0) {
            return row->code == TMF_ERROR_INVALID_BODY
                       ? tmf_error_make(result_pool, row->code, "%s", row->message)
                       : tmf_error_fault(result_pool, row->code, "TMF0020", row->message,
                                         "PostgreSQL: %s %s", sqlstate, cause);
        }
    }
    return tmf_error_fault(result_pool, TMF_ERROR_INTERNAL, "TMF0021",
                           "The request could not be completed", "PostgreSQL: %s %s", sqlstate,
                           cause);
}

static const char *sqlstate_of(const PGresult *result)
{
    const char *sqlstate = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;

    return sqlstate != NULL ? sqlstate : "";
}

/* Waits until libpq has something for PQgetResult: 1; 0 at the deadline or when the connection
 * broke. */
static int await_answer(PGconn *connection, apr_time_t deadline)
{
    for (;;) {
        int unsent = PQflush(connection);
        struct pollfd socket = {PQsocket(connection), POLLIN, 0};
        apr_interval_time_t left = deadline - apr_time_now();

        if (unsent == 0 && !PQisBusy(connection)) {
            return 1;
        }
        if (unsent < 0 || left <= 0) {
            return 0;
        }
        if (unsent > 0) {
            socket.events |= POLLOUT;
        }
        if (poll(&socket, 1, (int)(left / 1000) + 1) > 0 &&
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

/* Reads results until libpq has no more, and keeps the last. 1 when the connection is idle again.
 */
static int read_results(PGconn *connection, apr_time_t deadline, PGresult **last)
{
    while (await_answer(connection, deadline)) {
        PGresult *result = PQgetResult(connection);

        if (result == NULL) {
            return PQtransactionStatus(connection) == PQTRANS_IDLE;
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
static tmf_error_t *take_answer(tmf_db_t *db, int sent, PGresult **answer, apr_pool_t *result_pool)
{
    apr_time_t deadline = apr_time_now() + db->pool->statement_timeout + GRACE_TIME;
    const char *cause;

    *answer = NULL;
    if (sent && read_results(db->connection, deadline, answer) && *answer != NULL) {
        return NULL;
    }
    cause = apr_time_now() >= deadline ? "no answer in time"
                                       : one_line(PQerrorMessage(db->connection), result_pool);
    cut_connection(db->connection);
    PQclear(*answer);
    *answer = NULL;
    return tmf_error_fault(result_pool, TMF_ERROR_DATABASE_UNAVAILABLE, "TMF0022",
                           UNAVAILABLE_MESSAGE, "lost the database in a statement: %s", cause);
}

static int is_success(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

static apr_status_t clear_result(void *data)
{
    PQclear(data);
    return APR_SUCCESS;
}

/* Without connect_timeout, a host that answers nothing keeps a thread at the door for minutes. */
static void check_connect_timeout(tmf_db_pool_t *pool, PGconn *connection)
{
    PQconninfoOption *options;
    const PQconninfoOption *option;

    if (apr_atomic_cas32(&pool->connect_timeout_checked, 1, 0) != 0) {
        return;
    }
    options = PQconninfo(connection);
    for (option = options; option != NULL && option->keyword != NULL; option++) {
        if (strcmp(option->keyword, "connect_timeout") == 0 &&
            (option->val == NULL || atoi(option->val) <= 0)) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, pool->server,
                         "TMF0027: DBDParams has no connect_timeout: requests may wait for minutes "
                         "when the database's host does not answer");
        }
    }
    PQconninfoFree(options);
}

/* One look at the schema and all the settings of a session in one round trip. Nothing is set that
 * other modules on the same connection could mind. */
static tmf_error_t *set_up_session(tmf_db_t *db, apr_pool_t *result_pool)
{
    static const char sql[] = "SELECT (SELECT max(version) FROM tmf_customer.schema_version),"
                              " pg_catalog.set_config('client_encoding', 'UTF8', false),"
                              " pg_catalog.set_config('statement_timeout', $1, false)";
    const char *parameters[] = {db->pool->statement_timeout_text};
    tmf_error_t *error;
    const char *cause;
    PGresult *result;

    error = take_answer(db,
                        PQsendQueryParams(db->connection, sql, 1, NULL, parameters, NULL, NULL, 0),
                        &result, result_pool);
    if (error != NULL) {
        return error;
    }
    if (!is_success(result)) {
        cause = apr_psprintf(
            result_pool,
            "the schema tmf_customer cannot be used, is sql/install.sql to be run? "
            "PostgreSQL: %s %s",
            sqlstate_of(result), one_line(PQresultErrorMessage(result), result_pool));
        error = away(db->pool, "TMF0023", cause, result_pool);
    } else if (atoi(PQgetvalue(result, 0, 0)) != TMF_SCHEMA_VERSION) {
        cause = apr_psprintf(
            result_pool,
            "the schema tmf_customer has version %d, this module needs version %d: "
            "run its sql/install.sql",
            atoi(PQgetvalue(result, 0, 0)), TMF_SCHEMA_VERSION);
        error = away(db->pool, "TMF0024", cause, result_pool);
    } else {
        db->session->prepared_count = 0;
        db->session->backend_pid = PQbackendPID(db->connection);
        database_is_back(db->pool);
        check_connect_timeout(db->pool, db->connection);
    }
    PQclear(result);
    return error;
}

static session_t *session_of(ap_dbd_t *dbd)
{
    void *session = NULL;

    apr_pool_userdata_get(&session, SESSION_KEY, dbd->pool);
    if (session == NULL) {
        session = apr_pcalloc(dbd->pool, sizeof(session_t));
        apr_pool_userdata_setn(session, SESSION_KEY, NULL, dbd->pool);
    }
    return session;
}

/* The server says nothing unasked: what can be read is the end of the connection. */
static int is_dead(PGconn *connection)
{
    struct pollfd socket = {PQsocket(connection), POLLIN, 0};

    return PQstatus(connection) != CONNECTION_OK || poll(&socket, 1, 0) != 0 ||
           PQtransactionStatus(connection) != PQTRANS_IDLE;
}

/* Behind the door: takes a connection from mod_dbd and sees that it lives. */
static tmf_error_t *open_connection(tmf_db_t *db, apr_pool_t *result_pool)
{
    tmf_db_pool_t *pool = db->pool;
    const char *cause = "mod_dbd gives no connection";

    if (apr_time_now() < pool->away_until) {
        return tmf_error_make(result_pool, TMF_ERROR_DATABASE_UNAVAILABLE, UNAVAILABLE_MESSAGE);
    }
    db->dbd = dbd_open(result_pool, pool->server);
    if (db->dbd != NULL) {
        db->connection = apr_dbd_native_handle(db->dbd->driver, db->dbd->handle);
        if (!is_dead(db->connection)) {
            return NULL;
        }
        PQreset(db->connection);
        if (PQstatus(db->connection) == CONNECTION_OK) {
            return NULL;
        }
        cause = one_line(PQerrorMessage(db->connection), result_pool);
        dbd_close(pool->server, db->dbd);
    }
    pool->away_until = apr_time_now() + AWAY_TIME;
    return away(pool, "TMF0025", cause, result_pool);
}

static tmf_error_t *pass_the_door(tmf_db_t *db, apr_pool_t *result_pool)
{
    tmf_db_pool_t *pool = db->pool;
    tmf_error_t *error;

    if (apr_thread_mutex_timedlock(pool->door, pool->pool_timeout) != APR_SUCCESS) {
        return busy(pool, result_pool);
    }
    error = open_connection(db, result_pool);
    apr_thread_mutex_unlock(pool->door);
    return error;
}

static void hold_signals(tmf_db_t *db)
{
    sigset_t deadly;

    if (!db->pool->threaded) {
        sigemptyset(&deadly);
        sigaddset(&deadly, SIGTERM);
        sigaddset(&deadly, SIGHUP);
        pthread_sigmask(SIG_BLOCK, &deadly, &db->signals);
    }
}

static void release_signals(tmf_db_t *db)
{
    if (!db->pool->threaded) {
        pthread_sigmask(SIG_SETMASK, &db->signals, NULL);
    }
}

tmf_error_t *tmf_db_borrow(tmf_db_t **borrowed, tmf_db_pool_t *pool, apr_pool_t *result_pool)
{
    tmf_db_t *db = apr_pcalloc(result_pool, sizeof(*db));
    tmf_error_t *error;

    db->pool = pool;
    hold_signals(db);
    error = pass_the_door(db, result_pool);
    if (error != NULL) {
        release_signals(db);
        return error;
    }
    PQsetnonblocking(db->connection, 1);
    db->session = session_of(db->dbd);
    if (db->session->backend_pid != PQbackendPID(db->connection)) {
        error = set_up_session(db, result_pool);
    }
    if (error != NULL) {
        tmf_db_give_back(db);
        return error;
    }
    *borrowed = db;
    return NULL;
}

void tmf_db_give_back(tmf_db_t *db)
{
    PQsetnonblocking(db->connection, 0);
    dbd_close(db->pool->server, db->dbd);
    release_signals(db);
}

static int is_prepared(const session_t *session, const tmf_db_statement_t *statement)
{
    int i;

    for (i = 0; i < session->prepared_count; i++) {
        if (session->prepared[i] == statement) {
            return 1;
        }
    }
    return 0;
}

static tmf_error_t *prepare(tmf_db_t *db, const tmf_db_statement_t *statement,
                            apr_pool_t *result_pool)
{
    session_t *session = db->session;
    tmf_error_t *error;
    PGresult *result;

    if (is_prepared(session, statement)) {
        return NULL;
    }
    error = take_answer(
        db,
        PQsendPrepare(db->connection, statement->name, statement->sql, statement->parameters, NULL),
        &result, result_pool);
    if (error != NULL) {
        return error;
    }
    if (!is_success(result)) {
        error = from_sqlstate(sqlstate_of(result),
                              one_line(PQresultErrorMessage(result), result_pool), result_pool);
    } else if (session->prepared_count < STATEMENTS_MAX) {
        session->prepared[session->prepared_count++] = statement;
    }
    PQclear(result);
    return error;
}

/* 26000: the statement is not prepared there. A reset connection can have the pid that it had
 * before. */
static int has_lost_session(const PGresult *result)
{
    return strcmp(sqlstate_of(result), "26000") == 0;
}

static tmf_error_t *run_prepared(tmf_db_t *db, const tmf_db_statement_t *statement,
                                 const char *const *parameters, PGresult **result,
                                 apr_pool_t *result_pool)
{
    TMF_TRY(prepare(db, statement, result_pool));
    return take_answer(db,
                       PQsendQueryPrepared(db->connection, statement->name, statement->parameters,
                                           parameters, NULL, NULL, 0),
                       result, result_pool);
}

tmf_error_t *tmf_db_execute(tmf_db_t *db, const tmf_db_statement_t *statement,
                            const char *const *parameters, const tmf_db_rows_t **rows,
                            apr_pool_t *result_pool)
{
    tmf_db_rows_t *taken = apr_palloc(result_pool, sizeof(*taken));
    PGresult *result;

    TMF_TRY(run_prepared(db, statement, parameters, &result, result_pool));
    if (has_lost_session(result)) {
        PQclear(result);
        TMF_TRY(set_up_session(db, result_pool));
        TMF_TRY(run_prepared(db, statement, parameters, &result, result_pool));
    }
    apr_pool_cleanup_register(result_pool, result, clear_result, apr_pool_cleanup_null);
    if (!is_success(result)) {
        return from_sqlstate(sqlstate_of(result),
                             one_line(PQresultErrorMessage(result), result_pool), result_pool);
    }
    taken->result = result;
    *rows = taken;
    return NULL;
}

int tmf_db_row_count(const tmf_db_rows_t *rows)
{
    return PQntuples(rows->result);
}

const char *tmf_db_text(const tmf_db_rows_t *rows, int row, int column, apr_size_t *length)
{
    if (PQgetisnull(rows->result, row, column)) {
        return NULL;
    }
    if (length != NULL) {
        *length = (apr_size_t)PQgetlength(rows->result, row, column);
    }
    return PQgetvalue(rows->result, row, column);
}

apr_int64_t tmf_db_number(const tmf_db_rows_t *rows, int row, int column)
{
    return apr_atoi64(PQgetvalue(rows->result, row, column));
}
