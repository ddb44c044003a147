/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to a database: the one object that has libpq's connection, what is known of the
 * session behind it, and who has borrowed it. Internal to store/: db.c lends connections,
 * connection.c sends statements and waits for them, rows.c keeps what they return, sqlstate.c says
 * what errors mean, statement.c is what borrowers call.
 *
 * It lives in mod_dbd's record of the connection, in the pool of that, and ends with it. It belongs
 * to the thread that has borrowed it.
 *
 * Statements are prepared when they are first used on a connection, and kept by their text: a shape
 * of query costs its parsing and planning once, not with every request. At most TMF_PREPARED_MAX
 * are kept, the longest unused one goes. They do not survive a reset of the connection, and a reset
 * connection can have the backend pid that it had before: 26000 then says so, and all is prepared
 * anew.
 */
#ifndef TMF_STORE_CONNECTION_H
#define TMF_STORE_CONNECTION_H

#include <signal.h>
#include <stdatomic.h>

#include <apr_tables.h>
#include <libpq-fe.h>

#include "store/customer_cache.h"
#include "store/db.h"
#include "store/outage.h"
#include "store/semaphore.h"

#define TMF_DATABASE_UNAVAILABLE_MESSAGE "The database cannot be reached at the moment"
#define TMF_DATABASE_UNFIT_MESSAGE                                                                 \
    "The database is not set up as this server needs it; the server's log knows more"

#define TMF_PREPARED_MAX 64

/* The way to a database, of one virtual host in one child. */
struct tmf_db_pool_t {
    struct server_rec *server;
    const tmf_wake_t *wake;
    tmf_metrics_t *metrics;
    tmf_semaphore_t connection_lock;
    tmf_outage_t *outage;
    apr_interval_time_t statement_timeout;
    apr_interval_time_t pool_timeout;
    apr_uint32_t options_seen; /* atomic */
    tmf_customer_caching_t caching;
    /* Of the connection that was borrowed last, for those who have none: */
    _Atomic apr_uint64_t identity; /* 0 = there was none yet */
    atomic_int schema_version;     /* 0 = it has none */
    atomic_int schema_serves_from; /* likewise */
    int threaded;                  /* the MPM has threads, and keeps signals away from them */
};

/* A place for a prepared statement. */
typedef struct {
    char name[24];
    char *sql; /* malloc'ed, because one that goes must leave nothing behind; NULL = none */
    apr_size_t length;
    apr_uint64_t used_at; /* on the connection's clock, which ticks with each use */
} tmf_prepared_t;

/* Who has borrowed a connection: set by db.c for each of them. */
typedef struct {
    tmf_db_pool_t *pool;
    void *dbd; /* mod_dbd's ap_dbd_t */
    apr_pool_t *result_pool;
    apr_interval_time_t answer_time; /* that an answer may take; past that the connection is cut */
    apr_uint32_t *cancel;       /* NULL, or atomic: not 0 = no answer is waited for any longer */
    apr_array_header_t *writes; /* of const char *: whom tmf_db_begin_write named; NULL = nobody */
    int changes[TMF_EVENT_TYPES]; /* that were made in the transaction */
    int wake_at_commit;
    sigset_t signals; /* to restore; prefork only */
} tmf_borrower_t;

struct tmf_connection_t {
    PGconn *pg;
    int backend_pid;       /* of the session that what follows is about; another one: set up anew */
    apr_uint64_t identity; /* of the database */
    apr_interval_time_t statement_timeout;
    apr_uint64_t clock;
    tmf_prepared_t prepared[TMF_PREPARED_MAX];
    tmf_borrower_t borrower;
};

/* ---- rows.c ---- */

/* What statements return. With a budget, rows are read one by one and kept apart; the result is
 * what comes behind them. */
struct tmf_db_rows_t {
    PGresult *result;         /* of the statement that was run last; NULL = none, or rows are cut */
    apr_array_header_t *kept; /* an array of values for each row; NULL = without a budget */
    apr_array_header_t *long_rows; /* of PGresult *: rows that are kept in it */
    char *block;                   /* room for the next row, `left` bytes */
    apr_size_t left;
    apr_size_t budget;     /* bytes for rows; 0 = no bound */
    apr_size_t bytes;      /* that all that were read take */
    int is_cut;            /* there were more of them than are kept */
    apr_uint64_t identity; /* of the database that was asked */
    apr_pool_t *pool;      /* of all this */
};

/* None yet; the result is cleared with `result_pool`. */
tmf_db_rows_t *tmf_rows_make(apr_size_t budget, apr_pool_t *result_pool);

/* Takes a result that is one row: keeps what is in it, or, when there is no room for it, says that
 * the rows are cut. The first one always has room. */
void tmf_rows_add(tmf_db_rows_t *rows, PGresult *row);

/* Takes a result in the place of the one before; NULL = none. */
void tmf_rows_set_result(tmf_db_rows_t *rows, PGresult *result);

/* ---- connection.c ---- */

/* One whose session is to be set up. Its statements are freed with `pool`. */
tmf_connection_t *tmf_connection_make(apr_pool_t *pool);

/* The session is set up: nothing is prepared in it yet. */
void tmf_connection_begin(tmf_connection_t *connection);

/* Runs SQL once, unprepared, and waits for all that it returns. Only a lost connection is an error
 * here: the caller looks at `rows->result`. When more rows are left than are worth reading, the
 * connection is cut, and its next borrower gets a new one. */
tmf_error_t *tmf_connection_ask(tmf_connection_t *connection, const char *sql, int count,
                                const char *const *parameters, tmf_db_rows_t *rows);

/* The same, prepared. */
tmf_error_t *tmf_connection_execute(tmf_connection_t *connection, const char *sql, int count,
                                    const char *const *parameters, tmf_db_rows_t *rows);

/* ---- sqlstate.c ---- */

/* Has the statement succeeded, with rows or without? The result of none (NULL) has not. */
int tmf_sqlstate_is_success(const PGresult *result);

/* Is this the SQLSTATE of the result? It may be NULL. */
int tmf_sqlstate_is(const PGresult *result, const char *sqlstate);

/* NULL when the statement succeeded, else its SQLSTATE as an error. */
tmf_error_t *tmf_sqlstate_error(const PGresult *result, apr_pool_t *result_pool);

/* "42P01 relation … does not exist", on one line: for the log alone. SQLSTATE, primary message and
 * the name of a constraint: details and context may repeat what a customer has sent, and so do some
 * primary messages, which are left away. */
const char *tmf_sqlstate_cause(const PGresult *result, apr_pool_t *result_pool);

/* libpq's messages end in a newline and may have several lines. */
const char *tmf_sqlstate_one_line(const char *message, apr_pool_t *result_pool);

/* ---- db.c ---- */

/* Counts the error, if there is one, and returns it. Every error of the database passes here once.
 */
tmf_error_t *tmf_db_counted(const tmf_db_pool_t *pool, tmf_error_t *error);

/* One look at the schema, and all the settings of a session, with the connection's statement
 * timeout. */
tmf_error_t *tmf_db_set_up_session(tmf_connection_t *connection, apr_pool_t *result_pool);

#endif
