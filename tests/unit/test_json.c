/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include <apr_strings.h>

#include "model/json.h"

static const tmf_json_limits_t limits = {4, 500};

static tmf_json_t *parse(const char *text)
{
    tmf_json_t *value;

    ck_assert_ok(tmf_json_parse(&value, text, strlen(text), &limits, pool));
    return value;
}

/* What is read is written as it was, but for blanks and escapes. */
static const struct {
    const char *text;
    const char *written; /* NULL = as text */
} accepted[] = {
    {"null", NULL},
    {" true ", "true"},
    {"false", NULL},
    {"0", NULL},
    {"-0", NULL},
    {"-0.0e+00", NULL},
    {"12345678901234567890123", NULL},
    {"1.50", NULL},
    {"1E390", NULL},
    {"0.1e-3", NULL},
    {"\"\"", NULL},
    {"\"a/b\"", NULL},
    {"\"\\/\\b\\f\\n\\r\\t\\\\\\\"\"", "\"/\\b\\f\\n\\r\\t\\\\\\\"\""},
    {"\"\\u00e9\\u20AC\\uD83D\\ude00\"", "\"é€😀\""},
    {"\"é€😀\x7f\"", NULL},
    {"\"\\u0001\"", NULL},
    {"[]", NULL},
    {"[ 1 , [ ] ]", "[1,[]]"},
    {"{}", NULL},
    {"{\"b\":1,\"a\":null,\"\":{}}", NULL},
    {"[[[[]]]]", NULL},
};

START_TEST(texts_survive)
{
    const char *text = accepted[_i].text;
    const char *written = accepted[_i].written != NULL ? accepted[_i].written : text;

    ck_assert_str_eq(tmf_json_write(parse(text), NULL, pool), written);
}
END_TEST

static const struct {
    const char *text;
    const char *message; /* part of it */
} refused[] = {
    {"", "line 1, column 1: the text ends"},
    {"  ", "column 3"},
    {"nul", "no JSON value"},
    {"True", "no JSON value"},
    {"NaN", "no JSON value"},
    {"'a'", "no JSON value"},
    {"\xEF\xBB\xBF{}", "no JSON value"},
    {"01", "goes on"},
    {"1.", "no number"},
    {".5", "no JSON value"},
    {"-", "no number"},
    {"+1", "no JSON value"},
    {"1e", "no number"},
    {"1e+", "no number"},
    {"0x10", "goes on"},
    {"1e131072", "131072 before the point and 16383 behind it"},
    {"-12e131071", "digits"},
    {"0.001e131075", "digits"},
    {"1e-16384", "digits"},
    {"1.5e-16383", "digits"},
    {"0e-16384", "digits"},
    {"0e1000000001", "digits"},
    {"1e99999999999999999999", "digits"},
    {"1e-99999999999999999999", "digits"},
    {"\"a", "does not end"},
    {"\"\\", "no such escape"},
    {"\"\\x\"", "no such escape"},
    {"\"\\u12\"", "hexadecimal"},
    {"\"\\u0000\"", "\\u0000"},
    {"\"\\ud800\"", "surrogate"},
    {"\"\\ud800\\u0041\"", "surrogate"},
    {"\"\\udc00\"", "surrogate"},
    {"\"\n\"", "control character"},
    {"\"\x01\"", "control character"},
    {"\"\xff\"", "UTF-8"},
    {"\"\xc0\x80\"", "UTF-8"},
    {"\"\xed\xa0\x80\"", "UTF-8"},
    {"\"\xf4\x90\x80\x80\"", "UTF-8"},
    {"\"\xe2\x82\"", "UTF-8"},
    {"[1,]", "no JSON value"},
    {"[1 2]", "\",\" or \"]\""},
    {"[", "value is needed"},
    {"[1", "\",\" or \"]\""},
    {"{\"a\"}", "\":\" is needed"},
    {"{\"a\":1,}", "name in double quotes"},
    {"{a:1}", "name in double quotes"},
    {"{\"a\":1 \"b\":2}", "\",\" or \"}\""},
    {"{", "name in double quotes"},
    {"{\"a\":1,\n \"a\":2}", "line 2, column 2: member \"a\" occurs twice"},
    {"{\"a\":1,\"\\u0061\":2}", "occurs twice"},
    {"{} {}", "goes on"},
    {"[[[[[]]]]]", "4 levels"},
    {"[1e300,1e300]", "too large"},
    {"/**/1", "no JSON value"},
};

