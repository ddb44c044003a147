/* SPDX-License-Identifier: Apache-2.0 */
#include "store/overview.h"

#include <stdlib.h>

#include <apr_strings.h>

#include "store/statements.h"

tmf_error_t *tmf_overview_read(tmf_db_pool_t *database, apr_interval_time_t most,
                               const tmf_overview_t **overview, apr_pool_t *result_pool)
{
    tmf_overview_t *read = apr_pcalloc(result_pool, sizeof(*read));
    const char *limit = APR_STRINGIFY(TMF_PENDING_MAX);
    const tmf_db_rows_t *rows;
    const char *oldest;

    TMF_TRY(tmf_db_run_within(database, most, &TMF_SQL_READ_OVERVIEW, &limit, &rows, result_pool));
    read->customers = tmf_db_number(rows, 0, TMF_READ_OVERVIEW_COLUMN_CUSTOMERS);
    read->listeners[TMF_LISTENER_ACTIVE] = tmf_db_number(rows, 0, TMF_READ_OVERVIEW_COLUMN_ACTIVE);
    read->listeners[TMF_LISTENER_PAUSED] = tmf_db_number(rows, 0, TMF_READ_OVERVIEW_COLUMN_PAUSED);
    read->listeners[TMF_LISTENER_DISABLED] = tmf_db_number(rows, 0,
                                                           TMF_READ_OVERVIEW_COLUMN_DISABLED);
    read->pending = tmf_db_number(rows, 0, TMF_READ_OVERVIEW_COLUMN_PENDING);
    read->dead = tmf_db_number(rows, 0, TMF_READ_OVERVIEW_COLUMN_DEAD);
    oldest = tmf_db_text(rows, 0, TMF_READ_OVERVIEW_COLUMN_OLDEST_PENDING, NULL);
    read->oldest_pending = oldest != NULL ? strtod(oldest, NULL) : 0;
    *overview = read;
    return NULL;
}

tmf_error_t *tmf_overview_statuses(tmf_db_pool_t *database, apr_interval_time_t most, int most_rows,
                                   const tmf_status_count_t **counts, int *count,
                                   apr_pool_t *result_pool)
{
    const char *limit = apr_itoa(result_pool, most_rows);
    const tmf_db_rows_t *rows;
    tmf_status_count_t *read;
    int i;

    TMF_TRY(tmf_db_run_within(database, most, &TMF_SQL_READ_STATUSES, &limit, &rows, result_pool));
    *count = tmf_db_row_count(rows);
    read = apr_palloc(result_pool, sizeof(*read) * (apr_size_t)(*count + 1));
    for (i = 0; i < *count; i++) {
        read[i].status = tmf_db_text(rows, i, TMF_READ_STATUSES_COLUMN_STATUS, NULL);
        read[i].count = tmf_db_number(rows, i, TMF_READ_STATUSES_COLUMN_COUNT);
    }
    *counts = read;
    return NULL;
}
