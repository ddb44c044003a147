/* SPDX-License-Identifier: Apache-2.0 */
/* A strict reader of RFC 8259 texts: recursive descent, one function for each rule of the grammar.
 */
#include "model/json.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "model/text.h"
#include "model/utf8.h"

#define NAME_SHOWN 40           /* bytes of a member's name in a message */
#define LARGE_TEXT (512 * 1024) /* bytes: a tree of it may take thirty times as much */

typedef struct {
    const char *text; /* the whole text */
    const char *at;
    const char *end;
    const tmf_json_limits_t *limits;
    int depth;
    apr_size_t expansion;
    const char *string; /* that was read last, not NUL-terminated: in the text, or decoded */
    apr_size_t string_length;
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
static int read_unicode_escape(reader_t *reader, const char *start, tmf_text_t *decoded)
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
    tmf_utf8_append(decoded, code);
    return 1;
}

/* At a backslash. */
static int read_escape(reader_t *reader, tmf_text_t *decoded)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    const char *start = reader->at++;
    char c = peek(reader);
    const char *name = c != '\0' ? strchr(names, c) : NULL;

    reader->at += reader->at < reader->end;
    if (c == 'u') {
        return read_unicode_escape(reader, start, decoded);
    }
    if (name == NULL) {
        return fail(reader, start, "there is no such escape in JSON");
    }
    tmf_text_append(decoded, &meanings[name - names], 1);
    return 1;
}

/* Moves behind what needs no decoding; 0 at a byte that may not stand in a string, and at the end
 * of the text. */
static int skip_plain(reader_t *reader, const char *start)
{
    for (;;) {
        apr_size_t length;

        reader->at = tmf_text_skip_plain(reader->at, reader->end);
        if (reader->at == reader->end) {
            return fail(reader, start, "this string does not end");
        }
        if (*reader->at == '"' || *reader->at == '\\') {
            return 1;
        }
        length = tmf_utf8_length(reader->at, reader->end);
        if (length == 0) {
            return fail(reader, reader->at, "this is not UTF-8");
        }
        if ((unsigned char)*reader->at < 0x20) {
            return fail(reader, reader->at, "a control character in a string must be escaped");
        }
        reader->at += length;
    }
}

/* At the first backslash of a string that began at the quote `start`. */
static int read_decoded(reader_t *reader, const char *start)
{
    tmf_text_t decoded;

    tmf_text_init(&decoded, 64, reader->pool);
    tmf_text_append(&decoded, start + 1, (apr_size_t)(reader->at - start) - 1);
    while (*reader->at == '\\') {
        const char *plain;

        if (!read_escape(reader, &decoded)) {
            return 0;
        }
        plain = reader->at;
        if (!skip_plain(reader, start)) {
            return 0;
        }
        tmf_text_append(&decoded, plain, (apr_size_t)(reader->at - plain));
    }
    reader->string = decoded.data;
    reader->string_length = decoded.length;
    return 1;
}

/* At a quote: reads the string into reader->string. */
static int read_string(reader_t *reader)
{
    const char *start = reader->at++;

    if (!skip_plain(reader, start)) {
        return 0;
    }
    if (*reader->at == '"') {
        reader->string = start + 1;
        reader->string_length = (apr_size_t)(reader->at - start) - 1;
    } else if (!read_decoded(reader, start)) {
        return 0;
    }
    reader->at++;
    return 1;
}

static tmf_json_t *read_string_value(reader_t *reader)
{
    return read_string(reader)
               ? tmf_json_string(reader->string, reader->string_length, reader->pool)
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
    tmf_json_t *number;
    int has_exponent;

    if (!skip_number(reader, &has_exponent)) {
        fail(reader, start, "this is no number");
        return NULL;
    }
    number = tmf_json_number(start, (apr_size_t)(reader->at - start), reader->pool);
    return check_size(reader, start, tmf_json_number_text(number), has_exponent) ? number : NULL;
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
            return i == 0 ? tmf_json_null() : tmf_json_truth(i == 2);
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
    array = tmf_json_array(reader->pool);
    if (peek(reader) != ']') {
        do {
            tmf_json_t *element = read_value(reader);

            if (element == NULL) {
                break;
            }
            tmf_json_append(array, element);
        } while (continues(reader, ']'));
    }
    return leave(reader, array);
}

static void fail_twice(reader_t *reader, const char *at, const char *name, apr_size_t length)
{
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
    apr_size_t length;
    tmf_json_t *value;

    if (peek(reader) != '"') {
        return fail(reader, start, "a member's name in double quotes is needed here");
    }
    if (!read_string(reader)) {
        return 0;
    }
    name = reader->string;
    length = reader->string_length;
    skip_blanks(reader);
    if (peek(reader) != ':') {
        return fail(reader, reader->at, "\":\" is needed here");
    }
    reader->at++;
    value = read_value(reader);
    if (value != NULL && !tmf_json_add(object, name, length, value)) {
        fail_twice(reader, start, name, length);
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
    object = tmf_json_object(reader->pool);
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

#ifdef __GLIBC__
static apr_status_t trim(void *unused)
{
    (void)unused;
    malloc_trim(0);
    return APR_SUCCESS;
}
#endif

/* Where the tree of a text is made. That of a large one is given back to the system when it is no
 * longer needed: glibc would keep it for the thread. */
static apr_pool_t *pool_for(apr_size_t length, apr_pool_t *result_pool)
{
    apr_pool_t *pool = result_pool;

#ifdef __GLIBC__
    if (length > LARGE_TEXT) {
        apr_pool_cleanup_register(result_pool, NULL, trim, apr_pool_cleanup_null);
        apr_pool_create(&pool, result_pool); /* it goes before the cleanup is called */
    }
#endif
    return pool;
}

tmf_error_t *tmf_json_parse(tmf_json_t **value, const char *text, apr_size_t length,
                            const tmf_json_limits_t *limits, apr_pool_t *result_pool)
{
    reader_t reader = {.text = text,
                       .at = text,
                       .end = text + length,
                       .limits = limits,
                       .pool = pool_for(length, result_pool)};

    *value = read_value(&reader);
    skip_blanks(&reader);
    if (*value != NULL && reader.at < reader.end) {
        fail(&reader, reader.at, "the text goes on after its value");
        *value = NULL;
    }
    return reader.error;
}
