/* SPDX-License-Identifier: Apache-2.0 */
/* GET B/customer */
#include "api/api.h"

#include <apr_strings.h>

#include "api/representation.h"

static tmf_error_t *read_parameters(tmf_parameters_t **parameters, const tmf_request_t *request)
{
    TMF_TRY(tmf_parameters_parse(parameters, request->query, request->pool));
    if ((*parameters)->other != NULL) {
        return tmf_error_make(request->pool, TMF_ERROR_NOT_IMPLEMENTED,
                              "Filters, sort and cursor are not supported yet: \"%s\"",
                              (*parameters)->other);
    }
    return NULL;
}

static apr_int64_t page_size(const tmf_space_config_t *config, const tmf_parameters_t *parameters)
{
    apr_int64_t size = parameters->has_limit ? parameters->limit : config->page_size;

    return size < config->page_size_max ? size : config->page_size_max;
}

static tmf_error_t *read_page(tmf_customer_page_t *page, const tmf_request_t *request,
                              const tmf_parameters_t *parameters)
{
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, request->database, request->pool));
    error = tmf_customer_store_list(db, page_size(request->config, parameters), parameters->offset,
                                    page, request->pool);
    tmf_db_give_back(db);
    return error;
}

static void write_page(tmf_text_t *body, const tmf_customer_page_t *page,
                       const tmf_request_t *request, const tmf_parameters_t *parameters)
{
    apr_size_t size = 2;
    int i;

    for (i = 0; i < page->count; i++) {
        size += page->customers[i].doc_length + 512;
    }
    tmf_text_init(body, size, request->pool);
    tmf_text_append(body, "[", 1);
    for (i = 0; i < page->count; i++) {
        if (i > 0) {
            tmf_text_append(body, ",", 1);
        }
        tmf_representation_append(body, request, &page->customers[i], parameters);
    }
    tmf_text_append(body, "]", 1);
}

/* Contract §5: 206 only when the client asked for a page and got a part of what there is. */
static int is_partial(const tmf_customer_page_t *page, const tmf_request_t *request,
                      const tmf_parameters_t *parameters)
{
    return (parameters->has_limit || parameters->has_offset) && request->config->partial_content &&
           page->count > 0 && page->count < page->total;
}

tmf_error_t *tmf_api_customer_list(const tmf_request_t *request, tmf_reply_t *reply)
{
    tmf_parameters_t *parameters;
    tmf_customer_page_t page;

    TMF_TRY(read_parameters(&parameters, request));
    TMF_TRY(read_page(&page, request, parameters));
    reply->status = is_partial(&page, request, parameters) ? 206 : 200;
    apr_table_setn(reply->headers, "X-Total-Count",
                   apr_psprintf(request->pool, "%" APR_INT64_T_FMT, page.total));
    apr_table_setn(reply->headers, "X-Result-Count", apr_itoa(request->pool, page.count));
    write_page(&reply->body, &page, request, parameters);
    return NULL;
}
