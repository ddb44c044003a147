/* SPDX-License-Identifier: Apache-2.0 */
#include "store/outbox.h"

#include "store/array.h"
#include "store/number.h"

/* Times are the database's: the hosts' clocks need not agree. */
static const char claim_sql[] = "SELECT id, callback, query, failures"
                                " FROM tmf_customer.claim($1::text, $2::interval)";

static const char read_sql[] =
    "SELECT place - 1, id, customer_id, attempts,"
    "  (extract(epoch FROM next_attempt_at - now()) * 1000000)::bigint, event_id,"
    "  to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), type, href, changed,"
    "  correlation_id, customer::text, traceparent, tracestate"
    " FROM tmf_customer.due($1::text, $2::text[], $3::boolean[], $4::integer[], $5::integer[],"
    "  $6::integer[], $7::integer[], $8::bigint[], $9::text[], $10::bigint)";

static const char deliver_sql[] = "SELECT tmf_customer.deliver($1::text[], $2::bigint[])";

/* A statement of its own: of two notifiers that deliver one event last, the later one sees that. */
static const char forget_events_sql[] = "SELECT tmf_customer.forget($1::bigint[])";

static const char refuse_sql[] = "SELECT tmf_customer.refuse($1::text[], $2::bigint[],"
                                 "  $3::integer[], $4::interval[], $5::text[])";

static const char pause_sql[] =
    "UPDATE tmf_customer.hub SET failures = $3::integer, ill_since = coalesce(ill_since, now()),"
    "  paused_until = now() + $4::interval, error = $7::text, leased_by = NULL, leased_until = "
    "NULL,"
    "  state = CASE WHEN $6::boolean OR ill_since < now() - $5::interval THEN 'disabled'"
    "   ELSE 'active' END,"
    "  changed_at = now() WHERE id = $2::text AND leased_by = $1::text AND state = 'active'"
    " RETURNING state = 'disabled', ill_since = now()";

static const char recover_sql[] =
    "UPDATE tmf_customer.hub SET failures = 0, ill_since = NULL, paused_until = NULL, error = NULL"
    " FROM (SELECT id, ill_since FROM tmf_customer.hub WHERE id = $2::text FOR UPDATE) AS before"
    " WHERE hub.id = before.id AND leased_by = $1::text AND failures > 0"
    " RETURNING (extract(epoch FROM now() - coalesce(before.ill_since, now())) * 1000000)::bigint";

static const char release_sql[] =
    "UPDATE tmf_customer.hub SET leased_by = NULL, leased_until = NULL WHERE leased_by = $1::text";

static const char sweep_sql[] =
    "SELECT next_id, more FROM tmf_customer.sweep($1::interval, $2::bigint)";

static const char backlogs_sql[] =
    "SELECT hub_id, callback, (extract(epoch FROM now() - oldest) * 1000000)::bigint, pending"
    " FROM tmf_customer.backlogs($1::text, $2::interval)";

tmf_error_t *tmf_outbox_claim(tmf_db_t *db, const char *owner, apr_interval_time_t duration,
                              const tmf_lease_t **leases, int *count, apr_pool_t *result_pool)
{
    const char *parameters[] = {owner, tmf_interval_text(duration, result_pool)};
    const tmf_db_rows_t *rows;
    tmf_lease_t *read;
    int i;

    TMF_TRY(tmf_db_execute(db, claim_sql, 2, parameters, &rows, result_pool));
    *count = tmf_db_row_count(rows);
    read = apr_palloc(result_pool, sizeof(*read) * (apr_size_t)(*count + 1));
    for (i = 0; i < *count; i++) {
        read[i].hub_id = tmf_db_text(rows, i, 0, NULL);
        read[i].callback = tmf_db_text(rows, i, 1, NULL);
        read[i].query = tmf_db_text(rows, i, 2, NULL);
        read[i].failures = (int)tmf_db_number(rows, i, 3);
    }
    *leases = read;
    return NULL;
}

/* The parameters of tmf_outbox_read in the making: all lists stand in one array each, of which a
 * want has a slice. */
typedef struct {
    tmf_text_t hub_ids, wanted, first_held, last_held, first_withheld, last_withheld;
    tmf_text_t held, withheld;
    int held_count, withheld_count;
} slices_t;

static void add_want(slices_t *slices, const tmf_want_t *want)
{
    int i;

    tmf_array_add(&slices->hub_ids, want->hub_id);
    tmf_array_add(&slices->wanted, want->wanted ? "true" : "false");
    tmf_array_add_number(&slices->first_held, slices->held_count + 1);
    tmf_array_add_number(&slices->first_withheld, slices->withheld_count + 1);
    for (i = 0; i < want->held->nelts; i++) {
        tmf_array_add_number(&slices->held, APR_ARRAY_IDX(want->held, i, apr_int64_t));
    }
    for (i = 0; i < want->withheld->nelts; i++) {
        tmf_array_add(&slices->withheld, APR_ARRAY_IDX(want->withheld, i, const char *));
    }
    slices->held_count += want->held->nelts;
    slices->withheld_count += want->withheld->nelts;
    tmf_array_add_number(&slices->last_held, slices->held_count);
    tmf_array_add_number(&slices->last_withheld, slices->withheld_count);
}

