/* SPDX-License-Identifier: Apache-2.0 */
#include "store/idempotency.h"

#include "store/array.h"
#include "store/customer_writes.h"
#include "store/number.h"
#include "store/statements.h"

tmf_error_t *tmf_idempotency_create(tmf_db_t *db, const tmf_creation_t *create,
                                    const tmf_customer_event_t *event,
                                    tmf_creation_outcome_t *outcome,
                                    const tmf_customer_t **customer, apr_pool_t *result_pool)
{
    const char *parameters[] = {
        [TMF_CREATE_CUSTOMER_ONCE_ID] = create->id,
        [TMF_CREATE_CUSTOMER_ONCE_TYPES] = tmf_array_of_events(event->types, result_pool),
        [TMF_CREATE_CUSTOMER_ONCE_CORRELATION_ID] = event->correlation_id,
        [TMF_CREATE_CUSTOMER_ONCE_HREF] = event->href,
        [TMF_CREATE_CUSTOMER_ONCE_TRACEPARENT] = event->trace.parent,
        [TMF_CREATE_CUSTOMER_ONCE_TRACESTATE] = event->trace.state,
        [TMF_CREATE_CUSTOMER_ONCE_OPERATION] = event->record.operation,
        [TMF_CREATE_CUSTOMER_ONCE_USER] = event->record.user,
        [TMF_CREATE_CUSTOMER_ONCE_KEPT_FOR] = tmf_kept_for_text(event->record.kept_for,
                                                                result_pool),
        [TMF_CREATE_CUSTOMER_ONCE_DOC] = create->doc,
        [TMF_CREATE_CUSTOMER_ONCE_KEY] = create->key,
        [TMF_CREATE_CUSTOMER_ONCE_KEY_KEPT_FOR] = tmf_number_text(create->kept_for, result_pool),
        [TMF_CREATE_CUSTOMER_ONCE_ID_IS_CHOSEN] = create->id_is_chosen ? "true" : "false",
    };
    const tmf_db_rows_t *rows;
    tmf_customer_t *read = apr_palloc(result_pool, sizeof(*read));

    tmf_db_begin_write(db, create->id);
    TMF_TRY(tmf_db_run(db, &TMF_SQL_CREATE_CUSTOMER_ONCE, parameters, &rows, result_pool));
    tmf_customer_writes_wake(db,
                             tmf_db_number(rows, 0, TMF_CREATE_CUSTOMER_ONCE_COLUMN_DELIVERIES));
    if (tmf_db_is_true(rows, 0, TMF_CREATE_CUSTOMER_ONCE_COLUMN_IS_WRITTEN)) {
        tmf_customer_writes_count(db, event);
    }
    read->id = tmf_db_text(rows, 0, TMF_CREATE_CUSTOMER_ONCE_COLUMN_ID, NULL);
    read->revision = tmf_db_number(rows, 0, TMF_CREATE_CUSTOMER_ONCE_COLUMN_REVISION);
    read->doc = tmf_db_text(rows, 0, TMF_CREATE_CUSTOMER_ONCE_COLUMN_DOC, &read->doc_length);
    *customer = read;
    if (tmf_db_is_true(rows, 0, TMF_CREATE_CUSTOMER_ONCE_COLUMN_IS_BUSY)) {
        *outcome = TMF_CREATION_BUSY;
    } else if (read->id == NULL) {
        *outcome = TMF_CREATION_ID_IN_USE;
    } else {
        *outcome = tmf_db_is_true(rows, 0, TMF_CREATE_CUSTOMER_ONCE_COLUMN_IS_OTHER)
                       ? TMF_CREATION_OTHER_BODY
                       : TMF_CREATION_DONE;
    }
    return NULL;
}

tmf_error_t *tmf_idempotency_claim(tmf_db_t *db, const tmf_creation_t *create,
                                   tmf_creation_outcome_t *outcome, const char **id,
                                   apr_pool_t *result_pool)
{
    const char *parameters[] = {
        [TMF_CLAIM_KEY_KEY] = create->key, [TMF_CLAIM_KEY_DOC] = create->doc};
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_run(db, &TMF_SQL_CLAIM_KEY, parameters, &rows, result_pool));
    *id = tmf_db_text(rows, 0, TMF_CLAIM_KEY_COLUMN_ID, NULL);
    if (tmf_db_is_true(rows, 0, TMF_CLAIM_KEY_COLUMN_IS_BUSY)) {
        *outcome = TMF_CREATION_BUSY;
    } else {
        *outcome = tmf_db_is_true(rows, 0, TMF_CLAIM_KEY_COLUMN_IS_OTHER) ? TMF_CREATION_OTHER_BODY
                                                                          : TMF_CREATION_DONE;
    }
    return NULL;
}

tmf_error_t *tmf_idempotency_keep(tmf_db_t *db, const tmf_creation_t *create,
                                  apr_pool_t *scratch_pool)
{
    const char *parameters[] = {
        [TMF_KEEP_KEY_KEY] = create->key,
        [TMF_KEEP_KEY_DOC] = create->doc,
        [TMF_KEEP_KEY_ID] = create->id,
        [TMF_KEEP_KEY_KEPT_FOR] = tmf_number_text(create->kept_for, scratch_pool),
    };
    const tmf_db_rows_t *rows;

    return tmf_db_run(db, &TMF_SQL_KEEP_KEY, parameters, &rows, scratch_pool);
}
