/* SPDX-License-Identifier: Apache-2.0 */
#include "api/hub.h"

#include <string.h>

#include "query/parameters.h"

tmf_error_t *tmf_hub_check_parameters(const tmf_request_t *request)
{
    const char *raw = request->query;

    return raw == NULL || raw[strspn(raw, "&")] == '\0'
               ? NULL
               : tmf_error_make(request->pool, TMF_ERROR_INVALID_PARAMETER,
                                "hub takes no parameters; a listener's query stands in the body of "
                                "its POST");
}

tmf_error_t *tmf_hub_not_found(const tmf_request_t *request)
{
    return tmf_error_make(request->pool, TMF_ERROR_NOT_FOUND, "There is no hub with this id");
}

const char *tmf_hub_document(const tmf_hub_t *hub, apr_pool_t *result_pool)
{
    tmf_text_t text;

    tmf_text_init(&text, 256, result_pool);
    tmf_text_append_member(&text, "{\"callback\":", hub->callback);
    tmf_text_append_member(&text, ",\"query\":", hub->query);
    tmf_text_append_string(&text, "}");
    return tmf_text_string(&text);
}

void tmf_hub_append(tmf_text_t *text, const tmf_hub_t *hub)
{
    tmf_text_append_member(text, "{\"id\":", hub->id);
    tmf_text_append_member(text, ",\"callback\":", hub->callback);
    tmf_text_append_member(text, ",\"query\":", hub->query);
    tmf_text_append_string(text, "}");
}
