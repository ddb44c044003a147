/* SPDX-License-Identifier: Apache-2.0 */
/* What httpd speaks: hooks that claim our URL space, and the way of a request through it. */
#ifndef TMF_HTTP_HTTP_H
#define TMF_HTTP_HTTP_H

#include <httpd.h>
#include <ap_mpm.h>

#include "api/api.h"
#include "config/config.h"
#include "error.h"
#include "http/route.h"
#include "metrics/metrics.h"

/* ---- space.c: our URL space within httpd ---- */

/* translate_name, map_to_storage, type_checker: what lies below a <Location> with a handler of ours
 * is no file, so httpd needs to look at none. OK for our requests, DECLINED for others. */
int tmf_space_translate_name(request_rec *r);
int tmf_space_map_to_storage(request_rec *r);
int tmf_space_check_type(request_rec *r);

/* Is an error that httpd or another module raised for this request one of ours? Below a base it
 * is, also when httpd refused the request before it had decoded the path; and where the path cannot
 * be known, when the host has a base. */
int tmf_space_has_error(request_rec *r);

/* The URL of the base as clients see it: TMFCustomerBaseURL, or scheme, host and port of the
 * request. */
const char *tmf_space_url(request_rec *r, const tmf_base_t *base, const tmf_space_config_t *config);

/* ---- request_state.c ---- */

/* What is known of a request from one hook to the next. */
typedef struct {
    const tmf_operation_t *operation; /* that it is counted as; NULL = no handler of ours saw it */
    const tmf_trace_t *trace;         /* NULL = it has not been asked for; tmf_http_trace */
} tmf_request_state_t;

/* To be read and written; lives in r->pool. An internal redirect is another request. */
tmf_request_state_t *tmf_request_state(request_rec *r);

/* The trace of the request (model/trace.h), also in the note TMF_TRACE, which logs can show. The
 * headers are read when it is asked for first. */
const tmf_trace_t *tmf_http_trace(request_rec *r);

/* ---- handler.c: the story of a request ---- */

/* A content handler: answers a request whose handler is that of `routes`, always; DECLINED for all
 * others. */
int tmf_http_serve(request_rec *r, const tmf_routes_t *routes);

/* That of the API. */
int tmf_http_handler(request_rec *r);

/* ---- count.c: requests, each once, when it is over ---- */

/* That is what the request is counted as. */
void tmf_count_begin(request_rec *r, tmf_operation_t operation);

/* log_transaction: counts it, with the status that the client got. Also those that httpd or another
 * module has answered for us. */
int tmf_count_end(request_rec *r);

/* ---- kept_metrics.c: the metrics of each virtual host, over restarts ---- */

/* post_config: gives each server that has a base its own. Without memory for them it is served all
 * the same. */
void tmf_kept_metrics_prepare(server_rec *main_server, apr_pool_t *ptemp);

/* monitor: the parent, every ten seconds. */
int tmf_kept_metrics_tick(apr_pool_t *pool, server_rec *server);

/* child_status: the parent, when a child has begun or ended. */
void tmf_kept_metrics_child_status(server_rec *server, pid_t process, ap_generation_t generation,
                                   int slot, mpm_child_status status);

/* ---- body.c ---- */

/* Reads the request's body, `limit` bytes at most, into a NUL-terminated text in r->pool.
 * TMF_ERROR_BODY_TOO_LARGE (before anything is read when Content-Length says so, which spares a
 * client that sent `Expect: 100-continue` the sending), TMF_ERROR_REQUEST_TIMEOUT,
 * TMF_ERROR_BAD_REQUEST. An error with status AP_FILTER_ERROR: an input filter has sent the reply
 * already. */
tmf_error_t *tmf_http_read_body(request_rec *r, apr_size_t limit, const char **body,
                                apr_size_t *length);

/* ---- reply.c ---- */

/* Of replies in JSON, spelled as in TMF629's own description: some clients compare the texts. */
#define TMF_CONTENT_TYPE "application/json;charset=utf-8"

/* Sends a reply. OK, or what httpd is to be told. */
int tmf_reply_send(request_rec *r, const tmf_reply_t *reply);

/* Sends an error as a TMF Error body and logs its cause, if it has one. */
int tmf_reply_send_error(request_rec *r, const tmf_error_t *error);

/* Sets the headers that every reply has, errors that httpd or another module raise included. */
void tmf_reply_set_headers(request_rec *r);

/* Writes the TMF Error body. */
void tmf_reply_write_error(tmf_text_t *text, const tmf_error_t *error);

/* ---- error_filter.c: errors that httpd or another module raises ---- */

/* Registers the output filter; call once from register_hooks. */
void tmf_error_filter_register(void);
/* insert_error_filter: for our URL space. */
void tmf_error_filter_insert(request_rec *r);
/* insert_filter: for an ErrorDocument that stands in for a reply of ours. */
void tmf_error_filter_insert_for_document(request_rec *r);

#endif
