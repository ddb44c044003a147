/* SPDX-License-Identifier: Apache-2.0 */
/* What is a trace by W3C Trace Context, and how a request goes on with one. */
#include "unit.h"

#include <string.h>

#include <apr_strings.h>

#include "model/trace.h"

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"
#define ZEROS  "0000000000000000"
#define GOOD   "00-" TRACE "-" PARENT "-01"

static const struct {
    const char *text;
    int is_trace;
} parents[] = {
    {GOOD, 1},
    {"00-" TRACE "-" PARENT "-00", 1},
    {"00-" TRACE "-" PARENT "-ff", 1},
    {"00-00000000000000000000000000000001-0000000000000001-01", 1},
    {"cc-" TRACE "-" PARENT "-01", 1},
    {"cc-" TRACE "-" PARENT "-01-what-the-future-will-be-like", 1},
    {"cc-" TRACE "-" PARENT "-01-", 1},
    {"01-" TRACE "-" PARENT "-01", 1},
    {"", 0},
    {"00", 0},
    {"00-", 0},
    {"00-" TRACE, 0},
    {"00-" TRACE "-" PARENT, 0},
    {"00-" TRACE "-" PARENT "-", 0},
    {"00-" TRACE "-" PARENT "-1", 0},
    {"00-" TRACE "-" PARENT "-011", 0},
    {"00-" TRACE "-" PARENT "-0G", 0},
    {"00-" TRACE "-" PARENT "-0A", 0},
    {GOOD "-", 0},
    {GOOD "-more", 0},
    {GOOD "," GOOD, 0},
    {GOOD ", " GOOD, 0},
    {GOOD " ", 0},
    {" " GOOD, 0},
    {"ff-" TRACE "-" PARENT "-01", 0},
    {"ff-" TRACE "-" PARENT "-01-more", 0},
    {"FF-" TRACE "-" PARENT "-01", 0},
    {"0-" TRACE "-" PARENT "-01", 0},
    {"000-" TRACE "-" PARENT "-01", 0},
    {".0-" TRACE "-" PARENT "-01", 0},
    {"cc-" TRACE "-" PARENT "-01.", 0},
    {"cc-" TRACE "-" PARENT "-012", 0},
    {"00-" ZEROS ZEROS "-" PARENT "-01", 0},
    {"00-" TRACE "-" ZEROS "-01", 0},
    {"00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", 0},
    {"00-" TRACE "-00F067AA0BA902B7-01", 0},
    {"00-4bf92f3577b34da6a3ce929d0e0e473-" PARENT "-01", 0},
    {"00-" TRACE "0-" PARENT "-01", 0},
    {"00-" TRACE "-" PARENT "0-01", 0},
    {"00_" TRACE "-" PARENT "-01", 0},
    {"00-" TRACE "_" PARENT "-01", 0},
    {"00-" TRACE "-" PARENT "_01", 0},
    {"00-" TRACE "-00f067aa0ba902.7-01", 0},
};

START_TEST(a_parent_has_the_form_of_its_version)
{
    tmf_trace_t trace;

    tmf_trace_read(&trace, parents[_i].text, "a=1", pool);
    ck_assert_msg((trace.parent != NULL) == parents[_i].is_trace, "%s", parents[_i].text);
    ck_assert_msg((trace.state != NULL) == parents[_i].is_trace, "%s", parents[_i].text);
    if (parents[_i].is_trace) {
        ck_assert_uint_eq(strlen(trace.parent), 55);
        ck_assert_int_eq(strncmp(trace.parent, parents[_i].text, 55), 0);
    }
}
END_TEST

static const struct {
    const char *text;
    int is_state;
} states[] = {
    {"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", 1},
    {"a=1", 1},
    {"a=1 , b=2\t,\tc=3 ", 1},
    {"a=1,,b=2,", 1},
    {"a_-*/0=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~", 1},
    {"0tenant@system=x", 1},
    {"t@s0_-*/=x", 1},
    {"a= x", 1},
    {"a=x y", 1},
    {"a=1,a=2", 1},
    {"", 0},
    {",", 0},
    {" ", 0},
    {"a", 0},
    {"a=", 0},
    {"=1", 0},
    {"a=1=2", 0},
    {"a =1", 0},
    {"A=1", 0},
    {"0=1", 0},
    {"a.b=1", 0},
    {"@s=1", 0},
    {"t@=1", 0},
    {"t@0=1", 0},
    {"T@s=1", 0},
    {"a@b@c=1", 0},
    {"a=\xC3\xA9", 0},
    {"a=\x7F", 0},
    {"a=x\ty", 0},
    {"a=1,b", 0},
};

