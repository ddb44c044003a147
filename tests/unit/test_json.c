/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "model/json.h"
#include "model/text.h"

static const tmf_json_limits_t limits = {4, 500};

static tmf_json_t *parse(const char *text)
{
    tmf_json_t *value;

    ck_assert_ok(tmf_json_parse(&value, text, strlen(text), &limits, pool));
    return value;
}

/* What is read is written as it was, but for blanks and escapes. */
static const struct {
    const char *text;
    const char *written; /* NULL = as text */
} accepted[] = {
    {"null", NULL},
    {" true ", "true"},
    {"false", NULL},
    {"0", NULL},
    {"-0", NULL},
    {"-0.0e+00", NULL},
    {"12345678901234567890123", NULL},
    {"1.50", NULL},
    {"1E390", NULL},
    {"0.1e-3", NULL},
    {"\"\"", NULL},
    {"\"a/b\"", NULL},
    {"\"\\/\\b\\f\\n\\r\\t\\\\\\\"\"", "\"/\\b\\f\\n\\r\\t\\\\\\\"\""},
    {"\"\\u00e9\\u20AC\\uD83D\\ude00\"", "\"é€😀\""},
    {"\"é€😀\x7f\"", NULL},
    {"\"\\u0001\"", NULL},
    {"[]", NULL},
    {"[ 1 , [ ] ]", "[1,[]]"},
    {"{}", NULL},
    {"{\"b\":1,\"a\":null,\"\":{}}", NULL},
    {"[[[[]]]]", NULL},
};

START_TEST(texts_survive)
{
    const char *text = accepted[_i].text;
    const char *written = accepted[_i].written != NULL ? accepted[_i].written : text;

    ck_assert_str_eq(tmf_json_write(parse(text), NULL, pool), written);
}
END_TEST

static const struct {
    const char *text;
    const char *message; /* part of it */
} refused[] = {
    {"", "line 1, column 1: the text ends"},
    {"  ", "column 3"},
    {"nul", "no JSON value"},
    {"True", "no JSON value"},
    {"NaN", "no JSON value"},
    {"'a'", "no JSON value"},
    {"\xEF\xBB\xBF{}", "no JSON value"},
    {"01", "goes on"},
    {"1.", "no number"},
    {".5", "no JSON value"},
    {"-", "no number"},
    {"+1", "no JSON value"},
    {"1e", "no number"},
    {"1e+", "no number"},
    {"0x10", "goes on"},
    {"1e131072", "131072 before the point and 16383 behind it"},
    {"-12e131071", "digits"},
    {"0.001e131075", "digits"},
    {"1e-16384", "digits"},
    {"1.5e-16383", "digits"},
    {"0e-16384", "digits"},
    {"0e1000000001", "digits"},
    {"1e99999999999999999999", "digits"},
    {"1e-99999999999999999999", "digits"},
    {"\"a", "does not end"},
    {"\"\\", "no such escape"},
    {"\"\\x\"", "no such escape"},
    {"\"\\u12\"", "hexadecimal"},
    {"\"\\u0000\"", "\\u0000"},
    {"\"\\ud800\"", "surrogate"},
    {"\"\\ud800\\u0041\"", "surrogate"},
    {"\"\\udc00\"", "surrogate"},
    {"\"\n\"", "control character"},
    {"\"\x01\"", "control character"},
    {"\"\xff\"", "UTF-8"},
    {"\"\xc0\x80\"", "UTF-8"},
    {"\"\xed\xa0\x80\"", "UTF-8"},
    {"\"\xf4\x90\x80\x80\"", "UTF-8"},
    {"\"\xe2\x82\"", "UTF-8"},
    {"[1,]", "no JSON value"},
    {"[1 2]", "\",\" or \"]\""},
    {"[", "value is needed"},
    {"[1", "\",\" or \"]\""},
    {"{\"a\"}", "\":\" is needed"},
    {"{\"a\":1,}", "name in double quotes"},
    {"{a:1}", "name in double quotes"},
    {"{\"a\":1 \"b\":2}", "\",\" or \"}\""},
    {"{", "name in double quotes"},
    {"{\"a\":1,\n \"a\":2}", "line 2, column 2: member \"a\" occurs twice"},
    {"{\"a\":1,\"\\u0061\":2}", "occurs twice"},
    {"{} {}", "goes on"},
    {"[[[[[]]]]]", "4 levels"},
    {"[1e300,1e300]", "too large"},
    {"/**/1", "no JSON value"},
};

