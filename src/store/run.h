/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the statements of sql/statements/, which store/statements.h has as TMF_SQL_X, with enums of
 * their parameters and columns (src/store/README.md). Internal to store/.
 */
#ifndef TMF_STORE_RUN_H
#define TMF_STORE_RUN_H

#include "store/db.h"

/* A file of sql/statements/. */
typedef struct {
    const char *name; /* of the file, without .sql */
    const char *text; /* with $1… */
    int parameter_count;
} tmf_statement_t;

/* As tmf_db_execute, with statement->parameter_count parameters. */
tmf_error_t *tmf_db_run(tmf_db_t *db, const tmf_statement_t *statement,
                        const char *const *parameters, const tmf_db_rows_t **rows,
                        apr_pool_t *result_pool);

/* As tmf_db_execute_within. */
tmf_error_t *tmf_db_run_within(tmf_db_pool_t *database, apr_interval_time_t most,
                               const tmf_statement_t *statement, const char *const *parameters,
                               const tmf_db_rows_t **rows, apr_pool_t *result_pool);

/* A boolean: 1 = true; 0 = false or NULL. */
int tmf_db_is_true(const tmf_db_rows_t *rows, int row, int column);

#endif
