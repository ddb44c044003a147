/* SPDX-License-Identifier: Apache-2.0 */
#include "store/outbox.h"

#include "store/array.h"
#include "store/number.h"
#include "store/statements.h"

tmf_error_t *tmf_outbox_claim(tmf_db_t *db, const char *owner, apr_interval_time_t duration,
                              const tmf_lease_t **leases, int *count, apr_pool_t *result_pool)
{
    const char *parameters[] = {
        [TMF_CLAIM_LEASES_OWNER] = owner,
        [TMF_CLAIM_LEASES_DURATION] = tmf_interval_text(duration, result_pool),
    };
    const tmf_db_rows_t *rows;
    tmf_lease_t *read;
    int i;

    TMF_TRY(tmf_db_run(db, &TMF_SQL_CLAIM_LEASES, parameters, &rows, result_pool));
    *count = tmf_db_row_count(rows);
    read = apr_palloc(result_pool, sizeof(*read) * (apr_size_t)(*count + 1));
    for (i = 0; i < *count; i++) {
        read[i].hub_id = tmf_db_text(rows, i, TMF_CLAIM_LEASES_COLUMN_ID, NULL);
        read[i].callback = tmf_db_text(rows, i, TMF_CLAIM_LEASES_COLUMN_CALLBACK, NULL);
        read[i].query = tmf_db_text(rows, i, TMF_CLAIM_LEASES_COLUMN_QUERY, NULL);
        read[i].failures = (int)tmf_db_number(rows, i, TMF_CLAIM_LEASES_COLUMN_FAILURES);
    }
    *leases = read;
    return NULL;
}

/* The parameters of tmf_outbox_read in the making: all lists stand in one array each, of which a
 * want has a slice. */
typedef struct {
    tmf_text_t hub_ids, wanted, first_taken, last_taken, first_waiting, last_waiting;
    tmf_text_t taken, waiting;
    int taken_count, waiting_count;
} slices_t;

static void add_want(slices_t *slices, const tmf_want_t *want)
{
    int i;

    tmf_array_add(&slices->hub_ids, want->hub_id);
    tmf_array_add(&slices->wanted, want->wanted ? "true" : "false");
    tmf_array_add_number(&slices->first_taken, slices->taken_count + 1);
    tmf_array_add_number(&slices->first_waiting, slices->waiting_count + 1);
    for (i = 0; i < want->taken->nelts; i++) {
        tmf_array_add_number(&slices->taken, APR_ARRAY_IDX(want->taken, i, apr_int64_t));
    }
    for (i = 0; i < want->waiting->nelts; i++) {
        tmf_array_add(&slices->waiting, APR_ARRAY_IDX(want->waiting, i, const char *));
    }
    slices->taken_count += want->taken->nelts;
    slices->waiting_count += want->waiting->nelts;
    tmf_array_add_number(&slices->last_taken, slices->taken_count);
    tmf_array_add_number(&slices->last_waiting, slices->waiting_count);
}

static void cut_slices(slices_t *slices, const tmf_want_t *wants, int count, apr_pool_t *pool)
{
    tmf_text_t *const all[] = {&slices->hub_ids,    &slices->wanted,        &slices->first_taken,
                               &slices->last_taken, &slices->first_waiting, &slices->last_waiting,
                               &slices->taken,      &slices->waiting};
    apr_size_t i;

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        tmf_array_init(all[i], pool);
    }
    slices->taken_count = 0;
    slices->waiting_count = 0;
    for (i = 0; i < (apr_size_t)count; i++) {
        add_want(slices, &wants[i]);
    }
}

