/* SPDX-License-Identifier: Apache-2.0 */
/* GET S/listeners and GET S/listeners/{id} */
#include "status/listeners.h"

#include <string.h>

#include "model/utf8.h"

tmf_error_t *tmf_listener_not_found(const tmf_request_t *request)
{
    return tmf_error_make(request->pool, TMF_ERROR_NOT_FOUND, "There is no hub with this id");
}

tmf_error_t *tmf_listener_check_id(const tmf_request_t *request)
{
    return tmf_utf8_valid(request->id, strlen(request->id)) ? NULL
                                                            : tmf_listener_not_found(request);
}

void tmf_member_number(tmf_text_t *text, const char *before, apr_int64_t value)
{
    tmf_text_append_format(text, "%s%" APR_INT64_T_FMT, before, value);
}

static void append_listener(tmf_text_t *text, const tmf_listener_row_t *row)
{
    tmf_text_append_member(text, "{\"id\":", row->id);
    tmf_text_append_member(text, ",\"callback\":", row->callback);
    tmf_text_append_member(text, ",\"query\":", row->query);
    tmf_text_append_member(text, ",\"state\":", row->state);
    tmf_member_number(text, ",\"failures\":", row->failures);
    tmf_text_append_member(text, ",\"illSince\":", row->ill_since);
    tmf_text_append_member(text, ",\"pausedUntil\":", row->paused_until);
    tmf_text_append_member(text, ",\"error\":", row->error);
    tmf_member_number(text, ",\"pending\":", row->pending);
    tmf_member_number(text, ",\"dead\":", row->dead);
    tmf_text_append_member(text, ",\"oldestPending\":", row->oldest_pending);
    tmf_text_append_string(text, "}");
}

static tmf_error_t *read_listeners(const tmf_listener_row_t **rows, int *count,
                                   const tmf_request_t *request)
{
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_status_check_parameters(request));
    TMF_TRY(tmf_db_borrow(&db, request->service->database, request->pool));
    error = tmf_listener_store_read(db, request->id, rows, count, request->pool);
    tmf_db_give_back(db);
    return error;
}

tmf_error_t *tmf_status_listener_list(const tmf_request_t *request, tmf_reply_t *reply)
{
    const tmf_listener_row_t *rows;
    int count;
    int i;

    TMF_TRY(read_listeners(&rows, &count, request));
    reply->status = 200;
    tmf_text_init(&reply->body, 512 * (apr_size_t)(count + 1), request->pool);
    tmf_text_append(&reply->body, "[", 1);
    for (i = 0; i < count; i++) {
        tmf_text_append(&reply->body, ",", i > 0);
        append_listener(&reply->body, &rows[i]);
    }
    tmf_text_append(&reply->body, "]", 1);
    return NULL;
}

tmf_error_t *tmf_status_listener_get(const tmf_request_t *request, tmf_reply_t *reply)
{
    const tmf_listener_row_t *row;
    int count;

    TMF_TRY(tmf_listener_check_id(request));
    TMF_TRY(read_listeners(&row, &count, request));
    if (count == 0) {
        return tmf_listener_not_found(request);
    }
    reply->status = 200;
    tmf_text_init(&reply->body, 512, request->pool);
    append_listener(&reply->body, row);
    return NULL;
}
