/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections and statements: what borrowers see of connection.h. db.c alone knows mod_dbd and
 * apr_dbd; it and the files of connection.h alone know libpq.
 *
 * mod_dbd pools the connections; libpq runs the statements on them, because apr_dbd tells neither
 * SQLSTATE nor NULL nor lengths, sleeps 100 ms on an empty result, and cannot give up waiting for a
 * database that does not answer.
 *
 * A connection is borrowed late and given back before the reply is written: a client that reads
 * slowly holds none. Every wait has a bound: for a connection TMFCustomerPoolTimeout, then
 * TMF_ERROR_DATABASE_BUSY; for a statement TMFCustomerStatementTimeout in the database, then
 * TMF_ERROR_STATEMENT_TIMEOUT, and one second more here, for a database that does not even cancel.
 */
#ifndef TMF_STORE_DB_H
#define TMF_STORE_DB_H

#include <apr_pools.h>
#include <apr_time.h>

#include "error.h"
#include "metrics/metrics.h"
#include "store/wake.h"

struct server_rec;

/* The way to the database of one virtual host, one for each child process. Its members are used by
 * all threads; see db.c for the lock. */
typedef struct tmf_db_pool_t tmf_db_pool_t;

/* A borrowed connection: belongs to one thread, from tmf_db_borrow to tmf_db_give_back. */
typedef struct tmf_connection_t tmf_connection_t;
typedef tmf_connection_t tmf_db_t;

/* The rows that a statement returned. */
typedef struct tmf_db_rows_t tmf_db_rows_t;

/* Each time the configuration is read: looks up mod_dbd's functions. 0 when mod_dbd is not loaded.
 */
int tmf_db_find_mod_dbd(void);

/* What a way to the database is made of. */
typedef struct {
    struct server_rec *server; /* whose mod_dbd settings apply */
    apr_interval_time_t statement_timeout;
    apr_interval_time_t pool_timeout;
    const tmf_wake_t *wake;             /* of the notifier for this database; NULL = none */
    struct tmf_customer_board_t *board; /* NULL = nobody caches anything */
    struct tmf_customer_cache_t *cache; /* NULL = none */
    apr_interval_time_t cache_age;      /* of what it gives at most */
    tmf_metrics_t *metrics;             /* NULL = nothing is counted */
} tmf_db_settings_t;

/* child_init, after mod_dbd's: makes the way to the database that mod_dbd has for the server. It
 * lives in `child_pool`. No connection is opened yet. */
apr_status_t tmf_db_pool_make(tmf_db_pool_t **pool, const tmf_db_settings_t *settings,
                              apr_pool_t *child_pool);

/* Borrows a connection that works and whose schema is the right one; must be given back.
 * TMF_ERROR_DATABASE_BUSY, TMF_ERROR_DATABASE_UNAVAILABLE. */
tmf_error_t *tmf_db_borrow(tmf_db_t **db, tmf_db_pool_t *pool, apr_pool_t *result_pool);

/* Gives it back; also after errors. */
void tmf_db_give_back(tmf_db_t *db);

/* The identity of the database, which stands for it in the cache: the same for whoever uses it,
 * however they spell it. It is asked before a connection is borrowed, so it is that of the last
 * one, which DBDParams with several hosts may have led elsewhere; 0 as long as there was none. What
 * has been read may be of another one: tmf_db_identity_of. */
apr_uint64_t tmf_db_identity(tmf_db_pool_t *pool);

/* Of the schema, as it was when a connection was last set up: its version (0 = there was none, or
 * no connection), and the oldest module that it serves (0 = likewise). */
void tmf_db_schema(tmf_db_pool_t *pool, int *version, int *serves_from);

/* Is it the error of a database that answers, but does not have what this module needs? */
int tmf_db_is_unfit(const tmf_error_t *error);

/* The cache of the database's customers, and how to use it. */
const struct tmf_customer_caching_t *tmf_db_caching(const tmf_db_pool_t *pool);

/* This customer is about to be written, perhaps among others, by this borrower: until the
 * connection is given back, the cache has nothing of it. `id` must stay as long. */
void tmf_db_begin_write(tmf_db_t *db, const char *id);

/* There is something to deliver: now, or, within a transaction, when it is committed. */
void tmf_db_wake_notifier(tmf_db_t *db);

/* A customer has been changed, which such an event tells of: counts it, or, within a transaction,
 * when that is committed. */
