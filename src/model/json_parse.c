/* SPDX-License-Identifier: Apache-2.0 */
/* A strict reader of RFC 8259 texts: recursive descent, one function for each rule of the grammar.
 */
#include "model/json.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "model/json_internal.h"
#include "model/text.h"
#include "model/utf8.h"

#define NAME_SHOWN 40 /* bytes of a member's name in a message */

typedef struct {
    const char *text; /* the whole text */
    const char *at;
    const char *end;
    const tmf_json_limits_t *limits;
    int depth;
    apr_size_t expansion;
    tmf_text_t string; /* the string that was read last, NUL-terminated when it is used as a name */
    tmf_error_t *error;
    apr_pool_t *pool;
} reader_t;

static tmf_json_t *read_value(reader_t *reader);

/* Notes what is wrong at `at`; the first note stays. Always 0. */
static int fail(reader_t *reader, const char *at, const char *problem)
{
    int line = 1;
    const char *line_start = reader->text;
    const char *c;

    if (reader->error != NULL) {
        return 0;
    }
    for (c = reader->text; c < at; c++) {
        if (*c == '\n') {
            line++;
            line_start = c + 1;
        }
    }
    reader->error = tmf_error_make(reader->pool, TMF_ERROR_MALFORMED_JSON,
                                   "The body at line %d, column %d: %s", line,
                                   (int)(at - line_start) + 1, problem);
    return 0;
}

static void skip_blanks(reader_t *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\r' || *reader->at == '\t')) {
        reader->at++;
    }
}

/* The next byte; '\0' at the end (and where the text has one, which no rule accepts). */
static char peek(const reader_t *reader)
{
    return reader->at < reader->end ? *reader->at : '\0';
}

static int hex_digit(char c)
{
    if (apr_isdigit(c)) {
        return c - '0';
    }
    return apr_isxdigit(c) ? apr_tolower(c) - 'a' + 10 : -1;
}

/* The four digits after \u; -1 when they are not four. */
static int read_code_unit(reader_t *reader)
{
    int unit = 0;
    int i;

    for (i = 0; i < 4; i++) {
        int digit = hex_digit(peek(reader));

        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
        reader->at++;
    }
    return unit;
}

/* After `\u`. */
static int read_unicode_escape(reader_t *reader, const char *start)
{
    int code = read_code_unit(reader);

    if (code < 0) {
        return fail(reader, start, "\\u needs four hexadecimal digits");
    }
    if (code == 0) {
        return fail(reader, start, "\\u0000 cannot be kept");
    }
    if (code >= 0xD800 && code <= 0xDBFF) {
        int low = -1;

        if (peek(reader) == '\\' && reader->at + 1 < reader->end && reader->at[1] == 'u') {
            reader->at += 2;
            low = read_code_unit(reader);
        }
        if (low < 0xDC00 || low > 0xDFFF) {
            return fail(reader, start, "a lone surrogate is no character");
        }
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
        return fail(reader, start, "a lone surrogate is no character");
    }
    tmf_utf8_append(&reader->string, code);
    return 1;
}

/* At a backslash. */
static int read_escape(reader_t *reader)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    const char *start = reader->at++;
    char c = peek(reader);
    const char *name = c != '\0' ? strchr(names, c) : NULL;

    reader->at += reader->at < reader->end;
    if (c == 'u') {
        return read_unicode_escape(reader, start);
    }
    if (name == NULL) {
        return fail(reader, start, "there is no such escape in JSON");
    }
    tmf_text_append(&reader->string, &meanings[name - names], 1);
    return 1;
}

/* Most of any text. */
static int is_plain_ascii(char c)
{
    return c >= 0x20 && c != '"' && c != '\\' && (unsigned char)c < 0x80;
}

/* Copies what needs no decoding; 0 at a byte that may not stand in a string. */
static int read_plain(reader_t *reader)
{
    const char *start = reader->at;

    while (reader->at < reader->end && *reader->at != '"' && *reader->at != '\\') {
        apr_size_t length = is_plain_ascii(*reader->at) ? 1
                                                        : tmf_utf8_length(reader->at, reader->end);

        if (length == 0) {
            return fail(reader, reader->at, "this is not UTF-8");
        }
        if ((unsigned char)*reader->at < 0x20) {
            return fail(reader, reader->at, "a control character in a string must be escaped");
        }
        reader->at += length;
    }
    tmf_text_append(&reader->string, start, (apr_size_t)(reader->at - start));
    return 1;
}

