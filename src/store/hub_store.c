/* SPDX-License-Identifier: Apache-2.0 */
#include "store/hub_store.h"

#include <string.h>

#include <apr_strings.h>

#include "store/array.h"
#include "store/statements.h"

static tmf_error_t *register_hub(tmf_db_t *db, const tmf_registration_t *registration,
                                 tmf_hub_outcome_t *outcome, const char **id, apr_pool_t *pool)
{
    const char *parameters[] = {
        [TMF_CREATE_HUB_ID] = registration->hub.id,
        [TMF_CREATE_HUB_CALLBACK] = registration->hub.callback,
        [TMF_CREATE_HUB_QUERY] = registration->hub.query,
        [TMF_CREATE_HUB_QUERY_TEXT] = registration->query_text,
        [TMF_CREATE_HUB_TYPES] = tmf_array_of_events(registration->types, pool),
        [TMF_CREATE_HUB_MOST] = apr_itoa(pool, registration->most),
    };
    const tmf_db_rows_t *rows;
    const char *kind;

    TMF_TRY(tmf_db_run(db, &TMF_SQL_LOCK_HUBS, NULL, &rows, pool));
    TMF_TRY(tmf_db_run(db, &TMF_SQL_CREATE_HUB, parameters, &rows, pool));
    if (tmf_db_row_count(rows) == 0) {
        return tmf_error_fault(pool, TMF_ERROR_INTERNAL, "TMF0029",
                               "The hub could not be registered",
                               "registering a hub yielded no row");
    }
    kind = tmf_db_text(rows, 0, TMF_CREATE_HUB_COLUMN_OUTCOME, NULL);
    *id = tmf_db_text(rows, 0, TMF_CREATE_HUB_COLUMN_ID, NULL);
    *outcome = strcmp(kind, "made") == 0   ? TMF_HUB_MADE
               : strcmp(kind, "twin") == 0 ? TMF_HUB_TWIN
                                           : TMF_HUB_TOO_MANY;
    return NULL;
}

/* With a key, which is kept with the hub, or neither is. */
static tmf_error_t *register_once(tmf_db_t *db, const tmf_registration_t *registration,
                                  tmf_hub_outcome_t *outcome, const char **id, apr_pool_t *pool)
{
    tmf_creation_outcome_t claimed;

    TMF_TRY(tmf_idempotency_claim(db, &registration->creation, &claimed, id, pool));
    if (claimed != TMF_CREATION_DONE || *id != NULL) {
        *outcome = claimed == TMF_CREATION_DONE   ? TMF_HUB_MADE
                   : claimed == TMF_CREATION_BUSY ? TMF_HUB_KEY_BUSY
                                                  : TMF_HUB_OTHER_BODY;
        return NULL;
    }
    TMF_TRY(register_hub(db, registration, outcome, id, pool));
    return *outcome == TMF_HUB_MADE ? tmf_idempotency_keep(db, &registration->creation, pool)
                                    : NULL;
}

static tmf_error_t *register_in_transaction(tmf_db_t *db, const tmf_registration_t *registration,
                                            tmf_hub_outcome_t *outcome, const char **id,
                                            apr_pool_t *pool)
{
    tmf_error_t *error;

    TMF_TRY(tmf_db_begin(db, pool));
    error = registration->creation.key != NULL ? register_once(db, registration, outcome, id, pool)
                                               : register_hub(db, registration, outcome, id, pool);
    return tmf_db_end(db, error, pool);
}

tmf_error_t *tmf_hub_store_create(tmf_db_pool_t *database, const tmf_registration_t *registration,
                                  tmf_hub_outcome_t *outcome, const char **id,
                                  apr_pool_t *result_pool)
{
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, database, result_pool));
    error = register_in_transaction(db, registration, outcome, id, result_pool);
    tmf_db_give_back(db);
    return error;
}

tmf_error_t *tmf_hub_store_read(tmf_db_pool_t *database, const char *id, const tmf_hub_t **hubs,
                                int *count, apr_pool_t *result_pool)
{
    const tmf_db_rows_t *rows;
    tmf_error_t *error;
    tmf_hub_t *read;
    tmf_db_t *db;
    int i;

    TMF_TRY(tmf_db_borrow(&db, database, result_pool));
    error = tmf_db_run(db, &TMF_SQL_READ_HUBS, &id, &rows, result_pool);
    tmf_db_give_back(db);
    TMF_TRY(error);
    *count = tmf_db_row_count(rows);
    read = apr_palloc(result_pool, sizeof(*read) * (apr_size_t)(*count + 1));
    for (i = 0; i < *count; i++) {
        read[i].id = tmf_db_text(rows, i, TMF_READ_HUBS_COLUMN_ID, NULL);
        read[i].callback = tmf_db_text(rows, i, TMF_READ_HUBS_COLUMN_CALLBACK, NULL);
        read[i].query = tmf_db_text(rows, i, TMF_READ_HUBS_COLUMN_QUERY, NULL);
    }
    *hubs = read;
    return NULL;
}

tmf_error_t *tmf_hub_store_delete(tmf_db_pool_t *database, const char *id, int *found,
                                  apr_pool_t *result_pool)
{
    const tmf_db_rows_t *rows;
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, database, result_pool));
    error = tmf_db_run(db, &TMF_SQL_DELETE_HUB, &id, &rows, result_pool);
    *found = error == NULL && tmf_db_row_count(rows) > 0;
    if (*found) {
        tmf_db_wake_notifier(db); /* it may have read the hub's deliveries */
    }
    tmf_db_give_back(db);
    return error;
}
