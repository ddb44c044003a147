/* SPDX-License-Identifier: Apache-2.0 */
#include "model/utf8.h"

#include <string.h>

/* RFC 3629 §4: what may stand first, and then what second bytes may follow it. */
typedef struct {
    unsigned char first;
    unsigned char last;
    unsigned char second_least;
    unsigned char second_most;
    apr_size_t length;
} lead_t;

static const lead_t leads[] = {
    {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
    {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
    {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

static const lead_t *find_lead(unsigned char byte)
{
    apr_size_t i;

    for (i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
        if (byte >= leads[i].first && byte <= leads[i].last) {
            return &leads[i];
        }
    }
    return NULL;
}

apr_size_t tmf_utf8_length(const char *at, const char *end)
{
    const unsigned char *bytes = (const unsigned char *)at;
    const lead_t *lead;
    apr_size_t i;

    if (bytes[0] < 0x80) {
        return 1;
    }
    lead = find_lead(bytes[0]);
    if (lead == NULL || (apr_size_t)(end - at) < lead->length || bytes[1] < lead->second_least ||
        bytes[1] > lead->second_most) {
        return 0;
    }
    for (i = 2; i < lead->length; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return lead->length;
}

int tmf_utf8_valid(const char *text, apr_size_t length)
{
    const char *end = text + length;

    while (text < end) {
        apr_size_t sequence = *text == '\0' ? 0 : tmf_utf8_length(text, end);

        if (sequence == 0) {
            return 0;
        }
        text += sequence;
    }
    return 1;
}

void tmf_utf8_append(tmf_text_t *text, int code)
{
    static const int marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
    apr_size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    char bytes[4];
    apr_size_t i;

    for (i = length - 1; i > 0; i--) {
        bytes[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    bytes[0] = (char)(marks[length] | code);
    tmf_text_append(text, bytes, length);
}

const char *tmf_utf8_escape(const char *text, apr_pool_t *result_pool)
{
    const char *end = text + strlen(text);
    tmf_text_t escaped;

    tmf_text_init(&escaped, (apr_size_t)(end - text) + 1, result_pool);
    while (text < end) {
        apr_size_t length = *text != '%' ? tmf_utf8_length(text, end) : 0;

        if (length == 0) {
            tmf_text_append_format(&escaped, "%%%02X", (unsigned char)*text++);
        } else {
            tmf_text_append(&escaped, text, length);
            text += length;
        }
    }
    return tmf_text_string(&escaped);
}
