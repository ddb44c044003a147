/* SPDX-License-Identifier: Apache-2.0 */
#include "api/page.h"

#include <apr_strings.h>

apr_int64_t tmf_page_size(const tmf_space_config_t *config, const tmf_parameters_t *parameters)
{
    apr_int64_t size = parameters->has_limit ? parameters->limit : config->page_size;

    return size < config->page_size_max ? size : config->page_size_max;
}

tmf_error_t *tmf_page_check(const tmf_parameters_t *parameters, apr_pool_t *pool)
{
    return parameters->cursor != NULL && parameters->has_offset
               ? tmf_error_make(pool, TMF_ERROR_INVALID_PARAMETER,
                                "cursor and offset exclude each other")
               : NULL;
}

/* A page by offset knows its neighbours from the total; one by cursor has come from one of them,
 * and has looked for the other. */
tmf_place_t tmf_page_place(const tmf_customer_page_t *page, const tmf_page_start_t *start)
{
    tmf_place_t place = {page, start->size, start->position, 0, 0};

    if (!start->by_key) {
        place.has_previous = start->offset > 0;
        place.has_next = start->offset + page->count < page->total;
    } else {
        place.has_previous = !start->backward || page->more;
        place.has_next = start->backward || page->more;
        if (start->backward) {
            place.position -= place.position < page->count ? place.position : page->count;
        }
    }
    return place;
}

/* src/api/README.md §5: 206 only when the client asked for a page and got a part of what there is.
 */
static int is_partial(const tmf_customer_page_t *page, const tmf_request_t *request,
                      const tmf_parameters_t *parameters)
{
    return (parameters->has_limit || parameters->has_offset) && request->config->partial_content &&
           page->count > 0 && page->count < page->total;
}

void tmf_page_describe(tmf_reply_t *reply, const tmf_request_t *request,
                       const tmf_parameters_t *parameters, const tmf_place_t *place, int key_length)
{
    reply->status = is_partial(place->page, request, parameters) ? 206 : 200;
    apr_table_setn(reply->headers, "X-Total-Count",
                   apr_psprintf(request->pool, "%" APR_INT64_T_FMT, place->page->total));
    apr_table_setn(reply->headers, "X-Result-Count", apr_itoa(request->pool, place->page->count));
    apr_table_setn(reply->headers, "Link", tmf_link_header(request, parameters, place, key_length));
}
