/* SPDX-License-Identifier: Apache-2.0 */
/* The handler tmf-customer-status: how the API of its virtual host is, and what an operator can do
 * for its listeners (src/api/README.md §8). */
#ifndef TMF_STATUS_STATUS_H
#define TMF_STATUS_STATUS_H

#include "http/http.h"

/* A content handler: always answers a request whose handler is tmf-customer-status, DECLINED for
 * all others. */
int tmf_status_handler(request_rec *r);

/* ---- the endpoints ---- */

tmf_api_fn tmf_status_live; /* GET S/live */

/* TMF_ERROR_INVALID_PARAMETER when the request has a parameter: for endpoints that take none. */
tmf_error_t *tmf_status_check_parameters(const tmf_request_t *request);

#endif
