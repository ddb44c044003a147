/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Patch Query: where the paths of both styles lead, and what each operation does there. */
#include "unit.h"

#include <string.h>

#include <apr_strings.h>

#include "query/patch_query.h"

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

/* Three media, of which two are by e-mail; orders with arrays in arrays. */
#define DOCUMENT                                                                                   \
    "{\"name\":\"n\",\"m\":[{\"t\":\"email\",\"p\":true,\"c\":{\"city\":\"A B\"}},"                \
    "{\"t\":\"phone\",\"p\":false},{\"t\":\"email\",\"c\":{\"city\":\"C\"}}],"                     \
    "\"o\":[{\"id\":1,\"r\":[{\"role\":\"x\",\"id\":1},{\"role\":\"y\",\"id\":2}]},"               \
    "{\"id\":2,\"r\":[{\"role\":\"x\",\"id\":3}]}],\"v\":[1,2,3,2],\"e\":[]}"

static tmf_json_t *parse(const char *text)
{
    static const tmf_json_limits_t limits = {20, 100};
    tmf_json_t *value;

    ck_assert_ok(tmf_json_parse(&value, text, strlen(text), &limits, pool));
    return value;
}

/* Stands in for PostgreSQL: a pattern is a part of the text. */
static tmf_error_t *find_text(void *context, const char *pattern, const char *const *texts,
                              int count, char *matches)
{
    int i;

    (void)context;
    for (i = 0; i < count; i++) {
        matches[i] = strstr(texts[i], pattern) != NULL;
    }
    return strcmp(pattern, "(") == 0 ? tmf_error_make(pool, TMF_ERROR_INVALID_PATTERN, "pattern")
                                     : NULL;
}

static tmf_error_t *apply(const char **result, const char *document, const char *patch)
{
    const tmf_matcher_t matcher = {find_text, NULL, 0, pool, TMF_ERROR_INVALID_BODY};
    tmf_json_t *changed = parse(document);
    tmf_patch_room_t room = {20, 10000};
    apr_array_header_t *operations;
    tmf_patch_query_t *query;

    TMF_TRY(tmf_patch_read(&operations, parse(patch), pool));
    TMF_TRY(tmf_patch_query_read(&query, operations, pool));
    TMF_TRY(tmf_patch_query_apply(&changed, query, &matcher, &room, pool));
    *result = tmf_json_write(changed, NULL, pool);
    return NULL;
}

/* The patch `[{"op":"replace","path":…,"value":"*"}]`, to see where a path leads. */
static const struct {
    const char *path;
    const char *at; /* a pointer of every place, separated by blanks */
} paths[] = {
    /* plain pointers */
    {"/name", "/name"},
    {"/m/1/t", "/m/1/t"},
    {"/v", "/v"},
    {"", ""},
    /* conditions, with all of the names and without */
    {"/m/p?m.t=email", "/m/0/p"},
    {"/m/p?t=email", "/m/0/p"},
    {"/m/t?t=email", "/m/0/t /m/2/t"},
    {"/m?m.t=phone", "/m/1"},
    {"/m?t=phone", "/m/1"},
    {"/m/t?c.city=A+B", "/m/0/t"},
    {"/m/t?m.c.city=A%20B", "/m/0/t"},
    {"/m/t?c.city=A B", "/m/0/t"},
    {"/m/c/city?t=email&c.city=C", "/m/2/c/city"},
    {"/m/t?p=true,false", "/m/0/t /m/1/t"},
    {"/m/t?p=true;t=phone", "/m/0/t /m/1/t"},
    {"/m/t?t.ne=email", "/m/1/t"},
    {"/m/t?p.ne=true", "/m/1/t /m/2/t"},
    {"/m/t?t.regex=hon", "/m/1/t"},
    /* an array within an array: each condition is about the element of its own */
    {"/o/r?o.r.role=x", "/o/0/r/0 /o/1/r/0"},
    {"/o/r?role=x", "/o/0/r/0 /o/1/r/0"},
    {"/o/r?o.id=2&o.r.role=x", "/o/1/r/0"},
    {"/o/r/id?o.id=1&role=y", "/o/0/r/1/id"},
    {"/o/r/id?o.id=1;o.r.id=3", "/o/0/r/0/id /o/0/r/1/id /o/1/r/0/id"},
    {"/o/id?o.r.role=y", "/o/0/id"},
    {"/o/1/r?role=x", "/o/1/r/0"},
    /* no array on the way: about the document */
    {"/name?name=n", "/name"},
    {"/name?m.t=phone", "/name"},
    /* JSONPath */
    {"$.name", "/name"},
    {"name", "/name"},
    {"$['m'][0].t", "/m/0/t"},
    {"$.m[*].t", "/m/0/t /m/1/t /m/2/t"},
    {"$.m[?(@.t=='email')]", "/m/0 /m/2"},
    {"$.m[?(@.t=='email' && @.p==true)].c.city", "/m/0/c/city"},
    {"m[?(@.c)].t", "/m/0/t /m/2/t"},
    {"$.o[?(@.id>1)].r[?(@.role=='x')].id", "/o/1/r/0/id"},
    {"$.o[?(@.r[?(@.role=='y')])].id", "/o/0/id"},
    {"$.v[?(@==2)]", "/v/1 /v/3"},
    {"$[?(@.name=='n')].name", "/name"},
    {"$[*].name", "/name"},
    {"$.m[ 1 ].p", "/m/1/p"},
    {"$", ""},
};

