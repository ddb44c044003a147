/* SPDX-License-Identifier: Apache-2.0 */
#include "store/listener_store.h"

#include <apr_strings.h>

#include "store/number.h"

#define TIME_SQL(column)                                                                           \
    "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

/* The view counts everything; what it costs to count so far does not depend on a backlog. */
#define COUNT_SQL(state)                                                                           \
    "(SELECT count(*) FROM (SELECT FROM tmf_customer.delivery AS d"                                \
    "  WHERE d.hub_id = l.id AND d.state = '" state                                                \
    "' LIMIT " APR_STRINGIFY(TMF_LISTENER_COUNT_MAX) ") AS found)"

/* clang-format off */
static const char listeners_sql[] =
    "SELECT l.id, l.callback, l.query,"
    " CASE WHEN l.state = 'active' AND l.paused_until > now() THEN 'paused' ELSE l.state END,"
    " l.failures, " TIME_SQL("l.ill_since") ", " TIME_SQL("l.paused_until") ", l.error,"
    " " COUNT_SQL("pending") ", " COUNT_SQL("dead") ", " TIME_SQL("l.oldest_pending")
    " FROM tmf_customer.listeners AS l WHERE ($1::text IS NULL OR l.id = $1::text)"
    " ORDER BY l.created_at, l.id";

/* Of the selected ones so many are counted that more than TMF_DELIVERY_COUNT_MAX can be told. */
#define TOTAL_SQL(selected, state)                                                                 \
    "CASE WHEN " selected " THEN (SELECT count(*) FROM (SELECT FROM tmf_customer.delivery AS d"    \
    "  WHERE d.hub_id = $1::text AND d.state = '" state "' LIMIT $8::bigint) AS found) ELSE 0 END"

/* One snapshot: a row of its own, without a key, when the page is empty. */
static const char deliveries_sql[] =
    "SELECT known.known, counted.total, d.id, d.event_id, d.type, " TIME_SQL("d.at") ","
    " d.customer_id, d.state, d.attempts, " TIME_SQL("d.next_attempt_at") ", d.error,"
    " " TIME_SQL("d.changed_at")
    " FROM (SELECT EXISTS (SELECT FROM tmf_customer.hub"
    "        WHERE id = $1::text AND state <> 'gone') AS known) AS known"
    " CROSS JOIN LATERAL (SELECT " TOTAL_SQL("$2::boolean", "pending")
    "   + " TOTAL_SQL("$3::boolean", "dead") " AS total) AS counted"
    " LEFT JOIN LATERAL tmf_customer.page_of_deliveries($1::text, $2::boolean, $3::boolean,"
    "   $4::bigint, $5::boolean, $6::bigint, $7::bigint) AS d ON known.known";
/* clang-format on */

static const char may_sql[] = "SELECT pg_catalog.has_function_privilege($1::text, 'EXECUTE')";

static const char enable_sql[] = "SELECT CASE WHEN tmf_customer.enable($1::text) THEN 1 END";
static const char replay_sql[] = "SELECT tmf_customer.replay($1::text, $2::uuid[])";
static const char purge_sql[] = "SELECT tmf_customer.purge($1::text, $2::interval)";

tmf_error_t *tmf_listener_store_read(tmf_db_t *db, const char *id, const tmf_listener_row_t **read,
                                     int *count, apr_pool_t *result_pool)
{
    const char *parameters[] = {id};
    const tmf_db_rows_t *rows;
    tmf_listener_row_t *row;
    int i;

    TMF_TRY(tmf_db_execute(db, listeners_sql, 1, parameters, &rows, result_pool));
    *count = tmf_db_row_count(rows);
    row = apr_palloc(result_pool, sizeof(*row) * (apr_size_t)(*count + 1));
    *read = row;
    for (i = 0; i < *count; i++, row++) {
        row->id = tmf_db_text(rows, i, 0, NULL);
        row->callback = tmf_db_text(rows, i, 1, NULL);
        row->query = tmf_db_text(rows, i, 2, NULL);
        row->state = tmf_db_text(rows, i, 3, NULL);
        row->failures = tmf_db_number(rows, i, 4);
        row->ill_since = tmf_db_text(rows, i, 5, NULL);
        row->paused_until = tmf_db_text(rows, i, 6, NULL);
        row->error = tmf_db_text(rows, i, 7, NULL);
        row->pending = tmf_db_number(rows, i, 8);
        row->dead = tmf_db_number(rows, i, 9);
        row->oldest_pending = tmf_db_text(rows, i, 10, NULL);
    }
    return NULL;
}

