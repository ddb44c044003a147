/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * mod_dbd's pool waits for ever when it is exhausted, and opens connections while it holds its own
 * lock. So one thread of a child at a time asks it for one, under the connection lock: it may wait
 * for a connection that another thread gives back, or for the database to answer; all others give
 * up after TMFCustomerPoolTimeout with a 503. Giving back needs no lock.
 *
 * The lock is held while ap_dbd_open or PQreset runs: a few microseconds, or connect_timeout of
 * DBDParams when the database is away. After a failure outage.h says when it is tried again;
 * meanwhile everybody has a 503 at once.
 *
 * connection.h has what belongs to one connection. mod_dbd shares the connections of virtual hosts
 * with equal settings of its own, so a borrower whose host has another statement timeout sets it.
 *
 * A borrowed connection is known to be usable: idle, not readable (the server says nothing unasked,
 * so a readable idle connection is a dead one: it is reset before anything is sent, and no write is
 * in doubt because of it), set up, and of our schema version.
 *
 * Which database it is the database says itself (tmf_customer.identity()), when a connection is set
 * up: however DBDParams spell it, and whatever host it leads to.
 *
 * prefork: SIGTERM and SIGHUP end the child inside their handler, and mod_dbd aborts when a
 * connection is out at that moment; so they wait while one is borrowed.
 */
#include "store/db.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <httpd.h>
#include <http_log.h>
#include <ap_mpm.h>
#include <apr_atomic.h>
#include <apr_optional.h>
#include <apr_strings.h>
#include <apr_dbd.h>
#include <mod_dbd.h>

#include "model/clock.h"
#include "store/connection.h"
#include "store/schema.h"
#include "store/thread.h"

extern module AP_MODULE_DECLARE_DATA tmf_customer_module;
APLOG_USE_MODULE(tmf_customer);

#define GRACE_TIME (1 * APR_USEC_PER_SEC) /* past statement_timeout, then the connection is cut */
/* Statements of a write at most, each of which may take its timeout. Those of a transaction are
 * fewer: begin, lock, update, commit. One that was prepared before its session was reset:
 * deallocate, prepare, run, two to set up, prepare in a place that is taken (three), run. */
#define CACHE_WRITE_STATEMENTS 9
#define CONNECTION_KEY         "tmf_customer_connection"

static APR_OPTIONAL_FN_TYPE(ap_dbd_open) * dbd_open;
static APR_OPTIONAL_FN_TYPE(ap_dbd_close) * dbd_close;

int tmf_db_find_mod_dbd(void)
{
    dbd_open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    dbd_close = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    return dbd_open != NULL && dbd_close != NULL;
}

apr_status_t tmf_db_pool_make(tmf_db_pool_t **pool, const tmf_db_settings_t *settings,
                              apr_pool_t *child_pool)
{
    tmf_db_pool_t *made = apr_pcalloc(child_pool, sizeof(*made));
    apr_status_t status;

    made->server = settings->server;
    made->wake = settings->wake;
    made->metrics = settings->metrics;
    made->caching.board = settings->board;
    made->caching.memory = settings->cache;
    made->caching.age = settings->cache_age;
    made->caching.write_time = CACHE_WRITE_STATEMENTS * (settings->statement_timeout + GRACE_TIME);
    made->statement_timeout = settings->statement_timeout;
    made->pool_timeout = settings->pool_timeout;
    ap_mpm_query(AP_MPMQ_IS_THREADED, &made->threaded);
    status = tmf_semaphore_init(&made->connection_lock, 1);
    if (status == APR_SUCCESS) {
        status = tmf_outage_make(&made->outage, child_pool);
    }
    *pool = made;
    return status;
}

/* Nobody gets a connection before the pause is over. */
static tmf_error_t *paused(tmf_db_pool_t *pool, apr_pool_t *result_pool)
{
    tmf_error_t *error = tmf_error_make(result_pool, TMF_ERROR_DATABASE_UNAVAILABLE,
                                        TMF_DATABASE_UNAVAILABLE_MESSAGE);

    error->retry_after = tmf_outage_retry_after(pool->outage);
    return error;
}

