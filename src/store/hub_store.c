/* SPDX-License-Identifier: Apache-2.0 */
#include "store/hub_store.h"

#include <string.h>

#include <apr_strings.h>

#include "store/array.h"
#include "store/statements.h"

tmf_error_t *tmf_hub_store_register(tmf_db_t *db, const tmf_hub_t *hub, const char *query_text,
                                    unsigned types, int most, tmf_hub_outcome_t *outcome,
                                    const char **twin, apr_pool_t *result_pool)
{
    const char *parameters[] = {
        [TMF_CREATE_HUB_ID] = hub->id,
        [TMF_CREATE_HUB_CALLBACK] = hub->callback,
        [TMF_CREATE_HUB_QUERY] = hub->query,
        [TMF_CREATE_HUB_QUERY_TEXT] = query_text,
        [TMF_CREATE_HUB_TYPES] = tmf_array_of_events(types, result_pool),
        [TMF_CREATE_HUB_MOST] = apr_itoa(result_pool, most),
    };
    const tmf_db_rows_t *rows;
    const char *kind;

    TMF_TRY(tmf_db_run(db, &TMF_SQL_LOCK_HUBS, NULL, &rows, result_pool));
    TMF_TRY(tmf_db_run(db, &TMF_SQL_CREATE_HUB, parameters, &rows, result_pool));
    if (tmf_db_row_count(rows) == 0) {
        return tmf_error_fault(result_pool, TMF_ERROR_INTERNAL, "TMF0029",
                               "The hub could not be registered",
                               "registering a hub yielded no row");
    }
    kind = tmf_db_text(rows, 0, TMF_CREATE_HUB_COLUMN_OUTCOME, NULL);
    *twin = tmf_db_text(rows, 0, TMF_CREATE_HUB_COLUMN_ID, NULL);
    *outcome = strcmp(kind, "made") == 0   ? TMF_HUB_MADE
               : strcmp(kind, "twin") == 0 ? TMF_HUB_TWIN
                                           : TMF_HUB_TOO_MANY;
    return NULL;
}

tmf_error_t *tmf_hub_store_read(tmf_db_t *db, const char *id, const tmf_hub_t **hubs, int *count,
                                apr_pool_t *result_pool)
{
    const tmf_db_rows_t *rows;
    tmf_hub_t *read;
    int i;

    TMF_TRY(tmf_db_run(db, &TMF_SQL_READ_HUBS, &id, &rows, result_pool));
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

tmf_error_t *tmf_hub_store_delete(tmf_db_t *db, const char *id, int *found, apr_pool_t *result_pool)
{
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_run(db, &TMF_SQL_DELETE_HUB, &id, &rows, result_pool));
    *found = tmf_db_row_count(rows) > 0;
    if (*found) {
        tmf_db_wake_notifier(db); /* it may have read the hub's deliveries */
    }
    return NULL;
}
