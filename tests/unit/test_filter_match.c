/* SPDX-License-Identifier: Apache-2.0 */
/* The evaluator of filters, and cursors. */
#include "unit.h"

#include <regex.h>
#include <string.h>

#include <apr_strings.h>

#include "query/cursor.h"
#include "query/filter_match.h"
#include "query/parameters.h"
#include "vectors.h"

static const char document[] = "{\"name\": \"Moon\", \"list\": [{\"k\": \"a\"}, {\"k\": \"b\"}]}";

/* Good enough for these patterns: PostgreSQL's language is larger. */
static tmf_error_t *posix_regex(void *context, const char *pattern, const char *const *texts,
                                int count, char *matches)
{
    int ignores_case = strncmp(pattern, "(?i)", 4) == 0;
    int *questions = context;
    regex_t compiled;
    int i;

    *questions += 1;
    ck_assert_int_eq(regcomp(&compiled, pattern + (ignores_case ? 4 : 0),
                             REG_EXTENDED | REG_NOSUB | (ignores_case ? REG_ICASE : 0)),
                     0);
    for (i = 0; i < count; i++) {
        matches[i] = regexec(&compiled, texts[i], 0, NULL, 0) == 0;
    }
    regfree(&compiled);
    return NULL;
}

static tmf_filter_t *read_filter(const char *query)
{
    tmf_parameters_t *parameters;

    ck_assert_ok(tmf_parameters_parse(&parameters, query, NULL, pool));
    return parameters->filter;
}

static tmf_json_t *read_document(void)
{
    const tmf_json_limits_t limits = {20, 0};
    tmf_json_t *read;

    ck_assert_ok(tmf_json_parse(&read, document, strlen(document), &limits, pool));
    return read;
}

static int is_listed(const tmf_json_t *names, const tmf_json_t *name)
{
    int i = 0;

    while (i < tmf_json_count(names) && !tmf_json_equal(tmf_json_at(names, i), name)) {
        i++;
    }
    return i < tmf_json_count(names);
}

/* Every document of the set against the query: the names of those that are answered wrongly. */
static const char *wrong_answers(const tmf_json_t *documents, const tmf_json_t *vector)
{
    int questions = 0;
    const tmf_matcher_t matcher = {posix_regex, &questions, 0, pool, TMF_ERROR_INVALID_PARAMETER};
    const char *query = tmf_json_string_text(tmf_json_get(vector, "query"));
    tmf_parameters_t *parameters;
    const char *wrong = "";
    int matches;
    int i;

    ck_assert_ok(tmf_parameters_parse(&parameters, query, tmf_customer_attributes, pool));
    for (i = 0; i < tmf_json_count(documents); i++) {
        const tmf_json_t *read = tmf_json_at(documents, i);
        const tmf_json_t *name = tmf_json_get(read, "name");

        ck_assert_ok(tmf_filter_match(&matches, parameters->filter, read, &matcher));
        if (matches != is_listed(tmf_json_get(vector, "selects"), name)) {
            wrong = apr_pstrcat(pool, wrong, "  ", query, ": ", tmf_json_string_text(name), NULL);
        }
    }
    return wrong;
}

START_TEST(vectors_are_met)
{
    const apr_array_header_t *vectors = read_vectors("filters.jsonl");
    const tmf_json_t *documents = NULL;
    const char *wrong = "";
    int queries = 0;
    int i;

    for (i = 0; i < vectors->nelts; i++) {
        const tmf_json_t *vector = APR_ARRAY_IDX(vectors, i, const tmf_json_t *);

        if (tmf_json_get(vector, "documents") != NULL) {
            documents = tmf_json_get(vector, "documents");
        } else {
            wrong = apr_pstrcat(pool, wrong, wrong_answers(documents, vector), NULL);
            queries++;
        }
    }
    ck_assert_str_eq(wrong, "");
    ck_assert_int_ge(queries, 500);
}
END_TEST

static int asked;

