/* SPDX-License-Identifier: Apache-2.0 */
/* GET S/live */
#include "status/status.h"

/* Health is of the moment: nobody is to keep it. */
static void begin(const tmf_request_t *request, tmf_reply_t *reply, int status)
{
    reply->status = status;
    apr_table_setn(reply->headers, "Cache-Control", "no-store");
    tmf_text_init(&reply->body, 512, request->pool);
}

tmf_error_t *tmf_status_live(const tmf_request_t *request, tmf_reply_t *reply)
{
    TMF_TRY(tmf_status_check_parameters(request));
    begin(request, reply, 200);
    tmf_text_append_string(&reply->body, "{\"status\":\"pass\"}");
    return NULL;
}
