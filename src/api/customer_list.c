/* SPDX-License-Identifier: Apache-2.0 */
/* GET B/customer */
#include "api/api.h"

#include "api/customer_order.h"
#include "api/page.h"
#include "api/representation.h"
#include "model/customer_schema.h"

static tmf_error_t *read_parameters(tmf_parameters_t **parameters, const tmf_request_t *request)
{
    TMF_TRY(
        tmf_parameters_parse(parameters, request->query, tmf_customer_attributes, request->pool));
    return tmf_page_check(*parameters, request->pool);
}

/* Where the page begins: at an offset, or at the place of a cursor. One whose key was too long to
 * be written has a position only. */
static tmf_error_t *find_place(tmf_customer_selection_t *selection, tmf_cursor_t *cursor,
                               const tmf_request_t *request, const tmf_parameters_t *parameters)
{
    selection->offset = parameters->offset;
    selection->after = NULL;
    selection->backward = 0;
    cursor->position = parameters->offset;
    if (parameters->cursor == NULL) {
        return NULL;
    }
    TMF_TRY(tmf_cursor_read(cursor, parameters->cursor, parameters->sort, request->pool));
    if (cursor->count > 0) {
        selection->after = cursor->key;
        selection->backward = cursor->backward;
        return tmf_customer_order_accepts(selection, cursor->key, cursor->count)
                   ? NULL
                   : tmf_error_make(request->pool, TMF_ERROR_INVALID_PARAMETER,
                                    "cursor is none that this server has given");
    }
    if (cursor->backward) {
        selection->limit = selection->limit < cursor->position ? selection->limit
                                                               : cursor->position;
        cursor->position -= selection->limit;
    }
    selection->offset = cursor->position;
    return NULL;
}

static tmf_error_t *select_page(tmf_customer_selection_t *selection, tmf_cursor_t *cursor,
                                const tmf_request_t *request, const tmf_parameters_t *parameters)
{
    tmf_sql_t sql;

    tmf_sql_init(&sql, request->pool);
    tmf_customer_condition(selection, parameters, request->base_url, &sql);
    tmf_customer_order(selection, parameters->sort, &sql);
    selection->parameters = sql.parameters;
    selection->limit = tmf_page_size(request->config, parameters);
    return find_place(selection, cursor, request, parameters);
}

/* What the database refuses stands in the query: a list has no body. */
static tmf_error_t *about_query(tmf_error_t *error, const tmf_parameters_t *parameters,
                                apr_pool_t *pool)
{
    return error != NULL && tmf_error_is(error, TMF_ERROR_TOO_LARGE_TO_STORE)
               ? tmf_error_make(pool, TMF_ERROR_INVALID_PARAMETER,
                                "A value of the query is too large for the database")
               : tmf_filter_about_patterns(error, parameters->filter, pool);
}

static tmf_error_t *read_once(tmf_customer_page_t *page, const tmf_request_t *request,
                              const tmf_customer_selection_t *selection,
                              const tmf_parameters_t *parameters)
{
    int own_parameters = selection->parameters->nelts;
    tmf_error_t *error = tmf_customer_store_list(request->service->customers, selection, page,
                                                 request->pool);

    selection->parameters->nelts = own_parameters;
    return about_query(error, parameters, request->pool);
}

/* A page that is to end at a position, and became too large before it got there, begins later:
 * nobody who walks backward may miss what stands before the position. */
static tmf_error_t *read_page(tmf_customer_page_t *page, const tmf_request_t *request,
                              tmf_customer_selection_t *selection, tmf_cursor_t *cursor,
                              const tmf_parameters_t *parameters)
{
    int is_before_position = cursor->backward && selection->after == NULL;

    TMF_TRY(read_once(page, request, selection, parameters));
    while (is_before_position && page->more && page->count < selection->limit) {
        selection->offset += selection->limit - page->count;
        selection->limit = page->count;
        cursor->position = selection->offset;
        TMF_TRY(read_once(page, request, selection, parameters));
    }
    return NULL;
}

static void write_page(tmf_reply_t *reply, const tmf_customer_page_t *page,
                       const tmf_request_t *request, const tmf_parameters_t *parameters)
{
    apr_size_t room = 2;
    int i;

    for (i = 0; i < page->count; i++) {
        room += tmf_representation_room(request, &page->customers[i], parameters, room);
    }
    tmf_text_init(&reply->body, room, request->pool);
    tmf_text_append(&reply->body, "[", 1);
    for (i = 0; i < page->count; i++) {
        if (i > 0) {
            tmf_text_append(&reply->body, ",", 1);
        }
        tmf_representation_add(reply, request, &page->customers[i], parameters);
    }
    tmf_text_append(&reply->body, "]", 1);
}

tmf_error_t *tmf_api_customer_list(const tmf_request_t *request, tmf_reply_t *reply)
{
    tmf_customer_selection_t selection;
    tmf_cursor_t cursor = {0, 0, 0, NULL};
    tmf_parameters_t *parameters;
    tmf_customer_page_t page;
    tmf_page_start_t start;
    tmf_place_t place;

    TMF_TRY(read_parameters(&parameters, request));
    TMF_TRY(select_page(&selection, &cursor, request, parameters));
    TMF_TRY(read_page(&page, request, &selection, &cursor, parameters));
    start.by_key = selection.after != NULL;
    start.backward = selection.backward;
    start.offset = selection.offset;
    start.position = cursor.position;
    start.size = tmf_page_size(request->config, parameters);
    place = tmf_page_place(&page, &start);
    tmf_page_describe(reply, request, parameters, &place, selection.order_count);
    write_page(reply, &page, request, parameters);
    return NULL;
}
