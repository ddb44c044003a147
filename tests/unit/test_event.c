/* SPDX-License-Identifier: Apache-2.0 */
/* The event document, and what the query of a hub makes of it. */
#include "unit.h"

#include <string.h>

#include "model/json.h"
#include "query/subscription.h"

static const char customer[] =
    "{\"name\": \"Café \\\"A\\\"\", \"status\": \"Approved\","
    " \"contactMedium\": [{\"mediumType\": \"email\", \"preferred\": true},"
    " {\"mediumType\": \"phone\"}], \"score\": 7}";

static tmf_event_t make_event(tmf_event_type_t type)
{
    const tmf_event_t event = {
        .event_id = "11111111-2222-3333-4444-555555555555",
        .time = "2026-01-02T03:04:05.678Z",
        .type = type,
        .customer_id = "a\"b",
        .href = "http://x/customer/a%22b",
        .changed = "name,status",
        .correlation_id = "c-1",
        .trace = {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=1"},
        .customer = customer,
        .customer_length = sizeof(customer) - 1};

    return event;
}

static const char *document(const tmf_event_t *event)
{
    tmf_text_t text;

    tmf_text_init(&text, 64, pool);
    tmf_event_write(&text, event);
    return tmf_text_string(&text);
}

static tmf_json_t *parse(const char *text)
{
    static const tmf_json_limits_t limits = {10, 100};
    tmf_json_t *value;

    ck_assert_ok(tmf_json_parse(&value, text, strlen(text), &limits, pool));
    return value;
}

static const char *member(const tmf_json_t *object, const char *name)
{
    return tmf_json_string_text(tmf_json_get(object, name));
}

START_TEST(a_document_has_the_members_of_its_type)
{
    int type;

    for (type = 0; type < TMF_EVENT_TYPES; type++) {
        const tmf_event_t event = make_event((tmf_event_type_t)type);
        const tmf_json_t *json = parse(document(&event));
        const tmf_json_t *inner = tmf_json_get(tmf_json_get(json, "event"), "customer");
        tmf_event_type_t found;

        ck_assert_str_eq(member(json, "eventId"), event.event_id);
        ck_assert_str_eq(member(json, "eventTime"), event.time);
        ck_assert_str_eq(member(json, "timeOcurred"), event.time);
        ck_assert_str_eq(member(json, "correlationId"), "c-1");
        ck_assert_str_eq(member(json, "traceparent"), event.trace.parent);
        ck_assert_ptr_null(tmf_json_get(json, "tracestate"));
        ck_assert_ptr_nonnull(member(json, "domain"));
        ck_assert_ptr_nonnull(member(json, "title"));
        ck_assert_ptr_nonnull(member(json, "description"));
        ck_assert(tmf_event_type_find(&found, member(json, "eventType")));
        ck_assert_int_eq(found, type);
        ck_assert_str_eq(member(inner, "id"), "a\"b");
        ck_assert_str_eq(member(inner, "href"), event.href);
        ck_assert_str_eq(member(inner, "name"), "Café \"A\"");
        if (type == TMF_EVENT_ATTRIBUTE_VALUE_CHANGE) {
            ck_assert_str_eq(member(json, "fieldPath"), "name,status");
            ck_assert_ptr_null(member(json, "id"));
            ck_assert_ptr_null(member(json, "href"));
        } else {
            ck_assert_ptr_null(member(json, "fieldPath"));
            ck_assert_str_eq(member(json, "id"), "a\"b");
            ck_assert_str_eq(member(json, "href"), event.href);
        }
    }
}
END_TEST

START_TEST(what_is_absent_is_not_written)
{
    tmf_event_t event = make_event(TMF_EVENT_CREATE);
    const tmf_json_t *json;

    event.correlation_id = NULL;
    event.trace.parent = NULL;
    event.customer = "{}";
    event.customer_length = 2;
    json = parse(document(&event));
    ck_assert_ptr_null(tmf_json_get(json, "correlationId"));
    ck_assert_ptr_null(tmf_json_get(json, "traceparent"));
    ck_assert_int_eq(tmf_json_member_count(tmf_json_get(tmf_json_get(json, "event"), "customer")),
                     2);
}
END_TEST

static tmf_error_t *no_regex(void *context, const char *pattern, const char *const *texts,
                             int count, char *matches)
{
    int i;

    (void)context;
    for (i = 0; i < count; i++) {
        matches[i] = strcmp(pattern, texts[i]) == 0;
    }
    return NULL;
}

START_TEST(queries_select_events)
{
    static const struct {
        const char *query;
        int wanted;
        unsigned types;
    } rows[] = {
        {NULL, 1, TMF_EVENT_TYPES_ALL},
        {"", 1, TMF_EVENT_TYPES_ALL},
        {"?", 1, TMF_EVENT_TYPES_ALL},
        {"eventType=CustomerStateChangeEvent", 1, 1u << TMF_EVENT_STATE_CHANGE},
        {"?eventType=CustomerStateChangeEvent", 1, 1u << TMF_EVENT_STATE_CHANGE},
        {"eventType=CustomerCreateEvent", 0, 1u << TMF_EVENT_CREATE},
        {"eventType=CustomerCreateEvent,CustomerStateChangeEvent", 1,
         1u << TMF_EVENT_CREATE | 1u << TMF_EVENT_STATE_CHANGE},
        {"eventType=CustomerCreateEvent;event.customer.status=Approved", 1, TMF_EVENT_TYPES_ALL},
        {"eventType=CustomerCreateEvent&event.customer.status=Approved", 0, 1u << TMF_EVENT_CREATE},
        {"eventType=Other", 0, 0},
        {"eventType.ne=CustomerCreateEvent", 1, TMF_EVENT_TYPES_ALL},
        {"eventType.regex=CustomerStateChangeEvent", 1, TMF_EVENT_TYPES_ALL},
        {"event.customer.status=Approved", 1, TMF_EVENT_TYPES_ALL},
        {"event.customer.status=Closed", 0, TMF_EVENT_TYPES_ALL},
        {"event.customer.score>6&event.customer.score<8", 1, TMF_EVENT_TYPES_ALL},
        {"event.customer.contactMedium.mediumType=phone", 1, TMF_EVENT_TYPES_ALL},
        {"filter=event.customer.contactMedium[?(@.mediumType=='phone'%26%26@.preferred==true)]", 0,
         TMF_EVENT_TYPES_ALL},
        {"filter=$[?(@.eventType=='CustomerStateChangeEvent')]", 1, 1u << TMF_EVENT_STATE_CHANGE},
        {"eventTime>2026-01-01", 1, TMF_EVENT_TYPES_ALL},
        {"unknown=1", 0, TMF_EVENT_TYPES_ALL},
    };
    const tmf_event_t event = make_event(TMF_EVENT_STATE_CHANGE);
    const tmf_json_t *json = parse(document(&event));
    const tmf_matcher_t matcher = {no_regex, NULL, 0, pool, TMF_ERROR_INVALID_BODY};
    apr_size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tmf_subscription_t subscription;
        int wanted;

        ck_assert_ok(tmf_subscription_parse(&subscription, rows[i].query, pool));
        ck_assert_ok(tmf_filter_match(&wanted, subscription.filter, json, &matcher));
        ck_assert_msg(wanted == rows[i].wanted, "%s", rows[i].query);
        ck_assert_msg(subscription.types == rows[i].types, "%s: %x", rows[i].query,
                      subscription.types);
    }
}
END_TEST

