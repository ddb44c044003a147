/* SPDX-License-Identifier: Apache-2.0 */
#include "store/run.h"

tmf_error_t *tmf_db_run(tmf_db_t *db, const tmf_statement_t *statement,
                        const char *const *parameters, const tmf_db_rows_t **rows,
                        apr_pool_t *result_pool)
{
    return tmf_db_execute(db, statement->text, statement->parameter_count, parameters, rows,
                          result_pool);
}

tmf_error_t *tmf_db_run_within(tmf_db_pool_t *database, apr_interval_time_t most,
                               const tmf_statement_t *statement, const char *const *parameters,
                               const tmf_db_rows_t **rows, apr_pool_t *result_pool)
{
    return tmf_db_execute_within(database, most, statement->text, statement->parameter_count,
                                 parameters, rows, result_pool);
}

int tmf_db_is_true(const tmf_db_rows_t *rows, int row, int column)
{
    const char *text = tmf_db_text(rows, row, column, NULL);

    return text != NULL && *text == 't';
}
