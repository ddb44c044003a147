/* SPDX-License-Identifier: Apache-2.0 */
#include "store/attention.h"

#include <apr_strings.h>

#include "store/statements.h"

tmf_error_t *tmf_attention_read(tmf_db_pool_t *database, apr_interval_time_t most, int limit,
                                const tmf_attention_t **listeners, int *count, apr_int64_t *total,
                                apr_pool_t *result_pool)
{
    const char *parameters[] = {
        [TMF_READ_ATTENTION_LIMIT] = apr_itoa(result_pool, limit),
        [TMF_READ_ATTENTION_MOST] = APR_STRINGIFY(TMF_ATTENTION_COUNT_MAX),
    };
    const tmf_db_rows_t *rows;
    tmf_attention_t *read;
    int i;

    TMF_TRY(
        tmf_db_run_within(database, most, &TMF_SQL_READ_ATTENTION, parameters, &rows, result_pool));
    *count = tmf_db_row_count(rows);
    *total = *count > 0 ? tmf_db_number(rows, 0, TMF_READ_ATTENTION_COLUMN_TOTAL) : 0;
    read = apr_palloc(result_pool, sizeof(*read) * (apr_size_t)(*count + 1));
    *listeners = read;
    for (i = 0; i < *count; i++) {
        read[i] = (tmf_attention_t){
            tmf_db_text(rows, i, TMF_READ_ATTENTION_COLUMN_ID, NULL),
            tmf_db_text(rows, i, TMF_READ_ATTENTION_COLUMN_CALLBACK, NULL),
            (tmf_listener_state_t)tmf_db_number(rows, i, TMF_READ_ATTENTION_COLUMN_STATE),
            tmf_db_number(rows, i, TMF_READ_ATTENTION_COLUMN_PENDING),
            tmf_db_number(rows, i, TMF_READ_ATTENTION_COLUMN_DEAD),
            tmf_db_number(rows, i, TMF_READ_ATTENTION_COLUMN_OLDEST_PENDING),
            tmf_db_number(rows, i, TMF_READ_ATTENTION_COLUMN_ILL_SINCE),
            tmf_db_number(rows, i, TMF_READ_ATTENTION_COLUMN_PAUSED_UNTIL),
            tmf_db_text(rows, i, TMF_READ_ATTENTION_COLUMN_ERROR, NULL)};
    }
    return NULL;
}