START_TEST(everything_else_is_refused)
{
    tmf_json_t *value;
    tmf_error_t *error = tmf_json_parse(&value, refused[_i].text, strlen(refused[_i].text), &limits,
                                        pool);

    ck_assert_ptr_nonnull(error);
    ck_assert_str_eq(error->code, "malformedJson");
    ck_assert_msg(strstr(error->message, refused[_i].message) != NULL, "%s", error->message);
}
END_TEST

START_TEST(nul_bytes_are_refused)
{
    tmf_json_t *value;

    ck_assert_ptr_nonnull(tmf_json_parse(&value, "\"a\0b\"", 5, &limits, pool));
    ck_assert_ptr_nonnull(tmf_json_parse(&value, "1\0", 2, &limits, pool));
    ck_assert_ptr_nonnull(tmf_json_parse(&value, "\0", 1, &limits, pool));
}
END_TEST

START_TEST(long_names_are_cut_in_messages)
{
    char *name = apr_palloc(pool, 402);
    tmf_json_t *value;
    const char *text;
    int i;

    for (i = 0; i < 400; i += 2) {
        memcpy(name + i, "é", 2);
    }
    name[400] = '\0';
    text = apr_psprintf(pool, "{\"x%s\":1,\"x%s\":2}", name, name);
    ck_assert_int_lt(
        (int)strlen(tmf_json_parse(&value, text, strlen(text), &limits, pool)->message), 120);
}
END_TEST

static const struct {
    const char *a;
    const char *b;
    int equal;
} pairs[] = {
    {"null", "null", 1},
    {"null", "false", 0},
    {"true", "true", 1},
    {"true", "false", 0},
    {"\"a\"", "\"\\u0061\"", 1},
    {"\"a\"", "\"A\"", 0},
    {"\"1\"", "1", 0},
    {"{\"a\":1,\"b\":[true]}", "{\"b\":[true],\"a\":1.0}", 1},
    {"{\"a\":1}", "{\"a\":1,\"b\":null}", 0},
    {"{\"a\":null}", "{\"b\":null}", 0},
    {"[1,2]", "[2,1]", 0},
    {"[1]", "[1,1]", 0},
    {"{}", "[]", 0},
};

START_TEST(values_are_compared)
{
    ck_assert_int_eq(tmf_json_equal(parse(pairs[_i].a), parse(pairs[_i].b)), pairs[_i].equal);
    ck_assert_int_eq(tmf_json_equal(parse(pairs[_i].b), parse(pairs[_i].a)), pairs[_i].equal);
}
END_TEST

static const struct {
    const char *a;
    const char *b;
    int order;
} numbers[] = {
    {"0", "-0", 0},
    {"0", "0.000e5", 0},
    {"1", "1.0", 0},
    {"1", "10e-1", 0},
    {"100", "1E2", 0},
    {"0.00123", "1.23e-3", 0},
    {"-5", "3", -1},
    {"-5", "-3", -1},
    {"0", "1e-300", -1},
    {"-1e-300", "0", -1},
    {"9", "10", -1},
    {"0.9", "0.10", 1},
    {"12345678901234567890123", "12345678901234567890124", -1},
    {"12345678901234567890123.0", "1.2345678901234567890123e22", 0},
    {"1.5", "1.49999999999999999999999", 1},
    {"-1.5", "-1.49999999999999999999999", -1},
    {"1e99999999999", "1e99999999998", 1},
    {"10.01", "10.010", 0},
};

START_TEST(numbers_are_compared_exactly)
{
    ck_assert_int_eq(tmf_json_number_compare(numbers[_i].a, numbers[_i].b), numbers[_i].order);
    ck_assert_int_eq(tmf_json_number_compare(numbers[_i].b, numbers[_i].a), -numbers[_i].order);
}
END_TEST

START_TEST(null_is_not_absent)
{
    tmf_json_t *object = parse("{\"a\":null}");
    tmf_json_t *copy = tmf_json_copy(object, pool);

    ck_assert_ptr_nonnull(tmf_json_get(object, "a"));
    ck_assert_int_eq(tmf_json_type(tmf_json_get(object, "a")), TMF_JSON_NULL);
    ck_assert_int_eq(tmf_json_type(tmf_json_get(copy, "a")), TMF_JSON_NULL);
    ck_assert_ptr_null(tmf_json_get(object, "b"));
    ck_assert_ptr_null(tmf_json_get(tmf_json_get(object, "a"), "b"));
    ck_assert_ptr_null(tmf_json_get(NULL, "b"));
}
END_TEST

