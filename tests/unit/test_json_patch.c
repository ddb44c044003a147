/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Patch: the examples of RFC 6902, appendix A, those of RFC 6901, §5, and what patches in the
 * wild are like. */
#include "unit.h"

#include <string.h>

#include "model/json_patch.h"

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

static tmf_json_t *parse(const char *text)
{
    static const tmf_json_limits_t limits = {20, 100};
    tmf_json_t *value;

    ck_assert_ok(tmf_json_parse(&value, text, strlen(text), &limits, pool));
    return value;
}

/* Applies a patch to a copy of `document`: the result's text. */
static tmf_error_t *apply(const char **result, const char *document, const char *patch,
                          tmf_patch_room_t room)
{
    tmf_json_t *changed = parse(document);
    apr_array_header_t *operations;
    int i;

    TMF_TRY(tmf_patch_read(&operations, parse(patch), pool));
    for (i = 0; i < operations->nelts; i++) {
        TMF_TRY(
            tmf_patch_read_pointers(&APR_ARRAY_IDX(operations, i, tmf_patch_operation_t), pool));
    }
    for (i = 0; i < operations->nelts; i++) {
        TMF_TRY(tmf_patch_apply(&changed, &APR_ARRAY_IDX(operations, i, tmf_patch_operation_t),
                                &room, pool));
    }
    *result = tmf_json_write(changed, NULL, pool);
    return NULL;
}

static const tmf_patch_room_t wide = {20, 1000};

/* ---- pointers ---- */

static const char pointer_document[] =
    "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
    "\"k\\\"l\":6,\" \":7,\"m~n\":8}";

static const struct {
    const char *pointer;
    const char *value; /* NULL = not there */
} pointers[] = {
    {"/foo", "[\"bar\",\"baz\"]"},
    {"/foo/0", "\"bar\""},
    {"/", "0"},
    {"/a~1b", "1"},
    {"/c%d", "2"},
    {"/e^f", "3"},
    {"/g|h", "4"},
    {"/i\\j", "5"},
    {"/k\"l", "6"},
    {"/ ", "7"},
    {"/m~0n", "8"},
    {"/foo/2", NULL},
    {"/foo/-", NULL},
    {"/foo/00", NULL},
    {"/foo/01", NULL},
    {"/foo/1e0", NULL},
    {"/foo/-1", NULL},
    {"/foo/+1", NULL},
    {"/foo/ 1", NULL},
    {"/foo/4294967296", NULL},
    {"/foo/", NULL},
    {"/foo/0/x", NULL},
    {"/none/x", NULL},
    {"/m~01n", NULL},
};

START_TEST(pointers_lead_where_the_rfc_says)
{
    tmf_json_t *value = parse(pointer_document);
    tmf_pointer_t pointer;
    int i;

    ck_assert(tmf_pointer_parse(&pointer, pointers[_i].pointer, pool));
    for (i = 0; i < pointer.count && value != NULL; i++) {
        value = tmf_pointer_step(value, pointer.tokens[i]);
    }
    if (pointers[_i].value == NULL) {
        ck_assert_ptr_null(value);
    } else {
        ck_assert_ptr_nonnull(value);
        ck_assert_str_eq(tmf_json_write(value, NULL, pool), pointers[_i].value);
    }
}
END_TEST

START_TEST(what_is_no_pointer_is_refused)
{
    static const char *const broken[] = {"foo", "foo/bar", "#/foo", "/~", "/~2", "/a~", "/a/b~x"};
    char longest[2 * TMF_POINTER_MAX + 3];
    tmf_pointer_t pointer;
    int i;

    for (i = 0; i < COUNT(broken); i++) {
        ck_assert_msg(!tmf_pointer_parse(&pointer, broken[i], pool), "%s", broken[i]);
    }
    for (i = 0; i < TMF_POINTER_MAX + 1; i++) {
        memcpy(longest + 2 * i, "/a", 3);
    }
    ck_assert(!tmf_pointer_parse(&pointer, longest, pool));
    ck_assert(tmf_pointer_parse(&pointer, longest + 2, pool));
    ck_assert_int_eq(pointer.count, TMF_POINTER_MAX);
    ck_assert(tmf_pointer_parse(&pointer, "", pool));
    ck_assert_int_eq(pointer.count, 0);
}
END_TEST

