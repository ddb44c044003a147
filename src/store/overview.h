/* SPDX-License-Identifier: Apache-2.0 */
/* What the database knows of itself that a page or a scrape shows: how many customers, listeners
 * and deliveries there are. */
#ifndef TMF_STORE_OVERVIEW_H
#define TMF_STORE_OVERVIEW_H

#include "metrics/metrics.h"
#include "store/db.h"

/* Reads it with one statement that may take `most`: then TMF_ERROR_STATEMENT_TIMEOUT. The rest as
 * tmf_db_borrow. */
tmf_error_t *tmf_overview_read(tmf_db_pool_t *database, apr_interval_time_t most,
                               const tmf_overview_t **overview, apr_pool_t *result_pool);

/* How many customers have a status; NULL for those that have none. */
typedef struct {
    const char *status;
    apr_int64_t count;
} tmf_status_count_t;

/* The `most_rows` most frequent statuses, most frequent first; likewise within `most`. Whoever
 * writes customers has chosen them: no metric has them. */
tmf_error_t *tmf_overview_statuses(tmf_db_pool_t *database, apr_interval_time_t most, int most_rows,
                                   const tmf_status_count_t **counts, int *count,
                                   apr_pool_t *result_pool);

#endif
