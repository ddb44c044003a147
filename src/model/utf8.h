/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629). */
#ifndef TMF_MODEL_UTF8_H
#define TMF_MODEL_UTF8_H

#include "model/text.h"

/* Bytes of the well-formed sequence at `at`, 1…4; 0 when it is malformed or `end` cuts it off. */
apr_size_t tmf_utf8_length(const char *at, const char *end);

/* Is this text of `length` bytes well-formed, and without NUL? */
int tmf_utf8_valid(const char *text, apr_size_t length);

/* A text of any bytes as UTF-8: `%` and what is not well-formed stand percent-encoded, so that
 * different texts stay different. */
const char *tmf_utf8_escape(const char *text, apr_pool_t *result_pool);

/* Appends a code point (1…0x10FFFF, no surrogate). */
void tmf_utf8_append(tmf_text_t *text, int code);

#endif
