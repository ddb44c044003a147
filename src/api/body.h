/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON that a request brings. */
#ifndef TMF_API_BODY_H
#define TMF_API_BODY_H

#include "api/api.h"
#include "model/json.h"

/* Parses the body within the configured limits: TMF_ERROR_MALFORMED_JSON; TMF_ERROR_INVALID_BODY
 * when it is empty. */
tmf_error_t *tmf_body_parse(tmf_json_t **value, const tmf_request_t *request);

/* TMF_ERROR_INVALID_BODY when the body is no object. */
tmf_error_t *tmf_body_require_object(const tmf_json_t *value, const tmf_request_t *request);

/* Both. */
tmf_error_t *tmf_body_parse_object(tmf_json_t **object, const tmf_request_t *request);

/* For PATCH and PUT (src/api/README.md §2, §6): `id` and `href` may repeat what they are. Removes
 * both from `object`; TMF_ERROR_INVALID_BODY when either has another value. */
tmf_error_t *tmf_body_check_identity(tmf_json_t *object, const tmf_request_t *request);

#endif