static void read_delivery(tmf_delivery_row_t *row, const tmf_db_rows_t *rows, int i)
{
    row->key = tmf_db_text(rows, i, 2, NULL);
    row->event_id = tmf_db_text(rows, i, 3, NULL);
    row->type = tmf_db_text(rows, i, 4, NULL);
    row->at = tmf_db_text(rows, i, 5, NULL);
    row->customer_id = tmf_db_text(rows, i, 6, NULL);
    row->state = tmf_db_text(rows, i, 7, NULL);
    row->attempts = tmf_db_number(rows, i, 8);
    row->next_attempt = tmf_db_text(rows, i, 9, NULL);
    row->error = tmf_db_text(rows, i, 10, NULL);
    row->since = tmf_db_text(rows, i, 11, NULL);
}

/* One row more than the page has says whether there are more. */
static void read_page(tmf_delivery_page_t *page, const tmf_delivery_selection_t *selection,
                      const tmf_db_rows_t *rows, apr_pool_t *pool)
{
    int found = tmf_db_text(rows, 0, 2, NULL) != NULL ? tmf_db_row_count(rows) : 0;
    tmf_delivery_row_t *read;
    int i;

    page->more = found > selection->limit;
    page->count = found - page->more;
    read = apr_palloc(pool, sizeof(*read) * (apr_size_t)(page->count + 1));
    for (i = 0; i < page->count; i++) {
        read_delivery(&read[selection->backward ? page->count - 1 - i : i], rows, i);
    }
    page->rows = read;
}

tmf_error_t *tmf_listener_store_deliveries(tmf_db_t *db, const tmf_delivery_selection_t *selection,
                                           tmf_delivery_page_t *page, apr_pool_t *result_pool)
{
    const char *parameters[] = {
        selection->hub_id,
        selection->pending ? "t" : "f",
        selection->dead ? "t" : "f",
        selection->after != NULL ? selection->after : "0",
        selection->after != NULL && selection->backward ? "t" : "f",
        tmf_number_text(selection->limit + 1, result_pool),
        tmf_number_text(selection->after != NULL ? 0 : selection->offset, result_pool),
        apr_itoa(result_pool, TMF_DELIVERY_COUNT_MAX + 1),
    };
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_execute(db, deliveries_sql, 8, parameters, &rows, result_pool));
    page->is_known = *tmf_db_text(rows, 0, 0, NULL) == 't';
    page->total = tmf_db_number(rows, 0, 1);
    if (page->total > TMF_DELIVERY_COUNT_MAX) {
        page->total = -1;
    }
    read_page(page, selection, rows, result_pool);
    return NULL;
}

/* Asked beforehand: a refusal of the statement itself could be one of anything within it. */
static tmf_error_t *check_privilege(tmf_db_t *db, const char *function, apr_pool_t *result_pool)
{
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_execute(db, may_sql, 1, &function, &rows, result_pool));
    return *tmf_db_text(rows, 0, 0, NULL) == 't'
               ? NULL
               : tmf_error_fault(result_pool, TMF_ERROR_FORBIDDEN, "TMF0220",
                                 "The database does not let this server do that: see \"The status "
                                 "handler\" in conf/README.md",
                                 "the role of this server may not execute %s", function);
}

/* Runs a statement of one number, NULL when there is no such listener, and lets the notifier look.
 */
static tmf_error_t *govern(tmf_db_t *db, const char *function, const char *sql, int parameter_count,
                           const char *const *parameters, apr_int64_t *count,
                           apr_pool_t *result_pool)
{
    const tmf_db_rows_t *rows;

    TMF_TRY(check_privilege(db, function, result_pool));
    TMF_TRY(tmf_db_execute(db, sql, parameter_count, parameters, &rows, result_pool));
    *count = tmf_db_text(rows, 0, 0, NULL) != NULL ? tmf_db_number(rows, 0, 0) : -1;
    if (*count >= 0) {
        tmf_db_wake_notifier(db);
    }
    return NULL;
}

tmf_error_t *tmf_listener_store_enable(tmf_db_t *db, const char *id, apr_int64_t *count,
                                       apr_pool_t *result_pool)
{
    const char *parameters[] = {id};

    return govern(db, "tmf_customer.enable(text)", enable_sql, 1, parameters, count, result_pool);
}

tmf_error_t *tmf_listener_store_replay(tmf_db_t *db, const char *id, const char *event_ids,
                                       apr_int64_t *count, apr_pool_t *result_pool)
{
    const char *parameters[] = {id, event_ids};

    return govern(db, "tmf_customer.replay(text, uuid[])", replay_sql, 2, parameters, count,
                  result_pool);
}

tmf_error_t *tmf_listener_store_purge(tmf_db_t *db, const char *id, apr_interval_time_t older_than,
                                      apr_int64_t *count, apr_pool_t *result_pool)
{
    const char *parameters[] = {id, tmf_interval_text(older_than, result_pool)};

    return govern(db, "tmf_customer.purge(text, interval)", purge_sql, 2, parameters, count,
                  result_pool);
}
