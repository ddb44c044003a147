/* SPDX-License-Identifier: Apache-2.0 */
#include "query/parameters.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "model/utf8.h"

static int hex_value(char digit)
{
    if (apr_isdigit(digit)) {
        return digit - '0';
    }
    return apr_isxdigit(digit) ? apr_tolower(digit) - 'a' + 10 : -1;
}

/* Decodes percent-encoding and `+`; NULL when it is broken or gives no UTF-8 text. */
static const char *decode(const char *raw, apr_size_t length, apr_pool_t *pool)
{
    char *decoded = apr_palloc(pool, length + 1);
    apr_size_t count = 0;
    apr_size_t i;

    for (i = 0; i < length; i++) {
        char c = raw[i];

        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < length ? hex_value(raw[i + 1]) : -1;
            int low = high >= 0 ? hex_value(raw[i + 2]) : -1;

            if (low < 0) {
                return NULL;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        decoded[count++] = c;
    }
    decoded[count] = '\0';
    return tmf_utf8_valid(decoded, count) ? decoded : NULL;
}

/* A piece of the query string, still encoded. */
typedef struct {
    const char *data;
    apr_size_t length;
} raw_t;

/* Cuts what stands before `separator` (or all) off `rest`. */
static raw_t cut(raw_t *rest, char separator)
{
    const char *at = memchr(rest->data, separator, rest->length);
    raw_t piece = {rest->data, at != NULL ? (apr_size_t)(at - rest->data) : rest->length};

    rest->data += piece.length + (at != NULL);
    rest->length -= piece.length + (at != NULL);
    return piece;
}

static tmf_error_t *undecodable(raw_t piece, apr_pool_t *pool)
{
    tmf_text_t shown;

    tmf_text_init(&shown, 64, pool);
    tmf_text_append_json(&shown, piece.data, piece.length < 40 ? piece.length : 40);
    tmf_text_append(&shown, "", 1);
    return tmf_error_make(pool, TMF_ERROR_INVALID_PARAMETER,
                          "The query string has %s, which is no percent-encoded UTF-8 text",
                          tmf_utf8_valid(shown.data, shown.length - 1) ? shown.data : "raw bytes");
}

static tmf_error_t *add_fields(tmf_parameters_t *parameters, raw_t value, apr_pool_t *pool)
{
    while (value.length > 0) {
        raw_t piece = cut(&value, ',');
        const char *name = decode(piece.data, piece.length, pool);

        if (name == NULL) {
            return undecodable(piece, pool);
        }
        if (name[strspn(name, " ")] == '\0') {
            continue;
        }
        if (parameters->fields == NULL) {
            parameters->fields = tmf_fields_make(pool);
        }
        TMF_TRY(tmf_fields_add(parameters->fields, name, pool));
    }
    return NULL;
}

/* A whole number, 0 or more; what passes 64 bits counts as the largest. */
static tmf_error_t *set_number(const char *name, raw_t value, int *has, apr_int64_t *number,
                               apr_pool_t *pool)
{
    const char *text = decode(value.data, value.length, pool);

    if (text == NULL) {
        return undecodable(value, pool);
    }
    if (*has) {
        return tmf_error_make(pool, TMF_ERROR_INVALID_PARAMETER, "%s is given more than once",
                              name);
    }
    if (*text == '\0' || strspn(text, "0123456789") != strlen(text)) {
        return tmf_error_make(pool, TMF_ERROR_INVALID_PARAMETER,
                              "%s must be a whole number, 0 or more", name);
    }
    *has = 1;
    *number = apr_strtoi64(text, NULL, 10);
    return NULL;
}

static tmf_error_t *add_parameter(tmf_parameters_t *parameters, raw_t piece, apr_pool_t *pool)
{
    raw_t value = piece;
    raw_t raw_name = cut(&value, '=');
    const char *name = decode(raw_name.data, raw_name.length, pool);

    if (name == NULL) {
        return undecodable(raw_name, pool);
    }
    if (strcmp(name, "fields") == 0) {
        return add_fields(parameters, value, pool);
    }
    if (strcmp(name, "limit") == 0) {
        return set_number(name, value, &parameters->has_limit, &parameters->limit, pool);
    }
    if (strcmp(name, "offset") == 0) {
        return set_number(name, value, &parameters->has_offset, &parameters->offset, pool);
    }
    if (parameters->other == NULL) {
        parameters->other = name;
    }
    return NULL;
}

tmf_error_t *tmf_parameters_parse(tmf_parameters_t **parameters, const char *raw,
                                  apr_pool_t *result_pool)
{
    raw_t rest = {raw != NULL ? raw : "", raw != NULL ? strlen(raw) : 0};

    *parameters = apr_pcalloc(result_pool, sizeof(**parameters));
    while (rest.length > 0) {
        raw_t piece = cut(&rest, '&');

        if (memchr(piece.data, ';', piece.length) != NULL) {
            (*parameters)->other = ";";
        } else if (piece.length > 0) {
            TMF_TRY(add_parameter(*parameters, piece, result_pool));
        }
    }
    return NULL;
}
