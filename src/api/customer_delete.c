/* SPDX-License-Identifier: Apache-2.0 */
/* DELETE B/customer/{id}: a change whose result is nothing. */
#include "api/api.h"
#include "api/precondition.h"
#include "api/representation.h"

static tmf_error_t *compute(tmf_customer_change_t *change, const tmf_customer_t *current,
                            const tmf_matching_t *matching, void *context)
{
    const tmf_request_t *request = context;

    (void)matching;
    TMF_TRY(tmf_precondition_check(request->if_match, request->if_none_match, current->revision,
                                   request->pool));
    change->kind = TMF_CHANGE_DELETE;
    change->event = tmf_representation_event(request, request->id, 1u << TMF_EVENT_DELETE,
                                             "delete");
    return NULL;
}

tmf_error_t *tmf_api_customer_delete(const tmf_request_t *request, tmf_reply_t *reply)
{
    const tmf_customer_t *deleted;
    tmf_parameters_t *parameters;

    TMF_TRY(tmf_representation_check_id(request));
    TMF_TRY(tmf_representation_parameters(&parameters, request));
    TMF_TRY(tmf_customer_store_change(request->service->customers, request->id, compute,
                                      (void *)request, &deleted, request->pool));
    if (deleted == NULL) {
        return tmf_representation_not_found(request);
    }
    reply->status = 204;
    return NULL;
}
