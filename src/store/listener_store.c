/* SPDX-License-Identifier: Apache-2.0 */
#include "store/listener_store.h"

#include <apr_strings.h>

#include "store/number.h"
#include "store/statements.h"

tmf_error_t *tmf_listener_store_read(tmf_db_t *db, const char *id, const tmf_listener_row_t **read,
                                     int *count, apr_pool_t *result_pool)
{
    const char *parameters[] = {
        [TMF_READ_LISTENERS_ID] = id,
        [TMF_READ_LISTENERS_MOST] = APR_STRINGIFY(TMF_LISTENER_COUNT_MAX),
    };
    const tmf_db_rows_t *rows;
    tmf_listener_row_t *row;
    int i;

    TMF_TRY(tmf_db_run(db, &TMF_SQL_READ_LISTENERS, parameters, &rows, result_pool));
    *count = tmf_db_row_count(rows);
    row = apr_palloc(result_pool, sizeof(*row) * (apr_size_t)(*count + 1));
    *read = row;
    for (i = 0; i < *count; i++, row++) {
        row->id = tmf_db_text(rows, i, TMF_READ_LISTENERS_COLUMN_ID, NULL);
        row->callback = tmf_db_text(rows, i, TMF_READ_LISTENERS_COLUMN_CALLBACK, NULL);
        row->query = tmf_db_text(rows, i, TMF_READ_LISTENERS_COLUMN_QUERY, NULL);
        row->state = tmf_db_text(rows, i, TMF_READ_LISTENERS_COLUMN_STATE, NULL);
        row->failures = tmf_db_number(rows, i, TMF_READ_LISTENERS_COLUMN_FAILURES);
        row->ill_since = tmf_db_text(rows, i, TMF_READ_LISTENERS_COLUMN_ILL_SINCE, NULL);
        row->paused_until = tmf_db_text(rows, i, TMF_READ_LISTENERS_COLUMN_PAUSED_UNTIL, NULL);
        row->error = tmf_db_text(rows, i, TMF_READ_LISTENERS_COLUMN_ERROR, NULL);
        row->pending = tmf_db_number(rows, i, TMF_READ_LISTENERS_COLUMN_PENDING);
        row->dead = tmf_db_number(rows, i, TMF_READ_LISTENERS_COLUMN_DEAD);
        row->oldest_pending = tmf_db_text(rows, i, TMF_READ_LISTENERS_COLUMN_OLDEST_PENDING, NULL);
    }
    return NULL;
}

static void read_delivery(tmf_delivery_row_t *row, const tmf_db_rows_t *rows, int i)
{
    row->key = tmf_db_text(rows, i, TMF_READ_DELIVERIES_COLUMN_KEY, NULL);
    row->event_id = tmf_db_text(rows, i, TMF_READ_DELIVERIES_COLUMN_EVENT_ID, NULL);
    row->type = tmf_db_text(rows, i, TMF_READ_DELIVERIES_COLUMN_TYPE, NULL);
    row->at = tmf_db_text(rows, i, TMF_READ_DELIVERIES_COLUMN_AT, NULL);
    row->customer_id = tmf_db_text(rows, i, TMF_READ_DELIVERIES_COLUMN_CUSTOMER_ID, NULL);
    row->state = tmf_db_text(rows, i, TMF_READ_DELIVERIES_COLUMN_STATE, NULL);
    row->attempts = tmf_db_number(rows, i, TMF_READ_DELIVERIES_COLUMN_ATTEMPTS);
    row->next_attempt = tmf_db_text(rows, i, TMF_READ_DELIVERIES_COLUMN_NEXT_ATTEMPT, NULL);
    row->error = tmf_db_text(rows, i, TMF_READ_DELIVERIES_COLUMN_ERROR, NULL);
    row->since = tmf_db_text(rows, i, TMF_READ_DELIVERIES_COLUMN_SINCE, NULL);
}