/* ---- patches ---- */

static const struct {
    const char *document;
    const char *patch;
    const char *result;
} examples[] = {
    /* RFC 6902, appendix A */
    {"{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\"}]",
     "{\"foo\":\"bar\",\"baz\":\"qux\"}"},
    {"{\"foo\":[\"bar\",\"baz\"]}", "[{\"op\":\"add\",\"path\":\"/foo/1\",\"value\":\"qux\"}]",
     "{\"foo\":[\"bar\",\"qux\",\"baz\"]}"},
    {"{\"baz\":\"qux\",\"foo\":\"bar\"}", "[{\"op\":\"remove\",\"path\":\"/baz\"}]",
     "{\"foo\":\"bar\"}"},
    {"{\"foo\":[\"bar\",\"qux\",\"baz\"]}", "[{\"op\":\"remove\",\"path\":\"/foo/1\"}]",
     "{\"foo\":[\"bar\",\"baz\"]}"},
    {"{\"baz\":\"qux\",\"foo\":\"bar\"}",
     "[{\"op\":\"replace\",\"path\":\"/baz\",\"value\":\"boo\"}]",
     "{\"baz\":\"boo\",\"foo\":\"bar\"}"},
    {"{\"foo\":{\"bar\":\"baz\",\"waldo\":\"fred\"},\"qux\":{\"corge\":\"grault\"}}",
     "[{\"op\":\"move\",\"from\":\"/foo/waldo\",\"path\":\"/qux/thud\"}]",
     "{\"foo\":{\"bar\":\"baz\"},\"qux\":{\"corge\":\"grault\",\"thud\":\"fred\"}}"},
    {"{\"foo\":[\"all\",\"grass\",\"cows\",\"eat\"]}",
     "[{\"op\":\"move\",\"from\":\"/foo/1\",\"path\":\"/foo/3\"}]",
     "{\"foo\":[\"all\",\"cows\",\"eat\",\"grass\"]}"},
    {"{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}",
     "[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"qux\"},"
     "{\"op\":\"test\",\"path\":\"/foo/1\",\"value\":2}]",
     "{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}"},
    {"{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/child\",\"value\":{\"grandchild\":{}}}]",
     "{\"foo\":\"bar\",\"child\":{\"grandchild\":{}}}"},
    {"{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\",\"xyz\":123}]",
     "{\"foo\":\"bar\",\"baz\":\"qux\"}"},
    {"{\"/\":9,\"~1\":10}", "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":10}]",
     "{\"/\":9,\"~1\":10}"},
    {"{\"foo\":[\"bar\"]}", "[{\"op\":\"add\",\"path\":\"/foo/-\",\"value\":[\"abc\",\"def\"]}]",
     "{\"foo\":[\"bar\",[\"abc\",\"def\"]]}"},
    /* the whole document */
    {"{\"a\":1}", "[]", "{\"a\":1}"},
    {"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":[2]}]", "[2]"},
    {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"\",\"value\":{\"b\":2}}]", "{\"b\":2}"},
    {"{\"a\":1}", "[{\"op\":\"test\",\"path\":\"\",\"value\":{\"a\":1.0}}]", "{\"a\":1}"},
    {"{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"\"}]", "null"},
    {"{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"\"}]", "{\"b\":1}"},
    {"{\"a\":{}}", "[{\"op\":\"copy\",\"from\":\"\",\"path\":\"/a/whole\"}]",
     "{\"a\":{\"whole\":{\"a\":{}}}}"},
    /* members and elements that are there, null, empty names */
    {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a\",\"value\":[]}]", "{\"a\":[]}"},
    {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\",\"value\":null}]", "{\"a\":1,\"b\":null}"},
    {"{\"a\":null}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":null}]", "{\"a\":null}"},
    {"{\"a\":null}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":\"x\"}]", "{\"a\":\"x\"}"},
    {"{\"a\":null}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/b\"}]", "{\"b\":null}"},
    {"{\"a\":null}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", "{}"},
    {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/\",\"value\":2}]", "{\"a\":1,\"\":2}"},
    {"{\"0\":1}", "[{\"op\":\"replace\",\"path\":\"/0\",\"value\":2}]", "{\"0\":2}"},
    {"{\"-\":1}", "[{\"op\":\"remove\",\"path\":\"/-\"}]", "{}"},
    {"{\"a\":[]}", "[{\"op\":\"add\",\"path\":\"/a/0\",\"value\":1}]", "{\"a\":[1]}"},
    {"{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/0\",\"value\":0}]", "{\"a\":[0,1]}"},
    {"{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/1\",\"value\":2}]", "{\"a\":[1,2]}"},
    {"{\"a\":[1,2,3]}", "[{\"op\":\"replace\",\"path\":\"/a/1\",\"value\":{}}]",
     "{\"a\":[1,{},3]}"},
    {"{\"a\":[1,2,3,4]}",
     "[{\"op\":\"remove\",\"path\":\"/a/0\"},{\"op\":\"remove\",\"path\":\"/a/1\"},"
     "{\"op\":\"remove\",\"path\":\"/a/1\"}]",
     "{\"a\":[2]}"},
    {"[[1,2],[3]]", "[{\"op\":\"move\",\"from\":\"/0/1\",\"path\":\"/1/0\"}]", "[[1],[2,3]]"},
    /* moving to where it is; names that only look like a part of it */
    {"{\"a\":1,\"b\":2}", "[{\"op\":\"move\",\"from\":\"/b\",\"path\":\"/b\"}]",
     "{\"a\":1,\"b\":2}"},
    {"{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/ab\"}]",
     "{\"ab\":{\"b\":1}}"},
    {"{\"a\":{\"b\":{\"c\":1}}}", "[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/a\"}]",
     "{\"a\":{\"c\":1}}"},
    /* a copy is a copy */
    {"{\"a\":{\"x\":1}}",
     "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"},"
     "{\"op\":\"replace\",\"path\":\"/b/x\",\"value\":2}]",
     "{\"a\":{\"x\":1},\"b\":{\"x\":2}}"},
    /* values keep their spelling; tests compare by value */
    {"{\"a\":1}",
     "[{\"op\":\"add\",\"path\":\"/b\",\"value\":12345678901234567890.10},"
     "{\"op\":\"test\",\"path\":\"/b\",\"value\":1234567890123456789010e-2},"
     "{\"op\":\"test\",\"path\":\"/a\",\"value\":1.0}]",
     "{\"a\":1,\"b\":12345678901234567890.10}"},
    {"{\"a\":{\"x\":[1,{}],\"y\":\"\xC3\xA9\"}}",
     "[{\"op\":\"test\",\"path\":\"/a\",\"value\":{\"y\":\"\\u00e9\",\"x\":[1,{}]}}]",
     "{\"a\":{\"x\":[1,{}],\"y\":\"\xC3\xA9\"}}"},
    /* members that an operation does not have are not looked at */
    {"{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/a\",\"value\":1,\"from\":7}]", "{}"},
};