START_TEST(everything_else_is_refused)
{
    tmf_json_t *value;
    tmf_error_t *error = tmf_json_parse(&value, refused[_i].text, strlen(refused[_i].text), &limits,
                                        pool);

    ck_assert_ptr_nonnull(error);
    ck_assert_ptr_null(value);
    ck_assert_str_eq(error->code, "malformedJson");
    ck_assert_msg(strstr(error->message, refused[_i].message) != NULL, "%s", error->message);
}
END_TEST

START_TEST(nul_bytes_are_refused)
{
    tmf_json_t *value;

    ck_assert_ptr_nonnull(tmf_json_parse(&value, "\"a\0b\"", 5, &limits, pool));
    ck_assert_ptr_nonnull(tmf_json_parse(&value, "1\0", 2, &limits, pool));
    ck_assert_ptr_nonnull(tmf_json_parse(&value, "\0", 1, &limits, pool));
}
END_TEST

START_TEST(long_names_are_cut_in_messages)
{
    char *name = apr_palloc(pool, 402);
    tmf_json_t *value;
    const char *text;
    int i;

    for (i = 0; i < 400; i += 2) {
        memcpy(name + i, "é", 2);
    }
    name[400] = '\0';
    text = apr_psprintf(pool, "{\"x%s\":1,\"x%s\":2}", name, name);
    ck_assert_int_lt(
        (int)strlen(tmf_json_parse(&value, text, strlen(text), &limits, pool)->message), 120);
}
END_TEST

static const struct {
    const char *a;
    const char *b;
    int equal;
} pairs[] = {
    {"null", "null", 1},
    {"null", "false", 0},
    {"true", "true", 1},
    {"true", "false", 0},
    {"\"a\"", "\"\\u0061\"", 1},
    {"\"a\"", "\"A\"", 0},
    {"\"1\"", "1", 0},
    {"{\"a\":1,\"b\":[true]}", "{\"b\":[true],\"a\":1.0}", 1},
    {"{\"a\":1}", "{\"a\":1,\"b\":null}", 0},
    {"{\"a\":null}", "{\"b\":null}", 0},
    {"[1,2]", "[2,1]", 0},
    {"[1]", "[1,1]", 0},
    {"{}", "[]", 0},
};

START_TEST(values_are_compared)
{
    ck_assert_int_eq(tmf_json_equal(parse(pairs[_i].a), parse(pairs[_i].b)), pairs[_i].equal);
    ck_assert_int_eq(tmf_json_equal(parse(pairs[_i].b), parse(pairs[_i].a)), pairs[_i].equal);
}
END_TEST

static const struct {
    const char *a;
    const char *b;
    int order;
} numbers[] = {
    {"0", "-0", 0},
    {"0", "0.000e5", 0},
    {"1", "1.0", 0},
    {"1", "10e-1", 0},
    {"100", "1E2", 0},
    {"0.00123", "1.23e-3", 0},
    {"-5", "3", -1},
    {"-5", "-3", -1},
    {"0", "1e-300", -1},
    {"-1e-300", "0", -1},
    {"9", "10", -1},
    {"0.9", "0.10", 1},
    {"12345678901234567890123", "12345678901234567890124", -1},
    {"12345678901234567890123.0", "1.2345678901234567890123e22", 0},
    {"1.5", "1.49999999999999999999999", 1},
    {"-1.5", "-1.49999999999999999999999", -1},
    {"1e99999999999", "1e99999999998", 1},
    {"10.01", "10.010", 0},
};

START_TEST(numbers_are_compared_exactly)
{
    ck_assert_int_eq(tmf_json_number_compare(numbers[_i].a, numbers[_i].b), numbers[_i].order);
    ck_assert_int_eq(tmf_json_number_compare(numbers[_i].b, numbers[_i].a), -numbers[_i].order);
}
END_TEST

