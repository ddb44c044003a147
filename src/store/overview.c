/* SPDX-License-Identifier: Apache-2.0 */
#include "store/overview.h"

#include <stdlib.h>

#include <apr_strings.h>

enum { CUSTOMERS, ACTIVE, PAUSED, DISABLED, PENDING, DEAD, OLDEST_PENDING };

/* Of deliveries, those of deleted hubs are only still to be swept up. What $1 cuts off costs
 * nothing: a backlog may have any size. */
static const char overview_sql[] =
    "SELECT (SELECT coalesce(sum(count), 0) FROM tmf_customer.customer_total WHERE of_all),"
    " count(*) FILTER (WHERE state = 'active' AND NOT coalesce(paused_until > now(), false)),"
    " count(*) FILTER (WHERE state = 'active' AND paused_until > now()),"
    " count(*) FILTER (WHERE state = 'disabled'),"
    " (SELECT count(*) FROM (SELECT FROM tmf_customer.delivery AS d"
    "    JOIN tmf_customer.hub ON hub.id = d.hub_id AND hub.state <> 'gone'"
    "   WHERE d.state = 'pending' LIMIT $1::bigint) AS found),"
    " (SELECT count(*) FROM (SELECT FROM tmf_customer.delivery AS d"
    "    JOIN tmf_customer.hub ON hub.id = d.hub_id AND hub.state <> 'gone'"
    "   WHERE d.state = 'dead' LIMIT $1::bigint) AS found),"
    " (SELECT round(extract(epoch FROM clock_timestamp() - min(first.changed_at))::numeric, 3)"
    "   FROM tmf_customer.hub CROSS JOIN LATERAL ("
    "        SELECT d.changed_at FROM tmf_customer.delivery AS d"
    "         WHERE d.hub_id = hub.id AND d.state = 'pending'"
    "         ORDER BY d.hub_id, d.event_id LIMIT 1) AS first"
    "  WHERE hub.state = 'active')"
    " FROM tmf_customer.hub";

static const char statuses_sql[] =
    "WITH counted AS (SELECT of_all, status, sum(count) AS count FROM tmf_customer.customer_total"
    "  GROUP BY of_all, status)"
    " SELECT status, count FROM ("
    "  SELECT status, count FROM counted WHERE NOT of_all"
    "  UNION ALL SELECT NULL, (SELECT coalesce(sum(count), 0) FROM counted WHERE of_all)"
    "    - (SELECT coalesce(sum(count), 0) FROM counted WHERE NOT of_all)) AS all_of_them"
    " WHERE count > 0 ORDER BY count DESC, status LIMIT $1::bigint";

tmf_error_t *tmf_overview_read(tmf_db_pool_t *database, apr_interval_time_t most,
                               const tmf_overview_t **overview, apr_pool_t *result_pool)
{
    tmf_overview_t *read = apr_pcalloc(result_pool, sizeof(*read));
    const char *limit = APR_STRINGIFY(TMF_PENDING_MAX);
    const tmf_db_rows_t *rows;
    const char *oldest;

    TMF_TRY(tmf_db_execute_within(database, most, overview_sql, 1, &limit, &rows, result_pool));
    read->customers = tmf_db_number(rows, 0, CUSTOMERS);
    read->listeners[TMF_LISTENER_ACTIVE] = tmf_db_number(rows, 0, ACTIVE);
    read->listeners[TMF_LISTENER_PAUSED] = tmf_db_number(rows, 0, PAUSED);
    read->listeners[TMF_LISTENER_DISABLED] = tmf_db_number(rows, 0, DISABLED);
    read->pending = tmf_db_number(rows, 0, PENDING);
    read->dead = tmf_db_number(rows, 0, DEAD);
    oldest = tmf_db_text(rows, 0, OLDEST_PENDING, NULL);
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

    TMF_TRY(tmf_db_execute_within(database, most, statuses_sql, 1, &limit, &rows, result_pool));
    *count = tmf_db_row_count(rows);
    read = apr_palloc(result_pool, sizeof(*read) * (apr_size_t)(*count + 1));
    for (i = 0; i < *count; i++) {
        read[i].status = tmf_db_text(rows, i, 0, NULL);
        read[i].count = tmf_db_number(rows, i, 1);
    }
    *counts = read;
    return NULL;
}
