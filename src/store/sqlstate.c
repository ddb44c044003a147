/* SPDX-License-Identifier: Apache-2.0 */
/* What PostgreSQL's errors become. */
#include <string.h>

#include <apr_strings.h>

#include "store/connection.h"

const char *tmf_sqlstate_one_line(const char *message, apr_pool_t *pool)
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
    {"42P05", TMF_ERROR_DATABASE_UNAVAILABLE, "A connection to the database was renewed meanwhile",
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

int tmf_sqlstate_is_success(const PGresult *result)
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

const char *tmf_sqlstate_cause(const PGresult *result, apr_pool_t *result_pool)
{
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);

    if (primary == NULL) { /* it is libpq's own */
        return tmf_sqlstate_one_line(PQresultErrorMessage(result), result_pool);
    }
    if (may_quote_data(result)) {
        primary = "its message may quote data, and stands in PostgreSQL's own log alone";
    }
    return apr_pstrcat(result_pool, sqlstate_of(result), " ",
                       tmf_sqlstate_one_line(primary, result_pool),
                       constraint != NULL ? " (constraint " : NULL, constraint, ")", NULL);
}

tmf_error_t *tmf_sqlstate_error(const PGresult *result, apr_pool_t *result_pool)
{
    tmf_error_t *error;

    if (tmf_sqlstate_is_success(result)) {
        return NULL;
    }
    error = from_sqlstate(sqlstate_of(result), tmf_sqlstate_cause(result, result_pool),
                          result_pool);
    error->sqlstate = apr_pstrdup(result_pool, sqlstate_of(result));
    return error;
}

int tmf_sqlstate_is(const PGresult *result, const char *sqlstate)
{
    return strcmp(sqlstate_of(result), sqlstate) == 0;
}