START_TEST(null_is_not_absent)
{
    tmf_json_t *object = parse("{\"a\":null}");
    tmf_json_t *copy = tmf_json_copy(object, pool);

    ck_assert_ptr_nonnull(tmf_json_get(object, "a"));
    ck_assert_int_eq(tmf_json_type(tmf_json_get(object, "a")), TMF_JSON_NULL);
    ck_assert_int_eq(tmf_json_type(tmf_json_get(copy, "a")), TMF_JSON_NULL);
    ck_assert_ptr_null(tmf_json_get(object, "b"));
    ck_assert_ptr_null(tmf_json_get(tmf_json_get(object, "a"), "b"));
    ck_assert_ptr_null(tmf_json_get(NULL, "b"));
    ck_assert_int_eq(tmf_json_count(object), 0);
    ck_assert_ptr_null(tmf_json_at(object, 0));
}
END_TEST

START_TEST(values_are_shared)
{
    tmf_json_t *object = tmf_json_object(pool);
    tmf_json_t *array = tmf_json_array(pool);

    tmf_json_set(object, "s", tmf_json_string("x", 1, pool));
    tmf_json_set(object, "n", NULL);
    tmf_json_set(object, "s", tmf_json_string("y", 1, pool));
    tmf_json_set(object, "a", array);
    tmf_json_set(object, "again", array);
    tmf_json_append(array, tmf_json_number("1.0", 3, pool));
    ck_assert_str_eq(tmf_json_write(object, NULL, pool),
                     "{\"s\":\"y\",\"n\":null,\"a\":[1.0],\"again\":[1.0]}");
    ck_assert_ptr_null(tmf_json_at(array, -1));
    ck_assert_ptr_null(tmf_json_at(array, 1));
    tmf_json_unset(object, "absent");
    tmf_json_unset(object, "a");
    ck_assert_int_eq(tmf_json_member_count(object), 3);
}
END_TEST

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

START_TEST(elements_are_put_in_and_taken_out)
{
    tmf_json_t *array = parse("[0,1,2]");

    tmf_json_insert(array, 0, parse("\"first\""));
    tmf_json_insert(array, 2, parse("\"middle\""));
    tmf_json_insert(array, 5, parse("\"last\""));
    ck_assert_str_eq(tmf_json_write(array, NULL, pool), "[\"first\",0,\"middle\",1,2,\"last\"]");
    tmf_json_put(array, 2, tmf_json_null());
    tmf_json_remove(array, 5);
    tmf_json_remove(array, 0);
    ck_assert_str_eq(tmf_json_write(array, NULL, pool), "[0,null,1,2]");
}
END_TEST

static const struct {
    const char *text;
    int depth;
    int size;
} extents[] = {
    {"\"\"", 0, 2},      {"[]", 1, 2},
    {"{}", 1, 2},        {"[[],{\"a\":[1]}]", 3, 17},
    {"-1.5", 0, 4},      {"1e20", 0, 21},
    {"10E-3", 0, 5},     {"-1.25e1", 0, 5},
    {"0.05", 0, 4},      {"0e9", 0, 1},
    {"0.00012e5", 0, 2}, {"-5e-2", 0, 5},
    {"1E400", 0, 401},   {"[{\"a\":\"\xC3\xA9\"}]", 2, 14},
};

START_TEST(numbers_are_as_long_as_postgresql_writes_them)
{
    ck_assert_uint_eq(tmf_json_number_size("1e131071"), 131072);
    ck_assert_uint_eq(tmf_json_number_size("-9.99e131071"), 131073);
    ck_assert_uint_eq(tmf_json_number_size("0.001e131074"), 131072);
    ck_assert_uint_eq(tmf_json_number_size("1e-16383"), 16385);
    ck_assert_uint_eq(tmf_json_number_size("0e1000000000"), 1);
    ck_assert_uint_eq(tmf_json_number_size("1e131072"), 0);
    ck_assert_uint_eq(tmf_json_number_size("1e-16384"), 0);
}
END_TEST

START_TEST(values_are_measured)
{
    tmf_json_extent_t extent = tmf_json_measure(parse(extents[_i].text));

    ck_assert_int_eq(extent.depth, extents[_i].depth);
    ck_assert_int_eq((int)extent.size, extents[_i].size);
}
END_TEST

