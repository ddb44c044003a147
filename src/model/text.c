/* SPDX-License-Identifier: Apache-2.0 */
#include "model/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

void tmf_text_init(tmf_text_t *text, apr_size_t capacity, apr_pool_t *pool)
{
    text->data = apr_palloc(pool, capacity);
    text->length = 0;
    text->capacity = capacity;
    text->pool = pool;
}

static void make_room(tmf_text_t *text, apr_size_t length)
{
    apr_size_t needed = text->length + length;

    if (needed > text->capacity) {
        apr_size_t capacity = needed > 2 * text->capacity ? needed : 2 * text->capacity;
        char *data = apr_palloc(text->pool, capacity);

        memcpy(data, text->data, text->length);
        text->data = data;
        text->capacity = capacity;
    }
}

void tmf_text_append(tmf_text_t *text, const char *data, apr_size_t length)
{
    make_room(text, length);
    memcpy(text->data + text->length, data, length);
    text->length += length;
}

void tmf_text_append_string(tmf_text_t *text, const char *string)
{
    tmf_text_append(text, string, strlen(string));
}

void tmf_text_append_format(tmf_text_t *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    tmf_text_append_string(text, apr_pvsprintf(text->pool, format, arguments));
    va_end(arguments);
}

const char *tmf_text_string(tmf_text_t *text)
{
    make_room(text, 1);
    text->data[text->length] = '\0';
    return text->data;
}

/* The top bit of each byte of `word` says whether that is no plain character; of the bytes above
 * the first such one it says nothing (a borrow runs upwards). */
static apr_uint64_t not_plain(apr_uint64_t word)
{
    const apr_uint64_t ones = APR_UINT64_C(0x0101010101010101);
    const apr_uint64_t quotes = word ^ (ones * '"');
    const apr_uint64_t backslashes = word ^ (ones * '\\');

    return (word | (word - ones * 0x20) | (quotes - ones) | (backslashes - ones)) & (ones * 0x80);
}

static int is_plain(char c)
{
    return c >= 0x20 && c != '"' && c != '\\' && (unsigned char)c < 0x80;
}

const char *tmf_text_skip_plain(const char *at, const char *end)
{
    apr_uint64_t word;

    for (; end - at >= (apr_ssize_t)sizeof(word); at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        if (not_plain(word) != 0) {
            break;
        }
    }
    while (at < end && is_plain(*at)) {
        at++;
    }
    return at;
}

static void append_escape(tmf_text_t *text, unsigned char byte)
{
    static const char *const short_forms[0x20] = {
        ['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t"};
    char escape[7] = {'\\', (char)byte, '\0'};

    if (byte < 0x20 && short_forms[byte] != NULL) {
        tmf_text_append_string(text, short_forms[byte]);
        return;
    }
    if (byte < 0x20) {
        snprintf(escape, sizeof(escape), "\\u%04x", byte);
    }
    tmf_text_append_string(text, escape);
}

void tmf_text_append_json(tmf_text_t *text, const char *string, apr_size_t length)
{
    const char *end = string + length;

    make_room(text, length + 2);
    tmf_text_append(text, "\"", 1);
    while (string < end) {
        const char *plain = string;

        do {
            string = tmf_text_skip_plain(string, end);
            while (string < end && (unsigned char)*string >= 0x80) {
                string++;
            }
        } while (string < end && is_plain(*string));
        tmf_text_append(text, plain, (apr_size_t)(string - plain));
        if (string < end) {
            append_escape(text, (unsigned char)*string++);
        }
    }
    tmf_text_append(text, "\"", 1);
}

void tmf_text_append_member(tmf_text_t *text, const char *before, const char *string)
{
    tmf_text_append_string(text, before);
    if (string != NULL) {
        tmf_text_append_json(text, string, strlen(string));
    } else {
        tmf_text_append_string(text, "null");
    }
}
