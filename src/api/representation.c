/* SPDX-License-Identifier: Apache-2.0 */
#include "api/representation.h"

#include <stdio.h>
#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>

#include "api/precondition.h"
#include "model/customer.h"
#include "model/utf8.h"

/* Bytes: of a body with copies, and of documents that are inserted into it, and behind it. */
#define COPIED_BODY    (1024 * 1024)
#define LARGE_DOCUMENT 16384
#define SMALL_DOCUMENT 2048

/* RFC 3986 §2.3: unreserved characters stand for themselves. */
static int is_unreserved(unsigned char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

const char *tmf_representation_encode(const char *text, apr_pool_t *result_pool)
{
    static const char hex[] = "0123456789ABCDEF";
    char *encoded = apr_palloc(result_pool, 3 * strlen(text) + 1);
    char *at = encoded;

    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;

        if (is_unreserved(byte)) {
            *at++ = (char)byte;
        } else {
            *at++ = '%';
            *at++ = hex[byte >> 4];
            *at++ = hex[byte & 15];
        }
    }
    *at = '\0';
    return encoded;
}

const char *tmf_representation_href(const tmf_request_t *request, const char *id)
{
    return apr_pstrcat(request->pool, request->base_url, "/customer/",
                       tmf_representation_encode(id, request->pool), NULL);
}

static tmf_record_of_change_t record_of(const tmf_request_t *request, const char *operation)
{
    const tmf_history_config_t *history = &request->service->config->history;
    tmf_record_of_change_t record = {NULL, NULL, 0};

    if (history->enabled) {
        record.operation = operation;
        record.user = request->user != NULL ? tmf_utf8_escape(request->user, request->pool) : NULL;
        record.kept_for = history->kept_for;
    }
    return record;
}

tmf_customer_event_t tmf_representation_event(const tmf_request_t *request, const char *id,
                                              unsigned types, const char *operation)
{
    const tmf_customer_event_t event = {types,
                                        NULL,
                                        request->correlation_id,
                                        tmf_representation_href(request, id),
                                        request->trace,
                                        record_of(request, operation)};

    return event;
}

static tmf_projection_t projection_of(const tmf_request_t *request,
                                      const tmf_parameters_t *parameters)
{
    const tmf_projection_t projection = {
        parameters->fields,
        request->config->credit_profile == TMF_CREDIT_PROFILE_CURRENT ? "creditProfile" : NULL};

    return projection;
}

static int is_whole(const tmf_projection_t *projection)
{
    return projection->fields == NULL && projection->first_only == NULL;
}

/* `{"id":…,"href":…` */
static void append_identity(tmf_text_t *text, const tmf_request_t *request, const char *id)
{
    const char *href = tmf_representation_href(request, id);

    tmf_text_append_string(text, "{\"id\":");
    tmf_text_append_json(text, id, strlen(id));
    tmf_text_append_string(text, ",\"href\":");
    tmf_text_append_json(text, href, strlen(href));
}

void tmf_representation_append(tmf_text_t *text, const tmf_request_t *request,
                               const tmf_customer_t *customer, const tmf_parameters_t *parameters)
{
    const tmf_projection_t projection = projection_of(request, parameters);

    append_identity(text, request, customer->id);
    if (is_whole(&projection) && customer->doc_length > 2) {
        tmf_text_append(text, ",", 1);
        tmf_text_append(text, customer->doc + 1, customer->doc_length - 1);
    } else {
        tmf_fields_project(text, customer->doc, &projection);
        tmf_text_append(text, "}", 1);
    }
}

void tmf_representation_add_identity(tmf_json_t *document, const tmf_request_t *request,
                                     const char *id, apr_pool_t *result_pool)
{
    const char *href = tmf_representation_href(request, id);

    tmf_json_set(document, "id", tmf_json_string(id, strlen(id), result_pool));
    tmf_json_set(document, "href", tmf_json_string(href, strlen(href), result_pool));
}

static void insert(tmf_reply_t *reply, const char *data, apr_size_t length)
{
    const tmf_insert_t piece = {reply->body.length, data, length};

    if (reply->inserts == NULL) {
        reply->inserts = apr_array_make(reply->body.pool, 16, sizeof(tmf_insert_t));
    }
    APR_ARRAY_PUSH(reply->inserts, tmf_insert_t) = piece;
}

/* To copy is faster, but a page would be in memory twice: so only the beginning of a body, of
 * `length` bytes so far, has copies of what is not large. */
