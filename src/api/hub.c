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

void tmf_hub_append(tmf_text_t *text, const tmf_hub_t *hub)
{
    tmf_text_append_string(text, "{\"id\":");
    tmf_text_append_json(text, hub->id, strlen(hub->id));
    tmf_text_append_string(text, ",\"callback\":");
    tmf_text_append_json(text, hub->callback, strlen(hub->callback));
    tmf_text_append_string(text, ",\"query\":");
    if (hub->query != NULL) {
        tmf_text_append_json(text, hub->query, strlen(hub->query));
    } else {
        tmf_text_append_string(text, "null");
    }
    tmf_text_append_string(text, "}");
}
