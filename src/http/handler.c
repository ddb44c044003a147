/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include <string.h>

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "config/config.h"
#include "http/route.h"
#include "model/utf8.h"

#define CORRELATION_ID_MAX 255 /* bytes */

static tmf_error_t *method_not_allowed(request_rec *r, const tmf_match_t *match)
{
    tmf_error_t *error = tmf_error_make(r->pool, TMF_ERROR_METHOD_NOT_ALLOWED,
                                        "This resource supports %s", match->allow);

    error->header = "Allow";
    error->header_value = match->allow;
    return error;
}

static tmf_error_t *unsupported_media_type(request_rec *r, const tmf_route_t *route)
{
    tmf_error_t *error = tmf_error_make(r->pool, TMF_ERROR_UNSUPPORTED_MEDIA_TYPE,
                                        "The body must be %s", tmf_media_list(route->media));

    if (route->method != M_PUT) {
        error->header = route->method == M_PATCH ? "Accept-Patch" : "Accept-Post";
        error->header_value = tmf_media_list(route->media);
    }
    return error;
}

static void answer_options(tmf_reply_t *reply, const tmf_match_t *match)
{
    reply->status = HTTP_NO_CONTENT;
    apr_table_setn(reply->headers, "Allow", match->allow);
    if (match->post != TMF_MEDIA_NONE) {
        apr_table_setn(reply->headers, "Accept-Post", tmf_media_list(match->post));
    }
    if (match->patch != TMF_MEDIA_NONE) {
        apr_table_setn(reply->headers, "Accept-Patch", tmf_media_list(match->patch));
    }
}

/* An input filter such as mod_deflate's takes the header away when it has decoded the body. */
static tmf_error_t *check_content_encoding(request_rec *r)
{
    const char *encoding = apr_table_get(r->headers_in, "Content-Encoding");

    if (encoding != NULL && strcasecmp(encoding, "identity") != 0) {
        return tmf_error_make(r->pool, TMF_ERROR_UNSUPPORTED_MEDIA_TYPE,
                              "The body must not have a Content-Encoding");
    }
    return NULL;
}

static tmf_error_t *read_body(request_rec *r, const tmf_route_t *route, tmf_request_t *request)
{
    if (route->media == TMF_MEDIA_NONE) {
        return NULL;
    }
    if (!tmf_media_is_readable(apr_table_get(r->headers_in, "Content-Type"), route->media,
                               &request->patch_format)) {
        return unsupported_media_type(r, route);
    }
    TMF_TRY(tmf_http_read_body(r, (apr_size_t)request->config->body_max, &request->body,
                               &request->body_length));
    return check_content_encoding(r);
}

/* What callers and proxies name a request by; it is repeated in events. One that could not stand in
 * a JSON document, or is very long, is none. */
static const char *correlation_id(request_rec *r)
{
    const char *id = apr_table_get(r->headers_in, "X-Correlation-ID");

    if (id == NULL) {
        id = apr_table_get(r->headers_in, "X-Request-ID");
    }
    return id != NULL && *id != '\0' && strlen(id) <= CORRELATION_ID_MAX &&
                   tmf_utf8_valid(id, strlen(id))
               ? id
               : NULL;
}

/* NULL where none is kept. */
static const tmf_history_config_t *history_of(request_rec *r)
{
    const tmf_history_config_t *history = &tmf_config_of_server(r->server)->history;

    return history->enabled ? history : NULL;
}

/* Browsers send Sec-Fetch-Site to origins that they trust (TLS, localhost); Origin comes with each
 * POST. */
static int is_cross_site(request_rec *r)
{
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    const char *origin = apr_table_get(r->headers_in, "Origin");
    const char *host = apr_table_get(r->headers_in, "Host");

    if (site != NULL) {
        return strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
    }
    if (origin == NULL) {
        return 0;
    }
    origin = ap_strstr_c(origin, "://");
    return origin == NULL || host == NULL || strcasecmp(origin + strlen("://"), host) != 0;
}