static const tmf_event_t *read_event(const tmf_db_rows_t *rows, int row, apr_pool_t *pool)
{
    tmf_event_t *event = apr_pcalloc(pool, sizeof(*event));

    event->event_id = tmf_db_text(rows, row, TMF_READ_DUE_COLUMN_EVENT_ID, NULL);
    event->time = tmf_db_text(rows, row, TMF_READ_DUE_COLUMN_TIME, NULL);
    if (!tmf_event_type_find(&event->type,
                             tmf_db_text(rows, row, TMF_READ_DUE_COLUMN_TYPE, NULL))) {
        event->type = TMF_EVENT_ATTRIBUTE_VALUE_CHANGE;
    }
    event->customer_id = tmf_db_text(rows, row, TMF_READ_DUE_COLUMN_CUSTOMER_ID, NULL);
    event->href = tmf_db_text(rows, row, TMF_READ_DUE_COLUMN_HREF, NULL);
    event->changed = tmf_db_text(rows, row, TMF_READ_DUE_COLUMN_CHANGED, NULL);
    event->correlation_id = tmf_db_text(rows, row, TMF_READ_DUE_COLUMN_CORRELATION_ID, NULL);
    event->customer = tmf_db_text(rows, row, TMF_READ_DUE_COLUMN_CUSTOMER, &event->customer_length);
    event->trace.parent = tmf_db_text(rows, row, TMF_READ_DUE_COLUMN_TRACEPARENT, NULL);
    event->trace.state = tmf_db_text(rows, row, TMF_READ_DUE_COLUMN_TRACESTATE, NULL);
    return event;
}

static void read_delivery(tmf_due_t *due, const tmf_db_rows_t *rows, int row, apr_pool_t *pool)
{
    due->want = (int)tmf_db_number(rows, row, TMF_READ_DUE_COLUMN_LISTENER);
    due->id = tmf_db_number(rows, row, TMF_READ_DUE_COLUMN_ID);
    due->customer_id = tmf_db_text(rows, row, TMF_READ_DUE_COLUMN_CUSTOMER_ID, NULL);
    due->attempts = (int)tmf_db_number(rows, row, TMF_READ_DUE_COLUMN_ATTEMPTS);
    due->wait = tmf_db_number(rows, row, TMF_READ_DUE_COLUMN_WAIT);
    due->is_gone = tmf_db_text(rows, row, TMF_READ_DUE_COLUMN_EVENT_ID, NULL) == NULL;
    due->event = tmf_db_text(rows, row, TMF_READ_DUE_COLUMN_CUSTOMER, NULL) == NULL
                     ? NULL
                     : read_event(rows, row, pool);
}

