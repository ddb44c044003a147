/* SPDX-License-Identifier: Apache-2.0 */
/* Which attributes a change changes. */
#include "unit.h"

#include <string.h>

#include <apr_strings.h>

#include "model/changes.h"

static const struct {
    const char *before;
    const char *after;
    const char *names; /* separated by commas */
    int has_status;
} rows[] = {
    {"{}", "{}", "", 0},
    {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", "", 0},
    {"{\"a\":{\"x\":1,\"y\":[1.50]}}", "{\"a\":{\"y\":[15e-1],\"x\":1.0}}", "", 0},
    {"{\"a\":\"\\u00e9\"}", "{\"a\":\"\xC3\xA9\"}", "", 0},
    {"{\"status\":\"x\"}", "{\"status\":\"x\"}", "", 0},
    {"{\"status\":\"x\"}", "{\"status\":\"y\"}", "status", 1},
    {"{\"status\":\"x\"}", "{}", "status", 1},
    {"{}", "{\"status\":\"x\"}", "status", 1},
    {"{\"statusReason\":\"x\"}", "{\"statusReason\":\"y\"}", "statusReason", 0},
    {"{\"a\":1}", "{\"a\":\"1\"}", "a", 0},
    {"{\"a\":null}", "{}", "a", 0},
    {"{\"a\":[1,2]}", "{\"a\":[2,1]}", "a", 0},
    {"{\"a\":{\"b\":{\"c\":1}}}", "{\"a\":{\"b\":{\"c\":2}}}", "a", 0},
    {"{\"z\":1,\"m\":1,\"status\":1,\"same\":1}", "{\"same\":1,\"m\":2,\"b\":1,\"@type\":\"x\"}",
     "@type,b,m,status,z", 1},
    {"{\"a\":9007199254740993}", "{\"a\":9007199254740992}", "a", 0},
};

static tmf_json_t *parse(const char *text)
{
    static const tmf_json_limits_t limits = {10, 100};
    tmf_json_t *value;

    ck_assert_ok(tmf_json_parse(&value, text, strlen(text), &limits, pool));
    return value;
}

START_TEST(changes_are_found_by_value)
{
    tmf_changes_t *changes = tmf_changes_find(parse(rows[_i].before), parse(rows[_i].after), pool);

    ck_assert_str_eq(apr_array_pstrcat(pool, changes->names, ','), rows[_i].names);
    ck_assert_int_eq(changes->has_status, rows[_i].has_status);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("changes");
    TCase *tests = tcase_create("changes");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_loop_test(tests, changes_are_found_by_value, 0,
                        (int)(sizeof(rows) / sizeof(rows[0])));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
