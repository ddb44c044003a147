/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done on one connection. Internal to store/; session.c alone runs statements through
 * libpq.
 *
 * Statements are prepared when they are first used on a connection, and kept by their text: a shape
 * of query costs its parsing and planning once, not with every request. At most STATEMENTS_MAX are
 * kept, the longest unused one goes. They do not survive a reset of the connection, and a reset
 * connection can have the backend pid that it had before: 26000 then says so, and all is prepared
 * anew.
 */
#ifndef TMF_STORE_SESSION_H
#define TMF_STORE_SESSION_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>
#include <libpq-fe.h>

#include "error.h"

#define TMF_DATABASE_UNAVAILABLE_MESSAGE "The database cannot be reached at the moment"
#define TMF_DATABASE_UNFIT_MESSAGE                                                                 \
    "The database is not set up as this server needs it; the server's log knows more"

typedef struct tmf_db_rows_t tmf_db_rows_t;

/* Lives in `pool`, which is the connection's own; belongs to whoever has borrowed the connection.
 */
typedef struct tmf_session_t tmf_session_t;

/* A session that has not been begun. */
tmf_session_t *tmf_session_make(apr_pool_t *pool);

/* Looks at the connection that the session is on now: does it have to be begun (again)? */
int tmf_session_is_new(tmf_session_t *session, PGconn *connection);

/* Nothing is prepared on it yet. */
void tmf_session_begin(tmf_session_t *session);

/* Its connection was reset, or has lost what was prepared: it is new for the next borrower. */
void tmf_session_lose(tmf_session_t *session);

/* What its connection leads to, and how it is set. */
typedef struct {
    apr_uint64_t identity; /* of the database; never 0 once the session is begun */
    apr_interval_time_t statement_timeout;
} tmf_session_state_t;

/* To be read and written. */
tmf_session_state_t *tmf_session_state(tmf_session_t *session);

/* How long an answer may take, past that the connection is cut. */
void tmf_session_set_patience(tmf_session_t *session, apr_interval_time_t patience);

/* For one borrower: an answer may take `most` at the most (0 = as set above), and is not waited for
 * once the atomic `*cancel` (NULL = none) is not 0. */
void tmf_session_hurry(tmf_session_t *session, apr_uint32_t *cancel, apr_interval_time_t most);

/* Runs SQL once, unprepared. `*result` is cleared with `result_pool`. Only a lost connection is an
 * error here: the caller looks at the result. */
tmf_error_t *tmf_session_ask(tmf_session_t *session, const char *sql, int count,
                             const char *const *parameters, PGresult **result,
                             apr_pool_t *result_pool);

/* Is the error of `result` that the statement is not prepared there? */
int tmf_session_is_lost(const PGresult *result);

/* Runs SQL, prepared; the rest as tmf_session_ask. */
tmf_error_t *tmf_session_execute(tmf_session_t *session, const char *sql, int count,
                                 const char *const *parameters, PGresult **result,
                                 apr_pool_t *result_pool);

/* Rows that are read one by one, each a result of its own, until they have enough bytes. */
typedef struct {
    apr_array_header_t *results; /* of PGresult *, one for each row */
    apr_size_t bytes;            /* that they take */
    apr_size_t budget;           /* of bytes: past that no further row is kept */
    int is_cut;                  /* there were more of them */
} tmf_session_rows_t;

/* Makes one without rows; what is read later is cleared with `result_pool`. */
tmf_session_rows_t *tmf_session_rows_make(apr_size_t budget, apr_pool_t *result_pool);

/* Runs SQL that only reads, `prepared` or once, and reads its rows within their budget, but at
 * least one; `*result` is what comes behind them, NULL when they were cut: then the connection is
 * cut as well, and its next borrower gets a new one. The rest as tmf_session_ask. */
tmf_error_t *tmf_session_read(tmf_session_t *session, const char *sql, int count,
                              const char *const *parameters, int prepared, tmf_session_rows_t *rows,
                              PGresult **result, apr_pool_t *result_pool);

/* NULL when the statement succeeded, else its SQLSTATE as an error. */
tmf_error_t *tmf_session_error(const PGresult *result, apr_pool_t *result_pool);

/* "42P01 relation … does not exist", on one line: for the log alone. SQLSTATE, primary message and
 * the name of a constraint: details and context may repeat what a customer has sent, and so do some
 * primary messages, which are left away. */
const char *tmf_session_cause(const PGresult *result, apr_pool_t *result_pool);

/* libpq's messages end in a newline and may have several lines. */
const char *tmf_session_one_line(const char *message, apr_pool_t *result_pool);

#endif
