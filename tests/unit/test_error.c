/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

START_TEST(each_layer_puts_its_subject_before)
{
    tmf_error_t *error = tmf_error_make(pool, TMF_ERROR_INVALID_BODY, "%d is too much", 5);

    ck_assert_str_eq(tmf_error_text(error, pool), "5 is too much");
    ck_assert_ptr_eq(tmf_error_about(error, pool, "limit"), error);
    ck_assert_str_eq(tmf_error_text(error, pool), "limit: 5 is too much");
    ck_assert_ptr_eq(tmf_error_about(error, pool, "Operation %d", 2), error);
    ck_assert_str_eq(tmf_error_text(error, pool), "Operation 2: limit: 5 is too much");
    ck_assert_str_eq(tmf_error_text(tmf_error_copy(error, pool), pool),
                     "Operation 2: limit: 5 is too much");
    ck_assert(tmf_error_is(error, TMF_ERROR_INVALID_BODY));
    ck_assert_str_eq(error->code, "invalidBody");
    ck_assert_ptr_null(tmf_error_about(NULL, pool, "query"));
}
END_TEST

/* The code, and whether the database as a whole is at fault, and whether the request can be. */
static const struct {
    tmf_error_code_t code;
    int concerns_database;
    int has_subject;
} rows[] = {
    {TMF_ERROR_DATABASE_UNAVAILABLE, 1, 0}, {TMF_ERROR_DATABASE_BUSY, 1, 0},
    {TMF_ERROR_STATEMENT_TIMEOUT, 1, 0},    {TMF_ERROR_INTERNAL, 0, 0},
    {TMF_ERROR_WRITE_CONFLICT, 0, 1},       {TMF_ERROR_NOT_IMPLEMENTED, 0, 1},
    {TMF_ERROR_INVALID_PATTERN, 0, 1},      {TMF_ERROR_INVALID_PARAMETER, 0, 1},
};

START_TEST(what_the_client_has_not_caused_is_about_nothing)
{
    tmf_error_t *error = tmf_error_make(pool, rows[_i].code, "x");

    ck_assert_int_eq(tmf_error_concerns_database(error), rows[_i].concerns_database);
    ck_assert_str_eq(tmf_error_text(tmf_error_about(error, pool, "query"), pool),
                     rows[_i].has_subject ? "query: x" : "x");
}
END_TEST

/* To a client one is as the other; only the store and who asks it tell them apart. */
START_TEST(a_bad_pattern_is_a_bad_parameter)
{
    tmf_error_t *pattern = tmf_error_make(pool, TMF_ERROR_INVALID_PATTERN, "x");
    tmf_error_t *parameter = tmf_error_make(pool, TMF_ERROR_INVALID_PARAMETER, "x");

    ck_assert_str_eq(pattern->code, parameter->code);
    ck_assert_str_eq(pattern->reason, parameter->reason);
    ck_assert_int_eq(pattern->status, parameter->status);
    ck_assert(!tmf_error_is(pattern, TMF_ERROR_INVALID_PARAMETER));
    ck_assert(!tmf_error_is(parameter, TMF_ERROR_INVALID_PATTERN));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("error");
    TCase *tests = tcase_create("error");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_test(tests, each_layer_puts_its_subject_before);
    tcase_add_loop_test(tests, what_the_client_has_not_caused_is_about_nothing, 0,
                        (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tests, a_bad_pattern_is_a_bad_parameter);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