/* ---- many random cases, the same ones each time ---- */

static unsigned long random_state;

static int below(int bound)
{
    random_state = random_state * 6364136223846793005UL + 1442695040888963407UL;
    return (int)((random_state >> 33) % (unsigned long)bound);
}

/* The fast way past plain characters stops where the obvious one does: for each byte, at each
 * place, before each other one. */
START_TEST(plain_characters_are_passed)
{
    char text[32];
    int byte = _i;
    int place;
    int from;

    for (place = 0; place < 32; place++) {
        int is_plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';

        memset(text, '!', sizeof(text)); /* next to the quote */
        text[place] = (char)byte;
        if (place < 31) {
            text[place + 1] = (char)below(256);
        }
        for (from = 0; from <= place; from++) {
            const char *at = tmf_text_skip_plain(text + from, text + place + 1);

            ck_assert_ptr_eq(at, text + place + is_plain);
            at = tmf_text_skip_plain(text + from, text + sizeof(text));
            ck_assert(is_plain ? at > text + place : at == text + place);
        }
    }
}
END_TEST

#define NAMES 60

/* What an object has to be: names in their order. */
typedef struct {
    int names[NAMES];
    int values[NAMES];
    int count;
} model_t;

static int find_in(const model_t *model, int name)
{
    int i = 0;

    while (i < model->count && model->names[i] != name) {
        i++;
    }
    return i;
}

static void set_in(model_t *model, int name, int value)
{
    int i = find_in(model, name);

    model->names[i] = name;
    model->values[i] = value;
    model->count += i == model->count;
}

static void unset_in(model_t *model, int name)
{
    int i = find_in(model, name);

    model->count -= i < model->count;
    for (; i < model->count; i++) {
        model->names[i] = model->names[i + 1];
        model->values[i] = model->values[i + 1];
    }
}

static const char *text_of(const model_t *model)
{
    tmf_text_t text;
    int i;

    tmf_text_init(&text, 64, pool);
    for (i = 0; i < model->count; i++) {
        tmf_text_append_format(&text, "%s\"n%d\":%d", i > 0 ? "," : "{", model->names[i],
                               model->values[i]);
    }
    tmf_text_append_string(&text, model->count > 0 ? "}" : "{}");
    return tmf_text_string(&text);
}

static void step(tmf_json_t *object, model_t *model, int bound)
{
    int number = below(bound);
    const char *name = apr_psprintf(pool, "n%d", number);
    int is_there = find_in(model, number) < model->count;
    const char *text = apr_itoa(pool, below(100));
    tmf_json_t *value = tmf_json_number(text, strlen(text), pool);

    ck_assert_int_eq(tmf_json_get(object, name) != NULL, is_there);
    switch (below(3)) {
    case 0:
        tmf_json_unset(object, name);
        unset_in(model, number);
        break;
    case 1:
        tmf_json_set(object, name, value);
        set_in(model, number, atoi(text));
        break;
    default:
        ck_assert_int_eq(tmf_json_add(object, name, strlen(name), value), !is_there);
        if (!is_there) {
            set_in(model, number, atoi(text));
        }
    }
    ck_assert_int_eq(tmf_json_member_count(object), model->count);
}

/* Few names, then more than are listed without an index, then few again. */
START_TEST(members_keep_their_order)
{
    tmf_json_t *object = tmf_json_object(pool);
    model_t model = {.count = 0};
    int i;

    random_state = (unsigned long)_i;
    for (i = 0; i < 600; i++) {
        step(object, &model, i < 200 || i > 400 ? 10 : NAMES);
        ck_assert_str_eq(tmf_json_write(object, NULL, pool), text_of(&model));
    }
    ck_assert(tmf_json_equal(object, parse(text_of(&model))));
}
END_TEST

/* "Ez" and "FY" are the same to APR's own hash, whatever it begins with, and so are all names made
 * of them. Each compared with each other, these would take longer than a test may. */
