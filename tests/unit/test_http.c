/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts around a request: media types, entity tags, arguments of directives, texts, ids.
 */
#include "unit.h"

#include <string.h>

#include <apr_strings.h>

#include "api/precondition.h"
#include "config/parse.h"
#include "config/settings.h"
#include "http/media.h"
#include "model/identifier.h"
#include "model/text.h"

static const struct {
    const char *type;
    int json;
    int patch;
    tmf_patch_format_t format;
} content_types[] = {
    {NULL, 1, 1, TMF_FORMAT_MERGE_PATCH},
    {"application/json", 1, 1, TMF_FORMAT_MERGE_PATCH},
    {"Application/JSON ; charset=UTF-8", 1, 1, TMF_FORMAT_MERGE_PATCH},
    {"application/merge-patch+json", 0, 1, TMF_FORMAT_MERGE_PATCH},
    {"application/merge-patch+json;v=1", 0, 1, TMF_FORMAT_MERGE_PATCH},
    {"application/json-patch+json", 0, 1, TMF_FORMAT_JSON_PATCH},
    {"application/JSON-Patch+json ; charset=utf-8", 0, 1, TMF_FORMAT_JSON_PATCH},
    {"application/json-patch-query+json", 0, 1, TMF_FORMAT_JSON_PATCH_QUERY},
    {"application/json-patch-query", 0, 0, TMF_FORMAT_MERGE_PATCH},
    {"application/jsonp", 0, 0, TMF_FORMAT_MERGE_PATCH},
    {"text/json", 0, 0, TMF_FORMAT_MERGE_PATCH},
    {"", 0, 0, TMF_FORMAT_MERGE_PATCH},
};

START_TEST(content_types_are_told_apart)
{
    tmf_patch_format_t format;

    ck_assert_int_eq(tmf_media_is_readable(content_types[_i].type, TMF_MEDIA_JSON, &format),
                     content_types[_i].json);
    ck_assert_int_eq(tmf_media_is_readable(content_types[_i].type, TMF_MEDIA_PATCH, &format),
                     content_types[_i].patch);
    ck_assert_int_eq(format, content_types[_i].format);
}
END_TEST

static const struct {
    const char *accept;
    int acceptable;
} accepts[] = {
    {NULL, 1},
    {"", 1},
    {"*/*", 1},
    {"application/json", 1},
    {"APPLICATION/Json;charset=utf-8", 1},
    {"application/*;q=0.1", 1},
    {"text/html", 0},
    {"text/html, application/xml;q=0.9, */*;q=0.8", 1},
    {"application/json;q=0", 0},
    {"application/json; q=0.000, */*", 0},
    {"application/json;q=0.001", 1},
    {"*/*;q=0", 0},
    {"*/*;q=0, application/json", 1},
    {"application/*;q=0, */*", 0},
    {"application/jsonx, text/plain", 0},
    {"text/plain;a=\"x, application/json\"", 0},
    {"application/json;profile=\"a;q=0,b\"", 1},
    {"application/json; profile=\"a\\\";q=0\"; q=0.5", 1},
    {"application/json;profile=\"a;q=1,b\";q=0", 0},
    {"application/json;profile=\"a\";q=0, application/json", 1},
    {"application/json, application/json;profile=a;q=0", 1},
    {"application/json;profile=a;q=0, */*;q=0.1", 1},
    {"application/json;profile=a;q=0", 0},
    {"application/json;profile=a, */*;q=0", 1},
    {"application/json;profile=a, application/json;q=0", 0},
    {"application/json;q=0;profile=a, */*", 0},
    {"application/json;charset=utf-8;q=0, application/json", 0},
    {"application/json; charset=\"UTF-8\" ;q=0.1, application/json;q=0", 1},
    {"application/json;charset=latin1;q=0, application/json", 1},
    {"application/*;q=0, application/json;profile=a", 1},
    {"application/json;q=0, application/*;charset=utf-8", 0},
    {"application/json;profile=\"unclosed;q=0", 1},
    {"application/json;q=0.0.", 1},
    {"application/json;;q=0", 0},
    {"application/json;", 1},
};

START_TEST(accept_is_understood)
{
    static const char *const json[] = {"application/json;charset=utf-8", NULL};

    ck_assert_int_eq(tmf_media_choose(accepts[_i].accept, json), accepts[_i].acceptable - 1);
}
END_TEST

static const char *const page_or_json[] = {"text/html;charset=utf-8",
                                           "application/json;charset=utf-8", NULL};
static const char *const two_texts[] = {"text/plain; version=0.0.4; charset=utf-8",
                                        "application/openmetrics-text; version=1.0.0", NULL};

