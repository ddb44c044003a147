/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PATCH and PUT B/customer/{id}
 *
 * CONCURRENCY  A change is computed on a revision that was read, and written only if the customer
 * still has it: one UPDATE decides, so there is no moment between check and write, and no change is
 * ever computed on anything but the current document. When nobody interferes, both are statements
 * that are shared with whoever changes other customers at the moment, without waiting for a lock.
 * Who loses the race takes the customer's lock first, in a transaction of its own: then it is read
 * as the winner left it, and nobody can be faster. Losers stand in PostgreSQL's queue for the lock,
 * each for TMFCustomerStatementTimeout at most, so writers of one customer take turns and none
 * starves. They hold their connections meanwhile; who has the lock needs no other one.
 */
#include "api/api.h"

#include <apr_strings.h>

#include "api/change.h"
#include "api/document.h"
#include "api/precondition.h"
#include "api/representation.h"
#include "model/changes.h"
#include "store/customer_reads.h"
#include "store/customer_writes.h"

/* A change of the status has an event of its own. */
static tmf_tell_t tell_changes(const tmf_request_t *request, const tmf_change_t *change,
                               const tmf_changes_t *changes, apr_pool_t *pool)
{
    unsigned types = (changes->has_status ? 1u << TMF_EVENT_STATE_CHANGE : 0) |
                     (changes->names->nelts > changes->has_status
                          ? 1u << TMF_EVENT_ATTRIBUTE_VALUE_CHANGE
                          : 0);
    tmf_tell_t tell = tmf_representation_tell(request, request->id, types,
                                              tmf_change_operation(change));

    tell.changed = apr_array_pstrcat(pool, changes->names, ',');
    return tell;
}

static tmf_error_t *read_current(const tmf_customer_t **current, tmf_db_t *db,
                                 const tmf_request_t *request)
{
    return db != NULL ? tmf_customer_store_lock(db, request->id, current, request->pool)
                      : tmf_customer_reads_get_stored(request->service->reads, request->id, current,
                                                      request->pool);
}

static tmf_error_t *write_changed(const tmf_customer_t **changed, tmf_db_t *db,
                                  const tmf_request_t *request, const tmf_customer_t *current,
                                  const char *doc, const tmf_tell_t *tell)
{
    return db != NULL
               ? tmf_customer_store_update(db, request->id, current->revision, doc, tell, changed,
                                           request->pool)
               : tmf_customer_writes_update(request->service->writes, request->id,
                                            current->revision, doc, tell, changed, request->pool);
}

/* One attempt, in the transaction that `db` (NULL = none) has begun. `*changed` stays NULL when
 * another writer was faster. */
static tmf_error_t *attempt(const tmf_customer_t **changed, tmf_db_t *db,
                            const tmf_request_t *request, const tmf_change_t *change)
{
    apr_pool_t *pool = request->pool;
    const tmf_customer_t *current;
    tmf_json_t *stored;
    tmf_json_t *computed;
    tmf_changes_t *changes;
    const char *doc;
    tmf_tell_t tell;

    TMF_TRY(read_current(&current, db, request));
    if (current == NULL) {
        return tmf_representation_not_found(request);
    }
    TMF_TRY(
        tmf_precondition_check(request->if_match, request->if_none_match, current->revision, pool));
    TMF_TRY(tmf_representation_parse(&stored, current, pool));
    TMF_TRY(tmf_change_apply(&computed, change, stored, db, pool));
    changes = tmf_changes_find(stored, computed, pool);
    if (changes->names->nelts == 0) {
        *changed = current;
        return NULL;
    }
    TMF_TRY(tmf_document_write(&doc, computed, stored, request));
    tell = tell_changes(request, change, changes, pool);
    return write_changed(changed, db, request, current, doc, &tell);
}

static tmf_error_t *attempt_in_transaction(const tmf_customer_t **changed, tmf_db_t *db,
                                           const tmf_request_t *request, const tmf_change_t *change)
{
    tmf_error_t *error;

    TMF_TRY(tmf_db_begin(db, request->pool));
    error = attempt(changed, db, request, change);
    if (error == NULL && *changed == NULL) {
        error = tmf_error_make(request->pool, TMF_ERROR_WRITE_CONFLICT,
                               "The customer could not be written, although it did not change");
    }
    if (error != NULL) {
        tmf_db_roll_back(db, request->pool);
        return error;
    }
    return tmf_db_commit(db, request->pool);
}

static tmf_error_t *attempt_locked(const tmf_customer_t **changed, const tmf_request_t *request,
                                   const tmf_change_t *change)
{
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, request->service->database, request->pool));
    error = attempt_in_transaction(changed, db, request, change);
    tmf_db_give_back(db);
    return error;
}

static tmf_error_t *carry_out(const tmf_customer_t **changed, const tmf_request_t *request,
                              const tmf_change_t *change)
{
    *changed = NULL;
    TMF_TRY(attempt(changed, NULL, request, change));
    return *changed != NULL ? NULL : attempt_locked(changed, request, change);
}

/* How the body of each method is read. */
typedef tmf_error_t *read_fn(tmf_change_t **change, const tmf_request_t *request);

static tmf_error_t *answer(tmf_reply_t *reply, const tmf_request_t *request, read_fn *read)
{
    const tmf_customer_t *changed;
    tmf_parameters_t *parameters;
    tmf_change_t *change;

    TMF_TRY(tmf_representation_check_id(request));
    TMF_TRY(tmf_representation_parameters(&parameters, request));
    TMF_TRY(read(&change, request));
    TMF_TRY(carry_out(&changed, request, change));
    tmf_representation_reply(reply, 200, request, changed, parameters);
    return NULL;
}

tmf_error_t *tmf_api_customer_patch(const tmf_request_t *request, tmf_reply_t *reply)
{
    return answer(reply, request, tmf_change_read_patch);
}

tmf_error_t *tmf_api_customer_replace(const tmf_request_t *request, tmf_reply_t *reply)
{
    return answer(reply, request, tmf_change_read_replacement);
}