START_TEST(paths_lead_to_their_places)
{
    const char *patch = apr_psprintf(pool, "[{\"op\":\"replace\",\"path\":\"%s\",\"value\":\"*\"}]",
                                     paths[_i].path);
    tmf_json_t *expected = parse(DOCUMENT);
    const char *rest = paths[_i].at;
    const char *result;
    apr_size_t length;

    do {
        tmf_patch_operation_t operation = {.kind = TMF_PATCH_REPLACE, .path_text = ""};
        tmf_patch_room_t room = {20, 1000};

        operation.value = tmf_json_string("*", 1, pool);
        length = strcspn(rest, " ");
        ck_assert(tmf_pointer_parse(&operation.path, apr_pstrmemdup(pool, rest, length), pool));
        rest += length + (rest[length] == ' ');
        ck_assert_ok(tmf_patch_apply(&expected, &operation, &room, pool));
    } while (*rest != '\0');
    ck_assert_ok(apply(&result, DOCUMENT, patch));
    ck_assert_str_eq(result, tmf_json_write(expected, NULL, pool));
}
END_TEST

static const struct {
    const char *document;
    const char *operation; /* without the brackets of the patch */
    const char *result;
} operations[] = {
    /* add at an array appends, at an index it comes before, at "-" it appends, too */
    {"{\"a\":[1]}", "{\"op\":\"add\",\"path\":\"/a\",\"value\":2}", "{\"a\":[1,2]}"},
    {"{\"a\":[]}", "{\"op\":\"add\",\"path\":\"$.a\",\"value\":[2]}", "{\"a\":[[2]]}"},
    {"{\"a\":[1]}", "{\"op\":\"add\",\"path\":\"/a/0\",\"value\":2}", "{\"a\":[2,1]}"},
    {"{\"a\":[1]}", "{\"op\":\"add\",\"path\":\"$.a[1]\",\"value\":2}", "{\"a\":[1,2]}"},
    {"{\"a\":[1]}", "{\"op\":\"add\",\"path\":\"/a/-\",\"value\":2}", "{\"a\":[1,2]}"},
    {"{\"a\":[[1]]}", "{\"op\":\"add\",\"path\":\"/a/0\",\"value\":2}", "{\"a\":[2,[1]]}"},
    {"{\"a\":[[1]]}", "{\"op\":\"add\",\"path\":\"$.a[*]\",\"value\":2}", "{\"a\":[[1,2]]}"},
    {"{\"a\":[{\"x\":1,\"l\":[]},{\"x\":2,\"l\":[]}]}",
     "{\"op\":\"add\",\"path\":\"$.a[?(@.x==2)].l\",\"value\":7}",
     "{\"a\":[{\"x\":1,\"l\":[]},{\"x\":2,\"l\":[7]}]}"},
    /* add sets members, there or not */
    {"{}", "{\"op\":\"add\",\"path\":\"/a\",\"value\":1}", "{\"a\":1}"},
    {"{}", "{\"op\":\"add\",\"path\":\"$.a\",\"value\":1}", "{\"a\":1}"},
    {"{\"a\":[{\"x\":1},{\"x\":2}]}", "{\"op\":\"add\",\"path\":\"/a/y?a.x=2\",\"value\":1}",
     "{\"a\":[{\"x\":1},{\"x\":2,\"y\":1}]}"},
    {"{\"a\":[{\"x\":1},{\"x\":2}]}", "{\"op\":\"add\",\"path\":\"$.a[*].x\",\"value\":0}",
     "{\"a\":[{\"x\":0},{\"x\":0}]}"},
    /* removals do not move each other */
    {"{\"a\":[1,2,1,1,3]}", "{\"op\":\"remove\",\"path\":\"$.a[?(@==1)]\"}", "{\"a\":[2,3]}"},
    {"{\"a\":[{\"b\":[1,2]},{\"b\":[2,1]}]}", "{\"op\":\"remove\",\"path\":\"$.a[*].b[?(@==1)]\"}",
     "{\"a\":[{\"b\":[2]},{\"b\":[2]}]}"},
    {"{\"a\":[{\"x\":1},{\"x\":2}]}", "{\"op\":\"remove\",\"path\":\"/a?x=1\"}",
     "{\"a\":[{\"x\":2}]}"},
    /* what is not there in some places is left out */
    {"{\"a\":[{\"x\":1,\"y\":1},{\"x\":1}]}", "{\"op\":\"remove\",\"path\":\"/a/y?x=1\"}",
     "{\"a\":[{\"x\":1},{\"x\":1}]}"},
    /* test holds everywhere */
    {"{\"a\":[{\"x\":1},{\"x\":1.0}]}", "{\"op\":\"test\",\"path\":\"$.a[*].x\",\"value\":1}",
     "{\"a\":[{\"x\":1},{\"x\":1.0}]}"},
    /* copy and move */
    {"{\"a\":[{\"x\":1},{\"x\":2}],\"b\":{}}",
     "{\"op\":\"copy\",\"from\":\"$.a[?(@.x==2)]\",\"path\":\"/b/c\"}",
     "{\"a\":[{\"x\":1},{\"x\":2}],\"b\":{\"c\":{\"x\":2}}}"},
    {"{\"a\":[{\"x\":1},{\"x\":2}],\"y\":7}",
     "{\"op\":\"copy\",\"from\":\"/y\",\"path\":\"$.a[*].y\"}",
     "{\"a\":[{\"x\":1,\"y\":7},{\"x\":2,\"y\":7}],\"y\":7}"},
    {"{\"a\":[{\"x\":1},{\"x\":2}],\"b\":[0]}",
     "{\"op\":\"move\",\"from\":\"/a?x=1\",\"path\":\"/b\"}",
     "{\"a\":[{\"x\":2}],\"b\":[0,{\"x\":1}]}"},
    {"{\"a\":[1,2,3]}", "{\"op\":\"move\",\"from\":\"/a/0\",\"path\":\"/a\"}", "{\"a\":[2,3,1]}"},
    {"{\"a\":[1,2,3]}", "{\"op\":\"move\",\"from\":\"$.a[0]\",\"path\":\"$.a[2]\"}",
     "{\"a\":[2,3,1]}"},
    {"{\"a\":{}}", "{\"op\":\"copy\",\"from\":\"$\",\"path\":\"$.a.b\"}",
     "{\"a\":{\"b\":{\"a\":{}}}}"},
    /* one operation sees what the one before it did */
    {"{\"a\":[]}",
     "{\"op\":\"add\",\"path\":\"/a\",\"value\":{\"x\":1}},"
     "{\"op\":\"add\",\"path\":\"/a/y?x=1\",\"value\":2},{\"op\":\"remove\",\"path\":\"/a/x?y=2\"}",
     "{\"a\":[{\"y\":2}]}"},
    {"{\"a\":1}", "", "{\"a\":1}"},
};