static tmf_error_t *away(tmf_db_pool_t *pool, const char *cause, apr_pool_t *result_pool)
{
    tmf_error_t *error;

    tmf_outage_pause(pool->outage);
    if (!tmf_outage_begin(pool->outage)) {
        return paused(pool, result_pool);
    }
    error = tmf_error_fault(result_pool, TMF_ERROR_DATABASE_UNAVAILABLE, "TMF0025",
                            TMF_DATABASE_UNAVAILABLE_MESSAGE, "%s", cause);
    error->retry_after = tmf_outage_retry_after(pool->outage);
    return error;
}

/* There is a database, but it is none for this module. */
static tmf_error_t *unfit(tmf_db_pool_t *pool, const char *tag, const char *cause,
                          apr_pool_t *result_pool)
{
    tmf_error_t *error = tmf_outage_unfit(pool->outage)
                             ? tmf_error_fault(result_pool, TMF_ERROR_DATABASE_UNAVAILABLE, tag,
                                               TMF_DATABASE_UNFIT_MESSAGE, "%s", cause)
                             : tmf_error_make(result_pool, TMF_ERROR_DATABASE_UNAVAILABLE,
                                              TMF_DATABASE_UNFIT_MESSAGE);

    error->is_unfit = 1;
    return error;
}

static void database_is_back(tmf_db_pool_t *pool, int is_new)
{
    apr_interval_time_t duration = tmf_outage_end(pool->outage, is_new);

    if (duration > 0) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, pool->server,
                     "TMF0120: the database can be used again, after %" APR_TIME_T_FMT " s",
                     apr_time_sec(duration + APR_USEC_PER_SEC - 1));
    }
}

static tmf_error_t *busy(tmf_db_pool_t *pool, apr_pool_t *result_pool)
{
    static const char message[] = "All connections to the database are in use";

    return tmf_outage_is_busy(pool->outage)
               ? tmf_error_fault(
                     result_pool, TMF_ERROR_DATABASE_BUSY, "TMF0026", message,
                     "no connection within TMFCustomerPoolTimeout: DBDMax may be too low")
               : tmf_error_make(result_pool, TMF_ERROR_DATABASE_BUSY, message);
}

/* Without connect_timeout, a host that answers nothing keeps a thread under the connection lock for
 * minutes. */
static void check_connect_timeout(tmf_db_pool_t *pool, const PQconninfoOption *option)
{
    if (strcmp(option->keyword, "connect_timeout") == 0 &&
        (option->val == NULL || atoi(option->val) <= 0)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, pool->server,
                     "TMF0027: DBDParams has no connect_timeout: requests may wait for minutes "
                     "when the database's host does not answer");
    }
}

/* How a connection was configured, which is the same for all of them. */
static void look_at_options(tmf_db_pool_t *pool, PGconn *connection)
{
    PQconninfoOption *options;
    const PQconninfoOption *option;

    if (apr_atomic_cas32(&pool->options_seen, 1, 0) != 0) {
        return;
    }
    options = PQconninfo(connection);
    for (option = options; option != NULL && option->keyword != NULL; option++) {
        check_connect_timeout(pool, option);
    }
    PQconninfoFree(options);
}

/* The version of the schema, or what is wrong with it. */
static tmf_error_t *check_schema(tmf_db_pool_t *pool, const PGresult *result,
                                 apr_pool_t *result_pool)
{
    const char *fault;
    int version;
    int serves_from;

    atomic_store(&pool->schema_version, 0);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        fault = apr_psprintf(
            result_pool,
            "the schema tmf_customer cannot be used, is sql/install.sql to be run? "
            "PostgreSQL: %s",
            tmf_sqlstate_cause(result, result_pool));
        return unfit(pool, "TMF0023", fault, result_pool);
    }
    version = atoi(PQgetvalue(result, 0, 0));
    serves_from = atoi(PQgetvalue(result, 0, 1));
    atomic_store(&pool->schema_serves_from, serves_from);
    atomic_store(&pool->schema_version, version);
    fault = tmf_schema_fault(version, serves_from, result_pool);
    return fault != NULL ? unfit(pool, "TMF0024", fault, result_pool) : NULL;
}

