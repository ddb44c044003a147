/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors in our URL space that never reach our handler (401 and 403 of an auth module, a malformed
 * request, a limit of httpd) come as HTML, or as the administrator's ErrorDocument. This output
 * filter puts the TMF Error body in its place; status and headers such as WWW-Authenticate stay.
 * Requests whose path cannot be known are those of our space, too, where their host has one.
 */
#include "http/http.h"

#include <http_protocol.h>
#include <util_filter.h>

#define FILTER_NAME "TMF_CUSTOMER_ERROR"

static ap_filter_rec_t *filter_record;

/* The body is replaced, so what describes the old one goes. The Content-Range of a 416 describes
 * what was asked for (RFC 9110 §15.5.17). */
static void replace_entity_headers(request_rec *r)
{
    static const char *const gone[] = {
        "Content-Length", "Content-Encoding", "Content-Language", "Accept-Ranges",
        "ETag",           "Last-Modified"};
    apr_size_t i;

    for (i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
        apr_table_unset(r->headers_out, gone[i]);
        apr_table_unset(r->err_headers_out, gone[i]);
    }
    if (r->status != HTTP_RANGE_NOT_SATISFIABLE) {
        apr_table_unset(r->headers_out, "Content-Range");
        apr_table_unset(r->err_headers_out, "Content-Range");
    }
    r->content_encoding = NULL;
    r->content_languages = NULL;
    ap_set_content_type(r, TMF_CONTENT_TYPE);
    tmf_reply_set_headers(r);
}

static apr_bucket *error_bucket(request_rec *r, apr_bucket_alloc_t *allocator)
{
    tmf_text_t body;

    tmf_text_init(&body, 512, r->pool);
    tmf_reply_write_error(&body, tmf_error_from_status(r->pool, r->status));
    return apr_bucket_pool_create(body.data, body.length, r->pool, allocator);
}

static void drop_data(apr_bucket_brigade *brigade)
{
    apr_bucket *bucket = APR_BRIGADE_FIRST(brigade);

    while (bucket != APR_BRIGADE_SENTINEL(brigade)) {
        apr_bucket *next = APR_BUCKET_NEXT(bucket);

        if (!APR_BUCKET_IS_METADATA(bucket)) {
            apr_bucket_delete(bucket);
        }
        bucket = next;
    }
}

/* f->ctx is set once our body has been inserted. */
static apr_status_t filter(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    request_rec *r = f->r;

    if (!ap_is_HTTP_ERROR(r->status)) {
        ap_remove_output_filter(f);
        return ap_pass_brigade(f->next, brigade);
    }
    drop_data(brigade);
    if (f->ctx == NULL) {
        f->ctx = r;
        replace_entity_headers(r);
        if (!AP_STATUS_IS_HEADER_ONLY(r->status)) {
            APR_BRIGADE_INSERT_HEAD(brigade, error_bucket(r, brigade->bucket_alloc));
        }
    }
    return APR_BRIGADE_EMPTY(brigade) ? APR_SUCCESS : ap_pass_brigade(f->next, brigade);
}

void tmf_error_filter_register(void)
{
    filter_record = ap_register_output_filter(FILTER_NAME, filter, NULL, AP_FTYPE_RESOURCE);
}

void tmf_error_filter_insert(request_rec *r)
{
    if (tmf_space_has_error(r)) {
        ap_add_output_filter_handle(filter_record, NULL, r, r->connection);
    }
}

void tmf_error_filter_insert_for_document(request_rec *r)
{
    if (r->prev != NULL && ap_is_HTTP_ERROR(r->prev->status) && tmf_space_has_error(r->prev)) {
        r->status = r->prev->status;
        ap_add_output_filter_handle(filter_record, NULL, r, r->connection);
    }
}
