/* SPDX-License-Identifier: Apache-2.0 */
/* The handler tmf-customer-status: how the API of its virtual host is, and what an operator can do
 * for its listeners (src/api/README.md §8). */
#ifndef TMF_STATUS_STATUS_H
#define TMF_STATUS_STATUS_H

#include "http/http.h"
#include "status/readiness.h"

/* A content handler: always answers a request whose handler is tmf-customer-status, DECLINED for
 * all others. */
int tmf_status_handler(request_rec *r);

/* ---- the endpoints ---- */

tmf_api_fn tmf_status_overview;      /* GET S */
tmf_api_fn tmf_status_live;          /* GET S/live */
tmf_api_fn tmf_status_ready;         /* GET S/ready */
tmf_api_fn tmf_status_listener_list; /* GET S/listeners */
tmf_api_fn tmf_status_listener_get;  /* GET S/listeners/{id} */
tmf_api_fn tmf_status_delivery_list; /* GET S/listeners/{id}/deliveries */
tmf_api_fn tmf_status_enable;        /* POST S/listeners/{id}/enable */
tmf_api_fn tmf_status_replay;        /* POST S/listeners/{id}/replay */
tmf_api_fn tmf_status_purge;         /* POST S/listeners/{id}/purge */
tmf_api_fn tmf_status_metrics;       /* GET S/metrics */

/* TMF_ERROR_INVALID_PARAMETER when the request has a parameter: for endpoints that take none. */
tmf_error_t *tmf_status_check_parameters(const tmf_request_t *request);

/* Appends `"database":{…},"schema":{…},"notifier":{…}`. */
void tmf_status_append_checks(tmf_text_t *text, const tmf_readiness_report_t *report);

#endif
