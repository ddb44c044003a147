/* SPDX-License-Identifier: Apache-2.0 */
/* DELETE B/customer/{id} */
#include "api/api.h"
#include "api/precondition.h"
#include "api/representation.h"

static tmf_error_t *delete_customer(tmf_delete_outcome_t *outcome, const tmf_request_t *request)
{
    const tmf_tell_t tell = tmf_representation_tell(request, request->id, 1u << TMF_EVENT_DELETE,
                                                    "delete");
    const tmf_revisions_t revisions = tmf_precondition_revisions(
        request->if_match, request->if_none_match, request->pool);
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, request->service->database, request->pool));
    error = tmf_customer_store_delete(db, request->id, revisions.only, revisions.except, &tell,
                                      outcome, request->pool);
    tmf_db_give_back(db);
    return error;
}

tmf_error_t *tmf_api_customer_delete(const tmf_request_t *request, tmf_reply_t *reply)
{
    tmf_delete_outcome_t outcome;
    tmf_parameters_t *parameters;

    TMF_TRY(tmf_representation_check_id(request));
    TMF_TRY(tmf_representation_parameters(&parameters, request));
    TMF_TRY(delete_customer(&outcome, request));
    if (outcome == TMF_DELETE_NOT_FOUND) {
        return tmf_representation_not_found(request);
    }
    if (outcome == TMF_DELETE_OTHER_REVISION) {
        return tmf_error_make(
            request->pool, TMF_ERROR_PRECONDITION_FAILED,
            "The customer's current ETag is not what If-Match or If-None-Match ask "
            "for: read it again");
    }
    reply->status = 204;
    return NULL;
}