START_TEST(patches_do_what_the_rfc_says)
{
    const char *result;

    ck_assert_ok(apply(&result, examples[_i].document, examples[_i].patch, wide));
    ck_assert_str_eq(result, examples[_i].result);
}
END_TEST

static const struct {
    const char *document;
    const char *patch;
    int status;
    const char *message; /* a part of it */
} refusals[] = {
    /* not a patch */
    {"{}", "{\"op\":\"add\",\"path\":\"/a\",\"value\":1}", 400,
     "array of operations, not an object"},
    {"{}", "\"x\"", 400, "array"},
    {"{}", "[[]]", 400, "Operation 0: it must be an object"},
    {"{}", "[null]", 400, "Operation 0: it must be an object"},
    {"{}", "[{\"path\":\"/a\",\"value\":1}]", 400, "Operation 0: op"},
    {"{}", "[{\"op\":1,\"path\":\"/a\",\"value\":1}]", 400, "Operation 0: op"},
    {"{}", "[{\"op\":\"spam\",\"path\":\"/a\",\"value\":1}]", 400, "add, remove, replace"},
    {"{}", "[{\"op\":\"Add\",\"path\":\"/a\",\"value\":1}]", 400, "Operation 0: op"},
    {"{}", "[{\"op\":\"add\",\"value\":1}]", 400, "Operation 0: path must be a string"},
    {"{}", "[{\"op\":\"add\",\"path\":null,\"value\":1}]", 400, "path must be a string"},
    {"{}", "[{\"op\":\"add\",\"path\":\"/a\"}]", 400, "value is missing"},
    {"{}", "[{\"op\":\"replace\",\"path\":\"/a\"}]", 400, "value is missing"},
    {"{}", "[{\"op\":\"test\",\"path\":\"/a\"}]", 400, "value is missing"},
    {"{}", "[{\"op\":\"move\",\"path\":\"/a\"}]", 400, "from must be a string"},
    {"{}", "[{\"op\":\"copy\",\"path\":\"/a\",\"from\":7}]", 400, "from must be a string"},
    {"{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/a\"},{\"op\":\"add\"}]", 400, "Operation 1:"},
    {"{}", "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", 400, "JSON Pointer"},
    {"{}", "[{\"op\":\"copy\",\"path\":\"/a\",\"from\":\"b\"}]", 400,
     "from must be a JSON Pointer"},
    {"{\"a\":{}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]", 400, "into itself"},
    {"{\"a\":1}", "[{\"op\":\"move\",\"from\":\"\",\"path\":\"/b\"}]", 400, "into itself"},
    /* does not fit: RFC 6902, A.9, A.12, A.15, and the like */
    {"{\"baz\":\"qux\"}", "[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"bar\"}]", 409,
     "Operation 0 (test /baz): the value there is another one"},
    {"{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz/bat\",\"value\":\"qux\"}]", 409,
     "Operation 0 (add /baz/bat): the path is not there"},
    {"{\"/\":9,\"~1\":10}", "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":\"10\"}]", 409,
     "another"},
    {"{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/b\",\"value\":null}]", 409, "not there"},
    {"{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/b\"}]", 409, "not there"},
    {"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/b\",\"value\":2}]", 409, "not there"},
    {"{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/a/b\",\"value\":2}]", 409, "not there"},
    {"{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a/b\",\"value\":2}]", 409, "not there"},
    {"{\"a\":null}", "[{\"op\":\"add\",\"path\":\"/a/b\",\"value\":2}]", 409, "not there"},
    {"{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/2\",\"value\":2}]", 409, "not there"},
    {"{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/x\",\"value\":2}]", 409, "not there"},
    {"{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/00\",\"value\":2}]", 409, "not there"},
    {"{\"a\":[1]}", "[{\"op\":\"remove\",\"path\":\"/a/-\"}]", 409, "not there"},
    {"{\"a\":[1]}", "[{\"op\":\"remove\",\"path\":\"/a/1\"}]", 409, "not there"},
    {"{\"a\":[1]}", "[{\"op\":\"replace\",\"path\":\"/a/-\",\"value\":1}]", 409, "not there"},
    {"{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/b\",\"path\":\"/a\"}]", 409, "from is not there"},
    {"{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"/b\",\"path\":\"/a\"}]", 409, "from is not there"},
    {"{\"a\":[1]}", "[{\"op\":\"move\",\"from\":\"/a/0\",\"path\":\"/a/1\"}]", 409, "not there"},
    {"{\"a\":1}",
     "[{\"op\":\"add\",\"path\":\"/b\",\"value\":1},{\"op\":\"remove\",\"path\":\"/c\"}]", 409,
     "Operation 1 (remove /c)"},
};

