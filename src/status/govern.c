/* SPDX-License-Identifier: Apache-2.0 */
/* POST S/listeners/{id}/enable, /replay and /purge */
#include <string.h>

#include <apr_strings.h>

#include "api/body.h"
#include "config/parse.h"
#include "status/listeners.h"
#include "store/array.h"

#define EVENT_IDS_MAX 1000

static const char ages[] = "0s to 3650d";

/* A browser sends the credentials that it has with whatever a page of another site makes it send
 * (RFC 6454). What such a page can send without being asked has no body, or one that is not JSON.
 */
static tmf_error_t *check_request(const tmf_request_t *request)
{
    if (request->is_cross_site) {
        return tmf_error_make(request->pool, TMF_ERROR_FORBIDDEN,
                              "A page of another site may not do that");
    }
    TMF_TRY(tmf_status_check_parameters(request));
    return tmf_listener_check_id(request);
}

/* The body, which may be missing: then it is an empty object. Refuses all members but this one;
 * NULL = it has none. */
static tmf_error_t *read_body(const tmf_json_t **value, const char *member,
                              const tmf_request_t *request)
{
    tmf_json_t *body;

    *value = NULL;
    if (request->body[strspn(request->body, " \t\r\n")] == '\0' &&
        strlen(request->body) == request->body_length) {
        return NULL;
    }
    TMF_TRY(tmf_body_parse_object(&body, request));
    *value = member != NULL ? tmf_json_get(body, member) : NULL;
    if (tmf_json_member_count(body) > (*value != NULL)) {
        return tmf_error_make(request->pool, TMF_ERROR_INVALID_BODY,
                              member != NULL ? "The body may have the member %s and no other"
                                             : "The body may have no members%s",
                              member != NULL ? member : "");
    }
    return NULL;
}

static int is_uuid(const char *text)
{
    static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    int i;

    for (i = 0; pattern[i] != '\0'; i++) {
        if (text[i] == '\0' ||
            (pattern[i] == '-' ? text[i] != '-'
                               : strchr("0123456789abcdefABCDEF", text[i]) == NULL)) {
            return 0;
        }
    }
    return text[i] == '\0';
}

/* `{"eventId":["…"]}` as the text of an array; NULL when there is none: all of them. */
static tmf_error_t *read_event_ids(const char **event_ids, const tmf_request_t *request)
{
    const tmf_json_t *list;
    tmf_text_t array;
    int i;

    *event_ids = NULL;
    TMF_TRY(read_body(&list, "eventId", request));
    if (list == NULL) {
        return NULL;
    }
    if (tmf_json_type(list) != TMF_JSON_ARRAY || tmf_json_count(list) > EVENT_IDS_MAX) {
        return tmf_error_make(request->pool, TMF_ERROR_INVALID_BODY,
                              "eventId must be an array of at most %d ids of events; without it "
                              "all dead letters are sent again",
                              EVENT_IDS_MAX);
    }
    tmf_array_init(&array, request->pool);
    for (i = 0; i < tmf_json_count(list); i++) {
        const char *text = tmf_json_string_text(tmf_json_at(list, i));

        if (text == NULL || !is_uuid(text)) {
            return tmf_error_make(request->pool, TMF_ERROR_INVALID_BODY,
                                  "eventId[%d] is no id of an event (a UUID)", i);
        }
        tmf_array_add(&array, text);
    }
    *event_ids = tmf_array_text(&array);
    return NULL;
}

/* Directives may do without, and have milliseconds: here a slip would remove what nobody can bring
 * back. */
static int has_unit(const char *duration)
{
    const char *unit = duration + strspn(duration, "0123456789");

    return strcmp(unit, "s") == 0 || strcmp(unit, "min") == 0 || strcmp(unit, "h") == 0 ||
           strcmp(unit, "d") == 0;
}

static tmf_error_t *read_age(apr_interval_time_t *age, const tmf_request_t *request)
{
    const tmf_json_t *value;
    const char *text;

    TMF_TRY(read_body(&value, "olderThan", request));
    text = tmf_json_string_text(value);
    return text != NULL && has_unit(text) &&
                   tmf_parse_duration(age, text, ages, request->pool) == NULL
               ? NULL
               : tmf_error_make(request->pool, TMF_ERROR_INVALID_BODY,
                                "olderThan is mandatory, a string of a whole number with s, min, h "
                                "or d, from %s, such as \"7d\"",
                                ages);
}

/* Begins to say what came of it. */
static tmf_error_t *begin_answer(tmf_error_t *error, apr_int64_t count,
                                 const tmf_request_t *request, tmf_reply_t *reply)
{
    TMF_TRY(error);
    if (count < 0) {
        return tmf_listener_not_found(request);
    }
    reply->status = 200;
    tmf_text_init(&reply->body, 64, request->pool);
    return NULL;
}

/* `{"replayed":3}` */
static tmf_error_t *answer(tmf_error_t *error, const char *what, apr_int64_t count,
                           const tmf_request_t *request, tmf_reply_t *reply)
{
    TMF_TRY(begin_answer(error, count, request, reply));
    tmf_member_number(&reply->body, what, count);
    tmf_text_append_string(&reply->body, "}");
    return NULL;
}

tmf_error_t *tmf_status_enable(const tmf_request_t *request, tmf_reply_t *reply)
{
    const tmf_json_t *nothing;
    apr_int64_t enabled = 0;
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(check_request(request));
    TMF_TRY(read_body(&nothing, NULL, request));
    TMF_TRY(tmf_db_borrow(&db, request->service->database, request->pool));
    error = tmf_listener_store_enable(db, request->id, &enabled, request->pool);
    tmf_db_give_back(db);
    TMF_TRY(begin_answer(error, enabled, request, reply));
    tmf_text_append_string(&reply->body, "{\"enabled\":true}");
    return NULL;
}

tmf_error_t *tmf_status_replay(const tmf_request_t *request, tmf_reply_t *reply)
{
    const char *event_ids;
    apr_int64_t replayed = 0;
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(check_request(request));
    TMF_TRY(read_event_ids(&event_ids, request));
    TMF_TRY(tmf_db_borrow(&db, request->service->database, request->pool));
    error = tmf_listener_store_replay(db, request->id, event_ids, &replayed, request->pool);
    tmf_db_give_back(db);
    return answer(error, "{\"replayed\":", replayed, request, reply);
}

tmf_error_t *tmf_status_purge(const tmf_request_t *request, tmf_reply_t *reply)
{
    apr_interval_time_t age;
    apr_int64_t purged = 0;
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(check_request(request));
    TMF_TRY(read_age(&age, request));
    TMF_TRY(tmf_db_borrow(&db, request->service->database, request->pool));
    error = tmf_listener_store_purge(db, request->id, age, &purged, request->pool);
    tmf_db_give_back(db);
    return answer(error, "{\"purged\":", purged, request, reply);
}