START_TEST(a_state_is_a_list_of_members)
{
    tmf_trace_t trace;

    tmf_trace_read(&trace, GOOD, states[_i].text, pool);
    ck_assert_str_eq(trace.parent, GOOD);
    if (states[_i].is_state) {
        ck_assert_str_eq(trace.state, states[_i].text);
    } else {
        ck_assert_msg(trace.state == NULL, "%s", states[_i].text);
    }
}
END_TEST

/* `before`, `count` times `unit`, `after`. */
static const char *repeated(const char *before, const char *unit, int count, const char *after)
{
    const char *text = before;

    while (count-- > 0) {
        text = apr_pstrcat(pool, text, unit, NULL);
    }
    return apr_pstrcat(pool, text, after, NULL);
}

static int has_state(const char *text)
{
    tmf_trace_t trace;

    tmf_trace_read(&trace, GOOD, text, pool);
    return trace.state != NULL;
}

START_TEST(a_state_has_bounds)
{
    ck_assert(has_state(repeated("", "a=1,", 32, "")));
    ck_assert(!has_state(repeated("", "a=1,", 33, "")));
    ck_assert(has_state(repeated("a", "b", 255, "=1")));
    ck_assert(!has_state(repeated("a", "b", 256, "=1")));
    ck_assert(has_state(repeated("a", "b", 240, "@s=1")));
    ck_assert(!has_state(repeated("a", "b", 241, "@s=1")));
    ck_assert(has_state(repeated("t@s", "b", 13, "=1")));
    ck_assert(!has_state(repeated("t@s", "b", 14, "=1")));
    ck_assert(has_state(repeated("a=", "b", 256, "")));
    ck_assert(!has_state(repeated("a=", "b", 257, "")));
    ck_assert(has_state(repeated("a=1", " ", 8189, "")));
    ck_assert(!has_state(repeated("a=1", " ", 8190, "")));
}
END_TEST

START_TEST(absent_headers_are_no_trace)
{
    tmf_trace_t trace;

    tmf_trace_read(&trace, NULL, "a=1", pool);
    ck_assert_ptr_null(trace.parent);
    ck_assert_ptr_null(trace.state);
    tmf_trace_read(&trace, GOOD, NULL, pool);
    ck_assert_str_eq(trace.parent, GOOD);
    ck_assert_ptr_null(trace.state);
}
END_TEST

static const struct {
    const char *parent;
    const char *continued;
} continuations[] = {
    {GOOD, "00-" TRACE "-0123456789abcdef-01"},
    {"00-" TRACE "-" PARENT "-00", "00-" TRACE "-0123456789abcdef-00"},
    {"00-" TRACE "-" PARENT "-03", "00-" TRACE "-0123456789abcdef-01"},
    {"00-" TRACE "-" PARENT "-fe", "00-" TRACE "-0123456789abcdef-00"},
    {"cc-" TRACE "-" PARENT "-ff", "00-" TRACE "-0123456789abcdef-01"},
};

START_TEST(a_request_goes_on_with_the_trace)
{
    static const unsigned char span[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF};
    char traceparent[TMF_TRACE_PARENT_LENGTH + 1];

    tmf_trace_continue(traceparent, continuations[_i].parent, span);
    ck_assert_str_eq(traceparent, continuations[_i].continued);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *tests = tcase_create("trace");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_loop_test(tests, a_parent_has_the_form_of_its_version, 0,
                        (int)(sizeof(parents) / sizeof(parents[0])));
    tcase_add_loop_test(tests, a_state_is_a_list_of_members, 0,
                        (int)(sizeof(states) / sizeof(states[0])));
    tcase_add_test(tests, a_state_has_bounds);
    tcase_add_test(tests, absent_headers_are_no_trace);
    tcase_add_loop_test(tests, a_request_goes_on_with_the_trace, 0,
                        (int)(sizeof(continuations) / sizeof(continuations[0])));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
