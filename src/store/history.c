/* SPDX-License-Identifier: Apache-2.0 */
#include "store/history.h"

#include "store/number.h"
#include "store/statements.h"

static void read_row(tmf_history_row_t *row, const char *id, const tmf_db_rows_t *rows, int number)
{
    row->revision = tmf_db_number(rows, number, TMF_READ_HISTORY_COLUMN_REVISION);
    row->time = tmf_db_text(rows, number, TMF_READ_HISTORY_COLUMN_TIME, NULL);
    row->user = tmf_db_text(rows, number, TMF_READ_HISTORY_COLUMN_USER_NAME, NULL);
    row->correlation_id = tmf_db_text(rows, number, TMF_READ_HISTORY_COLUMN_CORRELATION_ID, NULL);
    row->operation = tmf_db_text(rows, number, TMF_READ_HISTORY_COLUMN_OPERATION, NULL);
    row->before.id = id;
    row->before.revision = 0;
    row->before.doc = tmf_db_text(rows, number, TMF_READ_HISTORY_COLUMN_BEFORE,
                                  &row->before.doc_length);
}

static const char *const *key_of(const tmf_db_rows_t *rows, int number, apr_pool_t *pool)
{
    const char **key = apr_palloc(pool, sizeof(*key));

    *key = tmf_db_text(rows, number, TMF_READ_HISTORY_COLUMN_PLACE, NULL);
    return key;
}

/* Rows come in the direction of reading: what is missing, or too much, is at their end. */
static const tmf_history_row_t *read_page(tmf_customer_page_t *page, const tmf_db_rows_t *rows,
                                          int is_cut, const tmf_history_selection_t *selection,
                                          apr_pool_t *pool)
{
    int rows_read = tmf_db_text(rows, 0, TMF_READ_HISTORY_COLUMN_PLACE, NULL) != NULL
                        ? tmf_db_row_count(rows)
                        : 0;
    tmf_history_row_t *read;
    int last;
    int i;

    page->total = tmf_db_number(rows, 0, TMF_READ_HISTORY_COLUMN_TOTAL);
    page->more = is_cut || rows_read > selection->limit;
    page->count = rows_read > selection->limit ? (int)selection->limit : rows_read;
    page->customers = NULL;
    last = page->count - 1;
    read = apr_palloc(pool, sizeof(*read) * (apr_size_t)(page->count + 1));
    for (i = 0; i <= last; i++) {
        read_row(&read[i], selection->id, rows, selection->backward ? last - i : i);
    }
    if (page->count > 0) {
        page->first_key = key_of(rows, selection->backward ? last : 0, pool);
        page->last_key = key_of(rows, selection->backward ? 0 : last, pool);
    }
    return read;
}

tmf_error_t *tmf_history_read(tmf_db_t *db, const tmf_history_selection_t *selection,
                              const tmf_history_row_t **rows, tmf_customer_page_t *page,
                              int *is_known, apr_pool_t *result_pool)
{
    const char *parameters[] = {
        [TMF_READ_HISTORY_ID] = selection->id,
        [TMF_READ_HISTORY_KEPT_FOR] = tmf_kept_for_text(selection->kept_for, result_pool),
        [TMF_READ_HISTORY_PLACE] = selection->after,
        [TMF_READ_HISTORY_OFFSET] = tmf_number_text(selection->offset, result_pool),
        /* one more tells whether there are more */
        [TMF_READ_HISTORY_LIMIT] = tmf_number_text(selection->limit + 1, result_pool),
    };
    /* both have the same parameters and columns */
    const tmf_statement_t *statement = selection->backward ? &TMF_SQL_READ_HISTORY_BACKWARD
                                                           : &TMF_SQL_READ_HISTORY;
    const tmf_db_rows_t *read;
    int is_cut;

    TMF_TRY(tmf_db_read(db, statement->text, statement->parameter_count, parameters, 0,
                        TMF_PAGE_BYTES, &read, &is_cut, result_pool));
    *is_known = tmf_db_is_true(read, 0, TMF_READ_HISTORY_COLUMN_IS_KNOWN);
    *rows = read_page(page, read, is_cut, selection, result_pool);
    return NULL;
}
