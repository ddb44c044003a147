/* SPDX-License-Identifier: Apache-2.0 */
/* What is JSONPath (RFC 9535) and supported, what is JSONPath and not, and what is none: wherever
 * in the text it stands, in a filter and as the path of a patch. */
#include "unit.h"

#include <string.h>

#include "query/jsonpath.h"

static const struct {
    const char *text;
    int filter; /* the status: 200, 400 or 501 */
    int path;
} rows[] = {
    /* supported */
    {"$", 200, 200},
    {"$.a", 200, 200},
    {"a", 200, 200},
    {"a.b.c", 200, 200},
    {"$['a']", 200, 200},
    {"$[\"a\"]['b']", 200, 200},
    {"$ .a ['b']", 200, 200},
    {"$.a[*]", 200, 200},
    {"$[*]", 200, 200},
    {"$.@type", 200, 200},
    {"@type", 200, 200},
    {"$.é_1", 200, 200},
    {"$['a-b']", 200, 200},
    {"$[?(@.a=='x')]", 200, 200},
    {"$[?@.a]", 200, 200},
    {"[?@.a]", 200, 200},
    {"a[?@.b==1 && (@.c!='x' || !@.d)]", 200, 200},
    {"a[?!(@.b==1)]", 200, 200},
    {"a[?! @.b]", 200, 200},
    {"a[?@.b>=-1.5e3]", 200, 200},
    {"a[?@.b==true || @.b==false || @.b==null]", 200, 200},
    {"a[?1<@.b]", 200, 200},
    {"a[?@['b c']=='\\u0041\\n\\'']", 200, 200},
    {"a[?@.b==\"it's \\\"it\\\"\"]", 200, 200},
    {"a[?@.b=='\\ud83d\\ude00']", 200, 200},
    {"a[?(@.b=~/^x\\/[^\\d]/i)]", 200, 200},
    {"a[?(@.b=~'^\\\\d')]", 200, 200},
    {"a[?@.b[?@.c==1].d=='x']", 200, 200},
    {"a[?(@=='x')].b", 200, 200},
    {"a[?@]", 200, 200},
    /* JSONPath, and not supported in one of the two */
    {"$[0]", 501, 200},
    {"a[7].b", 501, 200},
    {"a[ 7 ]", 501, 200},
    /* JSONPath, and not supported */
    {"$..a", 501, 501},
    {"$..*", 501, 501},
    {"$..['a']", 501, 501},
    {"$..[0]", 501, 501},
    {"$..[?@.a]", 501, 501},
    {"$.a..b[0]", 501, 501},
    {"$.*", 501, 501},
    {"$.a.*.b", 501, 501},
    {"$[-1]", 501, 501},
    {"$[9007199254740991:]", 501, 501},
    {"$[:]", 501, 501},
    {"$[1:2]", 501, 501},
    {"$[1:5:2]", 501, 501},
    {"$[::-1]", 501, 501},
    {"$[ 1 : 2 ]", 501, 501},
    {"$['a','b']", 501, 501},
    {"$['a', 0, *, 1:2, ?@.x]", 501, 501},
    {"$[0,1]", 501, 501},
    {"$[*,*]", 501, 501},
    {"$[?@.a,?@.b]", 501, 501},
    {"a[?@.b==@.c]", 501, 501},
    {"a[?@.b==$.c]", 501, 501},
    {"a[?$.b==1]", 501, 501},
    {"a[?$.b]", 501, 501},
    {"a[?!$.b]", 501, 501},
    {"a[?1==1]", 501, 501},
    {"a[?'x'=='y' || @.b]", 501, 501},
    {"a[?@.b[0]==1]", 501, 501},
    {"a[?@..b]", 501, 501},
    {"a[?@.*]", 501, 501},
    {"$[?length(@.a)>1]", 501, 501},
    {"$[?length('x')>1]", 501, 501},
    {"$[?1<length(@.a)]", 501, 501},
    {"$[?count(@.*)>1]", 501, 501},
    {"$[?count(@..a)>1]", 501, 501},
    {"$[?value(@..a)=='x']", 501, 501},
    {"$[?match(@.a, 'x.*')]", 501, 501},
    {"$[?!search(@.a, @.b)]", 501, 501},
    {"$[?length(value(@..a))>1]", 501, 501},
    {"$[?@.a && match(@.b,'x')]", 501, 501},
    {"$[?(match(@.b,'x'))]", 501, 501},
    {"$[?some_1(@.a, 5, @.b==1)]", 501, 501},
    {"$[(@.length-1)]", 501, 501},
    {"$.a[(@.length - 1)].b", 501, 501},
    {"a[?(@.length-1)]", 501, 501},
    {"a[?@.length-1>2]", 501, 501},
    {"a[?@.b+1==2]", 501, 501},
    {"a[?(@.b*(@.c-1))>2]", 501, 501},
    {"a[?2==@.b % 2]", 501, 501},
    {"a[?@.b>1-2]", 501, 501},
    {"a[?@.b.length()==1]", 501, 501},
    {"a[?@.b.contains('x', @.c)]", 501, 501},
    {"$.a.length()", 501, 501},
    {"a[?@.b=~/x/g]", 501, 501},
    {"a[?@.b=~@.c]", 501, 501},
    /* no JSONPath */
    {"$..", 400, 400},
    {"$..[", 400, 400},
    {"$..[0", 400, 400},
    {"$...a", 400, 400},
    {"$.a..", 400, 400},
    {"$.. a", 400, 400},
    {"$.", 400, 400},
    {"$. a", 400, 400},
    {"$a", 400, 400},
    {"$$", 400, 400},
    {"$[", 400, 400},
    {"$[]", 400, 400},
    {"$[a]", 400, 400},
    {"$['a'", 400, 400},
    {"$['a]", 400, 400},
    {"$['a',]", 400, 400},
    {"$[,'a']", 400, 400},
    {"$[1,2", 400, 400},
    {"$[01]", 400, 400},
    {"$[-0]", 400, 400},
    {"$[-]", 400, 400},
    {"$[1.5]", 400, 400},
    {"$[9007199254740992]", 400, 400},
    {"$[1:2:3:4]", 400, 400},
    {"$[1:x]", 400, 400},
    {"$[0]]", 400, 400},
    {"$[0].", 400, 400},
    {"$.a-b", 400, 400},
    {"$.1a", 400, 400},
    {"$.a b", 400, 400},
    {"$.*a", 400, 400},
    {"$.'a'", 400, 400},
    {"@.a", 400, 400},
    {"$[?]", 400, 400},
    {"$[?()]", 400, 400},
    {"$[?(@.a]", 400, 400},
    {"$[?@.a)]", 400, 400},
    {"$[?@.a==]", 400, 400},
    {"$[?@.a=1]", 400, 400},
    {"$[?@.a===1]", 400, 400},
    {"$[?@.a<>1]", 400, 400},
    {"$[?@.a==1==2]", 400, 400},
    {"$[?@.a&@.b]", 400, 400},
    {"$[?@.a and @.b]", 400, 400},
    {"$[?@.a &&]", 400, 400},
    {"$[?|| @.a]", 400, 400},
    {"$[?!@.a==1]", 400, 400},
    {"$[?!!@.a]", 400, 400},
    {"$[?!]", 400, 400},
    {"$[?(@.a)==1]", 400, 400},
    {"$[?a==1]", 400, 400},
    {"$[?'x']", 400, 400},
    {"$[?1]", 400, 400},
    {"$[?@.a=='x'y]", 400, 400},
    {"$[?@.a==x]", 400, 400},
    {"$[?@.a==True]", 400, 400},
    {"$[?@.a==01]", 400, 400},
    {"$[?@.a==.5]", 400, 400},
    {"$[?@.a==1.]", 400, 400},
    {"$[?@.a==+1]", 400, 400},
    {"$[?@.a=='\\x']", 400, 400},
    {"$[?@.a=='\\\"']", 400, 400},
    {"$[?@.a==\"\\'\"]", 400, 400},
    {"$[?@.a=='\\ud800']", 400, 400},
    {"$[?@.a=='\t']", 400, 400},
    {"$[?@.a=~'\\d']", 400, 400},
    {"$[?@.a=~5]", 400, 400},
    {"$[?'x'=~@.a]", 400, 400},
    {"$[?@.a=~/x]", 400, 400},
    {"$[?length(@.a)]", 400, 400},
    {"$[?length()>1]", 400, 400},
    {"$[?length(@.a,@.b)>1]", 400, 400},
    {"$[?length(@.*)>1]", 400, 400},
    {"$[?count('x')>1]", 400, 400},
    {"$[?match(@.a,'x')==true]", 400, 400},
    {"$[?length(@.a>1]", 400, 400},
    {"$[?length (@.a)>1]", 400, 400},
    {"$[()]", 400, 400},
    {"$[(@.length-)]", 400, 400},
    {"$[(@.length-1]", 400, 400},
    {"$.a.length(", 400, 400},
    {"$..a[?(", 400, 400},
    {"$[0][?@.a=]", 400, 400},
    {"$.*[?@.a=='x]", 400, 400},
    {"a[?length(@.b)>1 && ]", 400, 400},
};

