/* SPDX-License-Identifier: Apache-2.0 */
/* The Idempotency-Key of a POST. It belongs to who sent it and to the base path. */
#ifndef TMF_API_IDEMPOTENCY_KEY_H
#define TMF_API_IDEMPOTENCY_KEY_H

#include "api/api.h"

/* The longest key, in bytes. */
#define TMF_IDEMPOTENCY_KEY_MAX 255

/* TMF_ERROR_BAD_REQUEST when the request has a key that is none. */
tmf_error_t *tmf_idempotency_key_check(const tmf_request_t *request);

/* The key with all that it belongs to: ASCII, in the request's pool. The request must have one. */
const char *tmf_idempotency_key_scoped(const tmf_request_t *request);

/* TMF_ERROR_KEY_REUSED: the key came with another body before. */
tmf_error_t *tmf_idempotency_key_reused(const tmf_request_t *request);

/* TMF_ERROR_KEY_IN_USE: a request with the key is being carried out. */
tmf_error_t *tmf_idempotency_key_in_use(const tmf_request_t *request);

#endif