START_TEST(what_is_no_patch_or_does_not_fit_is_refused)
{
    const char *result;
    tmf_error_t *error = apply(&result, refusals[_i].document, refusals[_i].patch, wide);

    ck_assert_msg(error != NULL, "%s", refusals[_i].patch);
    ck_assert_int_eq(error->status, refusals[_i].status);
    ck_assert_msg(strstr(tmf_error_text(error, pool), refusals[_i].message) != NULL, "%s",
                  error->message);
}
END_TEST

START_TEST(a_patch_cannot_blow_up_a_document)
{
    static const char nested[] = "[{\"op\":\"add\",\"path\":\"/a/b/c\",\"value\":[[1]]}]";
    static const char document[] = "{\"a\":{\"b\":{}}}";
    static const char twice[] = "[{\"op\":\"copy\",\"from\":\"\",\"path\":\"/x\"},"
                                "{\"op\":\"copy\",\"from\":\"\",\"path\":\"/y\"}]";
    const tmf_patch_room_t flat = {4, 1000};
    const tmf_patch_room_t deep = {5, 1000};
    tmf_patch_room_t narrow = {20, 0};
    const char *result;
    tmf_error_t *error;

    error = apply(&result, document, nested, flat);
    ck_assert_ptr_nonnull(error);
    ck_assert_int_eq(error->status, 400);
    ck_assert_ok(apply(&result, document, nested, deep));

    narrow.size = tmf_json_measure(parse(document)).size * 2;
    error = apply(&result, document, twice, narrow);
    ck_assert_ptr_nonnull(error);
    ck_assert_int_eq(error->status, 400);
    ck_assert_ptr_nonnull(strstr(tmf_error_text(error, pool), "Operation 1"));
}
END_TEST

