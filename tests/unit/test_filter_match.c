/* SPDX-License-Identifier: Apache-2.0 */
/* The evaluator of filters, and cursors. */
#include "unit.h"

#include <regex.h>
#include <string.h>

#include <apr_strings.h>

#include "query/cursor.h"
#include "query/filter_match.h"
#include "query/parameters.h"

static const char document[] =
    "{\"name\": \"Moon\", \"n\": 5.0, \"big\": 12345678901234567890123, \"t\": true, \"z\": null, "
    "\"when\": \"2020-06-12T02:00+02:00\", \"day\": \"2020-06-12\", \"empty\": [], \"s\": \"500\", "
    "\"tags\": [\"red\", 7, [\"deep\"]], \"o\": {\"p\": {\"q\": \"r\"}}, \"list\": ["
    "{\"k\": \"a\", \"v\": 1, \"in\": [{\"x\": 1}]}, {\"k\": \"b\", \"v\": 2}, {\"v\": 3}], "
    "\"nested\": [[{\"v\": [[[4]]]}, [[[{\"v\": 5, \"k\": [[]]}]]]]], \"hollow\": [[[], []]]}";

static const struct {
    const char *query;
    int matches;
} rows[] = {
    {"", 1},
    {"name=Moon", 1},
    {"name=moon", 0},
    {"n=5", 1},
    {"n=5.00", 1},
    {"n=50e-1", 1},
    {"n=x", 0},
    {"n.ne=x", 1},
    {"n.ne=5", 0},
    {"n>4&n<6&n>=5&n<=5", 1},
    {"n>5", 0},
    {"n>abc", 0},
    {"n<abc", 0},
    {"big=12345678901234567890123", 1},
    {"big=12345678901234567890124", 0},
    {"big>12345678901234567890122", 1},
    {"s=500", 1},
    {"s>5", 1},
    {"s=500.0", 0},
    {"t=true", 1},
    {"t=false", 0},
    {"t.ne=false", 1},
    {"t>false", 0},
    {"filter=$[?(@.t<=true)]", 0},
    {"filter=$[?(@.name<true)]", 0},
    {"filter=$[?(@.name<'true')]", 1},
    {"filter=$[?(@.name<=null)]", 0},
    {"filter=$[?(@.name>false)]", 0},
    {"filter=$[?(@.name!=true)]", 1},
    {"filter=$[?(false>@.name)]", 0},
    {"name<true", 1},
    {"z=null", 0},
    {"z.ne=null", 1},
    {"filter=$[?(@.z==null)]", 1},
    {"filter=$[?(@.z!=null)]", 0},
    {"filter=$[?(@.name==null)]", 0},
    {"filter=$[?(@.nothing==null)]", 0},
    {"filter=$[?(@.nothing!=null)]", 1},
    {"filter=z", 1},
    {"when=2020-06-12", 1},
    {"when>2020-06-11T23:59:59.999Z", 1},
    {"when=2020-06-12T02:00%2B02:00", 1},
    {"when>x", 0},
    {"when<x", 1},
    {"day=2020-06-12T00:00Z", 1},
    {"day=2020-06-13", 0},
    {"empty=x", 0},
    {"empty.ne=x", 1},
    {"filter=empty", 1},
    {"filter=empty[?(@==1)]", 0},
    {"tags=red", 1},
    {"tags=7", 1},
    {"tags=deep", 1},
    {"tags=blue", 0},
    {"tags.ne=red", 1},
    {"o.p.q=r", 1},
    {"o.p=r", 0},
    {"o.p.ne=r", 1},
    {"o.x.y.ne=r", 1},
    {"name.x=Moon", 0},
    {"name.x.ne=Moon", 1},
    {"list.k=a", 1},
    {"list.k=c", 0},
    {"list.k.ne=a,b", 1},
    {"list.v.ne=1,2,3", 0},
    {"list.in.x=1", 1},
    {"list.k=a&list.v=2", 1},
    {"filter=list[?(@.k=='a'%26%26@.v==2)]", 0},
    {"filter=list[?(@.k=='a'%26%26@.v==1)]", 1},
    {"filter=list[?(!@.k)]", 1},
    {"filter=list[?(!@.v)]", 0},
    {"filter=list[?(@.k=='c'||@.v>2)]", 1},
    {"filter=list[?(@.in[?(@.x==1)])]", 1},
    {"filter=list[?(@.v>1)].k", 1},
    {"filter=list[?(@.v>2)].k", 0},
    {"filter=list.k", 1},
    {"filter=list.nothing", 0},
    {"nested.v=4", 1},
    {"nested.v=5", 1},
    {"nested.v=6", 0},
    {"nested.v>4", 1},
    {"nested.v.ne=5", 1},
    {"nested.v.ne=4,5", 0},
    {"nested.k.ne=x", 1},
    {"hollow=x", 0},
    {"hollow.ne=x", 1},
    {"hollow.a.ne=x", 1},
    {"filter=hollow[?(!@.a)]", 0},
    {"filter=nested[?(@.v==5)]", 1},
    {"filter=nested[?(@.v==5%26%26@.k)]", 1},
    {"filter=nested[?(@.v==4%26%26@.k)]", 0},
    {"filter=nested[?(@.v[?(@==4)])]", 1},
    {"filter=nested[?(!@.k)]", 1},
    {"filter=nested[?(!@.v)]", 0},
    {"filter=nested.k", 1},
    {"name.regex=^Mo", 1},
    {"name.regex=^mo", 0},
    {"name.regex=^x,n$", 1},
    {"n.regex=5", 0},
    {"list.k.regex=[b-z]", 1},
    {"name=x;n=5", 1},
    {"name=x;n=6&t=true", 0},
};

/* Good enough for these patterns: PostgreSQL's language is larger. */
static tmf_error_t *posix_regex(void *context, const char *pattern, const char *const *texts,
                                int count, char *matches)
{
    int *questions = context;
    regex_t compiled;
    int i;

    *questions += 1;
    ck_assert_int_eq(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB), 0);
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

START_TEST(documents_match)
{
    int questions = 0;
    const tmf_matcher_t matcher = {posix_regex, &questions, 0, pool, TMF_ERROR_INVALID_PARAMETER};
    int matches;

    ck_assert_ok(
        tmf_filter_match(&matches, read_filter(rows[_i].query), read_document(), &matcher));
    ck_assert_msg(matches == rows[_i].matches, "%s", rows[_i].query);
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

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
    Suite *suite = suite_create("filter_match");
    TCase *tests = tcase_create("filter_match");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_loop_test(tests, documents_match, 0, COUNT(rows));
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