START_TEST(operations_are_carried_out_at_every_place)
{
    const char *patch = apr_psprintf(pool, "[%s]", operations[_i].operation);
    const char *result;

    ck_assert_ok(apply(&result, operations[_i].document, patch));
    ck_assert_str_eq(result, operations[_i].result);
}
END_TEST

static const struct {
    const char *operation;
    int status;
    const char *message; /* a part of it */
} refusals[] = {
    /* nothing there */
    {"{\"op\":\"remove\",\"path\":\"/m/p?m.t=fax\"}", 409,
     "Operation 0 (remove /m/p?m.t=fax): the"},
    {"{\"op\":\"remove\",\"path\":\"/m/p?t=email&c.city=C\"}", 409, "leads to nothing"},
    {"{\"op\":\"remove\",\"path\":\"/m/none?t=email\"}", 409, "leads to nothing"},
    {"{\"op\":\"replace\",\"path\":\"$.m[?(@.t=='fax')]\",\"value\":1}", 409, "leads to nothing"},
    {"{\"op\":\"replace\",\"path\":\"$.m.t\",\"value\":1}", 409, "leads to nothing"},
    {"{\"op\":\"replace\",\"path\":\"$.name[*]\",\"value\":1}", 409, "leads to nothing"},
    {"{\"op\":\"replace\",\"path\":\"/m/t\",\"value\":1}", 409, "leads to nothing"},
    {"{\"op\":\"replace\",\"path\":\"/e?x=1\",\"value\":1}", 409, "leads to nothing"},
    {"{\"op\":\"add\",\"path\":\"/none/x\",\"value\":1}", 409, "leads to nothing"},
    {"{\"op\":\"add\",\"path\":\"/v/9\",\"value\":1}", 409, "leads to nothing"},
    {"{\"op\":\"add\",\"path\":\"/v/0/x\",\"value\":1}", 409, "leads to nothing"},
    {"{\"op\":\"test\",\"path\":\"/name?name=x\",\"value\":\"n\"}", 409, "leads to nothing"},
    {"{\"op\":\"test\",\"path\":\"$.m[*].t\",\"value\":\"email\"}", 409, "another one"},
    {"{\"op\":\"copy\",\"from\":\"/m?t=fax\",\"path\":\"/x\"}", 409, "from leads to nothing"},
    /* not one */
    {"{\"op\":\"copy\",\"from\":\"/m?t=email\",\"path\":\"/x\"}", 409, "several values"},
    {"{\"op\":\"move\",\"from\":\"/name\",\"path\":\"$.m[*].n\"}", 409, "several places"},
    {"{\"op\":\"move\",\"from\":\"$.m\",\"path\":\"$.m[0].x\"}", 409, "leads to nothing"},
    /* no meaning */
    {"{\"op\":\"add\",\"path\":\"/m?t=phone\",\"value\":1}", 400, "at an element itself"},
    {"{\"op\":\"add\",\"path\":\"$.m[?(@.t=='phone')]\",\"value\":1}", 400, "at an element itself"},
    /* no path */
    {"{\"op\":\"remove\",\"path\":\"/m~2\"}", 400, "JSON Pointer"},
    {"{\"op\":\"remove\",\"path\":\"/m?\"}", 400, "condition must follow"},
    {"{\"op\":\"remove\",\"path\":\"/m?t\"}", 400, "Operation 0 (remove /m?t): "},
    {"{\"op\":\"remove\",\"path\":\"/m?t=%4\"}", 400, "Operation 0"},
    {"{\"op\":\"remove\",\"path\":\"$.m[\"}", 400, "path: expected"},
    {"{\"op\":\"remove\",\"path\":\"$.m[?(@.t=='x']\"}", 400, "path: expected )"},
    {"{\"op\":\"remove\",\"path\":\"$.m] \"}", 400, "path: expected the end"},
    {"{\"op\":\"remove\",\"path\":\"$..m\"}", 501, ".. is not supported"},
    {"{\"op\":\"remove\",\"path\":\"$.m[-1]\"}", 501, "index or a slice"},
    {"{\"op\":\"remove\",\"path\":\"$.m[0:1]\"}", 501, "index or a slice"},
    {"{\"op\":\"copy\",\"path\":\"/a\",\"from\":\"$.m[\"}", 400, "expected"},
    {"{\"op\":\"remove\",\"path\":\"/m/p?t.regex=(\"}", 400,
     "Operation 0 (remove /m/p?t.regex=(): t: pattern"},
    {"{\"op\":\"test\",\"path\":\"$.nothing[?(@.t=~'(')]\",\"value\":1}", 400,
     "Operation 0 (test $.nothing[?(@.t=~'(')]): t: pattern"},
};

