/* SPDX-License-Identifier: Apache-2.0 */
#include "store/connection.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <string.h>

#include <apr_strings.h>

/* Bytes of a row that is copied, so that it takes no more than it needs; a longer one stays where
 * libpq has put it. */
#define COPIED_MAX 8192
#define BLOCK_SIZE 65536 /* bytes that copies are put into */

/* Bytes: when so much is freed at once, the heap gives it back to the system. */
#define LARGE (2 * 1024 * 1024)

/* A value of a row that is kept; the text is NULL for SQL NULL. */
typedef struct {
    char *text;
    apr_size_t length;
} value_t;

static apr_size_t clear_result(PGresult *result)
{
    apr_size_t size = result != NULL ? PQresultMemorySize(result) : 0;

    PQclear(result);
    return size;
}

static apr_status_t clear(void *data)
{
    tmf_db_rows_t *rows = data;
    apr_size_t freed = clear_result(rows->result);
    int i;

    for (i = 0; rows->kept != NULL && i < rows->long_rows->nelts; i++) {
        freed += clear_result(APR_ARRAY_IDX(rows->long_rows, i, PGresult *));
    }
#ifdef __GLIBC__
    if (freed >= LARGE) {
        malloc_trim(0);
    }
#endif
    return APR_SUCCESS;
}

tmf_db_rows_t *tmf_rows_make(apr_size_t budget, apr_pool_t *result_pool)
{
    tmf_db_rows_t *rows = apr_pcalloc(result_pool, sizeof(*rows));

    rows->budget = budget;
    rows->pool = result_pool;
    if (budget > 0) {
        rows->kept = apr_array_make(result_pool, 32, sizeof(value_t *));
        rows->long_rows = apr_array_make(result_pool, 1, sizeof(PGresult *));
    }
    apr_pool_cleanup_register(result_pool, rows, clear, apr_pool_cleanup_null);
    return rows;
}

void tmf_rows_set_result(tmf_db_rows_t *rows, PGresult *result)
{
    PQclear(rows->result);
    rows->result = result;
}

static apr_size_t size_of(const PGresult *row, int columns)
{
    apr_size_t size = sizeof(value_t *);
    int i;

    for (i = 0; i < columns; i++) {
        size += sizeof(value_t) + (apr_size_t)PQgetlength(row, 0, i) + 1;
    }
    return size;
}

/* Room for what is kept of a row, in the block that the last one left some of. */
static void *take_room(tmf_db_rows_t *rows, apr_size_t size)
{
    void *room;

    size = APR_ALIGN_DEFAULT(size);
    if (size > rows->left) {
        rows->block = apr_palloc(rows->pool, BLOCK_SIZE);
        rows->left = BLOCK_SIZE;
    }
    room = rows->block;
    rows->block += size;
    rows->left -= size;
    return room;
}

/* The values, and, when they are copied, their texts behind them. */
static value_t *values_of(tmf_db_rows_t *rows, const PGresult *row, int columns, apr_size_t size)
{
    int is_copied = size <= COPIED_MAX;
    value_t *values = take_room(rows, is_copied ? size : columns * sizeof(*values));
    char *copy = (char *)(values + columns);
    int i;

    for (i = 0; i < columns; i++) {
        values[i].length = (apr_size_t)PQgetlength(row, 0, i);
        values[i].text = PQgetisnull(row, 0, i) ? NULL : PQgetvalue(row, 0, i);
        if (is_copied && values[i].text != NULL) {
            values[i].text = memcpy(copy, values[i].text, values[i].length + 1);
            copy += values[i].length + 1;
        }
    }
    return values;
}

void tmf_rows_add(tmf_db_rows_t *rows, PGresult *row)
{
    int columns = PQnfields(row);
    apr_size_t size = size_of(row, columns);

    rows->bytes += size;
    if (rows->kept->nelts > 0 && rows->bytes > rows->budget) {
        rows->is_cut = 1;
        PQclear(row);
        return;
    }
    APR_ARRAY_PUSH(rows->kept, value_t *) = values_of(rows, row, columns, size);
    if (size <= COPIED_MAX) {
        PQclear(row);
    } else {
        APR_ARRAY_PUSH(rows->long_rows, PGresult *) = row;
    }
}

int tmf_db_row_count(const tmf_db_rows_t *rows)
{
    return rows->kept != NULL ? rows->kept->nelts : PQntuples(rows->result);
}

apr_uint64_t tmf_db_identity_of(const tmf_db_rows_t *rows)
{
    return rows->identity;
}

static value_t value_of(const tmf_db_rows_t *rows, int row, int column)
{
    value_t value = {NULL, 0};

    if (rows->kept != NULL) {
        return APR_ARRAY_IDX(rows->kept, row, value_t *)[column];
    }
    if (!PQgetisnull(rows->result, row, column)) {
        value.text = PQgetvalue(rows->result, row, column);
        value.length = (apr_size_t)PQgetlength(rows->result, row, column);
    }
    return value;
}

const char *tmf_db_text(const tmf_db_rows_t *rows, int row, int column, apr_size_t *length)
{
    value_t value = value_of(rows, row, column);

    if (length != NULL) {
        *length = value.length;
    }
    return value.text;
}

apr_int64_t tmf_db_number(const tmf_db_rows_t *rows, int row, int column)
{
    value_t value = value_of(rows, row, column);

    return value.text != NULL ? apr_atoi64(value.text) : 0;
}

int tmf_db_is_true(const tmf_db_rows_t *rows, int row, int column)
{
    value_t value = value_of(rows, row, column);

    return value.text != NULL && *value.text == 't';
}
