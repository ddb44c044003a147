/* SPDX-License-Identifier: Apache-2.0 */
#include "store/attention.h"

#include <apr_strings.h>

enum {
    ID,
    CALLBACK,
    STATE,
    PENDING,
    DEAD,
    OLDEST_PENDING,
    ILL_SINCE,
    PAUSED_UNTIL,
    LAST_ERROR,
    TOTAL
};

/* The state is the number of tmf_listener_state_t; times are microseconds. */
static const char attention_sql[] =
    "SELECT hub.id, hub.callback, hub.state, pending.count, dead.count,"
    " (extract(epoch FROM hub.oldest) * 1000000)::bigint,"
    " (extract(epoch FROM hub.ill_since) * 1000000)::bigint,"
    " (extract(epoch FROM hub.paused_until) * 1000000)::bigint, hub.error, hub.total"
    " FROM (SELECT row_number() OVER (ORDER BY hub.state DESC, hub.last_dead IS NULL,"
    "              hub.oldest NULLS LAST, hub.id) AS place, count(*) OVER () AS total, hub.*"
    "         FROM ("
    "   SELECT hub.id, hub.callback, hub.ill_since, hub.paused_until,"
    "          CASE WHEN hub.state = 'disabled' THEN 2 WHEN hub.paused_until > now() THEN 1"
    "               ELSE 0 END AS state,"
    "          next.changed_at AS oldest, last.changed_at AS last_dead,"
    "          coalesce(hub.error, next.error, last.error) AS error"
    "     FROM tmf_customer.hub"
    "     LEFT JOIN LATERAL ("
    "       SELECT d.changed_at, d.error FROM tmf_customer.delivery AS d"
    "        WHERE d.hub_id = hub.id AND d.state = 'pending'"
    "        ORDER BY d.hub_id, d.event_id LIMIT 1) AS next ON true"
    "     LEFT JOIN LATERAL ("
    "       SELECT d.changed_at, d.error FROM tmf_customer.delivery AS d"
    "        WHERE d.hub_id = hub.id AND d.state = 'dead'"
    "        ORDER BY d.hub_id DESC, d.changed_at DESC LIMIT 1) AS last ON true"
    "    WHERE hub.state <> 'gone') AS hub ORDER BY place LIMIT $1::bigint) AS hub"
    " CROSS JOIN LATERAL (SELECT count(*) AS count FROM ("
    "   SELECT FROM tmf_customer.delivery AS d"
    "    WHERE d.hub_id = hub.id AND d.state = 'pending' LIMIT $2::bigint) AS found) AS pending"
    " CROSS JOIN LATERAL (SELECT count(*) AS count FROM ("
    "   SELECT FROM tmf_customer.delivery AS d"
    "    WHERE d.hub_id = hub.id AND d.state = 'dead' LIMIT $2::bigint) AS found) AS dead"
    " ORDER BY place";

tmf_error_t *tmf_attention_read(tmf_db_pool_t *database, apr_interval_time_t most, int limit,
                                const tmf_attention_t **listeners, int *count, apr_int64_t *total,
                                apr_pool_t *result_pool)
{
    const char *parameters[] = {apr_itoa(result_pool, limit),
                                APR_STRINGIFY(TMF_ATTENTION_COUNT_MAX)};
    const tmf_db_rows_t *rows;
    tmf_attention_t *read;
    int i;

    TMF_TRY(
        tmf_db_execute_within(database, most, attention_sql, 2, parameters, &rows, result_pool));
    *count = tmf_db_row_count(rows);
    *total = *count > 0 ? tmf_db_number(rows, 0, TOTAL) : 0;
    read = apr_palloc(result_pool, sizeof(*read) * (apr_size_t)(*count + 1));
    *listeners = read;
    for (i = 0; i < *count; i++) {
        read[i] = (tmf_attention_t){tmf_db_text(rows, i, ID, NULL),
                                    tmf_db_text(rows, i, CALLBACK, NULL),
                                    (tmf_listener_state_t)tmf_db_number(rows, i, STATE),
                                    tmf_db_number(rows, i, PENDING),
                                    tmf_db_number(rows, i, DEAD),
                                    tmf_db_number(rows, i, OLDEST_PENDING),
                                    tmf_db_number(rows, i, ILL_SINCE),
                                    tmf_db_number(rows, i, PAUSED_UNTIL),
                                    tmf_db_text(rows, i, LAST_ERROR, NULL)};
    }
    return NULL;
}
