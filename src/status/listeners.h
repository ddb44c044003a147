/* SPDX-License-Identifier: Apache-2.0 */
/* What the endpoints of listeners share. */
#ifndef TMF_STATUS_LISTENERS_H
#define TMF_STATUS_LISTENERS_H

#include "status/status.h"
#include "store/listener_store.h"

/* TMF_ERROR_NOT_FOUND for the {id} of the request. */
tmf_error_t *tmf_listener_not_found(const tmf_request_t *request);

/* The same, when the {id} can be none: the database would refuse its bytes. */
tmf_error_t *tmf_listener_check_id(const tmf_request_t *request);

/* Appends what stands before a number, and the number; for strings there is tmf_text_append_member.
 */
void tmf_member_number(tmf_text_t *text, const char *before, apr_int64_t value);

#endif