void tmf_db_count_change(tmf_db_t *db, tmf_event_type_t type);

/* Where what is done with the database is counted; NULL = nowhere. */
tmf_metrics_t *tmf_db_metrics(const tmf_db_pool_t *pool);

/* For whoever must not wait so long: until the connection is given back, the answer to a statement
 * is waited for `most` (0 = as usual), and no longer once the atomic `*cancel` (NULL = none) is not
 * 0: then it ends as one that the database does not answer. */
void tmf_db_set_deadline(tmf_db_t *db, apr_uint32_t *cancel, apr_interval_time_t most);

/* Until the connection is given back, a statement may take `most` in the database: then
 * TMF_ERROR_STATEMENT_TIMEOUT. Not within a transaction. */
tmf_error_t *tmf_db_limit(tmf_db_t *db, apr_interval_time_t most, apr_pool_t *result_pool);

/* Whose log is to tell what happens there. */
struct server_rec *tmf_db_server(const tmf_db_pool_t *pool);

/* TMFCustomerStatementTimeout. */
apr_interval_time_t tmf_db_statement_timeout(const tmf_db_t *db);
apr_interval_time_t tmf_db_pool_statement_timeout(const tmf_db_pool_t *pool);

/* A file of sql/statements/: TMF_SQL_X in store/statements.h, which also has enums of its
 * parameters and columns (src/store/README.md). */
typedef struct {
    const char *name; /* of the file, without .sql */
    const char *text; /* with $1… */
    int parameter_count;
} tmf_statement_t;

/* Runs a statement with its parameters (sent as text so that casts say the type, NULL = SQL NULL)
 * and waits for all its rows, which live in `result_pool`, independent of the connection. It is
 * prepared once for each connection: what differs between requests belongs into parameters. Errors:
 * the table in sqlstate.c. After TMF_ERROR_DATABASE_UNAVAILABLE it is unknown whether a statement
 * that writes was carried out. */
tmf_error_t *tmf_db_run(tmf_db_t *db, const tmf_statement_t *statement,
                        const char *const *parameters, const tmf_db_rows_t **rows,
                        apr_pool_t *result_pool);

/* The same on a connection that is borrowed for it. It may take `most` in the database, then
 * TMF_ERROR_STATEMENT_TIMEOUT, and is not awaited much longer; also the errors of tmf_db_borrow. */
tmf_error_t *tmf_db_run_within(tmf_db_pool_t *pool, apr_interval_time_t most,
                               const tmf_statement_t *statement, const char *const *parameters,
                               const tmf_db_rows_t **rows, apr_pool_t *result_pool);

/* Runs SQL that only reads, with `count` parameters ($1…), and reads rows as long as they take no
 * more than `budget` bytes, but at least one: `*is_cut` says that there were more. When they are
 * many, they cost another connection. It is prepared as above, unless `is_planned_anew` for these
 * values. */
tmf_error_t *tmf_db_read(tmf_db_t *db, const char *sql, int count, const char *const *parameters,
                         int is_planned_anew, apr_size_t budget, const tmf_db_rows_t **rows,
                         int *is_cut, apr_pool_t *result_pool);

/* A transaction, where one statement is not enough: from tmf_db_begin to tmf_db_end. Whoever gives
 * a connection back in between has its transaction rolled back by the next borrower. */
tmf_error_t *tmf_db_begin(tmf_db_t *db, apr_pool_t *result_pool);

/* Commits, and returns what that comes to; or, when there was an `error`, rolls back and returns
 * it. */
tmf_error_t *tmf_db_end(tmf_db_t *db, tmf_error_t *error, apr_pool_t *result_pool);

/* How many rows there are. */
int tmf_db_row_count(const tmf_db_rows_t *rows);

/* The identity of the database that they have come from. */
apr_uint64_t tmf_db_identity_of(const tmf_db_rows_t *rows);

/* The text of a value, NUL-terminated, `length` (may be NULL) in bytes; NULL for SQL NULL. Lives as
 * long as the rows. */
const char *tmf_db_text(const tmf_db_rows_t *rows, int row, int column, apr_size_t *length);

/* A bigint; 0 for SQL NULL. */
apr_int64_t tmf_db_number(const tmf_db_rows_t *rows, int row, int column);

/* A boolean: 1 = true; 0 = false or NULL. */
int tmf_db_is_true(const tmf_db_rows_t *rows, int row, int column);

#endif
