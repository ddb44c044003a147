/* SPDX-License-Identifier: Apache-2.0 */
#include "model/json_pointer.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

/* Decodes `~1` and `~0` in place; 0 when another `~` is there. */
static int decode(char *token)
{
    char *to = token;
    const char *from;

    for (from = token; *from != '\0'; from++) {
        if (*from != '~') {
            *to++ = *from;
        } else if (from[1] == '0' || from[1] == '1') {
            *to++ = *++from == '0' ? '~' : '/';
        } else {
            return 0;
        }
    }
    *to = '\0';
    return 1;
}

int tmf_pointer_parse(tmf_pointer_t *pointer, const char *text, apr_pool_t *result_pool)
{
    const char **tokens = apr_palloc(result_pool, sizeof(*tokens) * TMF_POINTER_MAX);

    pointer->tokens = tokens;
    pointer->count = 0;
    while (*text != '\0') {
        apr_size_t length;
        char *token;

        if (*text != '/' || pointer->count == TMF_POINTER_MAX) {
            return 0;
        }
        length = strcspn(++text, "/");
        token = apr_pstrmemdup(result_pool, text, length);
        if (!decode(token)) {
            return 0;
        }
        tokens[pointer->count++] = token;
        text += length;
    }
    return 1;
}

int tmf_pointer_index(const char *token)
{
    apr_size_t digits = strspn(token, "0123456789");

    if (strcmp(token, "-") == 0) {
        return TMF_INDEX_END;
    }
    if (digits == 0 || digits > 9 || token[digits] != '\0' || (*token == '0' && digits > 1)) {
        return TMF_INDEX_NONE;
    }
    return atoi(token);
}

tmf_json_t *tmf_pointer_step(const tmf_json_t *value, const char *token)
{
    int index;

    if (tmf_json_type(value) != TMF_JSON_ARRAY) {
        return tmf_json_get(value, token);
    }
    index = tmf_pointer_index(token);
    return index >= 0 && index < tmf_json_count(value) ? tmf_json_at(value, index) : NULL;
}

int tmf_pointer_is_below(const tmf_pointer_t *long_one, const tmf_pointer_t *prefix)
{
    int i = 0;

    while (i < prefix->count && i < long_one->count &&
           strcmp(prefix->tokens[i], long_one->tokens[i]) == 0) {
        i++;
    }
    return i == prefix->count && long_one->count > prefix->count;
}