/* At a quote: reads the string into reader->string. */
static int read_string(reader_t *reader)
{
    const char *start = reader->at++;

    reader->string.length = 0;
    for (;;) {
        if (!read_plain(reader)) {
            return 0;
        }
        if (reader->at == reader->end) {
            return fail(reader, start, "this string does not end");
        }
        if (*reader->at == '"') {
            reader->at++;
            return 1;
        }
        if (!read_escape(reader)) {
            return 0;
        }
    }
}

static tmf_json_t *read_string_value(reader_t *reader)
{
    return read_string(reader) ? tmf_json_raw_string(reader->string.data, reader->string.length)
                               : NULL;
}

/* Moves behind digits; 0 when there are none. */
static int skip_digits(reader_t *reader)
{
    const char *start = reader->at;

    while (apr_isdigit(peek(reader))) {
        reader->at++;
    }
    return reader->at > start;
}

/* At e or E. */
static int skip_exponent(reader_t *reader)
{
    reader->at++;
    reader->at += peek(reader) == '-' || peek(reader) == '+';
    return skip_digits(reader);
}

/* PostgreSQL writes a number without its exponent: can it, and does that make the text too large?
 */
static int check_size(reader_t *reader, const char *start, const char *number, int has_exponent)
{
    apr_size_t size = tmf_json_number_size(number);
    apr_size_t written = (apr_size_t)(reader->at - start);

    if (size == 0) {
        return fail(reader, start,
                    "this number has more digits, its exponent written out, than are "
                    "kept: " APR_STRINGIFY(TMF_JSON_DIGITS_BEFORE) " before the point "
                                                                   "and " APR_STRINGIFY(
                                                                       TMF_JSON_DIGITS_BEHIND) " be"
                                                                                               "hin"
                                                                                               "d "
                                                                                               "i"
                                                                                               "t");
    }
    reader->expansion += has_exponent && size > written ? size - written : 0;
    if (reader->expansion > reader->limits->expansion) {
        return fail(reader, start, "the exponents of this text make it too large");
    }
    return 1;
}

/* Moves behind a number; 0 when there is none. */
static int skip_number(reader_t *reader, int *has_exponent)
{
    reader->at += peek(reader) == '-';
    if (peek(reader) == '0') {
        reader->at++;
    } else if (!skip_digits(reader)) {
        return 0;
    }
    if (peek(reader) == '.') {
        reader->at++;
        if (!skip_digits(reader)) {
            return 0;
        }
    }
    *has_exponent = peek(reader) == 'e' || peek(reader) == 'E';
    return !*has_exponent || skip_exponent(reader);
}

static tmf_json_t *read_number(reader_t *reader)
{
    const char *start = reader->at;
    const char *number;
    int has_exponent;

    if (!skip_number(reader, &has_exponent)) {
        fail(reader, start, "this is no number");
        return NULL;
    }
    number = apr_pstrmemdup(reader->pool, start, (apr_size_t)(reader->at - start));
    return check_size(reader, start, number, has_exponent) ? tmf_json_raw_number(number) : NULL;
}

static tmf_json_t *read_word(reader_t *reader)
{
    static const char *const words[] = {"null", "false", "true"};
    apr_size_t i;

    for (i = 0; i < 3; i++) {
        apr_size_t length = strlen(words[i]);

        if ((apr_size_t)(reader->end - reader->at) >= length &&
            memcmp(reader->at, words[i], length) == 0) {
            reader->at += length;
            return i == 0 ? tmf_json_raw_null() : tmf_json_raw_boolean(i == 2);
        }
    }
    fail(reader, reader->at,
         reader->at == reader->end ? "the text ends where a value is needed"
                                   : "this is no JSON value");
    return NULL;
}

static int enter(reader_t *reader)
{
    if (++reader->depth > reader->limits->depth) {
        return fail(
            reader, reader->at,
            apr_psprintf(reader->pool, "nested more than %d levels deep", reader->limits->depth));
    }
    reader->at++;
    skip_blanks(reader);
    return 1;
}