START_TEST(what_leads_nowhere_is_refused)
{
    const char *patch = apr_psprintf(pool, "[%s]", refusals[_i].operation);
    const char *result;
    tmf_error_t *error = apply(&result, DOCUMENT, patch);

    ck_assert_msg(error != NULL, "%s", patch);
    ck_assert_msg(error->status == refusals[_i].status, "%d %s", error->status, error->message);
    ck_assert_msg(strstr(tmf_error_text(error, pool), refusals[_i].message) != NULL, "%s",
                  error->message);
}
END_TEST

/* A patch of `count` times the operation. */
static const char *repeat(const char *operation, int count)
{
    char *patch = apr_palloc(pool, (strlen(operation) + 1) * (apr_size_t)count + 3);
    char *at = patch;
    int i;

    *at++ = '[';
    for (i = 0; i < count; i++) {
        at = apr_cpystrn(at, operation, strlen(operation) + 1);
        *at++ = ',';
    }
    apr_cpystrn(at - 1, "]", 2);
    return patch;
}

START_TEST(work_is_bounded)
{
    static const char condition[] =
        "{\"op\":\"test\",\"path\":\"/m/t?p=true\",\"value\":\"email\"}";
    static const char everywhere[] = "{\"op\":\"replace\",\"path\":\"$.a[*]\",\"value\":0}";
    const char *document = apr_pstrcat(pool, "{\"a\":", repeat("0", 600), "}", NULL);
    const char *result;
    tmf_error_t *error;

    ck_assert_ok(apply(&result, DOCUMENT, repeat(condition, TMF_FILTER_CONDITIONS_MAX)));
    error = apply(&result, DOCUMENT, repeat(condition, TMF_FILTER_CONDITIONS_MAX + 1));
    ck_assert_msg(error != NULL && error->status == 400, "conditions");

    ck_assert_ok(apply(&result, document, repeat(everywhere, 1)));
    error = apply(&result, document, repeat(everywhere, 2));
    ck_assert_msg(error != NULL && error->status == 400, "places");
}
END_TEST

START_TEST(patches_look_at_a_number_of_elements_at_most)
{
    static const char test[] = "{\"op\":\"test\",\"path\":\"$.a[?(@==1)]\",\"value\":1}";
    const char *document = apr_pstrcat(pool, "{\"a\":[1,", repeat("0", 20000) + 1, "}", NULL);
    const char *result;
    tmf_error_t *error;

    ck_assert_ok(apply(&result, document, repeat(test, 49)));
    error = apply(&result, document, repeat(test, 50));
    ck_assert_msg(error != NULL && error->status == 400, "many");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch_query");
    TCase *tests = tcase_create("patch_query");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_loop_test(tests, paths_lead_to_their_places, 0, COUNT(paths));
    tcase_add_loop_test(tests, operations_are_carried_out_at_every_place, 0, COUNT(operations));
    tcase_add_loop_test(tests, what_leads_nowhere_is_refused, 0, COUNT(refusals));
    tcase_add_test(tests, work_is_bounded);
    tcase_add_test(tests, patches_look_at_a_number_of_elements_at_most);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
