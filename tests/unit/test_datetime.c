/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "model/datetime.h"

static const struct {
    const char *text;
    apr_int64_t seconds;
} valid[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"2018-06-12T00:00Z", 1528761600},
    {"2018-06-12T02:00+02:00", 1528761600},
    {"2018-06-11t22:30:00.000-01:30", 1528761600},
    {"2018-06-12T00:00:00.123456789012345z", 1528761600},
    {"0001-01-01T00:00Z", APR_INT64_C(-62135596800)},
    {"9999-12-31T23:59:59Z", APR_INT64_C(253402300799)},
    {"2000-02-29T00:00Z", 951782400},
    {"2016-12-31T23:59:60Z", 1483228800},
    {"2016-12-31T15:59:60-08:00", 1483228800},
    {"2017-01-01T08:59:60+09:00", 1483228800},
    {"2017-01-01T05:29:60.5+05:30", 1483228800},
    {"2015-06-30T23:59:60.999Z", 1435708800},
    {"2020-02-29T23:59:60Z", 1583020800},
    {"2019-02-28T23:59:60Z", 1551398400},
    {"9999-12-31T23:59:60Z", APR_INT64_C(253402300800)},
    {"0001-01-01T00:59:60+01:00", APR_INT64_C(-62135596800)},
};

START_TEST(date_times_are_read)
{
    tmf_instant_t instant;

    ck_assert_int_eq(tmf_datetime_parse(valid[_i].text, &instant), 1);
    ck_assert(instant.seconds == valid[_i].seconds);
}
END_TEST

static const char *const invalid[] = {
    "",
    "2018-06-12",
    "2018-06-12T00:00",
    "2018-06-12 00:00Z",
    "2018-6-12T00:00Z",
    "2018-13-01T00:00Z",
    "2018-00-01T00:00Z",
    "2018-02-29T00:00Z",
    "1900-02-29T00:00Z",
    "2018-06-31T00:00Z",
    "2018-06-12T24:00Z",
    "2018-06-12T00:60Z",
    "2018-06-12T00:00:61Z",
    "2020-06-15T12:34:60Z",
    "2020-06-15T23:59:60Z",
    "2020-06-30T12:34:60Z",
    "2020-06-30T23:58:60Z",
    "2020-06-30T23:59:60+01:00",
    "2020-06-30T22:59:60Z",
    "2020-07-01T00:59:60Z",
    "2020-07-01T23:59:60+09:00",
    "2020-02-28T23:59:60Z",
    "2016-12-31T23:59:60-08:00",
    "2016-12-31T23:59:61Z",
    "2018-06-12T00:00:00.Z",
    "2018-06-12T00:00+0200",
    "2018-06-12T00:00+02",
    "0000-01-01T00:00Z",
    "2018-06-12T00:00Z ",
    " 2018-06-12T00:00Z",
    "2018-06-12T00:00+24:00",
    "2018-06-12T00:00+00:60",
    "x",
    "2018-06-12T00:00ZZ",
    "20180612T0000Z",
    "-2018-06-12T00:00Z",
    "2018-06-12T00:00.5Z",
};

START_TEST(other_texts_are_refused)
{
    tmf_instant_t instant;

    ck_assert_int_eq(tmf_datetime_parse(invalid[_i], &instant), 0);
}
END_TEST

static const struct {
    const char *a;
    const char *b;
    int order;
} pairs[] = {
    {"2018-06-12T00:00Z", "2018-06-12T00:00:00.000Z", 0},
    {"2018-06-12T00:00Z", "2018-06-12T00:00:00.0001Z", -1},
    {"2018-06-12T00:00:00.2Z", "2018-06-12T00:00:00.1999999999999Z", 1},
    {"2018-06-12T00:00+01:00", "2018-06-12T00:00Z", -1},
    {"2018-06-12T00:00:01Z", "2018-06-12T00:00:00.9Z", 1},
};

START_TEST(instants_are_ordered)
{
    tmf_instant_t a;
    tmf_instant_t b;

    ck_assert(tmf_datetime_parse(pairs[_i].a, &a) && tmf_datetime_parse(pairs[_i].b, &b));
    ck_assert_int_eq(tmf_instant_compare(&a, &b), pairs[_i].order);
    ck_assert_int_eq(tmf_instant_compare(&b, &a), -pairs[_i].order);
}
END_TEST

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
    Suite *suite = suite_create("datetime");
    TCase *tests = tcase_create("datetime");

    tcase_add_loop_test(tests, date_times_are_read, 0, COUNT(valid));
    tcase_add_loop_test(tests, other_texts_are_refused, 0, COUNT(invalid));
    tcase_add_loop_test(tests, instants_are_ordered, 0, COUNT(pairs));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