static void cut_slices(slices_t *slices, const tmf_want_t *wants, int count, apr_pool_t *pool)
{
    tmf_text_t *const all[] = {&slices->hub_ids,   &slices->wanted,         &slices->first_held,
                               &slices->last_held, &slices->first_withheld, &slices->last_withheld,
                               &slices->held,      &slices->withheld};
    apr_size_t i;

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        tmf_array_init(all[i], pool);
    }
    slices->held_count = 0;
    slices->withheld_count = 0;
    for (i = 0; i < (apr_size_t)count; i++) {
        add_want(slices, &wants[i]);
    }
}

static const tmf_event_t *read_event(const tmf_db_rows_t *rows, int row, apr_pool_t *pool)
{
    tmf_event_t *event = apr_pcalloc(pool, sizeof(*event));

    event->event_id = tmf_db_text(rows, row, 5, NULL);
    event->time = tmf_db_text(rows, row, 6, NULL);
    if (!tmf_event_type_find(&event->type, tmf_db_text(rows, row, 7, NULL))) {
        event->type = TMF_EVENT_ATTRIBUTE_VALUE_CHANGE;
    }
    event->customer_id = tmf_db_text(rows, row, 2, NULL);
    event->href = tmf_db_text(rows, row, 8, NULL);
    event->changed = tmf_db_text(rows, row, 9, NULL);
    event->correlation_id = tmf_db_text(rows, row, 10, NULL);
    event->customer = tmf_db_text(rows, row, 11, &event->customer_length);
    event->trace.parent = tmf_db_text(rows, row, 12, NULL);
    event->trace.state = tmf_db_text(rows, row, 13, NULL);
    return event;
}

static void read_delivery(tmf_due_t *due, const tmf_db_rows_t *rows, int row, apr_pool_t *pool)
{
    due->want = (int)tmf_db_number(rows, row, 0);
    due->id = tmf_db_number(rows, row, 1);
    due->customer_id = tmf_db_text(rows, row, 2, NULL);
    due->attempts = (int)tmf_db_number(rows, row, 3);
    due->wait = tmf_db_number(rows, row, 4);
    due->is_gone = tmf_db_text(rows, row, 5, NULL) == NULL;
    due->event = tmf_db_text(rows, row, 11, NULL) == NULL ? NULL : read_event(rows, row, pool);
}

tmf_error_t *tmf_outbox_read(tmf_db_t *db, const char *owner, tmf_want_t *wants, int count,
                             apr_int64_t budget, const tmf_due_t **due, int *due_count,
                             apr_pool_t *result_pool)
{
    const char *parameters[10];
    const tmf_db_rows_t *rows;
    slices_t slices;
    tmf_due_t *read;
    int i;

    cut_slices(&slices, wants, count, result_pool);
    parameters[0] = owner;
    parameters[1] = tmf_array_text(&slices.hub_ids);
    parameters[2] = tmf_array_text(&slices.wanted);
    parameters[3] = tmf_array_text(&slices.first_held);
    parameters[4] = tmf_array_text(&slices.last_held);
    parameters[5] = tmf_array_text(&slices.first_withheld);
    parameters[6] = tmf_array_text(&slices.last_withheld);
    parameters[7] = tmf_array_text(&slices.held);
    parameters[8] = tmf_array_text(&slices.withheld);
    parameters[9] = tmf_number_text(budget, result_pool);
    TMF_TRY(tmf_db_execute(db, read_sql, 10, parameters, &rows, result_pool));
    for (i = 0; i < count; i++) {
        wants[i].lost = 1;
        wants[i].found = 0;
    }
    read = apr_palloc(result_pool, sizeof(*read) * (apr_size_t)(tmf_db_row_count(rows) + 1));
    *due_count = 0;
    for (i = 0; i < tmf_db_row_count(rows); i++) {
        tmf_want_t *want = &wants[tmf_db_number(rows, i, 0)];

        want->lost = 0;
        if (tmf_db_text(rows, i, 1, NULL) != NULL) { /* else the listener has nothing more */
            read_delivery(&read[(*due_count)++], rows, i, result_pool);
            want->found++;
        }
    }
    *due = read;
    return NULL;
}

tmf_error_t *tmf_outbox_deliver(tmf_db_t *db, const apr_array_header_t *delivered,
                                apr_pool_t *scratch_pool)
{
    const tmf_db_rows_t *rows;
    const char *parameters[2];
    tmf_text_t hub_ids;
    tmf_text_t events;
    int i;

    tmf_array_init(&hub_ids, scratch_pool);
    tmf_array_init(&events, scratch_pool);
    for (i = 0; i < delivered->nelts; i++) {
        const tmf_delivered_t *one = &APR_ARRAY_IDX(delivered, i, tmf_delivered_t);

        tmf_array_add(&hub_ids, one->hub_id);
        tmf_array_add_number(&events, one->event);
    }
    parameters[0] = tmf_array_text(&hub_ids);
    parameters[1] = tmf_array_text(&events);
    TMF_TRY(tmf_db_execute(db, deliver_sql, 2, parameters, &rows, scratch_pool));
    return tmf_db_execute(db, forget_events_sql, 1, parameters + 1, &rows, scratch_pool);
}

