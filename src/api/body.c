/* SPDX-License-Identifier: Apache-2.0 */
#include "api/body.h"

#include <string.h>

#include "api/representation.h"

tmf_error_t *tmf_body_parse(tmf_json_t **value, const tmf_request_t *request)
{
    const tmf_json_limits_t limits = {request->config->body_depth_max,
                                      (apr_size_t)request->config->body_max};

    if (request->body_length == 0) {
        return tmf_error_make(request->pool, TMF_ERROR_INVALID_BODY,
                              "The request has no body; JSON is needed");
    }
    return tmf_json_parse(value, request->body, request->body_length, &limits, request->pool);
}

tmf_error_t *tmf_body_require_object(const tmf_json_t *value, const tmf_request_t *request)
{
    return tmf_json_type(value) == TMF_JSON_OBJECT
               ? NULL
               : tmf_error_make(request->pool, TMF_ERROR_INVALID_BODY,
                                "The body must be a JSON object, not %s",
                                tmf_json_type_name(tmf_json_type(value)));
}

tmf_error_t *tmf_body_parse_object(tmf_json_t **object, const tmf_request_t *request)
{
    TMF_TRY(tmf_body_parse(object, request));
    return tmf_body_require_object(*object, request);
}

static tmf_error_t *check_member(tmf_json_t *object, const char *name, const char *expected,
                                 const tmf_request_t *request)
{
    const tmf_json_t *value = tmf_json_get(object, name);
    const char *text = tmf_json_string_text(value);

    if (value != NULL && (text == NULL || strcmp(text, expected) != 0)) {
        return tmf_error_make(request->pool, TMF_ERROR_INVALID_BODY,
                              "%s cannot be changed: leave it out, or send what it is", name);
    }
    tmf_json_unset(object, name);
    return NULL;
}

tmf_error_t *tmf_body_check_identity(tmf_json_t *object, const tmf_request_t *request)
{
    TMF_TRY(check_member(object, "id", request->id, request));
    return check_member(object, "href", tmf_representation_href(request, request->id), request);
}
