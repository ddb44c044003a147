/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>

#define READ_SIZE 65536 /* bytes asked of the input filters at a time */

static tmf_error_t *too_large(request_rec *r, apr_size_t limit)
{
    return tmf_error_make(
        r->pool, TMF_ERROR_BODY_TOO_LARGE,
        "The body has more than the %" APR_SIZE_T_FMT " bytes that this server accepts", limit);
}

/* What stopped the input filters. httpd's status is kept: 408, 413 and others tell themselves
 * apart. */
static tmf_error_t *read_failed(request_rec *r, apr_status_t status, apr_size_t limit)
{
    int http_status = ap_map_http_request_error(status, HTTP_BAD_REQUEST);
    tmf_error_t *error;

    if (http_status == HTTP_BAD_REQUEST) {
        return tmf_error_make(r->pool, TMF_ERROR_BAD_REQUEST,
                              "The body ended early, or its chunks are malformed");
    }
    if (http_status == HTTP_REQUEST_ENTITY_TOO_LARGE) {
        return too_large(r, limit);
    }
    error = tmf_error_from_status(r->pool, http_status);
    return error;
}

static int declares_more_than(request_rec *r, apr_size_t limit)
{
    const char *declared = apr_table_get(r->headers_in, "Content-Length");
    apr_off_t length;

    return declared != NULL && ap_parse_strict_length(&length, declared) &&
           length > (apr_off_t)limit;
}

/* Moves what a brigade holds into `text`. `*ended`: there is no more. */
static apr_status_t take_brigade(apr_bucket_brigade *brigade, tmf_text_t *text, apr_size_t limit,
                                 int *ended)
{
    apr_bucket *bucket;

    for (bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        const char *data;
        apr_size_t length;
        apr_status_t status;

        if (APR_BUCKET_IS_EOS(bucket)) {
            *ended = 1;
            return APR_SUCCESS;
        }
        if (APR_BUCKET_IS_METADATA(bucket)) {
            continue;
        }
        status = apr_bucket_read(bucket, &data, &length, APR_BLOCK_READ);
        if (status != APR_SUCCESS) {
            return status;
        }
        if (length > limit - text->length) {
            return APR_ENOSPC;
        }
        tmf_text_append(text, data, length);
    }
    return APR_SUCCESS;
}

tmf_error_t *tmf_http_read_body(request_rec *r, apr_size_t limit, const char **body,
                                apr_size_t *length)
{
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_status_t status = APR_SUCCESS;
    tmf_text_t text;
    int ended = 0;

    if (declares_more_than(r, limit)) {
        return too_large(r, limit);
    }
    tmf_text_init(&text, 4096, r->pool);
    while (!ended && status == APR_SUCCESS) {
        status = ap_get_brigade(r->input_filters, brigade, AP_MODE_READBYTES, APR_BLOCK_READ,
                                READ_SIZE);
        if (status == APR_SUCCESS) {
            status = take_brigade(brigade, &text, limit, &ended);
        }
        apr_brigade_cleanup(brigade);
    }
    if (status != APR_SUCCESS) {
        return status == APR_ENOSPC ? too_large(r, limit) : read_failed(r, status, limit);
    }
    tmf_text_append(&text, "", 1);
    *body = text.data;
    *length = text.length - 1;
    return NULL;
}
