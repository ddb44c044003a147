/* SPDX-License-Identifier: Apache-2.0 */
/* What the endpoints of the hub share (src/api/README.md §7). */
#ifndef TMF_API_HUB_H
#define TMF_API_HUB_H

#include "api/api.h"
#include "store/hub_store.h"

/* Hubs take no parameters: TMF_ERROR_INVALID_PARAMETER when the request has one. */
tmf_error_t *tmf_hub_check_parameters(const tmf_request_t *request);

/* TMF_ERROR_NOT_FOUND for the {id} of the request. */
tmf_error_t *tmf_hub_not_found(const tmf_request_t *request);

/* `{"callback":…,"query":…}`, the query null when there is none: what a client asks for. */
const char *tmf_hub_document(const tmf_hub_t *hub, apr_pool_t *result_pool);

/* Appends `{"id":…,"callback":…,"query":…}`, the query null when there is none. */
void tmf_hub_append(tmf_text_t *text, const tmf_hub_t *hub);

#endif