tmf_error_t *tmf_outbox_read(tmf_db_t *db, const char *owner, tmf_want_t *wants, int count,
                             apr_int64_t budget, const tmf_due_t **due, int *due_count,
                             apr_pool_t *result_pool)
{
    const char *parameters[TMF_READ_DUE_PARAMETERS];
    const tmf_db_rows_t *rows;
    slices_t slices;
    tmf_due_t *read;
    int i;

    cut_slices(&slices, wants, count, result_pool);
    parameters[TMF_READ_DUE_OWNER] = owner;
    parameters[TMF_READ_DUE_HUB_IDS] = tmf_array_text(&slices.hub_ids);
    parameters[TMF_READ_DUE_WANTED] = tmf_array_text(&slices.wanted);
    parameters[TMF_READ_DUE_FIRST_TAKEN] = tmf_array_text(&slices.first_taken);
    parameters[TMF_READ_DUE_LAST_TAKEN] = tmf_array_text(&slices.last_taken);
    parameters[TMF_READ_DUE_FIRST_WAITING] = tmf_array_text(&slices.first_waiting);
    parameters[TMF_READ_DUE_LAST_WAITING] = tmf_array_text(&slices.last_waiting);
    parameters[TMF_READ_DUE_TAKEN] = tmf_array_text(&slices.taken);
    parameters[TMF_READ_DUE_WAITING] = tmf_array_text(&slices.waiting);
    parameters[TMF_READ_DUE_BUDGET] = tmf_number_text(budget, result_pool);
    TMF_TRY(tmf_db_run(db, &TMF_SQL_READ_DUE, parameters, &rows, result_pool));
    for (i = 0; i < count; i++) {
        wants[i].lost = 1;
        wants[i].found = 0;
    }
    read = apr_palloc(result_pool, sizeof(*read) * (apr_size_t)(tmf_db_row_count(rows) + 1));
    *due_count = 0;
    for (i = 0; i < tmf_db_row_count(rows); i++) {
        tmf_want_t *want = &wants[tmf_db_number(rows, i, TMF_READ_DUE_COLUMN_LISTENER)];

        want->lost = 0;
        if (tmf_db_text(rows, i, TMF_READ_DUE_COLUMN_ID, NULL) !=
            NULL) { /* else the listener has nothing more */
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
    const char *parameters[TMF_RECORD_DELIVERED_PARAMETERS];
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
    parameters[TMF_RECORD_DELIVERED_HUB_IDS] = tmf_array_text(&hub_ids);
    parameters[TMF_RECORD_DELIVERED_EVENTS] = tmf_array_text(&events);
    TMF_TRY(tmf_db_run(db, &TMF_SQL_RECORD_DELIVERED, parameters, &rows, scratch_pool));
    return tmf_db_run(db, &TMF_SQL_FORGET_EVENTS, &parameters[TMF_RECORD_DELIVERED_EVENTS], &rows,
                      scratch_pool);
}

tmf_error_t *tmf_outbox_refuse(tmf_db_t *db, const apr_array_header_t *refused,
                               apr_pool_t *scratch_pool)
{
    tmf_text_t columns[TMF_RECORD_REFUSED_PARAMETERS];
    const char *parameters[TMF_RECORD_REFUSED_PARAMETERS];
    const tmf_db_rows_t *rows;
    int i;

    for (i = 0; i < TMF_RECORD_REFUSED_PARAMETERS; i++) {
        tmf_array_init(&columns[i], scratch_pool);
    }
    for (i = 0; i < refused->nelts; i++) {
        const tmf_refused_t *one = &APR_ARRAY_IDX(refused, i, tmf_refused_t);

        tmf_array_add(&columns[TMF_RECORD_REFUSED_HUB_IDS], one->hub_id);
        tmf_array_add_number(&columns[TMF_RECORD_REFUSED_EVENTS], one->event);
        tmf_array_add_number(&columns[TMF_RECORD_REFUSED_ATTEMPTS], one->attempts);
        tmf_array_add(&columns[TMF_RECORD_REFUSED_PAUSES],
                      one->pause < 0 ? NULL : tmf_interval_text(one->pause, scratch_pool));
        tmf_array_add(&columns[TMF_RECORD_REFUSED_ERRORS], one->error);
    }
    for (i = 0; i < TMF_RECORD_REFUSED_PARAMETERS; i++) {
        parameters[i] = tmf_array_text(&columns[i]);
    }
    return tmf_db_run(db, &TMF_SQL_RECORD_REFUSED, parameters, &rows, scratch_pool);
}

tmf_error_t *tmf_outbox_pause(tmf_db_t *db, const char *owner, const char *hub_id, int failures,
                              apr_interval_time_t pause, apr_interval_time_t failing_most,
                              int disable, const char *error, tmf_paused_t *paused,
                              apr_pool_t *scratch_pool)
{
    const char *parameters[] = {
        [TMF_PAUSE_LISTENER_OWNER] = owner,
        [TMF_PAUSE_LISTENER_ID] = hub_id,
        [TMF_PAUSE_LISTENER_FAILURES] = tmf_number_text(failures, scratch_pool),
        [TMF_PAUSE_LISTENER_PAUSE] = tmf_interval_text(pause, scratch_pool),
        [TMF_PAUSE_LISTENER_FAILING_MOST] = tmf_interval_text(failing_most, scratch_pool),
        [TMF_PAUSE_LISTENER_DISABLE] = disable ? "true" : "false",
        [TMF_PAUSE_LISTENER_ERROR] = error,
    };
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_run(db, &TMF_SQL_PAUSE_LISTENER, parameters, &rows, scratch_pool));
    paused->recorded = tmf_db_row_count(rows) > 0;
    paused->disabled = paused->recorded &&
                       tmf_db_is_true(rows, 0, TMF_PAUSE_LISTENER_COLUMN_IS_DISABLED);
    paused->first = paused->recorded && tmf_db_is_true(rows, 0, TMF_PAUSE_LISTENER_COLUMN_IS_FIRST);
    return NULL;
}

tmf_error_t *tmf_outbox_recover(tmf_db_t *db, const char *owner, const char *hub_id, int *recorded,
                                apr_interval_time_t *failed_for, apr_pool_t *scratch_pool)
{
    const char *parameters[] = {
        [TMF_RECOVER_LISTENER_OWNER] = owner, [TMF_RECOVER_LISTENER_ID] = hub_id};
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_run(db, &TMF_SQL_RECOVER_LISTENER, parameters, &rows, scratch_pool));
    *recorded = tmf_db_row_count(rows) > 0;
    *failed_for = *recorded ? tmf_db_number(rows, 0, TMF_RECOVER_LISTENER_COLUMN_FAILED_FOR) : 0;
    return NULL;
}

