/* SPDX-License-Identifier: Apache-2.0 */
#include "query/raw.h"

#include <string.h>

#include <apr_lib.h>

#include "model/text.h"
#include "model/utf8.h"

#define SHOWN_MAX 40 /* bytes of a broken piece that its error shows */

tmf_raw_t tmf_raw_cut(tmf_raw_t *rest, char separator)
{
    const char *at = memchr(rest->data, separator, rest->length);
    tmf_raw_t piece = {rest->data, at != NULL ? (apr_size_t)(at - rest->data) : rest->length};

    rest->data += piece.length + (at != NULL);
    rest->length -= piece.length + (at != NULL);
    return piece;
}

static int hex_value(char digit)
{
    if (apr_isdigit(digit)) {
        return digit - '0';
    }
    return apr_isxdigit(digit) ? apr_tolower(digit) - 'a' + 10 : -1;
}

char tmf_raw_byte(const tmf_raw_t *raw, apr_size_t *length)
{
    *length = 1;
    if (*raw->data == '%' && raw->length >= 3) {
        int high = hex_value(raw->data[1]);
        int low = hex_value(raw->data[2]);

        if (high >= 0 && low >= 0) {
            *length = 3;
            return (char)(high * 16 + low);
        }
    }
    return *raw->data;
}

static tmf_error_t *undecodable(tmf_raw_t raw, const tmf_reading_t *reading)
{
    tmf_text_t shown;

    tmf_text_init(&shown, 64, reading->pool);
    tmf_text_append_json(&shown, raw.data, raw.length < SHOWN_MAX ? raw.length : SHOWN_MAX);
    return tmf_reading_refuse(
        reading, "The query string has %s, which is no percent-encoded UTF-8 text",
        tmf_utf8_valid(shown.data, shown.length) ? tmf_text_string(&shown) : "raw bytes");
}

static tmf_error_t *decode(const char **decoded, tmf_raw_t raw, int plus_is_blank,
                           const tmf_reading_t *reading)
{
    tmf_raw_t rest = raw;
    char *text = apr_palloc(reading->pool, raw.length + 1);
    apr_size_t count = 0;

    while (rest.length > 0) {
        apr_size_t length;
        char byte = tmf_raw_byte(&rest, &length);

        if (length == 1 && byte == '%') {
            return undecodable(raw, reading);
        }
        text[count++] = plus_is_blank && length == 1 && byte == '+' ? ' ' : byte;
        rest.data += length;
        rest.length -= length;
    }
    text[count] = '\0';
    *decoded = text;
    return tmf_utf8_valid(text, count) ? NULL : undecodable(raw, reading);
}

tmf_error_t *tmf_raw_decode_name(const char **name, tmf_raw_t raw, const tmf_reading_t *reading)
{
    return decode(name, raw, 0, reading);
}

tmf_error_t *tmf_raw_decode_value(const char **value, tmf_raw_t raw, const tmf_reading_t *reading)
{
    return decode(value, raw, 1, reading);
}
