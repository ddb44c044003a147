/* SPDX-License-Identifier: Apache-2.0 */
/* GET B/customer/{id}/history */
#include "api/api.h"

#include <string.h>

#include <apr_strings.h>

#include "api/page.h"
#include "api/representation.h"
#include "query/conditions.h"
#include "store/customer_store.h"

/* limit, offset and cursor, and nothing else. */
static tmf_error_t *check_names(const tmf_request_t *request)
{
    static const char *const known[] = {"limit", "offset", "cursor"};
    const tmf_reading_t reading = {TMF_ERROR_INVALID_PARAMETER, NULL, 0, 0, request->pool};
    tmf_raw_t rest = {request->query, request->query != NULL ? strlen(request->query) : 0};

    while (rest.length > 0) {
        const tmf_raw_t piece = tmf_raw_cut(&rest, '&');
        const char *name;
        int i = 0;

        if (piece.length == 0) {
            continue;
        }
        TMF_TRY(tmf_raw_decode_name(&name, tmf_condition_split(piece).name, &reading));
        while (i < 3 && strcmp(name, known[i]) != 0) {
            i++;
        }
        if (i == 3) {
            return tmf_error_make(request->pool, TMF_ERROR_INVALID_PARAMETER,
                                  "A history takes the parameters limit, offset and cursor, and "
                                  "not \"%s\"",
                                  name);
        }
    }
    return NULL;
}

/* The order has a name, so that the cursors of other lists are refused. */
static tmf_error_t *read_parameters(tmf_parameters_t **parameters, const tmf_request_t *request)
{
    static const char *names[] = {"history"};
    const tmf_sort_key_t newest_first = {{names, 1, NULL}, 1};

    TMF_TRY(check_names(request));
    TMF_TRY(tmf_parameters_parse(parameters, request->query, NULL, request->pool));
    APR_ARRAY_PUSH((*parameters)->sort, tmf_sort_key_t) = newest_first;
    return tmf_page_check(*parameters, request->pool);
}

/* The key of a cursor is one number. */
static int is_key(const tmf_cursor_t *cursor)
{
    const char *place = cursor->count == 1 ? cursor->key[0] : NULL;
    apr_size_t length = place != NULL ? strlen(place) : 0;

    return length > 0 && length <= 18 && strspn(place, "0123456789") == length;
}

static tmf_error_t *select_page(tmf_history_selection_t *selection, tmf_cursor_t *cursor,
                                const tmf_request_t *request, const tmf_parameters_t *parameters)
{
    selection->id = request->id;
    selection->kept_for = request->service->config->history.kept_for;
    selection->limit = tmf_page_size(request->config, parameters);
    selection->offset = parameters->offset;
    cursor->position = parameters->offset;
    if (parameters->cursor == NULL) {
        return NULL;
    }
    TMF_TRY(tmf_cursor_read(cursor, parameters->cursor, parameters->sort, request->pool));
    if (!is_key(cursor)) {
        return tmf_error_make(request->pool, TMF_ERROR_INVALID_PARAMETER,
                              "cursor is none that this server has given");
    }
    selection->after = cursor->key[0];
    selection->backward = cursor->backward;
    return NULL;
}

static tmf_error_t *read_page(const tmf_history_row_t **rows, tmf_customer_page_t *page,
                              const tmf_request_t *request,
                              const tmf_history_selection_t *selection)
{
    int is_known;

    TMF_TRY(tmf_customer_store_history(request->service->customers, selection, rows, page,
                                       &is_known, request->pool));
    return is_known ? NULL : tmf_representation_not_found(request);
}

static void add_row(tmf_reply_t *reply, const tmf_request_t *request, const tmf_history_row_t *row,
                    const tmf_parameters_t *parameters)
{
    tmf_text_append_format(&reply->body, "{\"revision\":%" APR_INT64_T_FMT, row->revision);
    tmf_text_append_member(&reply->body, ",\"time\":", row->time);
    tmf_text_append_member(&reply->body, ",\"user\":", row->user);
    tmf_text_append_member(&reply->body, ",\"correlationId\":", row->correlation_id);
    tmf_text_append_member(&reply->body, ",\"operation\":", row->operation);
    tmf_text_append_string(&reply->body, ",\"before\":");
    if (row->before.doc != NULL) {
        tmf_representation_add(reply, request, &row->before, parameters);
    } else {
        tmf_text_append_string(&reply->body, "null");
    }
    tmf_text_append_string(&reply->body, "}");
}

static void write_rows(tmf_reply_t *reply, const tmf_history_row_t *rows, int count,
                       const tmf_request_t *request, const tmf_parameters_t *parameters)
{
    apr_size_t room = 2;
    int i;

    for (i = 0; i < count; i++) {
        room += 512 + (rows[i].before.doc != NULL
                           ? tmf_representation_room(request, &rows[i].before, parameters, room)
                           : 0);
    }
    tmf_text_init(&reply->body, room, request->pool);
    tmf_text_append(&reply->body, "[", 1);
    for (i = 0; i < count; i++) {
        tmf_text_append(&reply->body, ",", i > 0);
        add_row(reply, request, &rows[i], parameters);
    }
    tmf_text_append(&reply->body, "]", 1);
}

tmf_error_t *tmf_api_customer_history(const tmf_request_t *request, tmf_reply_t *reply)
{
    tmf_history_selection_t selection = {0};
    tmf_cursor_t cursor = {0, 0, 0, NULL};
    const tmf_history_row_t *rows;
    tmf_parameters_t *parameters;
    tmf_customer_page_t page;
    tmf_page_start_t start;
    tmf_place_t place;

    TMF_TRY(tmf_representation_check_id(request));
    TMF_TRY(read_parameters(&parameters, request));
    TMF_TRY(select_page(&selection, &cursor, request, parameters));
    TMF_TRY(read_page(&rows, &page, request, &selection));
    start.by_key = selection.after != NULL;
    start.backward = selection.backward;
    start.offset = selection.offset;
    start.position = cursor.position;
    start.size = selection.limit;
    place = tmf_page_place(&page, &start);
    tmf_page_describe(reply, request, parameters, &place, 1);
    write_rows(reply, rows, page.count, request, parameters);
    return NULL;
}