/* One row more than the page has says whether there are more. */
static void read_page(tmf_delivery_page_t *page, const tmf_delivery_selection_t *selection,
                      const tmf_db_rows_t *rows, apr_pool_t *pool)
{
    int found = tmf_db_text(rows, 0, TMF_READ_DELIVERIES_COLUMN_KEY, NULL) != NULL
                    ? tmf_db_row_count(rows)
                    : 0;
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
        [TMF_READ_DELIVERIES_HUB_ID] = selection->hub_id,
        [TMF_READ_DELIVERIES_IS_PENDING] = selection->pending ? "t" : "f",
        [TMF_READ_DELIVERIES_IS_DEAD] = selection->dead ? "t" : "f",
        [TMF_READ_DELIVERIES_AFTER] = selection->after != NULL ? selection->after : "0",
        [TMF_READ_DELIVERIES_IS_BACKWARD] = selection->after != NULL && selection->backward ? "t"
                                                                                            : "f",
        [TMF_READ_DELIVERIES_LIMIT] = tmf_number_text(selection->limit + 1, result_pool),
        [TMF_READ_DELIVERIES_OFFSET] = tmf_number_text(
            selection->after != NULL ? 0 : selection->offset, result_pool),
        /* more than that can be told */
        [TMF_READ_DELIVERIES_MOST] = apr_itoa(result_pool, TMF_DELIVERY_COUNT_MAX + 1),
    };
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_run(db, &TMF_SQL_READ_DELIVERIES, parameters, &rows, result_pool));
    page->is_known = tmf_db_is_true(rows, 0, TMF_READ_DELIVERIES_COLUMN_IS_KNOWN);
    page->total = tmf_db_number(rows, 0, TMF_READ_DELIVERIES_COLUMN_TOTAL);
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

    TMF_TRY(tmf_db_run(db, &TMF_SQL_MAY_EXECUTE, &function, &rows, result_pool));
    return tmf_db_is_true(rows, 0, TMF_MAY_EXECUTE_COLUMN_MAY)
               ? NULL
               : tmf_error_fault(result_pool, TMF_ERROR_FORBIDDEN, "TMF0220",
                                 "The database does not let this server do that: see \"The status "
                                 "handler\" in conf/README.md",
                                 "the role of this server may not execute %s", function);
}

/* Runs a statement of one number, NULL when there is no such listener, and lets the notifier look.
 */
static tmf_error_t *govern(tmf_db_t *db, const char *function, const tmf_statement_t *statement,
                           const char *const *parameters, apr_int64_t *count,
                           apr_pool_t *result_pool)
{
    const tmf_db_rows_t *rows;

    TMF_TRY(check_privilege(db, function, result_pool));
    TMF_TRY(tmf_db_run(db, statement, parameters, &rows, result_pool));
    *count = tmf_db_text(rows, 0, 0, NULL) != NULL ? tmf_db_number(rows, 0, 0) : -1;
    if (*count >= 0) {
        tmf_db_wake_notifier(db);
    }
    return NULL;
}

tmf_error_t *tmf_listener_store_enable(tmf_db_t *db, const char *id, apr_int64_t *count,
                                       apr_pool_t *result_pool)
{
    return govern(db, "tmf_customer.enable(text)", &TMF_SQL_ENABLE_LISTENER, &id, count,
                  result_pool);
}

tmf_error_t *tmf_listener_store_replay(tmf_db_t *db, const char *id, const char *event_ids,
                                       apr_int64_t *count, apr_pool_t *result_pool)
{
    const char *parameters[] = {
        [TMF_REPLAY_LISTENER_ID] = id, [TMF_REPLAY_LISTENER_EVENTS] = event_ids};

    return govern(db, "tmf_customer.replay(text, uuid[])", &TMF_SQL_REPLAY_LISTENER, parameters,
                  count, result_pool);
}

tmf_error_t *tmf_listener_store_purge(tmf_db_t *db, const char *id, apr_interval_time_t older_than,
                                      apr_int64_t *count, apr_pool_t *result_pool)
{
    const char *parameters[] = {
        [TMF_PURGE_LISTENER_ID] = id,
        [TMF_PURGE_LISTENER_OLDER_THAN] = tmf_interval_text(older_than, result_pool),
    };

    return govern(db, "tmf_customer.purge(text, interval)", &TMF_SQL_PURGE_LISTENER, parameters,
                  count, result_pool);
}