tmf_error_t *tmf_outbox_backlogs(tmf_db_t *db, const char *owner, apr_interval_time_t least,
                                 const tmf_backlog_t **backlogs, int *count,
                                 apr_pool_t *result_pool)
{
    const char *parameters[] = {
        [TMF_READ_BACKLOGS_OWNER] = owner,
        [TMF_READ_BACKLOGS_LEAST] = tmf_interval_text(least, result_pool),
    };
    const tmf_db_rows_t *rows;
    tmf_backlog_t *read;
    int i;

    TMF_TRY(tmf_db_run(db, &TMF_SQL_READ_BACKLOGS, parameters, &rows, result_pool));
    *count = tmf_db_row_count(rows);
    read = apr_palloc(result_pool, sizeof(*read) * (apr_size_t)(*count + 1));
    for (i = 0; i < *count; i++) {
        read[i].hub_id = tmf_db_text(rows, i, TMF_READ_BACKLOGS_COLUMN_ID, NULL);
        read[i].callback = tmf_db_text(rows, i, TMF_READ_BACKLOGS_COLUMN_CALLBACK, NULL);
        read[i].age = tmf_db_number(rows, i, TMF_READ_BACKLOGS_COLUMN_AGE);
        read[i].pending = (int)tmf_db_number(rows, i, TMF_READ_BACKLOGS_COLUMN_PENDING);
    }
    *backlogs = read;
    return NULL;
}

tmf_error_t *tmf_outbox_release(tmf_db_t *db, const char *owner, apr_pool_t *scratch_pool)
{
    const tmf_db_rows_t *rows;

    return tmf_db_run(db, &TMF_SQL_RELEASE_LEASES, &owner, &rows, scratch_pool);
}

tmf_error_t *tmf_outbox_sweep(tmf_db_t *db, apr_interval_time_t retention, apr_int64_t *position,
                              int *more, apr_pool_t *scratch_pool)
{
    const char *parameters[] = {
        [TMF_SWEEP_OUTBOX_RETENTION] = tmf_interval_text(retention, scratch_pool),
        [TMF_SWEEP_OUTBOX_POSITION] = tmf_number_text(*position, scratch_pool),
    };
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_run(db, &TMF_SQL_SWEEP_OUTBOX, parameters, &rows, scratch_pool));
    *position = tmf_db_number(rows, 0, TMF_SWEEP_OUTBOX_COLUMN_NEXT_ID);
    *more = tmf_db_is_true(rows, 0, TMF_SWEEP_OUTBOX_COLUMN_MORE);
    return NULL;
}