START_TEST(fields_cut_the_payload_and_keep_what_names_the_event)
{
    static const struct {
        const char *query;
        const char *payload;
    } rows[] = {
        {"fields=none", "{\"eventId\":\"11111111-2222-3333-4444-555555555555\","
                        "\"eventTime\":\"2026-01-02T03:04:05.678Z\","
                        "\"eventType\":\"CustomerCreateEvent\"}"},
        {"fields=event.customer.status,event.customer.contactMedium.mediumType",
         "{\"eventId\":\"11111111-2222-3333-4444-555555555555\","
         "\"eventTime\":\"2026-01-02T03:04:05.678Z\",\"eventType\":\"CustomerCreateEvent\","
         "\"event\":{\"customer\":{\"status\":\"Approved\",\"contactMedium\":[{\"mediumType\":"
         "\"email\"},{\"mediumType\":\"phone\"}]}}}"},
    };
    const tmf_event_t event = make_event(TMF_EVENT_CREATE);
    const char *whole = document(&event);
    apr_size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tmf_subscription_t subscription;
        tmf_text_t text;

        ck_assert_ok(tmf_subscription_parse(&subscription, rows[i].query, pool));
        tmf_text_init(&text, 16, pool);
        tmf_subscription_project(&text, &subscription, whole, strlen(whole));
        ck_assert_str_eq(tmf_text_string(&text), rows[i].payload);
    }
}
END_TEST

START_TEST(queries_that_cannot_be_are_refused)
{
    static const struct {
        const char *query;
        int status;
    } rows[] = {
        {"limit=1", 400},
        {"offset=1", 400},
        {"sort=eventTime", 400},
        {"cursor=x", 400},
        {"a=%zz", 400},
        {"filter=[?(", 400},
        {"filter=a[0]", 501},
        {"eventTime=yesterday", 400},
        {"event.customer.validFor.startDateTime=x", 400},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tmf_subscription_t subscription;
        tmf_error_t *error = tmf_subscription_parse(&subscription, rows[i].query, pool);

        ck_assert_msg(error != NULL, "%s", rows[i].query);
        ck_assert_msg(error->status == rows[i].status, "%s: %d", rows[i].query, error->status);
        ck_assert_msg(strncmp(tmf_error_text(error, pool), "query: ", 7) == 0, "%s",
                      error->message);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("event");
    TCase *tcase = tcase_create("event");

    tcase_add_checked_fixture(tcase, make_pool, destroy_pool);
    tcase_add_test(tcase, a_document_has_the_members_of_its_type);
    tcase_add_test(tcase, what_is_absent_is_not_written);
    tcase_add_test(tcase, queries_select_events);
    tcase_add_test(tcase, fields_cut_the_payload_and_keep_what_names_the_event);
    tcase_add_test(tcase, queries_that_cannot_be_are_refused);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