static tmf_error_t *failing_regex(void *context, const char *pattern, const char *const *texts,
                                  int count, char *matches)
{
    (void)context;
    (void)texts;
    (void)count;
    (void)matches;
    asked++;
    return tmf_error_make(pool, TMF_ERROR_DATABASE_BUSY, "%s", pattern);
}

START_TEST(the_first_error_of_a_matcher_ends_it)
{
    const tmf_matcher_t matcher = {failing_regex, NULL, 0, pool, TMF_ERROR_INVALID_PARAMETER};
    tmf_error_t *error;
    int matches;

    asked = 0;
    error = tmf_filter_match(&matches, read_filter("list.k.regex=a;name.regex=b"), read_document(),
                             &matcher);
    ck_assert_ptr_nonnull(error);
    ck_assert_int_eq(asked, 1);
}
END_TEST

/* {"list": [{"k": "0"}, …]} with `count` different texts. */
static tmf_json_t *long_document(int count)
{
    tmf_json_t *list = tmf_json_array(pool);
    tmf_json_t *read = tmf_json_object(pool);
    int i;

    for (i = 0; i < count; i++) {
        const char *text = apr_itoa(pool, i);
        tmf_json_t *element = tmf_json_object(pool);

        tmf_json_set(element, "k", tmf_json_string(text, strlen(text), pool));
        tmf_json_append(list, element);
    }
    tmf_json_set(read, "list", list);
    return read;
}

START_TEST(the_patterns_of_all_values_are_one_question)
{
    static const struct {
        const char *query;
        int matches;
        int questions; /* one for each pattern that has to decide, and each 10,000 texts */
    } patterns[] = {
        {"list.k.regex=^4321$", 1, 1},
        {"list.k.regex=x", 0, 1},
        {"filter=list[?(@.k=~'^4321$')]", 1, 1},
        {"filter=list[?(@.k=~'^4321$'%26%26@.k=~'x')]", 0, 2},
        {"filter=$[?(!(@.list[?(@.k=~'x')]))]", 1, 1},
        {"list.k.regex=x,y,^4321$", 1, 3},
        {"list.k.regex=x&name=y", 0, 0},
        {"list.k.regex=x;list.k=7", 1, 0},
        {"list.k.ne=x;list.k.regex=y", 1, 0},
    };
    int questions = 0;
    const tmf_matcher_t matcher = {posix_regex, &questions, 0, pool, TMF_ERROR_INVALID_PARAMETER};
    int matches;

    ck_assert_ok(
        tmf_filter_match(&matches, read_filter(patterns[_i].query), long_document(5000), &matcher));
    ck_assert_msg(matches == patterns[_i].matches, "%s", patterns[_i].query);
    ck_assert_msg(questions == patterns[_i].questions, "%s: %d", patterns[_i].query, questions);
}
END_TEST

START_TEST(long_questions_are_asked_in_parts)
{
    int questions = 0;
    const tmf_matcher_t matcher = {posix_regex, &questions, 0, pool, TMF_ERROR_INVALID_PARAMETER};
    int matches;

    ck_assert_ok(tmf_filter_match(&matches, read_filter("list.k.regex=^24999$"),
                                  long_document(25000), &matcher));
    ck_assert_int_eq(matches, 1);
    ck_assert_int_eq(questions, 3);
}
END_TEST

START_TEST(equal_texts_are_asked_about_once)
{
    tmf_json_t *read = long_document(2);
    tmf_json_t *list = tmf_json_get(read, "list");
    int questions = 0;
    const tmf_matcher_t matcher = {posix_regex, &questions, 0, pool, TMF_ERROR_INVALID_PARAMETER};
    int matches;
    int i;

    for (i = 0; i < 2 * TMF_MATCH_TEXTS_MAX; i++) {
        tmf_json_append(list, tmf_json_at(list, 0));
    }
    ck_assert_ok(tmf_filter_match(&matches, read_filter("list.k.regex=x"), read, &matcher));
    ck_assert_int_eq(matches, 0);
    ck_assert_int_eq(questions, 1);
}
END_TEST