static const char *milliseconds(apr_interval_time_t time, apr_pool_t *result_pool)
{
    return apr_psprintf(result_pool, "%" APR_TIME_T_FMT, apr_time_as_msec(time));
}

/* One look at the schema, and all the settings of a session. Other modules on the same connection
 * can live with them: their statements are short, too, and neither compiling them nor spreading
 * them over processes would pay; and their errors come without DETAIL and CONTEXT, which repeat
 * data: what libpq says of a connection that breaks is logged as it is. */
tmf_error_t *tmf_db_set_up_session(tmf_connection_t *connection, apr_pool_t *result_pool)
{
    static const char sql[] =
        "SELECT schema.*, pg_catalog.set_config('client_encoding', 'UTF8', false),"
        " pg_catalog.set_config('statement_timeout', $1, false),"
        " pg_catalog.set_config('jit', 'off', false),"
        " pg_catalog.set_config('max_parallel_workers_per_gather', '0', false)"
        " FROM (" TMF_SCHEMA_SQL ") AS schema";
    const char *timeout = milliseconds(connection->statement_timeout, result_pool);
    tmf_db_pool_t *pool = connection->borrower.pool;
    tmf_db_rows_t *rows = tmf_rows_make(0, result_pool);

    PQsetErrorVerbosity(connection->pg, PQERRORS_TERSE);
    TMF_TRY(tmf_connection_ask(connection, sql, 1, &timeout, rows));
    TMF_TRY(check_schema(pool, rows->result, result_pool));
    TMF_TRY(tmf_connection_ask(connection, "SELECT tmf_customer.identity()", 0, NULL, rows));
    TMF_TRY(tmf_sqlstate_error(rows->result, result_pool));
    connection->identity = (apr_uint64_t)tmf_db_number(rows, 0, 0);
    tmf_connection_begin(connection);
    database_is_back(pool, 1);
    look_at_options(pool, connection->pg);
    return NULL;
}

/* Not within a transaction, which would undo it when it fails. */
static tmf_error_t *set_timeout(tmf_connection_t *connection, apr_interval_time_t most,
                                apr_pool_t *result_pool)
{
    static const char sql[] = "SELECT pg_catalog.set_config('statement_timeout', $1, false)";
    const char *timeout = milliseconds(most, result_pool);
    tmf_db_rows_t *rows = tmf_rows_make(0, result_pool);

    TMF_TRY(tmf_connection_ask(connection, sql, 1, &timeout, rows));
    TMF_TRY(tmf_sqlstate_error(rows->result, result_pool));
    connection->statement_timeout = most;
    return NULL;
}

/* Makes the session one for this borrower. */
static tmf_error_t *enter_session(tmf_connection_t *connection, apr_pool_t *result_pool)
{
    tmf_db_pool_t *pool = connection->borrower.pool;

    if (connection->backend_pid != PQbackendPID(connection->pg)) {
        connection->statement_timeout = pool->statement_timeout;
        TMF_TRY(tmf_db_set_up_session(connection, result_pool));
    } else if (connection->statement_timeout != pool->statement_timeout) {
        TMF_TRY(set_timeout(connection, pool->statement_timeout, result_pool)); /* another host's */
    }
    database_is_back(pool, 0);
    pool->identity = connection->identity;
    return NULL;
}

static apr_status_t count_closed(void *metrics)
{
    tmf_metrics_connection_open(metrics, -1);
    return APR_SUCCESS;
}