tmf_error_t *tmf_outbox_refuse(tmf_db_t *db, const apr_array_header_t *refused,
                               apr_pool_t *scratch_pool)
{
    tmf_text_t columns[5];
    const char *parameters[5];
    const tmf_db_rows_t *rows;
    int i;

    for (i = 0; i < 5; i++) {
        tmf_array_init(&columns[i], scratch_pool);
    }
    for (i = 0; i < refused->nelts; i++) {
        const tmf_refused_t *one = &APR_ARRAY_IDX(refused, i, tmf_refused_t);

        tmf_array_add(&columns[0], one->hub_id);
        tmf_array_add_number(&columns[1], one->event);
        tmf_array_add_number(&columns[2], one->attempts);
        tmf_array_add(&columns[3],
                      one->pause < 0 ? NULL : tmf_interval_text(one->pause, scratch_pool));
        tmf_array_add(&columns[4], one->error);
    }
    for (i = 0; i < 5; i++) {
        parameters[i] = tmf_array_text(&columns[i]);
    }
    return tmf_db_execute(db, refuse_sql, 5, parameters, &rows, scratch_pool);
}

tmf_error_t *tmf_outbox_pause(tmf_db_t *db, const char *owner, const char *hub_id, int failures,
                              apr_interval_time_t pause, apr_interval_time_t ill_at_most,
                              int disable, const char *error, tmf_paused_t *paused,
                              apr_pool_t *scratch_pool)
{
    const char *parameters[] = {owner,
                                hub_id,
                                tmf_number_text(failures, scratch_pool),
                                tmf_interval_text(pause, scratch_pool),
                                tmf_interval_text(ill_at_most, scratch_pool),
                                disable ? "true" : "false",
                                error};
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_execute(db, pause_sql, 7, parameters, &rows, scratch_pool));
    paused->recorded = tmf_db_row_count(rows) > 0;
    paused->disabled = paused->recorded && *tmf_db_text(rows, 0, 0, NULL) == 't';
    paused->first = paused->recorded && *tmf_db_text(rows, 0, 1, NULL) == 't';
    return NULL;
}

tmf_error_t *tmf_outbox_recover(tmf_db_t *db, const char *owner, const char *hub_id, int *recorded,
                                apr_interval_time_t *failed_for, apr_pool_t *scratch_pool)
{
    const char *parameters[] = {owner, hub_id};
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_execute(db, recover_sql, 2, parameters, &rows, scratch_pool));
    *recorded = tmf_db_row_count(rows) > 0;
    *failed_for = *recorded ? tmf_db_number(rows, 0, 0) : 0;
    return NULL;
}

tmf_error_t *tmf_outbox_backlogs(tmf_db_t *db, const char *owner, apr_interval_time_t least,
                                 const tmf_backlog_t **backlogs, int *count,
                                 apr_pool_t *result_pool)
{
    const char *parameters[] = {owner, tmf_interval_text(least, result_pool)};
    const tmf_db_rows_t *rows;
    tmf_backlog_t *read;
    int i;

    TMF_TRY(tmf_db_execute(db, backlogs_sql, 2, parameters, &rows, result_pool));
    *count = tmf_db_row_count(rows);
    read = apr_palloc(result_pool, sizeof(*read) * (apr_size_t)(*count + 1));
    for (i = 0; i < *count; i++) {
        read[i].hub_id = tmf_db_text(rows, i, 0, NULL);
        read[i].callback = tmf_db_text(rows, i, 1, NULL);
        read[i].age = tmf_db_number(rows, i, 2);
        read[i].pending = (int)tmf_db_number(rows, i, 3);
    }
    *backlogs = read;
    return NULL;
}

tmf_error_t *tmf_outbox_release(tmf_db_t *db, const char *owner, apr_pool_t *scratch_pool)
{
    const tmf_db_rows_t *rows;

    return tmf_db_execute(db, release_sql, 1, &owner, &rows, scratch_pool);
}

tmf_error_t *tmf_outbox_sweep(tmf_db_t *db, apr_interval_time_t retention, apr_int64_t *position,
                              int *more, apr_pool_t *scratch_pool)
{
    const char *parameters[] = {tmf_interval_text(retention, scratch_pool),
                                tmf_number_text(*position, scratch_pool)};
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_execute(db, sweep_sql, 2, parameters, &rows, scratch_pool));
    *position = tmf_db_number(rows, 0, 0);
    *more = *tmf_db_text(rows, 0, 1, NULL) == 't';
    return NULL;
}