static void read_request(request_rec *r, const tmf_base_t *base, tmf_request_t *request)
{
    request->pool = r->pool;
    request->config = tmf_config_of_request(r);
    request->server = tmf_config_of_server(r->server);
    request->database = request->server->database;
    request->customers = request->server->customers;
    request->base_url = tmf_space_url(r, base, request->config);
    request->base_path = base->path;
    request->user = r->user;
    request->query = r->args;
    request->if_match = apr_table_get(r->headers_in, "If-Match");
    request->if_none_match = apr_table_get(r->headers_in, "If-None-Match");
    request->correlation_id = correlation_id(r);
    request->trace = *tmf_http_trace(r);
    request->history = history_of(r);
    request->targets = request->server->targets;
    request->hubs_max = request->server->hubs_max;
    request->idempotency_key = apr_table_get(r->headers_in, "Idempotency-Key");
    request->is_cross_site = base->handler == TMF_HANDLER_STATUS && r->method_number == M_POST &&
                             is_cross_site(r);
}

/* The log told why at the last start or restart. */
static tmf_error_t *no_database(request_rec *r)
{
    return tmf_error_make(r->pool, TMF_ERROR_DATABASE_UNAVAILABLE,
                          "This server has been given no database");
}

/* "Replies are text/html or application/json, …" */
static tmf_error_t *not_acceptable(request_rec *r, const tmf_route_t *route)
{
    const char *types = "";
    int i;

    for (i = 0; route->offers[i] != NULL; i++) {
        types = apr_pstrcat(
            r->pool, types, i > 0 ? " or " : "",
            apr_pstrmemdup(r->pool, route->offers[i], strcspn(route->offers[i], "; ")), NULL);
    }
    return tmf_error_make(r->pool, TMF_ERROR_NOT_ACCEPTABLE,
                          "Replies are %s, which Accept does not admit", types);
}

/* The story of a request: path, method, Accept, body, endpoint. */
static tmf_error_t *answer(request_rec *r, const tmf_base_t *base, const tmf_routes_t *routes,
                           tmf_reply_t *reply)
{
    tmf_request_t *request = apr_pcalloc(r->pool, sizeof(*request));
    tmf_match_t match;

    tmf_route_find(&match, routes, r->uri + base->length, r->method_number, history_of(r) != NULL,
                   r->pool);
    if (routes->handler == TMF_HANDLER_API) {
        tmf_count_begin(r, tmf_match_operation(&match));
    }
    if (match.allow == NULL) {
        return tmf_error_make(r->pool, TMF_ERROR_NOT_FOUND, "%s", routes->no_such_path);
    }
    if (r->method_number == M_OPTIONS) {
        answer_options(reply, &match);
        return NULL;
    }
    if (match.route == NULL) {
        return method_not_allowed(r, &match);
    }
    request->offer = tmf_media_choose(apr_table_get(r->headers_in, "Accept"), match.route->offers);
    if (request->offer < 0) {
        return not_acceptable(r, match.route);
    }
    read_request(r, base, request);
    if (request->database == NULL && !match.route->is_local) {
        return no_database(r);
    }
    request->id = match.id;
    reply->content_type = match.route->offers[request->offer];
    TMF_TRY(read_body(r, match.route, request));
    return match.route->handler(request, reply);
}

int tmf_http_serve(request_rec *r, const tmf_routes_t *routes)
{
    const tmf_base_t *base;
    tmf_error_t *error;
    tmf_reply_t reply = {0};

    if (r->handler == NULL || tmf_handler_named(r->handler) != routes->handler) {
        return DECLINED;
    }
    base = tmf_config_base_of(r->server, r->uri, routes->handler);
    if (base == NULL) {
        error = tmf_error_fault(r->pool, TMF_ERROR_INTERNAL, "TMF0041",
                                "The request could not be completed",
                                "SetHandler %s is in force outside a <Location>", r->handler);
        return tmf_reply_send_error(r, error);
    }
    reply.headers = apr_table_make(r->pool, 4);
    error = answer(r, base, routes, &reply);
    if (error == NULL) {
        return tmf_reply_send(r, &reply);
    }
    return error->status == AP_FILTER_ERROR ? AP_FILTER_ERROR : tmf_reply_send_error(r, error);
}

int tmf_http_handler(request_rec *r)
{
    return tmf_http_serve(r, &tmf_api_routes);
}