static int status_of(const tmf_error_t *error)
{
    return error == NULL ? 200 : error->status;
}

static void check_status(const tmf_error_t *error, int status, const char *subject,
                         const char *text)
{
    ck_assert_msg(status_of(error) == status, "%s %s: %d %s", subject, text, status_of(error),
                  error != NULL ? error->message : "");
    ck_assert(error == NULL || strcmp(error->subject, subject) == 0);
}

START_TEST(every_text_has_its_status)
{
    tmf_reading_t reading = {TMF_ERROR_INVALID_PARAMETER, NULL, 0, 0, pool};
    tmf_filter_t *filter = tmf_filter_make(TMF_FILTER_AND, pool);
    apr_array_header_t *steps;
    const char *text = rows[_i].text;

    check_status(tmf_jsonpath_add(filter, text, &reading), rows[_i].filter, "filter", text);
    check_status(tmf_jsonpath_read_steps(&steps, text, &reading), rows[_i].path, "path", text);
}
END_TEST

/* Whatever stands before: nesting is bounded, in what is not supported, too. */
START_TEST(no_text_nests_without_end)
{
    tmf_reading_t reading = {TMF_ERROR_INVALID_PARAMETER, NULL, 0, 0, pool};
    tmf_filter_t *filter = tmf_filter_make(TMF_FILTER_AND, pool);
    char text[60000] = "$..a[?";
    tmf_error_t *error;

    memset(text + 6, '(', sizeof(text) - 7);
    error = tmf_jsonpath_add(filter, text, &reading);
    ck_assert_ptr_nonnull(error);
    ck_assert_int_eq(error->status, 400);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jsonpath");
    TCase *tests = tcase_create("jsonpath");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_loop_test(tests, every_text_has_its_status, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tests, no_text_nests_without_end);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
