/* SPDX-License-Identifier: Apache-2.0 */
/* DELETE B/hub/{id} */
#include "api/hub.h"

#include <string.h>

#include "model/utf8.h"

static tmf_error_t *delete_hub(int *found, const tmf_request_t *request)
{
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, request->service->database, request->pool));
    error = tmf_hub_store_delete(db, request->id, found, request->pool);
    tmf_db_give_back(db);
    return error;
}

tmf_error_t *tmf_api_hub_delete(const tmf_request_t *request, tmf_reply_t *reply)
{
    int found = 0;

    TMF_TRY(tmf_hub_check_parameters(request));
    if (tmf_utf8_valid(request->id, strlen(request->id))) {
        TMF_TRY(delete_hub(&found, request));
    }
    if (!found) {
        return tmf_hub_not_found(request);
    }
    reply->status = 204;
    return NULL;
}
