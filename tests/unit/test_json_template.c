/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "model/json_template.h"

static const tmf_setting_t settings[] = {
    {"base", "http://h/\"b\"", 0}, {"most", "100", 1}, {"on", "On", 0}, {"off", "Off", 0}};

static const struct {
    const char *template;
    const char *result;
} examples[] = {
    {"{\"a\":1.50,\"b\":[true,null,\"x\"],\"c\":{}}",
     "{\"a\":1.50,\"b\":[true,null,\"x\"],\"c\":{}}"},
    {"\"{{most}}\"", "100"},
    {"\"{{base}}\"", "\"http://h/\\\"b\\\"\""},
    {"\"{{base}}/x\"", "\"http://h/\\\"b\\\"/x\""},
    {"\" {{most}}\"", "\" 100\""},
    {"\"{{most}}{{most}}\"", "\"100100\""},
    {"\"a {{most}} b {{on}} c\"", "\"a 100 b On c\""},
    {"\"{{none}} {{most}}\"", "\"{{none}} 100\""},
    {"\"{{none}}\"", "\"{{none}}\""},
    {"\"{{most}\"", "\"{{most}\""},
    {"\"}}{{most}} {{\"", "\"}}100 {{\""},
    {"\"{{}}\"", "\"{{}}\""},
    {"{\"{{most}}\":\"{{most}}\"}", "{\"{{most}}\":100}"},
    {"{\"a\":{\"x-when\":\"on\",\"b\":\"{{most}}\"},\"c\":2}", "{\"a\":{\"b\":100},\"c\":2}"},
    {"{\"a\":{\"x-when\":\"off\",\"b\":1},\"c\":2}", "{\"c\":2}"},
    {"{\"a\":{\"x-when\":\"none\",\"b\":1}}", "{}"},
    {"[1,{\"x-when\":\"off\"},{\"x-when\":\"on\"},[{\"x-when\":\"off\"}],2]", "[1,{},[],2]"},
};

static tmf_json_t *parse(const char *text)
{
    static const tmf_json_limits_t limits = {10, 100};
    tmf_json_t *value;

    ck_assert_ok(tmf_json_parse(&value, text, strlen(text), &limits, pool));
    return value;
}

START_TEST(templates_are_filled)
{
    apr_array_header_t *array = apr_array_make(pool, 4, sizeof(tmf_setting_t));
    tmf_json_t *template = parse(examples[_i].template);
    size_t i;

    for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        APR_ARRAY_PUSH(array, tmf_setting_t) = settings[i];
    }
    ck_assert_str_eq(tmf_json_write(tmf_json_template_fill(template, array, pool), NULL, pool),
                     examples[_i].result);
    ck_assert_msg(tmf_json_equal(template, parse(examples[_i].template)),
                  "the template was changed");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_template");
    TCase *tests = tcase_create("fill");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_loop_test(tests, templates_are_filled, 0, sizeof(examples) / sizeof(examples[0]));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