START_TEST(values_are_shared_and_outlive_their_pool)
{
    tmf_json_t *object = tmf_json_object(pool);
    tmf_json_t *array = tmf_json_array(pool);
    apr_pool_t *child;

    ck_assert_int_eq(apr_pool_create(&child, pool), APR_SUCCESS);
    tmf_json_set(object, "s", tmf_json_string("x", 1, child));
    tmf_json_set(object, "n", NULL);
    tmf_json_append(array, tmf_json_number("1.0", child));
    tmf_json_set(object, "s", tmf_json_string("y", 1, child));
    tmf_json_set(object, "a", array);
    tmf_json_set(object, "again", array);
    apr_pool_destroy(child);
    ck_assert_str_eq(tmf_json_write(object, NULL, pool),
                     "{\"s\":\"y\",\"n\":null,\"a\":[1.0],\"again\":[1.0]}");
    ck_assert_ptr_null(tmf_json_at(array, -1));
    ck_assert_ptr_null(tmf_json_at(array, 1));
    tmf_json_unset(object, "absent");
    tmf_json_unset(object, "a");
    ck_assert_int_eq(tmf_json_member_count(object), 3);
}
END_TEST

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

START_TEST(elements_are_put_in_and_taken_out)
{
    tmf_json_t *array = parse("[0,1,2]");

    tmf_json_insert(array, 0, parse("\"first\""));
    tmf_json_insert(array, 2, parse("\"middle\""));
    tmf_json_insert(array, 5, parse("\"last\""));
    ck_assert_str_eq(tmf_json_write(array, NULL, pool), "[\"first\",0,\"middle\",1,2,\"last\"]");
    tmf_json_put(array, 2, tmf_json_null(pool));
    tmf_json_remove(array, 5);
    tmf_json_remove(array, 0);
    ck_assert_str_eq(tmf_json_write(array, NULL, pool), "[0,null,1,2]");
}
END_TEST

static const struct {
    const char *text;
    int depth;
    int size;
} extents[] = {
    {"\"\"", 0, 2},      {"[]", 1, 2},
    {"{}", 1, 2},        {"[[],{\"a\":[1]}]", 3, 17},
    {"-1.5", 0, 4},      {"1e20", 0, 21},
    {"10E-3", 0, 5},     {"-1.25e1", 0, 5},
    {"0.05", 0, 4},      {"0e9", 0, 1},
    {"0.00012e5", 0, 2}, {"-5e-2", 0, 5},
    {"1E400", 0, 401},   {"[{\"a\":\"\xC3\xA9\"}]", 2, 14},
};

START_TEST(numbers_are_as_long_as_postgresql_writes_them)
{
    ck_assert_uint_eq(tmf_json_number_size("1e131071"), 131072);
    ck_assert_uint_eq(tmf_json_number_size("-9.99e131071"), 131073);
    ck_assert_uint_eq(tmf_json_number_size("0.001e131074"), 131072);
    ck_assert_uint_eq(tmf_json_number_size("1e-16383"), 16385);
    ck_assert_uint_eq(tmf_json_number_size("0e1000000000"), 1);
    ck_assert_uint_eq(tmf_json_number_size("1e131072"), 0);
    ck_assert_uint_eq(tmf_json_number_size("1e-16384"), 0);
}
END_TEST

START_TEST(values_are_measured)
{
    tmf_json_extent_t extent = tmf_json_measure(parse(extents[_i].text));

    ck_assert_int_eq(extent.depth, extents[_i].depth);
    ck_assert_int_eq((int)extent.size, extents[_i].size);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *tests = tcase_create("json");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_loop_test(tests, texts_survive, 0, COUNT(accepted));
    tcase_add_loop_test(tests, everything_else_is_refused, 0, COUNT(refused));
    tcase_add_test(tests, nul_bytes_are_refused);
    tcase_add_test(tests, numbers_are_as_long_as_postgresql_writes_them);
    tcase_add_test(tests, long_names_are_cut_in_messages);
    tcase_add_loop_test(tests, values_are_compared, 0, COUNT(pairs));
    tcase_add_loop_test(tests, numbers_are_compared_exactly, 0, COUNT(numbers));
    tcase_add_test(tests, null_is_not_absent);
    tcase_add_test(tests, values_are_shared_and_outlive_their_pool);
    tcase_add_test(tests, elements_are_put_in_and_taken_out);
    tcase_add_loop_test(tests, values_are_measured, 0, COUNT(extents));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