/* The object that mod_dbd's record has, or is given now. Its pool ends when mod_dbd closes it. */
static tmf_connection_t *connection_of(const ap_dbd_t *dbd, tmf_metrics_t *metrics)
{
    void *found = NULL;
    tmf_connection_t *connection;

    apr_pool_userdata_get(&found, CONNECTION_KEY, dbd->pool);
    connection = found;
    if (connection == NULL) {
        connection = tmf_connection_make(dbd->pool);
        apr_pool_userdata_setn(connection, CONNECTION_KEY, NULL, dbd->pool);
        tmf_metrics_connection_open(metrics, 1);
        apr_pool_cleanup_register(dbd->pool, metrics, count_closed, apr_pool_cleanup_null);
    }
    connection->pg = apr_dbd_native_handle(dbd->driver, dbd->handle);
    return connection;
}

/* The server says nothing unasked: what can be read is the end of the connection. */
static int is_dead(PGconn *pg)
{
    struct pollfd socket = {PQsocket(pg), POLLIN, 0};

    return PQstatus(pg) != CONNECTION_OK || poll(&socket, 1, 0) != 0 ||
           PQtransactionStatus(pg) != PQTRANS_IDLE;
}

/* Under the connection lock: takes a connection from mod_dbd and sees that it lives. NULL, and an
 * error, when there is none. */
static tmf_connection_t *open_connection(tmf_error_t **error, tmf_db_pool_t *pool,
                                         apr_pool_t *result_pool)
{
    ap_dbd_t *dbd = dbd_open(result_pool, pool->server);
    tmf_connection_t *connection;
    const char *cause;

    if (dbd == NULL) {
        *error = away(pool, "mod_dbd gives no connection", result_pool);
        return NULL;
    }
    connection = connection_of(dbd, pool->metrics);
    if (is_dead(connection->pg)) {
        PQreset(connection->pg);
        connection->backend_pid = 0;
    }
    if (PQstatus(connection->pg) != CONNECTION_OK) {
        cause = tmf_sqlstate_one_line(PQerrorMessage(connection->pg), result_pool);
        dbd_close(pool->server, dbd);
        *error = away(pool, cause, result_pool);
        return NULL;
    }
    memset(&connection->borrower, 0, sizeof(connection->borrower));
    connection->borrower.pool = pool;
    connection->borrower.dbd = dbd;
    connection->borrower.result_pool = result_pool;
    connection->borrower.answer_time = pool->statement_timeout + GRACE_TIME;
    return connection;
}

static tmf_connection_t *await_connection(tmf_error_t **error, tmf_db_pool_t *pool,
                                          apr_pool_t *result_pool)
{
    tmf_connection_t *connection;
    int is_locked;

    if (!tmf_outage_may_try(pool->outage)) {
        *error = paused(pool, result_pool);
        return NULL;
    }
    tmf_metrics_connection(pool->metrics, TMF_CONNECTION_WAITING, 1);
    is_locked = tmf_semaphore_take(&pool->connection_lock, tmf_clock_now() + pool->pool_timeout);
    tmf_metrics_connection(pool->metrics, TMF_CONNECTION_WAITING, -1);
    if (!is_locked) {
        *error = busy(pool, result_pool);
        return NULL;
    }
    connection = open_connection(error, pool, result_pool);
    tmf_semaphore_give(&pool->connection_lock);
    return connection;
}

tmf_error_t *tmf_db_counted(const tmf_db_pool_t *pool, tmf_error_t *error)
{
    if (error != NULL) {
        tmf_metrics_database_error(pool->metrics,
                                   error->sqlstate != NULL ? error->sqlstate : error->code);
    }
    return error;
}

static tmf_error_t *borrow(tmf_db_t **borrowed, tmf_db_pool_t *pool, apr_pool_t *result_pool)
{
    tmf_connection_t *connection;
    tmf_error_t *error = NULL;
    sigset_t signals;

    tmf_thread_hold_signals(pool->threaded, &signals);
    connection = await_connection(&error, pool, result_pool);
    if (connection == NULL) {
        tmf_thread_release_signals(pool->threaded, &signals);
        return error;
    }
    connection->borrower.signals = signals;
    PQsetnonblocking(connection->pg, 1);
    tmf_metrics_connection(pool->metrics, TMF_CONNECTION_IN_USE, 1);
    error = enter_session(connection, result_pool);
    if (error != NULL) {
        tmf_db_give_back(connection);
        return error;
    }
    *borrowed = connection;
    return NULL;
}

