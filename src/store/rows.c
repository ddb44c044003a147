/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rows.h"

#include <apr_strings.h>

#include "store/db.h"

struct tmf_db_rows_t {
    const PGresult *all;
    const apr_array_header_t *single;
};

tmf_db_rows_t *tmf_rows_make(const PGresult *all, const apr_array_header_t *single,
                             apr_pool_t *result_pool)
{
    tmf_db_rows_t *rows = apr_palloc(result_pool, sizeof(*rows));

    rows->all = all;
    rows->single = single;
    return rows;
}

int tmf_db_row_count(const tmf_db_rows_t *rows)
{
    return rows->all != NULL ? PQntuples(rows->all) : rows->single->nelts;
}

/* The result that has a row, whose number in it is `*row` then. */
static const PGresult *result_of(const tmf_db_rows_t *rows, int *row)
{
    const PGresult *result = rows->all;

    if (result == NULL) {
        result = APR_ARRAY_IDX(rows->single, *row, const PGresult *);
        *row = 0;
    }
    return result;
}

const char *tmf_db_text(const tmf_db_rows_t *rows, int row, int column, apr_size_t *length)
{
    const PGresult *result = result_of(rows, &row);

    if (PQgetisnull(result, row, column)) {
        return NULL;
    }
    if (length != NULL) {
        *length = (apr_size_t)PQgetlength(result, row, column);
    }
    return PQgetvalue(result, row, column);
}

apr_int64_t tmf_db_number(const tmf_db_rows_t *rows, int row, int column)
{
    const PGresult *result = result_of(rows, &row);

    return apr_atoi64(PQgetvalue(result, row, column));
}