/* Which of the two above is chosen. */
static const struct {
    const char *accept;
    const char *const *types;
    int chosen;
} preferences[] = {
    {NULL, page_or_json, 0},
    {"*/*", page_or_json, 0},
    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", page_or_json, 0},
    {"application/json", page_or_json, 1},
    {"application/json, text/plain, */*", page_or_json, 1},
    {"text/html, */*", page_or_json, 0},
    {"application/json, */*;q=0.9", page_or_json, 1},
    {"text/html;q=0.8, application/json;q=0.9", page_or_json, 1},
    {"text/html;q=0.9, application/json;q=0.90", page_or_json, 0},
    {"text/html;q=0.123, application/json;q=0.124", page_or_json, 1},
    {"text/html;q=0, */*", page_or_json, 1},
    {"text/*;q=0.1, application/*", page_or_json, 1},
    {"text/html;q=1.000, application/json;q=2", page_or_json, 0},
    {"image/png", page_or_json, -1},
    {"text/html;q=0, application/json;q=0.0", page_or_json, -1},
    {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
     "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
     two_texts, 1},
    {"application/openmetrics-text;version=\"1.0.0\";q=0.2,text/plain;q=0.1", two_texts, 1},
    {"application/openmetrics-text;version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.3", two_texts,
     0},
    {"text/plain", two_texts, 0},
    {"application/openmetrics-text;version=1.0", two_texts, 1},
};

START_TEST(accept_chooses)
{
    ck_assert_int_eq(tmf_media_choose(preferences[_i].accept, preferences[_i].types),
                     preferences[_i].chosen);
}
END_TEST

static const struct {
    const char *header;
    int strong; /* matches revision 42 as If-Match */
    int weak;   /* as If-None-Match */
} tags[] = {
    {"\"42\"", 1, 1},
    {"*", 1, 1},
    {"W/\"42\"", 0, 1},
    {"\"41\", \"42\"", 1, 1},
    {"\"41\",W/\"42\" , \"7\"", 0, 1},
    {"\"42-gzip\"", 1, 1},
    {"\"42-br\"", 1, 1},
    {"W/\"42-gzip\"", 0, 1},
    {"\"42-zip\"", 0, 0},
    {"42", 0, 0},
    {"\"042\"", 0, 0},
    {"\"42 \"", 0, 0},
    {"\"42", 0, 0},
    {"\"\"", 0, 0},
    {"\"\", \"42\"", 1, 1},
    {"\"99999999999999999999999942\"", 0, 0},
    {"", 0, 0},
};

START_TEST(entity_tags_are_compared)
{
    ck_assert_int_eq(tmf_etag_matches(tags[_i].header, 42, 0), tags[_i].strong);
    ck_assert_int_eq(tmf_etag_matches(tags[_i].header, 42, 1), tags[_i].weak);
}
END_TEST

START_TEST(preconditions_fail_with_412)
{
    ck_assert_ok(tmf_precondition_check(NULL, NULL, 42, pool));
    ck_assert_ok(tmf_precondition_check("\"42\"", "\"41\"", 42, pool));
    ck_assert_int_eq(tmf_precondition_check("\"41\"", NULL, 42, pool)->status, 412);
    ck_assert_int_eq(tmf_precondition_check(NULL, "*", 42, pool)->status, 412);
}
END_TEST

START_TEST(numbers_are_parsed)
{
    int number = -7;

    ck_assert_ptr_null(tmf_parse_number(&number, "10", "1 to 10", pool));
    ck_assert_int_eq(number, 10);
    ck_assert_ptr_nonnull(tmf_parse_number(&number, "11", "1 to 10", pool));
    ck_assert_ptr_nonnull(tmf_parse_number(&number, "0", "1 to 10", pool));
    ck_assert_ptr_nonnull(tmf_parse_number(&number, "", "0 to 10", pool));
    ck_assert_ptr_nonnull(tmf_parse_number(&number, "-1", "0 to 10", pool));
    ck_assert_ptr_nonnull(tmf_parse_number(&number, "1x", "0 to 10", pool));
    ck_assert_ptr_nonnull(tmf_parse_number(&number, "99999999999999999999", "0 to 10", pool));
    ck_assert_int_eq(number, 10);
    ck_assert_ptr_nonnull(tmf_parse_number(&number, "Off", "1 to 10", pool));
    ck_assert_ptr_null(tmf_parse_number(&number, "off", "1 to 10, or Off", pool));
    ck_assert_int_eq(number, 0);
    ck_assert_ptr_nonnull(tmf_parse_number(&number, "0", "1 to 10, or Off", pool));
}
END_TEST

static const struct {
    const char *text;
    apr_interval_time_t duration; /* 0 = refused */
} durations[] = {
    {"5", 5000000},
    {"250ms", 250000},
    {"100ms", 100000},
    {"2min", 120000000},
    {"24h", APR_INT64_C(86400000000)},
    {"1d", APR_INT64_C(86400000000)},
    {"86400000ms", APR_INT64_C(86400000000)},
    {"0", 0},
    {"99ms", 0},
    {"25h", 0},
    {"2d", 0},
    {"86401", 0},
    {"999999999999d", 0},
    {"99999999999999999999", 0},
    {"5 s", 0},
    {"s", 0},
    {"", 0},
    {"-5s", 0},
    {"5S", 0},
};

