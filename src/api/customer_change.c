/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PATCH and PUT B/customer/{id}
 *
 * CONCURRENCY  A change is computed on a revision that was read, and written only if the customer
 * still has it (one UPDATE decides, so there is no moment between check and write). Who loses the
 * race starts again from what the winner wrote: no change is ever computed on anything but the
 * current document. Losers wait a random time, longer with each loss, so that many writers of one
 * customer all come through; who lost ATTEMPTS_MAX races gives up with a 503 and nothing is
 * changed.
 */
#include "api/api.h"

#include <apr_general.h>
#include <apr_strings.h>

#include "api/change.h"
#include "api/precondition.h"
#include "api/representation.h"
#include "model/changes.h"

#define ATTEMPTS_MAX 40
#define PAUSE_MAX    (64 * 1000) /* microseconds; 1 ms after the first loss, doubled with each */

/* A change of the status has an event of its own. */
static tmf_tell_t tell_changes(const tmf_request_t *request, const tmf_changes_t *changes,
                               apr_pool_t *pool)
{
    unsigned types = (changes->has_status ? 1u << TMF_EVENT_STATE_CHANGE : 0) |
                     (changes->names->nelts > changes->has_status
                          ? 1u << TMF_EVENT_ATTRIBUTE_VALUE_CHANGE
                          : 0);
    tmf_tell_t tell = tmf_representation_tell(request, request->id, types);

    tell.changed = apr_array_pstrcat(pool, changes->names, ',');
    return tell;
}

/* One attempt. `*changed` stays NULL when another writer was faster. */
static tmf_error_t *attempt(const tmf_customer_t **changed, tmf_db_t *db,
                            const tmf_request_t *request, const tmf_change_t *change,
                            apr_pool_t *pool)
{
    const tmf_customer_t *current;
    tmf_json_t *stored;
    tmf_json_t *computed;
    tmf_changes_t *changes;
    tmf_tell_t tell;

    TMF_TRY(tmf_customer_store_get(db, request->id, &current, pool));
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
    tell = tell_changes(request, changes, pool);
    return tmf_customer_store_update(db, request->id, current->revision,
                                     tmf_json_write(computed, NULL, pool), &tell, changed, pool);
}

static void pause_after_loss(int losses)
{
    apr_interval_time_t longest = losses < 7 ? (1000 << (losses - 1)) : PAUSE_MAX;
    apr_uint32_t random = 0;

    apr_generate_random_bytes((unsigned char *)&random, sizeof(random));
    apr_sleep(random % longest);
}

static tmf_error_t *carry_out(const tmf_customer_t **changed, const tmf_request_t *request,
                              const tmf_change_t *change)
{
    apr_pool_t *attempt_pool; /* cleared between attempts; the last one's is left to the reply */
    tmf_error_t *error;
    int losses;

    *changed = NULL;
    apr_pool_create(&attempt_pool, request->pool);
    for (losses = 0; losses < ATTEMPTS_MAX; losses++) {
        tmf_db_t *db;

        if (losses > 0) {
            apr_pool_clear(attempt_pool);
            pause_after_loss(losses);
        }
        TMF_TRY(tmf_db_borrow(&db, request->database, attempt_pool));
        error = attempt(changed, db, request, change, attempt_pool);
        tmf_db_give_back(db);
        if (error != NULL || *changed != NULL) {
            return error;
        }
    }
    return tmf_error_make(request->pool, TMF_ERROR_WRITE_CONFLICT,
                          "Others changed this customer each time it was to be written");
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