START_TEST(a_patch_has_a_number_of_operations_at_most)
{
    tmf_json_t *patch = tmf_json_array(pool);
    tmf_json_t *operation = parse("{\"op\":\"remove\",\"path\":\"/a\"}");
    apr_array_header_t *operations;
    int i;

    for (i = 0; i < TMF_PATCH_OPERATIONS_MAX; i++) {
        tmf_json_append(patch, operation);
    }
    ck_assert_ok(tmf_patch_read(&operations, patch, pool));
    tmf_json_append(patch, operation);
    ck_assert_ptr_nonnull(tmf_patch_read(&operations, patch, pool));
}
END_TEST

START_TEST(a_long_path_is_cut_in_messages)
{
    char path[1003] = "/";
    tmf_patch_operation_t operation = {.index = 7, .kind = TMF_PATCH_REMOVE, .path_text = path};
    tmf_error_t *error;
    int i;

    for (i = 0; i < 500; i++) {
        memcpy(path + 1 + 2 * i, "\xC3\xA9", 3);
    }
    error = tmf_patch_error(&operation, TMF_ERROR_PATCH_CONFLICT, "x", pool);
    ck_assert_int_lt((int)strlen(tmf_error_text(error, pool)), 300);
    ck_assert_ptr_nonnull(strstr(tmf_error_text(error, pool), "\xC3\xA9…): x"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_patch");
    TCase *tests = tcase_create("json_patch");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_loop_test(tests, pointers_lead_where_the_rfc_says, 0, COUNT(pointers));
    tcase_add_test(tests, what_is_no_pointer_is_refused);
    tcase_add_loop_test(tests, patches_do_what_the_rfc_says, 0, COUNT(examples));
    tcase_add_loop_test(tests, what_is_no_patch_or_does_not_fit_is_refused, 0, COUNT(refusals));
    tcase_add_test(tests, a_patch_cannot_blow_up_a_document);
    tcase_add_test(tests, a_patch_has_a_number_of_operations_at_most);
    tcase_add_test(tests, a_long_path_is_cut_in_messages);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
