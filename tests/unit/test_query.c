/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include <apr_strings.h>

#include "query/fields.h"
#include "query/parameters.h"

static const char document[] =
    "{\"name\": \"Moon \\\"FC\\\"\", \"tags\": [1, 2.50, \"a,b]}\"], \"none\": null, "
    "\"status\": \"Approved\", \"validFor\": {\"endDateTime\": \"b\", \"startDateTime\": \"a\"}, "
    "\"contactMedium\": [{\"mediumType\": \"email\", \"characteristic\": {\"city\": \"Paris\"}}, "
    "{\"mediumType\": \"phone\"}, 7], \"empty\": {}, \"ends\": [], \"a \\\"q\\\"\": true}";

static const struct {
    const char *fields; /* comma list */
    const char *shown;  /* members, each after a comma */
} projections[] = {
    {"name", ",\"name\":\"Moon \\\"FC\\\"\""},
    {"tags", ",\"tags\":[1, 2.50, \"a,b]}\"]"},
    {"status,name", ",\"name\":\"Moon \\\"FC\\\"\",\"status\":\"Approved\""},
    {"nothing", ""},
    {"none", ""},
    {"validFor.endDateTime", ",\"validFor\":{\"endDateTime\":\"b\"}"},
    {"validFor.endDateTime,validFor",
     ",\"validFor\":{\"endDateTime\": \"b\", \"startDateTime\": \"a\"}"},
    {"validFor.nothing", ""},
    {"contactMedium.mediumType",
     ",\"contactMedium\":[{\"mediumType\":\"email\"},{\"mediumType\":\"phone\"}]"},
    {"contactMedium.characteristic.city",
     ",\"contactMedium\":[{\"characteristic\":{\"city\":\"Paris\"}}]"},
    {"contactMedium.characteristic.street1", ""},
    {"name.first", ""},
    {"tags.x", ""},
    {"empty", ",\"empty\":{}"},
    {"ends", ",\"ends\":[]"},
    {"a \"q\"", ",\"a \\\"q\\\"\":true"},
    {" status ", ",\"status\":\"Approved\""},
};

static const char *project(const char *fields, const char *first_only)
{
    tmf_projection_t projection = {NULL, first_only};
    tmf_parameters_t *parameters;
    tmf_text_t text;

    if (fields != NULL) {
        const char *query = apr_pstrcat(pool, "fields=", fields, NULL);

        ck_assert_ok(tmf_parameters_parse(&parameters, query, NULL, pool));
        projection.fields = parameters->fields;
    }
    tmf_text_init(&text, 1, pool);
    tmf_fields_project(&text, document, &projection);
    return apr_pstrmemdup(pool, text.data, text.length);
}

START_TEST(fields_show_what_they_select)
{
    ck_assert_str_eq(project(projections[_i].fields, NULL), projections[_i].shown);
}
END_TEST

START_TEST(everything_is_shown_without_fields)
{
    const char *shown = project(NULL, NULL);

    ck_assert_ptr_nonnull(strstr(shown, ",\"none\":null,"));
    ck_assert_ptr_nonnull(strstr(shown, ",\"ends\":[],"));
    ck_assert_ptr_nonnull(strstr(shown, ",\"a \\\"q\\\"\":true"));
}
END_TEST

START_TEST(first_only_keeps_one_element)
{
    ck_assert_str_eq(project("tags", "tags"), ",\"tags\":[1]");
    ck_assert_str_eq(project("ends", "ends"), ",\"ends\":[]");
    ck_assert_str_eq(project("status", "status"), ",\"status\":\"Approved\"");
    ck_assert_str_eq(project("contactMedium.mediumType", "contactMedium"),
                     ",\"contactMedium\":[{\"mediumType\":\"email\"}]");
}
END_TEST

START_TEST(fields_have_limits)
{
    const char *deep = "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p";
    const tmf_reading_t reading = {TMF_ERROR_INVALID_PARAMETER, NULL, 0, 0, pool};
    tmf_fields_t *fields = tmf_fields_make(pool);
    int i;

    ck_assert_ok(tmf_fields_add(fields, deep, &reading));
    ck_assert_ptr_nonnull(tmf_fields_add(fields, apr_pstrcat(pool, deep, ".q", NULL), &reading));
    for (i = 2; i < TMF_FIELDS_COUNT_MAX; i++) {
        ck_assert_ok(tmf_fields_add(fields, apr_itoa(pool, i), &reading));
    }
    ck_assert_ptr_nonnull(tmf_fields_add(fields, "one more", &reading));
}
END_TEST

START_TEST(limit_and_offset_are_read)
{
    tmf_parameters_t *parameters;

    ck_assert_ok(tmf_parameters_parse(&parameters, "limit=20&&offset=0&", NULL, pool));
    ck_assert_int_eq(parameters->has_limit, 1);
    ck_assert_int_eq(parameters->limit, 20);
    ck_assert_int_eq(parameters->has_offset, 1);
    ck_assert_int_eq(parameters->offset, 0);
    ck_assert_ptr_null(parameters->other);
    ck_assert_ok(tmf_parameters_parse(&parameters, "limit=99999999999999999999", NULL, pool));
    ck_assert(parameters->limit == APR_INT64_MAX);
    ck_assert_ok(tmf_parameters_parse(&parameters, NULL, NULL, pool));
    ck_assert_int_eq(parameters->has_limit, 0);
}
END_TEST

static const char *const refused[] = {
    "limit=",      "limit=-1",   "limit=+1", "limit=1.0", "limit=x",           "limit=1&limit=1",
    "offset=%2D1", "limit",      "fields=%", "fields=%4", "fields=%zz",        "fields=%00",
    "fields=%ff",  "fields=%C3", "%C3%28=1", "a%=1",      "offset=1&offset=2",
};

START_TEST(bad_parameters_are_refused)
{
    tmf_parameters_t *parameters;
    tmf_error_t *error = tmf_parameters_parse(&parameters, refused[_i], NULL, pool);

    ck_assert_ptr_nonnull(error);
    ck_assert_int_eq(error->status, 400);
    ck_assert_str_eq(error->code, "invalidParameter");
}
END_TEST

static const struct {
    const char *query;
    const char *other;
} others[] = {
    {"status=Approved", "status"}, {"limit=1&na%6De=x", "name"}, {"sort=a", "sort"},
    {"cursor=x", "cursor"},        {"a%26b=1", "a&b"},           {"Limit=1", "Limit"},
};

START_TEST(other_parameters_are_named)
{
    tmf_parameters_t *parameters;

    ck_assert_ok(tmf_parameters_parse(&parameters, others[_i].query, NULL, pool));
    ck_assert_str_eq(parameters->other, others[_i].other);
}
END_TEST

START_TEST(empty_fields_mean_everything)
{
    tmf_parameters_t *parameters;

    ck_assert_ok(tmf_parameters_parse(&parameters, "fields=&fields=,%20,+", NULL, pool));
    ck_assert_ptr_null(parameters->fields);
}
END_TEST

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
    Suite *suite = suite_create("query");
    TCase *tests = tcase_create("query");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_loop_test(tests, fields_show_what_they_select, 0, COUNT(projections));
    tcase_add_test(tests, everything_is_shown_without_fields);
    tcase_add_test(tests, first_only_keeps_one_element);
    tcase_add_test(tests, fields_have_limits);
    tcase_add_test(tests, limit_and_offset_are_read);
    tcase_add_loop_test(tests, bad_parameters_are_refused, 0, COUNT(refused));
    tcase_add_loop_test(tests, other_parameters_are_named, 0, COUNT(others));
    tcase_add_test(tests, empty_fields_mean_everything);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
