/* SPDX-License-Identifier: Apache-2.0 */
/* HTML text: what stands in it, and how numbers, durations and times are written for people. */
#ifndef TMF_STATUS_MARKUP_H
#define TMF_STATUS_MARKUP_H

#include <apr_time.h>

#include "model/text.h"

/* Bytes that a buffer for tmf_duration_text must have. */
#define TMF_DURATION_BYTES 24
/* Likewise for tmf_utc_text. */
#define TMF_UTC_BYTES 32

/* Appends a text so that it is text, in elements and in quoted attributes. Control characters,
 * which HTML does not admit, become U+FFFD. */
void tmf_markup_text(tmf_text_t *html, const char *string);

/* Appends what a client chose: as above, cut behind `most` bytes with an ellipsis, and set apart,
 * so that text from right to left does not reorder what stands beside it. */
void tmf_markup_foreign(tmf_text_t *html, const char *string, apr_size_t most);

/* Appends a whole number, its thousands separated by commas. */
void tmf_markup_number(tmf_text_t *html, apr_int64_t number);

/* Appends a number and the noun for so many, both when it is 1 and when it is not. */
void tmf_markup_count(tmf_text_t *html, apr_int64_t number, const char *one, const char *many);

/* Appends how much of `whole` is `part` as a percentage; a dash when there is nothing. */
void tmf_markup_share(tmf_text_t *html, apr_uint64_t part, apr_uint64_t whole);

/* How long a request took, in three digits and a unit; a dash when `seconds` is negative. */
const char *tmf_duration_text(char buffer[TMF_DURATION_BYTES], double seconds);

/* Appends a span of minutes or days in its two largest units: `3 h 20 min`. */
void tmf_markup_span(tmf_text_t *html, apr_interval_time_t span);

/* Appends a <time>: the span between the moment and now, with `before` and `after` around it; its
 * title says the moment to the second. */
void tmf_markup_moment(tmf_text_t *html, const char *before, apr_time_t moment, const char *after,
                       apr_time_t now);

/* A time of day as UTC: `2026-11-28 21:40:00 UTC`. */
void tmf_utc_text(char buffer[TMF_UTC_BYTES], apr_time_t time);

#endif