tmf_error_t *tmf_db_borrow(tmf_db_t **borrowed, tmf_db_pool_t *pool, apr_pool_t *result_pool)
{
    return tmf_db_counted(pool, borrow(borrowed, pool, result_pool));
}

tmf_error_t *tmf_db_limit(tmf_db_t *db, apr_interval_time_t most, apr_pool_t *result_pool)
{
    return tmf_db_counted(db->borrower.pool, set_timeout(db, most, result_pool));
}

/* What was lost may still be carried out: it counts as being at work until its time is over. */
static void end_writes(const tmf_connection_t *connection)
{
    const tmf_borrower_t *borrower = &connection->borrower;
    tmf_customer_key_t key = {connection->identity, NULL};
    int i;

    if (PQstatus(connection->pg) != CONNECTION_OK) {
        return;
    }
    for (i = 0; borrower->writes != NULL && i < borrower->writes->nelts; i++) {
        key.id = APR_ARRAY_IDX(borrower->writes, i, const char *);
        tmf_customer_cache_end_write(&borrower->pool->caching, &key);
    }
}

/* Other modules may use the connection, so it does not keep the limit of a borrower; when it cannot
 * be set back, it is lost, or the next borrower does it. */
void tmf_db_give_back(tmf_db_t *db)
{
    const tmf_borrower_t borrower = db->borrower;
    tmf_db_pool_t *pool = borrower.pool;

    end_writes(db);
    if (db->statement_timeout != pool->statement_timeout) {
        (void)set_timeout(db, pool->statement_timeout, borrower.result_pool);
    }
    PQsetnonblocking(db->pg, 0);
    dbd_close(pool->server, borrower.dbd);
    tmf_metrics_connection(pool->metrics, TMF_CONNECTION_IN_USE, -1);
    tmf_thread_release_signals(pool->threaded, &borrower.signals);
}

void tmf_db_set_deadline(tmf_db_t *db, apr_uint32_t *cancel, apr_interval_time_t most)
{
    db->borrower.cancel = cancel;
    if (most > 0) {
        db->borrower.answer_time = most;
    }
}

apr_uint64_t tmf_db_identity(tmf_db_pool_t *pool)
{
    return pool->identity;
}

void tmf_db_schema(tmf_db_pool_t *pool, int *version, int *serves_from)
{
    *version = atomic_load(&pool->schema_version);
    *serves_from = atomic_load(&pool->schema_serves_from);
}

int tmf_db_is_unfit(const tmf_error_t *error)
{
    return error->is_unfit;
}

const tmf_customer_caching_t *tmf_db_caching(const tmf_db_pool_t *pool)
{
    return &pool->caching;
}

void tmf_db_begin_write(tmf_db_t *db, const char *id)
{
    tmf_borrower_t *borrower = &db->borrower;
    const tmf_customer_key_t key = {db->identity, id};
    int i;

    if (borrower->pool->caching.board == NULL) {
        return;
    }
    if (borrower->writes == NULL) {
        borrower->writes = apr_array_make(borrower->result_pool, 1, sizeof(const char *));
    }
    for (i = 0; i < borrower->writes->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(borrower->writes, i, const char *), id) == 0) {
            return;
        }
    }
    APR_ARRAY_PUSH(borrower->writes, const char *) = id;
    tmf_customer_cache_begin_write(&borrower->pool->caching, &key);
}

tmf_metrics_t *tmf_db_metrics(const tmf_db_pool_t *pool)
{
    return pool->metrics;
}

struct server_rec *tmf_db_server(const tmf_db_pool_t *pool)
{
    return pool->server;
}

apr_interval_time_t tmf_db_statement_timeout(const tmf_db_t *db)
{
    return tmf_db_pool_statement_timeout(db->borrower.pool);
}

apr_interval_time_t tmf_db_pool_statement_timeout(const tmf_db_pool_t *pool)
{
    return pool->statement_timeout;
}
