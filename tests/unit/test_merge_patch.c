/* SPDX-License-Identifier: Apache-2.0 */
/* The examples of RFC 7386, appendix A. */
#include "unit.h"

#include <string.h>

#include "model/merge_patch.h"

static const struct {
    const char *target;
    const char *patch;
    const char *result;
} examples[] = {
    {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
    {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
    {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
    {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
    {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
    {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
    {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
    {"{\"a\":\"foo\"}", "null", "null"},
    {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
    {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
    {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
    {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
};

static tmf_json_t *parse(const char *text)
{
    static const tmf_json_limits_t limits = {10, 100};
    tmf_json_t *value;

    ck_assert_ok(tmf_json_parse(&value, text, strlen(text), &limits, pool));
    return value;
}

START_TEST(examples_of_the_rfc_hold)
{
    tmf_json_t *target = parse(examples[_i].target);
    tmf_json_t *patch = parse(examples[_i].patch);
    tmf_json_t *result = tmf_merge_patch(target, patch, pool);

    ck_assert_str_eq(tmf_json_write(result, NULL, pool), examples[_i].result);
    ck_assert_msg(tmf_json_equal(target, parse(examples[_i].target)), "the target was changed");
    ck_assert_msg(tmf_json_equal(patch, parse(examples[_i].patch)), "the patch was changed");
}
END_TEST

START_TEST(an_absent_target_is_an_empty_object)
{
    tmf_json_t *result = tmf_merge_patch(NULL, parse("{\"a\":{\"b\":null,\"c\":1}}"), pool);

    ck_assert_str_eq(tmf_json_write(result, NULL, pool), "{\"a\":{\"c\":1}}");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("merge_patch");
    TCase *tests = tcase_create("merge_patch");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_loop_test(tests, examples_of_the_rfc_hold, 0,
                        (int)(sizeof(examples) / sizeof(examples[0])));
    tcase_add_test(tests, an_absent_target_is_an_empty_object);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
