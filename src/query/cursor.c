/* SPDX-License-Identifier: Apache-2.0 */
#include "query/cursor.h"

#include <string.h>

#include <apr_encode.h>
#include <apr_strings.h>

#include "model/json.h"
#include "query/parameters.h"

#define KEY_LENGTH_MAX 2000 /* bytes of all values together: a URL has to hold them */

/* "-name,status": what the cursor must find again. */
static const char *sort_text(const apr_array_header_t *sort, apr_pool_t *pool)
{
    const char *text = "";
    int i;

    for (i = 0; i < sort->nelts; i++) {
        const tmf_sort_key_t *key = &APR_ARRAY_IDX(sort, i, tmf_sort_key_t);

        text = apr_pstrcat(pool, text, i > 0 ? "," : "", key->descending ? "-" : "",
                           tmf_path_text(key->path, pool), NULL);
    }
    return text;
}

static int is_short(const tmf_cursor_t *cursor)
{
    apr_size_t length = 0;
    int i;

    for (i = 0; i < cursor->count; i++) {
        length += cursor->key[i] != NULL ? strlen(cursor->key[i]) : 0;
    }
    return length <= KEY_LENGTH_MAX;
}

static void append_text(tmf_json_t *array, const char *text, apr_pool_t *pool)
{
    tmf_json_append(array,
                    text != NULL ? tmf_json_string(text, strlen(text), pool) : tmf_json_null());
}

/* ["-name", "b", 40, key…] */
const char *tmf_cursor_write(const tmf_cursor_t *cursor, const apr_array_header_t *sort,
                             apr_pool_t *result_pool)
{
    tmf_json_t *array = tmf_json_array(result_pool);
    const char *position = apr_psprintf(result_pool, "%" APR_INT64_T_FMT, cursor->position);
    apr_size_t length;
    const char *text;
    int i;

    append_text(array, sort_text(sort, result_pool), result_pool);
    append_text(array, cursor->backward ? "b" : "f", result_pool);
    tmf_json_append(array, tmf_json_number(position, strlen(position), result_pool));
    for (i = 0; i < cursor->count && is_short(cursor); i++) {
        append_text(array, cursor->key[i], result_pool);
    }
    text = tmf_json_write(array, &length, result_pool);
    return apr_pencode_base64(result_pool, text, (apr_ssize_t)length, APR_ENCODE_BASE64URL, NULL);
}

static tmf_error_t *no_cursor(apr_pool_t *pool)
{
    return tmf_error_make(pool, TMF_ERROR_INVALID_PARAMETER,
                          "cursor is none that this server has given");
}

static int is_text(const tmf_json_t *value, const char *text)
{
    return value != NULL && tmf_json_type(value) == TMF_JSON_STRING &&
           strcmp(tmf_json_string_text(value), text) == 0;
}

static tmf_error_t *read_key(tmf_cursor_t *cursor, const tmf_json_t *array, apr_pool_t *pool)
{
    const char **key = apr_pcalloc(pool, sizeof(*key) * (apr_size_t)tmf_json_count(array));
    int i;

    cursor->key = key;
    cursor->count = tmf_json_count(array) - 3;
    for (i = 0; i < cursor->count; i++) {
        const tmf_json_t *value = tmf_json_at(array, i + 3);

        key[i] = tmf_json_string_text(value);
        if (key[i] == NULL && tmf_json_type(value) != TMF_JSON_NULL) {
            return no_cursor(pool);
        }
    }
    return NULL;
}

tmf_error_t *tmf_cursor_read(tmf_cursor_t *cursor, const char *text, const apr_array_header_t *sort,
                             apr_pool_t *result_pool)
{
    const tmf_json_limits_t limits = {1, 0};
    apr_size_t length = 0;
    const char *json = apr_pdecode_base64(result_pool, text, APR_ENCODE_STRING,
                                          APR_ENCODE_BASE64URL, &length);
    const char *position;
    tmf_json_t *array;

    if (json == NULL || tmf_json_parse(&array, json, length, &limits, result_pool) != NULL ||
        tmf_json_type(array) != TMF_JSON_ARRAY || tmf_json_count(array) < 3) {
        return no_cursor(result_pool);
    }
    cursor->backward = is_text(tmf_json_at(array, 1), "b");
    position = tmf_json_number_text(tmf_json_at(array, 2));
    if (position == NULL || strspn(position, "0123456789") != strlen(position) ||
        strlen(position) > 18) {
        return no_cursor(result_pool);
    }
    cursor->position = apr_atoi64(position);
    if (!is_text(tmf_json_at(array, 0), sort_text(sort, result_pool))) {
        return tmf_error_make(result_pool, TMF_ERROR_INVALID_PARAMETER,
                              "cursor belongs to another sort than that of this request");
    }
    return read_key(cursor, array, result_pool);
}
