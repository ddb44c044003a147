/* SPDX-License-Identifier: Apache-2.0 */
/* PATCH and PUT B/customer/{id} */
#include "api/api.h"

#include <apr_strings.h>

#include "api/change.h"
#include "api/precondition.h"
#include "api/representation.h"
#include "model/changes.h"

/* What a client asks for. */
typedef struct {
    const tmf_request_t *request;
    const tmf_change_t *change;
} asked_t;

/* A change of the status has an event of its own. */
static tmf_customer_event_t event_of(const asked_t *asked, const tmf_changes_t *changes)
{
    const tmf_request_t *request = asked->request;
    unsigned types = (changes->has_status ? 1u << TMF_EVENT_STATE_CHANGE : 0) |
                     (changes->names->nelts > changes->has_status
                          ? 1u << TMF_EVENT_ATTRIBUTE_VALUE_CHANGE
                          : 0);
    tmf_customer_event_t event = tmf_representation_event(request, request->id, types,
                                                          tmf_change_operation(asked->change));

    event.changed = apr_array_pstrcat(request->pool, changes->names, ',');
    return event;
}

static tmf_error_t *compute(tmf_customer_change_t *change, const tmf_customer_t *current,
                            const tmf_matching_t *matching, void *context)
{
    const asked_t *asked = context;
    const tmf_request_t *request = asked->request;
    apr_pool_t *pool = request->pool;
    tmf_json_t *stored;
    tmf_json_t *computed;
    tmf_changes_t *changes;

    TMF_TRY(
        tmf_precondition_check(request->if_match, request->if_none_match, current->revision, pool));
    TMF_TRY(tmf_representation_parse(&stored, current, pool));
    TMF_TRY(tmf_change_apply(&computed, asked->change, stored, matching, pool));
    changes = tmf_changes_find(stored, computed, pool);
    if (changes->names->nelts == 0) {
        return NULL;
    }
    change->kind = TMF_CHANGE_REPLACE;
    change->event = event_of(asked, changes);
    return tmf_representation_write(&change->doc, computed, stored, request);
}

/* How the body of each method is read. */
typedef tmf_error_t *read_fn(tmf_change_t **change, const tmf_request_t *request);

static tmf_error_t *answer(tmf_reply_t *reply, const tmf_request_t *request, read_fn *read)
{
    const tmf_customer_t *changed;
    tmf_parameters_t *parameters;
    tmf_change_t *change;
    asked_t asked;

    TMF_TRY(tmf_representation_check_id(request));
    TMF_TRY(tmf_representation_parameters(&parameters, request));
    TMF_TRY(read(&change, request));
    asked = (asked_t){request, change};
    TMF_TRY(tmf_customer_store_change(request->service->customers, request->id, compute, &asked,
                                      &changed, request->pool));
    if (changed == NULL) {
        return tmf_representation_not_found(request);
    }
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