START_TEST(durations_are_parsed)
{
    apr_interval_time_t duration = 0;
    const char *problem = tmf_parse_duration(&duration, durations[_i].text, "100ms to 24h", pool);

    ck_assert(duration == durations[_i].duration);
    ck_assert_int_eq(problem == NULL, duration != 0);
    if (problem != NULL) {
        ck_assert_ptr_nonnull(strstr(problem, "from 100ms to 24h"));
    }
}
END_TEST

static const struct {
    const char *text;
    const char *url; /* NULL = refused */
    int has_path;
} urls[] = {
    {"https://api.example.com", "https://api.example.com", 0},
    {"https://api.example.com/", "https://api.example.com", 0},
    {"http://[::1]:8629//", "http://[::1]:8629", 0},
    {"https://api.example.com/crm/v4/", "https://api.example.com/crm/v4", 1},
    {"https://api.example.com/?x", NULL, 0},
    {"https://api.example.com/#x", NULL, 0},
    {"https://user@api.example.com", NULL, 0},
    {"ftp://api.example.com", NULL, 0},
    {"api.example.com", NULL, 0},
    {"/crm/v4", NULL, 0},
    {"https://", NULL, 0},
    {"https:///x", NULL, 0},
    {"https://a b", NULL, 0},
    {"https://a\"b", NULL, 0},
    {"", NULL, 0},
};

START_TEST(base_urls_are_parsed)
{
    tmf_base_url_t *url = NULL;
    const char *problem = tmf_parse_base_url(&url, urls[_i].text, NULL, pool);

    if (urls[_i].url == NULL) {
        ck_assert_ptr_nonnull(problem);
    } else {
        ck_assert_ptr_null(problem);
        ck_assert_str_eq(url->text, urls[_i].url);
        ck_assert_int_eq(url->is_whole, urls[_i].has_path);
    }
}
END_TEST

START_TEST(strings_are_escaped_as_postgresql_does)
{
    static const char given[] = "\"\\/\b\f\n\r\t\x01\x1f\x7f é€😀";
    tmf_text_t text;

    tmf_text_init(&text, 1, pool);
    tmf_text_append_json(&text, given, sizeof(given) - 1);
    ck_assert_str_eq(apr_pstrmemdup(pool, text.data, text.length),
                     "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f é€😀\"");
}
END_TEST

START_TEST(ids_are_uuids_in_order_of_time)
{
    const char *first;
    const char *second;

    ck_assert_ok(tmf_identifier_make(&first, apr_time_from_sec(1700000000), pool));
    ck_assert_ok(tmf_identifier_make(&second, apr_time_from_sec(1700000001), pool));
    ck_assert_uint_eq(strlen(first), 36);
    ck_assert_int_eq(first[14], '7');
    ck_assert_ptr_nonnull(strchr("89ab", first[19]));
    ck_assert_int_eq(strncmp(first, "018bcfe56800", 8), 0);
    ck_assert_int_lt(strcmp(first, second), 0);
}
END_TEST

START_TEST(statuses_of_others_have_errors)
{
    ck_assert_str_eq(tmf_error_from_status(pool, 403)->code, "forbidden");
    ck_assert_str_eq(tmf_error_from_status(pool, 400)->code, "badRequest");
    ck_assert_str_eq(tmf_error_from_status(pool, 429)->code, "tooManyRequests");
    ck_assert_str_eq(tmf_error_from_status(pool, 431)->code, "clientError");
    ck_assert_int_eq(tmf_error_from_status(pool, 431)->status, 431);
    ck_assert_str_eq(tmf_error_from_status(pool, 502)->code, "serverError");
    ck_assert_str_eq(tmf_error_from_status(pool, 503)->code, "serverError");
}
END_TEST

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
    Suite *suite = suite_create("http");
    TCase *tests = tcase_create("http");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_loop_test(tests, content_types_are_told_apart, 0, COUNT(content_types));
    tcase_add_loop_test(tests, accept_is_understood, 0, COUNT(accepts));
    tcase_add_loop_test(tests, accept_chooses, 0, COUNT(preferences));
    tcase_add_loop_test(tests, entity_tags_are_compared, 0, COUNT(tags));
    tcase_add_test(tests, preconditions_fail_with_412);
    tcase_add_test(tests, numbers_are_parsed);
    tcase_add_loop_test(tests, durations_are_parsed, 0,
                        (int)(sizeof(durations) / sizeof(durations[0])));
    tcase_add_loop_test(tests, base_urls_are_parsed, 0, COUNT(urls));
    tcase_add_test(tests, strings_are_escaped_as_postgresql_does);
    tcase_add_test(tests, ids_are_uuids_in_order_of_time);
    tcase_add_test(tests, statuses_of_others_have_errors);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
