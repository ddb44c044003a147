/* SPDX-License-Identifier: Apache-2.0 */
#include "store/hub_store.h"

#include <string.h>

#include <apr_strings.h>

#include "store/tell.h"

/* One registration at a time, until the end of its transaction: what the next statement counts does
 * not grow meanwhile. */
static const char lock_sql[] =
    "SELECT pg_catalog.pg_advisory_xact_lock('tmf_customer.hub'::regclass::oid::integer, 1)";

static const char create_sql[] =
    "WITH key AS (SELECT md5($2::text || ' ' || $4::text) AS twin),"
    " full_house AS (SELECT count(*) >= $6::bigint AS full FROM tmf_customer.hub"
    "  WHERE state <> 'gone'),"
    " made AS (INSERT INTO tmf_customer.hub (id, callback, query, twin, types)"
    "  SELECT $1::text, $2::text, $3::text, key.twin, $5::text[] FROM key, full_house"
    "   WHERE NOT full_house.full ON CONFLICT (twin) DO NOTHING RETURNING id)"
    " SELECT 'made', id FROM made"
    " UNION ALL SELECT 'twin', hub.id FROM tmf_customer.hub JOIN key ON key.twin = hub.twin"
    " UNION ALL SELECT 'full', NULL FROM full_house WHERE full_house.full";

static const char read_sql[] =
    "SELECT id, callback, query FROM tmf_customer.hub"
    " WHERE state <> 'gone' AND ($1::text IS NULL OR id = $1::text) ORDER BY created_at, id";

static const char delete_sql[] =
    "UPDATE tmf_customer.hub SET state = 'gone', changed_at = now(), twin = id"
    " WHERE id = $1::text AND state <> 'gone' RETURNING 1";

tmf_error_t *tmf_hub_store_register(tmf_db_t *db, const tmf_hub_t *hub, const char *query_text,
                                    unsigned types, int most, tmf_hub_outcome_t *outcome,
                                    const char **twin, apr_pool_t *result_pool)
{
    const char *parameters[] = {hub->id,
                                hub->callback,
                                hub->query,
                                query_text,
                                tmf_tell_types(types, result_pool),
                                apr_itoa(result_pool, most)};
    const tmf_db_rows_t *rows;
    const char *kind;

    TMF_TRY(tmf_db_execute(db, lock_sql, 0, NULL, &rows, result_pool));
    TMF_TRY(tmf_db_execute(db, create_sql, 6, parameters, &rows, result_pool));
    if (tmf_db_row_count(rows) == 0) {
        return tmf_error_fault(result_pool, TMF_ERROR_INTERNAL, "TMF0029",
                               "The hub could not be registered",
                               "registering a hub yielded no row");
    }
    kind = tmf_db_text(rows, 0, 0, NULL);
    *twin = tmf_db_text(rows, 0, 1, NULL);
    *outcome = strcmp(kind, "made") == 0   ? TMF_HUB_MADE
               : strcmp(kind, "twin") == 0 ? TMF_HUB_TWIN
                                           : TMF_HUB_TOO_MANY;
    return NULL;
}

tmf_error_t *tmf_hub_store_read(tmf_db_t *db, const char *id, const tmf_hub_t **hubs, int *count,
                                apr_pool_t *result_pool)
{
    const char *parameters[] = {id};
    const tmf_db_rows_t *rows;
    tmf_hub_t *read;
    int i;

    TMF_TRY(tmf_db_execute(db, read_sql, 1, parameters, &rows, result_pool));
    *count = tmf_db_row_count(rows);
    read = apr_palloc(result_pool, sizeof(*read) * (apr_size_t)(*count + 1));
    for (i = 0; i < *count; i++) {
        read[i].id = tmf_db_text(rows, i, 0, NULL);
        read[i].callback = tmf_db_text(rows, i, 1, NULL);
        read[i].query = tmf_db_text(rows, i, 2, NULL);
    }
    *hubs = read;
    return NULL;
}

tmf_error_t *tmf_hub_store_delete(tmf_db_t *db, const char *id, int *found, apr_pool_t *result_pool)
{
    const char *parameters[] = {id};
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_execute(db, delete_sql, 1, parameters, &rows, result_pool));
    *found = tmf_db_row_count(rows) > 0;
    if (*found) {
        tmf_db_wake_notifier(db); /* it may have the hub's deliveries in hand */
    }
    return NULL;
}