/* After an element: 1 when another follows, 0 at the end and on an error. */
static int continues(reader_t *reader, char closing)
{
    skip_blanks(reader);
    if (peek(reader) == ',') {
        reader->at++;
        skip_blanks(reader);
        return 1;
    }
    if (peek(reader) != closing) {
        fail(reader, reader->at,
             closing == '}' ? "\",\" or \"}\" is needed here" : "\",\" or \"]\" is needed here");
    }
    return 0;
}

/* After the last element: what was read, or NULL after an error. */
static tmf_json_t *leave(reader_t *reader, tmf_json_t *value)
{
    if (reader->error != NULL) {
        tmf_json_drop(value);
        return NULL;
    }
    reader->depth--;
    reader->at++;
    return value;
}

static tmf_json_t *read_array(reader_t *reader)
{
    tmf_json_t *array;

    if (!enter(reader)) {
        return NULL;
    }
    array = tmf_json_raw_array();
    if (peek(reader) != ']') {
        do {
            tmf_json_t *element = read_value(reader);

            if (element == NULL) {
                break;
            }
            tmf_json_raw_append(array, element);
        } while (continues(reader, ']'));
    }
    return leave(reader, array);
}

static void fail_twice(reader_t *reader, const char *at, const char *name)
{
    apr_size_t length = strlen(name);
    tmf_text_t shown;

    while (length > NAME_SHOWN || !tmf_utf8_valid(name, length)) {
        length--;
    }
    tmf_text_init(&shown, length + 32, reader->pool);
    tmf_text_append_string(&shown, "member ");
    tmf_text_append_json(&shown, name, length);
    tmf_text_append(&shown, " occurs twice", sizeof(" occurs twice"));
    fail(reader, at, shown.data);
}

/* `"name": value`; 0 after an error. */
static int read_member(reader_t *reader, tmf_json_t *object)
{
    const char *start = reader->at;
    const char *name;
    tmf_json_t *value;

    if (peek(reader) != '"') {
        return fail(reader, start, "a member's name in double quotes is needed here");
    }
    if (!read_string(reader)) {
        return 0;
    }
    name = apr_pstrmemdup(reader->pool, reader->string.data, reader->string.length);
    skip_blanks(reader);
    if (peek(reader) != ':') {
        return fail(reader, reader->at, "\":\" is needed here");
    }
    reader->at++;
    value = read_value(reader);
    if (value != NULL && !tmf_json_raw_add(object, name, value)) {
        tmf_json_drop(value);
        fail_twice(reader, start, name);
        return 0;
    }
    return value != NULL;
}

static tmf_json_t *read_object(reader_t *reader)
{
    tmf_json_t *object;

    if (!enter(reader)) {
        return NULL;
    }
    object = tmf_json_raw_object();
    if (peek(reader) != '}') {
        while (read_member(reader, object) && continues(reader, '}')) {
        }
    }
    return leave(reader, object);
}

static tmf_json_t *read_value(reader_t *reader)
{
    char c;

    skip_blanks(reader);
    c = peek(reader);
    if (c == '{') {
        return read_object(reader);
    }
    if (c == '[') {
        return read_array(reader);
    }
    if (c == '"') {
        return read_string_value(reader);
    }
    return c == '-' || apr_isdigit(c) ? read_number(reader) : read_word(reader);
}

tmf_error_t *tmf_json_parse(tmf_json_t **value, const char *text, apr_size_t length,
                            const tmf_json_limits_t *limits, apr_pool_t *result_pool)
{
    reader_t reader = {
        .text = text, .at = text, .end = text + length, .limits = limits, .pool = result_pool};
    tmf_json_t *read;

    tmf_text_init(&reader.string, 256, result_pool);
    read = read_value(&reader);
    skip_blanks(&reader);
    if (read != NULL) {
        tmf_json_trim_after(length, result_pool);
        tmf_json_own(read, result_pool);
        if (reader.at < reader.end) {
            fail(&reader, reader.at, "the text goes on after its value");
        }
        *value = read;
    }
    return reader.error;
}
