/* SPDX-License-Identifier: Apache-2.0 */
/* A text that grows: replies are put together in one. */
#ifndef TMF_MODEL_TEXT_H
#define TMF_MODEL_TEXT_H

#include <apr_pools.h>

typedef struct {
    char *data;        /* not NUL-terminated */
    apr_size_t length; /* bytes in use */
    apr_size_t capacity;
    apr_pool_t
        *pool; /* owns data; outgrown data stays in it, less than `length` bytes altogether */
} tmf_text_t;

/* Starts an empty text with room for `capacity` bytes. */
void tmf_text_init(tmf_text_t *text, apr_size_t capacity, apr_pool_t *pool);

/* Appends bytes as they are. */
void tmf_text_append(tmf_text_t *text, const char *data, apr_size_t length);
void tmf_text_append_string(tmf_text_t *text, const char *string);
/* Appends what printf would print. */
void tmf_text_append_format(tmf_text_t *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The text so far, NUL-terminated; may move with the next append. */
const char *tmf_text_string(tmf_text_t *text);

/* Moves behind the ASCII characters that stand in a JSON string as they are: all but `"`, `\`, and
 * the control characters below U+0020. `end` is returned when all up to there are such. */
const char *tmf_text_skip_plain(const char *at, const char *end);

/* Appends a JSON string, quotes included. Escapes exactly what PostgreSQL's jsonb output escapes,
 * and so that equal strings give equal bytes: `"`, `\`, and the control characters below U+0020. */
void tmf_text_append_json(tmf_text_t *text, const char *string, apr_size_t length);

/* Appends a member of a JSON object: `before`, which ends in its name and colon, and the string, or
 * null for NULL. */
void tmf_text_append_member(tmf_text_t *text, const char *before, const char *string);

#endif