START_TEST(names_do_not_collide_by_plan)
{
    enum { PAIRS = 17 };
    tmf_json_t *object = tmf_json_object(pool);
    int number;

    for (number = 0; number < 1 << PAIRS; number++) {
        char name[2 * PAIRS];
        int pair;

        for (pair = 0; pair < PAIRS; pair++) {
            memcpy(name + 2 * pair, number >> pair & 1 ? "Ez" : "FY", 2);
        }
        ck_assert_int_eq(tmf_json_add(object, name, sizeof(name), tmf_json_null()), 1);
        ck_assert_int_eq(tmf_json_add(object, name, sizeof(name), tmf_json_null()), 0);
    }
    ck_assert_int_eq(tmf_json_member_count(object), 1 << PAIRS);
}
END_TEST

static tmf_json_t *random_tree(int depth);

static tmf_json_t *random_string(void)
{
    static const char *const pieces[] = {"a",    "bcdefghij", "\"", "\\", "\n", "\x01",
                                         "\x7f", "é",         "€",  "😀",  "/",  " "};
    const char *text = "";
    int i;

    for (i = below(8); i > 0; i--) {
        text = apr_pstrcat(pool, text, pieces[below(12)], NULL);
    }
    return tmf_json_string(text, strlen(text), pool);
}

static tmf_json_t *random_container(int depth)
{
    int is_array = below(2);
    tmf_json_t *container = is_array ? tmf_json_array(pool) : tmf_json_object(pool);
    int i;

    for (i = below(4) == 0 ? below(40) : below(5); i > 0; i--) {
        tmf_json_t *value = random_tree(depth - 1);

        if (is_array) {
            tmf_json_append(container, value);
        } else {
            tmf_json_set(container, tmf_json_string_text(random_string()), value);
        }
    }
    return container;
}

static tmf_json_t *random_tree(int depth)
{
    static const char *const literals[] = {"0", "-1.50", "1e3", "12345678901234567890123"};
    int kind = below(depth > 0 ? 8 : 4);

    if (kind > 3) {
        return random_container(depth);
    }
    if (kind == 0) {
        return random_string();
    }
    if (kind == 1) {
        const char *text = literals[below(4)];

        return tmf_json_number(text, strlen(text), pool);
    }
    return kind == 2 ? tmf_json_null() : tmf_json_truth(below(2));
}

START_TEST(what_is_written_is_read)
{
    tmf_json_t *tree;
    tmf_json_t *copy;
    const char *text;
    int i;

    random_state = (unsigned long)_i;
    for (i = 0; i < 20; i++) {
        tree = random_tree(3);
        text = tmf_json_write(tree, NULL, pool);
        copy = tmf_json_copy(tree, pool);
        ck_assert(tmf_json_equal(tree, parse(text)));
        ck_assert(tmf_json_equal(tree, copy));
        ck_assert_str_eq(tmf_json_write(parse(text), NULL, pool), text);
        if (tmf_json_type(copy) == TMF_JSON_ARRAY) {
            tmf_json_append(copy, tmf_json_null());
        } else if (tmf_json_type(copy) == TMF_JSON_OBJECT) {
            tmf_json_set(copy, "not there", tmf_json_null());
        }
        ck_assert_str_eq(tmf_json_write(tree, NULL, pool), text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *tests = tcase_create("json");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_loop_test(tests, texts_survive, 0, COUNT(accepted));
    tcase_add_loop_test(tests, everything_else_is_refused, 0, COUNT(refused));
    tcase_add_test(tests, nul_bytes_are_refused);
    tcase_add_test(tests, numbers_are_as_long_as_postgresql_writes_them);
    tcase_add_test(tests, long_names_are_cut_in_messages);
    tcase_add_loop_test(tests, values_are_compared, 0, COUNT(pairs));
    tcase_add_loop_test(tests, numbers_are_compared_exactly, 0, COUNT(numbers));
    tcase_add_test(tests, null_is_not_absent);
    tcase_add_test(tests, values_are_shared);
    tcase_add_test(tests, elements_are_put_in_and_taken_out);
    tcase_add_loop_test(tests, values_are_measured, 0, COUNT(extents));
    tcase_add_loop_test(tests, plain_characters_are_passed, 0, 256);
    tcase_add_loop_test(tests, members_keep_their_order, 0, 20);
    tcase_add_test(tests, names_do_not_collide_by_plan);
    tcase_add_loop_test(tests, what_is_written_is_read, 0, 20);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
