/* SPDX-License-Identifier: Apache-2.0 */
/* GET B/hub and GET B/hub/{id} */
#include "api/hub.h"

#include <string.h>

#include "model/utf8.h"

tmf_error_t *tmf_api_hub_list(const tmf_request_t *request, tmf_reply_t *reply)
{
    const tmf_hub_t *hubs;
    int count;
    int i;

    TMF_TRY(tmf_hub_check_parameters(request));
    TMF_TRY(tmf_hub_store_read(request->service->database, NULL, &hubs, &count, request->pool));
    reply->status = 200;
    tmf_text_init(&reply->body, 256 * (apr_size_t)(count + 1), request->pool);
    tmf_text_append(&reply->body, "[", 1);
    for (i = 0; i < count; i++) {
        tmf_text_append(&reply->body, ",", i > 0);
        tmf_hub_append(&reply->body, &hubs[i]);
    }
    tmf_text_append(&reply->body, "]", 1);
    return NULL;
}

tmf_error_t *tmf_api_hub_get(const tmf_request_t *request, tmf_reply_t *reply)
{
    const tmf_hub_t *hub;
    int count;

    TMF_TRY(tmf_hub_check_parameters(request));
    if (!tmf_utf8_valid(request->id, strlen(request->id))) {
        return tmf_hub_not_found(request);
    }
    TMF_TRY(
        tmf_hub_store_read(request->service->database, request->id, &hub, &count, request->pool));
    if (count == 0) {
        return tmf_hub_not_found(request);
    }
    reply->status = 200;
    tmf_text_init(&reply->body, 256, request->pool);
    tmf_hub_append(&reply->body, hub);
    return NULL;
}