static int is_inserted(const tmf_request_t *request, const tmf_customer_t *customer,
                       const tmf_parameters_t *parameters, apr_size_t length)
{
    const tmf_projection_t projection = projection_of(request, parameters);

    return is_whole(&projection) &&
           customer->doc_length >= (length < COPIED_BODY ? LARGE_DOCUMENT : SMALL_DOCUMENT);
}

apr_size_t tmf_representation_room(const tmf_request_t *request, const tmf_customer_t *customer,
                                   const tmf_parameters_t *parameters, apr_size_t length)
{
    return 512 + (is_inserted(request, customer, parameters, length) ? 0 : customer->doc_length);
}

void tmf_representation_add(tmf_reply_t *reply, const tmf_request_t *request,
                            const tmf_customer_t *customer, const tmf_parameters_t *parameters)
{
    if (!is_inserted(request, customer, parameters, reply->body.length)) {
        tmf_representation_append(&reply->body, request, customer, parameters);
        return;
    }
    append_identity(&reply->body, request, customer->id);
    tmf_text_append(&reply->body, ",", 1);
    insert(reply, customer->doc + 1, customer->doc_length - 1);
}

void tmf_representation_reply(tmf_reply_t *reply, int status, const tmf_request_t *request,
                              const tmf_customer_t *customer, const tmf_parameters_t *parameters)
{
    reply->status = status;
    tmf_text_init(&reply->body, customer->doc_length + 512, request->pool);
    tmf_representation_append(&reply->body, request, customer, parameters);
    if (tmf_representation_is_full(parameters)) {
        apr_table_setn(reply->headers, "ETag", tmf_etag_make(customer->revision, request->pool));
    }
}

tmf_error_t *tmf_representation_parse(tmf_json_t **document, const tmf_customer_t *customer,
                                      apr_pool_t *result_pool)
{
    const tmf_json_limits_t limits = {10000, (apr_size_t)-1};
    tmf_error_t *error = tmf_json_parse(document, customer->doc, customer->doc_length, &limits,
                                        result_pool);

    if (error != NULL) {
        error = tmf_error_fault(result_pool, TMF_ERROR_INTERNAL, "TMF0030",
                                "The stored customer cannot be read",
                                "the document of customer %s: %s", customer->id, error->message);
    }
    return error;
}

static apr_size_t size_of(const tmf_json_t *document, apr_pool_t *pool)
{
    apr_size_t size;

    tmf_json_write(document, &size, pool);
    return size;
}

tmf_error_t *tmf_representation_write(const char **text, const tmf_json_t *document,
                                      const tmf_json_t *stored, const tmf_request_t *request)
{
    const apr_size_t most = (apr_size_t)tmf_space_document_max(request->config);
    apr_size_t size;

    *text = tmf_json_write(document, &size, request->pool);
    if (size <= most || (stored != NULL && size <= size_of(stored, request->pool))) {
        return NULL;
    }
    return tmf_error_make(request->pool, TMF_ERROR_DOCUMENT_TOO_LARGE,
                          "The customer would have %" APR_SIZE_T_FMT
                          " bytes, and this server accepts %" APR_SIZE_T_FMT " at most",
                          size, most);
}

int tmf_representation_is_full(const tmf_parameters_t *parameters)
{
    return parameters->fields == NULL && parameters->filter->children->nelts == 0;
}

tmf_error_t *tmf_representation_parameters(tmf_parameters_t **parameters,
                                           const tmf_request_t *request)
{
    const char *other;

    TMF_TRY(tmf_parameters_parse(parameters, request->query, NULL, request->pool));
    other = (*parameters)->has_limit ? "limit" : (*parameters)->other;
    other = (*parameters)->has_offset ? "offset" : other;
    if (other != NULL) {
        return tmf_error_make(request->pool, TMF_ERROR_INVALID_PARAMETER,
                              "This request takes the parameter fields, and not \"%s\"", other);
    }
    return NULL;
}

tmf_error_t *tmf_representation_not_found(const tmf_request_t *request)
{
    return tmf_error_make(request->pool, TMF_ERROR_NOT_FOUND, "There is no customer with the id %s",
                          tmf_representation_encode(request->id, request->pool));
}

tmf_error_t *tmf_representation_check_id(const tmf_request_t *request)
{
    apr_size_t length = strlen(request->id);

    return length <= TMF_CUSTOMER_ID_MAX && tmf_utf8_valid(request->id, length)
               ? NULL
               : tmf_representation_not_found(request);
}
