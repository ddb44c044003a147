/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include <string.h>

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <util_filter.h>

APLOG_USE_MODULE(tmf_customer);

static int copy_header(void *headers, const char *name, const char *value)
{
    apr_table_setn(headers, name, value);
    return 1;
}

void tmf_reply_set_headers(request_rec *r)
{
    apr_table_setn(r->headers_out, "Accept-Ranges", "none");
    apr_table_setn(r->headers_out, "Cache-Control",
                   r->user != NULL ? "no-cache, private" : "no-cache");
}

static void add_bytes(apr_bucket_brigade *brigade, const char *data, apr_size_t length,
                      request_rec *r)
{
    if (length > 0) {
        APR_BRIGADE_INSERT_TAIL(
            brigade, apr_bucket_pool_create(data, length, r->pool, brigade->bucket_alloc));
    }
}

/* The body with its inserts: nothing is copied, and all of it lives as long as the request. */
static void add_body(apr_bucket_brigade *brigade, const tmf_text_t *body,
                     const apr_array_header_t *inserts, request_rec *r)
{
    apr_off_t length = (apr_off_t)body->length;
    apr_size_t from = 0;
    int i;

    for (i = 0; inserts != NULL && i < inserts->nelts; i++) {
        const tmf_insert_t *piece = &APR_ARRAY_IDX(inserts, i, tmf_insert_t);

        add_bytes(brigade, body->data + from, piece->at - from, r);
        add_bytes(brigade, piece->data, piece->length, r);
        from = piece->at;
        length += (apr_off_t)piece->length;
    }
    add_bytes(brigade, body->data + from, body->length - from, r);
    ap_set_content_length(r, length);
}

/* Hands the whole body to the output filters, but for the one that would send the Range of it that
 * a client asked for: also of the reply to a change, which has happened by now. */
static int send_body(request_rec *r, const char *content_type, const tmf_text_t *body,
                     const apr_array_header_t *inserts)
{
    apr_bucket_alloc_t *allocator = r->connection->bucket_alloc;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, allocator);
    apr_status_t status;

    ap_remove_output_filter_byhandle(r->output_filters, "BYTERANGE");
    if (body->length > 0) {
        ap_set_content_type(r, content_type);
        add_body(brigade, body, inserts, r);
    }
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(allocator));
    status = ap_pass_brigade(r->output_filters, brigade);
    if (status != APR_SUCCESS && !r->connection->aborted) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, status, r, "TMF0040: the reply could not be sent");
    }
    return OK; /* the reply is on its way, or the client is gone: either way it is answered */
}

int tmf_reply_send(request_rec *r, const tmf_reply_t *reply)
{
    r->status = reply->status;
    tmf_reply_set_headers(r);
    apr_table_do(copy_header, r->headers_out, reply->headers, NULL);
    return send_body(r, reply->content_type != NULL ? reply->content_type : TMF_CONTENT_TYPE,
                     &reply->body, reply->inserts);
}

void tmf_reply_write_error(tmf_text_t *text, const tmf_error_t *error)
{
    char status[12];

    apr_snprintf(status, sizeof(status), "%d", error->status);
    tmf_text_append_member(text, "{\"code\":", error->code);
    tmf_text_append_member(text, ",\"reason\":", error->reason);
    tmf_text_append_member(text, ",\"message\":", tmf_error_text(error, text->pool));
    tmf_text_append_member(text, ",\"status\":", status);
    tmf_text_append_string(text, ",\"@type\":\"Error\"}");
}

/* httpd reads what is left of a body before the next request of the connection. It need not wait
 * for one that was announced but not sent, nor for one of any length. */
static void close_if_body_is_unread(request_rec *r)
{
    if (r->expecting_100 || apr_table_get(r->headers_in, "Transfer-Encoding") != NULL) {
        r->connection->keepalive = AP_CONN_CLOSE;
    }
}

/* The path for the log: what stands behind the collection is a client's choice, and can be
 * personal, as an id that is an e-mail address. */
static const char *path_without_ids(request_rec *r)
{
    const tmf_base_t *base = tmf_config_base_of(r->server, r->uri, TMF_HANDLER_NONE);
    const char *end = r->uri + (base != NULL ? base->length : 0);

    end += strspn(end, "/");
    end += strcspn(end, "/");
    return *end == '\0'
               ? r->uri
               : apr_pstrcat(r->pool, apr_pstrmemdup(r->pool, r->uri, end - r->uri), "/...", NULL);
}

int tmf_reply_send_error(request_rec *r, const tmf_error_t *error)
{
    tmf_text_t body;

    if (error->cause != NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "%s: %s %s: %s", error->tag, r->method,
                      path_without_ids(r), error->cause);
    }
    close_if_body_is_unread(r);
    r->status = error->status;
    tmf_reply_set_headers(r);
    if (error->header != NULL) {
        apr_table_setn(r->headers_out, error->header, error->header_value);
    }
    if (error->retry_after > 0) {
        apr_table_setn(r->headers_out, "Retry-After", apr_itoa(r->pool, error->retry_after));
    }
    tmf_text_init(&body, 512, r->pool);
    tmf_reply_write_error(&body, error);
    return send_body(r, TMF_CONTENT_TYPE, &body, NULL);
}
