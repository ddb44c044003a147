/* SPDX-License-Identifier: Apache-2.0 */
/* GET S/listeners/{id}/deliveries */
#include <string.h>

#include <apr_strings.h>

#include "api/page.h"
#include "query/raw.h"
#include "status/listeners.h"

#define KEY_LENGTH 1                   /* values in a cursor's key */
#define OFFSET_MAX (APR_INT64_MAX / 2) /* the database adds a page to it */

/* What a request asks for. */
typedef struct {
    tmf_delivery_selection_t selection;
    tmf_parameters_t *parameters; /* limit, offset and cursor */
    tmf_cursor_t cursor;
    const char *state; /* NULL = both */
} question_t;

static tmf_error_t *read_state(question_t *question, tmf_raw_t value, const tmf_reading_t *reading)
{
    if (question->state != NULL) {
        return tmf_reading_refuse(reading, "state is given more than once");
    }
    TMF_TRY(tmf_raw_decode_value(&question->state, value, reading));
    return strcmp(question->state, "pending") == 0 || strcmp(question->state, "dead") == 0
               ? NULL
               : tmf_reading_refuse(reading, "state must be pending or dead");
}

static int is_of_pages(const char *name)
{
    return strcmp(name, "limit") == 0 || strcmp(name, "offset") == 0 || strcmp(name, "cursor") == 0;
}

/* Reads state here; what is about pages is read as the API does. */
static tmf_error_t *read_parameters(question_t *question, const tmf_request_t *request)
{
    const tmf_reading_t reading = {TMF_ERROR_INVALID_PARAMETER, NULL, 0, 0, request->pool};
    tmf_raw_t rest = {request->query != NULL ? request->query : "",
                      request->query != NULL ? strlen(request->query) : 0};
    const char *pages = "";

    while (rest.length > 0) {
        tmf_raw_t piece = tmf_raw_cut(&rest, '&');
        tmf_raw_t value = piece;
        const char *name;

        if (piece.length == 0) {
            continue;
        }
        TMF_TRY(tmf_raw_decode_name(&name, tmf_raw_cut(&value, '='), &reading));
        if (strcmp(name, "state") == 0) {
            TMF_TRY(read_state(question, value, &reading));
        } else if (is_of_pages(name)) {
            pages = apr_pstrcat(request->pool, pages, "&",
                                apr_pstrmemdup(request->pool, piece.data, piece.length), NULL);
        } else {
            return tmf_reading_refuse(
                &reading,
                "deliveries are asked for with state, limit, offset and cursor; "
                "there is no parameter %s",
                name);
        }
    }
    return tmf_parameters_parse(&question->parameters, pages, NULL, request->pool);
}

static tmf_error_t *find_place(question_t *question, const tmf_request_t *request)
{
    const tmf_parameters_t *parameters = question->parameters;
    tmf_delivery_selection_t *selection = &question->selection;
    tmf_cursor_t *cursor = &question->cursor;
    const char *key;

    if (parameters->cursor == NULL) {
        selection->offset = parameters->offset < OFFSET_MAX ? parameters->offset : OFFSET_MAX;
        cursor->position = selection->offset;
        return NULL;
    }
    TMF_TRY(tmf_cursor_read(cursor, parameters->cursor, parameters->sort, request->pool));
    key = cursor->count == KEY_LENGTH ? cursor->key[0] : NULL;
    if (key == NULL || *key == '\0' || strlen(key) > 18 ||
        strspn(key, "0123456789") != strlen(key)) {
        return tmf_error_make(request->pool, TMF_ERROR_INVALID_PARAMETER,
                              "cursor is none that this server has given");
    }
    selection->after = key;
    selection->backward = cursor->backward;
    return NULL;
}

static tmf_error_t *read_question(question_t *question, const tmf_request_t *request)
{
    tmf_delivery_selection_t *selection = &question->selection;

    memset(question, 0, sizeof(*question));
    TMF_TRY(read_parameters(question, request));
    selection->hub_id = request->id;
    selection->pending = question->state == NULL || strcmp(question->state, "pending") == 0;
    selection->dead = question->state == NULL || strcmp(question->state, "dead") == 0;
    selection->limit = tmf_page_size(request->config, question->parameters);
    TMF_TRY(tmf_page_check(question->parameters, request->pool));
    return find_place(question, request);
}

static tmf_error_t *read_page(tmf_delivery_page_t *page, const question_t *question,
                              const tmf_request_t *request)
{
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, request->service->database, request->pool));
    error = tmf_listener_store_deliveries(db, &question->selection, page, request->pool);
    tmf_db_give_back(db);
    TMF_TRY(error);
    return page->is_known ? NULL : tmf_listener_not_found(request);
}

static const char *link_header(const tmf_delivery_page_t *page, const question_t *question,
                               const tmf_request_t *request)
{
    const tmf_delivery_selection_t *selection = &question->selection;
    const char *first = page->count > 0 ? page->rows[0].key : NULL;
    const char *last = page->count > 0 ? page->rows[page->count - 1].key : NULL;
    const tmf_customer_page_t known = {
        .total = page->total, .count = page->count, .first_key = &first, .last_key = &last};
    tmf_place_t place = {&known, selection->limit, question->cursor.position, 0, 0};

    if (selection->backward) {
        place.has_previous = page->more;
        place.has_next = 1;
        place.position -= place.position < page->count ? place.position : page->count;
    } else {
        place.has_previous = selection->after != NULL || selection->offset > 0;
        place.has_next = page->more;
    }
    return tmf_link_header(request, question->parameters, &place, KEY_LENGTH);
}

static void append_delivery(tmf_text_t *text, const tmf_delivery_row_t *row)
{
    tmf_text_append_member(text, "{\"eventId\":", row->event_id);
    tmf_text_append_member(text, ",\"eventType\":", row->type);
    tmf_text_append_member(text, ",\"eventTime\":", row->at);
    tmf_text_append_member(text, ",\"customerId\":", row->customer_id);
    tmf_text_append_member(text, ",\"state\":", row->state);
    tmf_text_append_member(text, ",\"since\":", row->since);
    tmf_member_number(text, ",\"attempts\":", row->attempts);
    tmf_text_append_member(text, ",\"nextAttempt\":", row->next_attempt);
    tmf_text_append_member(text, ",\"error\":", row->error);
    tmf_text_append_string(text, "}");
}

tmf_error_t *tmf_status_delivery_list(const tmf_request_t *request, tmf_reply_t *reply)
{
    tmf_delivery_page_t page;
    question_t question;
    int i;

    TMF_TRY(tmf_listener_check_id(request));
    TMF_TRY(read_question(&question, request));
    TMF_TRY(read_page(&page, &question, request));
    reply->status = 200;
    if (page.total >= 0) {
        apr_table_setn(reply->headers, "X-Total-Count",
                       apr_psprintf(request->pool, "%" APR_INT64_T_FMT, page.total));
    }
    apr_table_setn(reply->headers, "X-Result-Count", apr_itoa(request->pool, page.count));
    apr_table_setn(reply->headers, "Link", link_header(&page, &question, request));
    tmf_text_init(&reply->body, 320 * (apr_size_t)(page.count + 1), request->pool);
    tmf_text_append(&reply->body, "[", 1);
    for (i = 0; i < page.count; i++) {
        tmf_text_append(&reply->body, ",", i > 0);
        append_delivery(&reply->body, &page.rows[i]);
    }
    tmf_text_append(&reply->body, "]", 1);
    return NULL;
}
