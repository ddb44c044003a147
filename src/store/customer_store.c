/* SPDX-License-Identifier: Apache-2.0 */
#include "store/customer_store.h"

#include "store/customer_reads.h"
#include "store/customer_writes.h"

struct tmf_customer_store_t {
    tmf_db_pool_t *database;
    tmf_matching_t matching;
    tmf_customer_reads_t *reads;
    tmf_customer_writes_t *writes;
};

apr_status_t tmf_customer_store_make(tmf_customer_store_t **store, tmf_db_pool_t *database,
                                     apr_pool_t *child_pool)
{
    tmf_customer_store_t *made = apr_pcalloc(child_pool, sizeof(*made));
    apr_status_t status = tmf_customer_reads_make(&made->reads, database, child_pool);

    made->database = database;
    made->matching.database = database;
    *store = made;
    return status == APR_SUCCESS ? tmf_customer_writes_make(&made->writes, database, child_pool)
                                 : status;
}

const tmf_matching_t *tmf_customer_store_matching(const tmf_customer_store_t *store)
{
    return &store->matching;
}

/* ---- reading ---- */

tmf_error_t *tmf_customer_store_get(tmf_customer_store_t *store, const char *id,
                                    const tmf_customer_t **customer, apr_pool_t *result_pool)
{
    return tmf_customer_reads_get(store->reads, id, customer, result_pool);
}

tmf_error_t *tmf_customer_store_list(tmf_customer_store_t *store,
                                     const tmf_customer_selection_t *selection,
                                     tmf_customer_page_t *page, apr_pool_t *result_pool)
{
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, store->database, result_pool));
    error = tmf_customer_list_read(db, selection, page, result_pool);
    tmf_db_give_back(db);
    return error;
}

tmf_error_t *tmf_customer_store_history(tmf_customer_store_t *store,
                                        const tmf_history_selection_t *selection,
                                        const tmf_history_row_t **rows, tmf_customer_page_t *page,
                                        int *is_known, apr_pool_t *result_pool)
{
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, store->database, result_pool));
    error = tmf_history_read(db, selection, rows, page, is_known, result_pool);
    tmf_db_give_back(db);
    return error;
}

/* ---- creating ---- */

static tmf_error_t *create_once(tmf_customer_store_t *store, const tmf_creation_t *creation,
                                const tmf_customer_event_t *event, tmf_creation_outcome_t *outcome,
                                const tmf_customer_t **customer, apr_pool_t *pool)
{
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, store->database, pool));
    error = tmf_idempotency_create(db, creation, event, outcome, customer, pool);
    tmf_db_give_back(db);
    return error;
}

tmf_error_t *tmf_customer_store_create(tmf_customer_store_t *store, const tmf_creation_t *creation,
                                       const tmf_customer_event_t *event,
                                       tmf_creation_outcome_t *outcome,
                                       const tmf_customer_t **customer, apr_pool_t *result_pool)
{
    const tmf_write_t write = {.kind = TMF_WRITE_CREATE,
                               .id = creation->id,
                               .id_is_chosen = creation->id_is_chosen,
                               .doc = creation->doc,
                               .event = event};

    if (creation->key != NULL) {
        return create_once(store, creation, event, outcome, customer, result_pool);
    }
    TMF_TRY(tmf_customer_writes_share(store->writes, &write, customer, result_pool));
    *outcome = *customer != NULL ? TMF_CREATION_DONE : TMF_CREATION_ID_IN_USE;
    return NULL;
}

/* ---- changing ---- */

/* A change on its way. */
typedef struct {
    const char *id;
    tmf_customer_compute_fn *compute;
    void *context;
    const tmf_customer_t *current; /* NULL = there is no such customer */
    tmf_customer_change_t change;
    tmf_write_t write; /* what is to be written, unless `current` stays as it is */
    const tmf_customer_t *written;
    apr_pool_t *pool;
} changing_t;

/* Is anything to be written for the `current` customer? */
static tmf_error_t *decide(changing_t *changing, const tmf_matching_t *matching, int *is_needed)
{
    tmf_customer_change_t *change = &changing->change;

    *is_needed = 0;
    changing->written = changing->current;
    if (changing->current == NULL) {
        return NULL;
    }
    *change = (tmf_customer_change_t){.kind = TMF_CHANGE_NOTHING};
    TMF_TRY(changing->compute(change, changing->current, matching, changing->context));
    *is_needed = change->kind != TMF_CHANGE_NOTHING;
    changing->write = (tmf_write_t){.kind = change->kind == TMF_CHANGE_DELETE ? TMF_WRITE_DELETE
                                                                              : TMF_WRITE_UPDATE,
                                    .id = changing->id,
                                    .revision = changing->current->revision,
                                    .doc = change->doc,
                                    .event = &change->event};
    return NULL;
}

/* `*is_lost`: another writer was faster. */
static tmf_error_t *change_at_once(tmf_customer_store_t *store, changing_t *changing, int *is_lost)
{
    int is_needed;

    *is_lost = 0;
    TMF_TRY(tmf_customer_reads_get_stored(store->reads, changing->id, &changing->current,
                                          changing->pool));
    TMF_TRY(decide(changing, &store->matching, &is_needed));
    if (is_needed) {
        TMF_TRY(tmf_customer_writes_share(store->writes, &changing->write, &changing->written,
                                          changing->pool));
        *is_lost = changing->written == NULL;
    }
    return NULL;
}

static tmf_error_t *change_locked(tmf_customer_store_t *store, changing_t *changing, tmf_db_t *db)
{
    const tmf_matching_t matching = {store->database, db};
    int is_needed;

    TMF_TRY(tmf_customer_reads_lock(db, changing->id, &changing->current, changing->pool));
    TMF_TRY(decide(changing, &matching, &is_needed));
    if (is_needed) {
        TMF_TRY(tmf_customer_writes_run(db, &changing->write, &changing->written, changing->pool));
    }
    return is_needed && changing->written == NULL
               ? tmf_error_make(changing->pool, TMF_ERROR_WRITE_CONFLICT,
                                "The customer could not be written, although it did not change")
               : NULL;
}

static tmf_error_t *change_in_transaction(tmf_customer_store_t *store, changing_t *changing,
                                          tmf_db_t *db)
{
    TMF_TRY(tmf_db_begin(db, changing->pool));
    return tmf_db_end(db, change_locked(store, changing, db), changing->pool);
}

tmf_error_t *tmf_customer_store_change(tmf_customer_store_t *store, const char *id,
                                       tmf_customer_compute_fn *compute, void *context,
                                       const tmf_customer_t **customer, apr_pool_t *result_pool)
{
    changing_t changing = {.id = id, .compute = compute, .context = context, .pool = result_pool};
    tmf_error_t *error = NULL;
    int is_lost;
    tmf_db_t *db;

    TMF_TRY(change_at_once(store, &changing, &is_lost));
    if (is_lost) {
        TMF_TRY(tmf_db_borrow(&db, store->database, result_pool));
        error = change_in_transaction(store, &changing, db);
        tmf_db_give_back(db);
    }
    *customer = changing.written;
    return error;
}