START_TEST(too_many_texts_are_an_error)
{
    int questions = 0;
    const tmf_matcher_t matcher = {posix_regex, &questions, 0, pool, TMF_ERROR_INVALID_PARAMETER};
    tmf_error_t *error;
    int matches;

    error = tmf_filter_match(&matches, read_filter("list.k.regex=x"),
                             long_document(TMF_MATCH_TEXTS_MAX + 1), &matcher);
    ck_assert_ptr_nonnull(error);
    ck_assert(tmf_error_is(error, TMF_ERROR_INVALID_PARAMETER));
    ck_assert_int_eq(questions, 0);
}
END_TEST

START_TEST(a_deadline_ends_an_evaluation)
{
    static const char *const queries[] = {"list.k>x", "list.k.ne=1&list.k=x", "list.k.regex=x",
                                          "filter=list[?(@.k=='x')]"};
    int questions = 0;
    const tmf_matcher_t matcher = {posix_regex, &questions, 1, pool, TMF_ERROR_INVALID_PARAMETER};
    tmf_error_t *error;
    int matches;

    error = tmf_filter_match(&matches, read_filter(queries[_i]), long_document(5000), &matcher);
    ck_assert_ptr_nonnull(error);
    ck_assert(tmf_error_is(error, TMF_ERROR_STATEMENT_TIMEOUT));
    ck_assert_int_eq(questions, 0);
}
END_TEST

START_TEST(cursors_come_back)
{
    const char *key[] = {"Zoë \"x\"", NULL, "7"};
    const tmf_cursor_t made = {1, 42, 3, key};
    tmf_parameters_t *parameters;
    tmf_cursor_t read;
    const char *text;

    ck_assert_ok(tmf_parameters_parse(&parameters, "sort=-name,x.y", NULL, pool));
    text = tmf_cursor_write(&made, parameters->sort, pool);
    ck_assert_uint_eq(
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
        strlen(text));
    ck_assert_ok(tmf_cursor_read(&read, text, parameters->sort, pool));
    ck_assert_int_eq(read.backward, 1);
    ck_assert(read.position == 42);
    ck_assert_int_eq(read.count, 3);
    ck_assert_str_eq(read.key[0], key[0]);
    ck_assert_ptr_null(read.key[1]);
    ck_assert_str_eq(read.key[2], "7");
    ck_assert_ok(tmf_parameters_parse(&parameters, "sort=name,x.y", NULL, pool));
    ck_assert_ptr_nonnull(tmf_cursor_read(&read, text, parameters->sort, pool));
}
END_TEST

START_TEST(a_long_key_is_left_out_of_a_cursor)
{
    char *name = apr_pcalloc(pool, 2001 + 1);
    const char *key[] = {name};
    const tmf_cursor_t made = {0, 42, 1, key};
    tmf_parameters_t *parameters;
    tmf_cursor_t read;

    memset(name, 'x', 2001);
    ck_assert_ok(tmf_parameters_parse(&parameters, "sort=name", NULL, pool));
    ck_assert_ok(tmf_cursor_read(&read, tmf_cursor_write(&made, parameters->sort, pool),
                                 parameters->sort, pool));
    ck_assert_int_eq(read.count, 0);
    ck_assert(read.position == 42);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("filter_match");
    TCase *tests = tcase_create("filter_match");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_test(tests, vectors_are_met);
    tcase_add_test(tests, the_first_error_of_a_matcher_ends_it);
    tcase_add_loop_test(tests, the_patterns_of_all_values_are_one_question, 0, 9);
    tcase_add_test(tests, long_questions_are_asked_in_parts);
    tcase_add_test(tests, equal_texts_are_asked_about_once);
    tcase_add_test(tests, too_many_texts_are_an_error);
    tcase_add_loop_test(tests, a_deadline_ends_an_evaluation, 0, 4);
    tcase_add_test(tests, cursors_come_back);
    tcase_add_test(tests, a_long_key_is_left_out_of_a_cursor);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
