/* SPDX-License-Identifier: Apache-2.0 */
/* DELETE B/hub/{id} */
#include "api/hub.h"

#include <string.h>

#include "model/utf8.h"

tmf_error_t *tmf_api_hub_delete(const tmf_request_t *request, tmf_reply_t *reply)
{
    int found = 0;

    TMF_TRY(tmf_hub_check_parameters(request));
    if (tmf_utf8_valid(request->id, strlen(request->id))) {
        TMF_TRY(
            tmf_hub_store_delete(request->service->database, request->id, &found, request->pool));
    }
    if (!found) {
        return tmf_hub_not_found(request);
    }
    reply->status = 204;
    return NULL;
}
