/* SPDX-License-Identifier: Apache-2.0 */
#include "status/markup.h"

#include <stdio.h>
#include <string.h>

#include <apr_lib.h>

/* No line ends between a number and its unit. */
#define NBSP "\xc2\xa0"

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* What stands for a byte; NULL = itself. */
static const char *reference_of(unsigned char byte)
{
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\t':
    case '\n':
        return NULL;
    default:
        return byte < 0x20 || byte == 0x7f ? "\xef\xbf\xbd" : NULL;
    }
}

static void append_escaped(tmf_text_t *html, const char *string, apr_size_t length)
{
    const char *end = string + length;

    for (; string < end; string++) {
        const char *reference = reference_of((unsigned char)*string);

        if (reference != NULL) {
            tmf_text_append_string(html, reference);
        } else {
            tmf_text_append(html, string, 1);
        }
    }
}

void tmf_markup_text(tmf_text_t *html, const char *string)
{
    append_escaped(html, string, strlen(string));
}

void tmf_markup_foreign(tmf_text_t *html, const char *string, apr_size_t most)
{
    apr_size_t length = strlen(string);
    apr_size_t shown = length;

    if (length > most) {
        shown = most;
        while (shown > 0 && ((unsigned char)string[shown] & 0xc0) == 0x80) {
            shown--; /* not within a character */
        }
    }
    tmf_text_append_string(html, "<bdi>");
    append_escaped(html, string, shown);
    tmf_text_append_string(html, shown < length ? "…</bdi>" : "</bdi>");
}

void tmf_markup_number(tmf_text_t *html, apr_int64_t number)
{
    char digits[24];
    int count = snprintf(digits, sizeof(digits), "%" APR_INT64_T_FMT, number);
    int i;

    for (i = 0; i < count; i++) {
        tmf_text_append(html, &digits[i], 1);
        if (apr_isdigit(digits[i]) && i + 1 < count && (count - i - 1) % 3 == 0) {
            tmf_text_append_string(html, ",");
        }
    }
}

void tmf_markup_count(tmf_text_t *html, apr_int64_t number, const char *one, const char *many)
{
    tmf_markup_number(html, number);
    tmf_text_append_string(html, " ");
    tmf_text_append_string(html, number == 1 ? one : many);
}

void tmf_markup_share(tmf_text_t *html, apr_uint64_t part, apr_uint64_t whole)
{
    double share = whole > 0 ? 100.0 * (double)part / (double)whole : 0;

    if (whole == 0) {
        tmf_text_append_string(html, "–");
    } else if (part > 0 && share < 0.01) {
        tmf_text_append_string(html, "&lt;" NBSP "0.01" NBSP "%");
    } else if (part == 0 || part == whole) {
        tmf_text_append_format(html, "%.0f" NBSP "%%", share);
    } else if (share > 99.99) {
        tmf_text_append_string(html, "&gt;" NBSP "99.99" NBSP "%");
    } else {
        tmf_text_append_format(html, "%.*f" NBSP "%%", share < 1 || share > 99 ? 2 : 1, share);
    }
}

const char *tmf_duration_text(char buffer[TMF_DURATION_BYTES], double seconds)
{
    double value = seconds < 1 ? seconds * 1000 : seconds;
    int decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2;

    if (seconds < 0) {
        return "–";
    }
    snprintf(buffer, TMF_DURATION_BYTES, "%.*f" NBSP "%s", decimals, value,
             seconds < 1 ? "ms" : "s");
    return buffer;
}

void tmf_markup_span(tmf_text_t *html, apr_interval_time_t span)
{
    long seconds = span > 0 ? (long)apr_time_sec(span) : 0;

    if (seconds < MINUTE) {
        tmf_text_append_format(html, "%ld" NBSP "s", seconds);
    } else if (seconds < HOUR) {
        tmf_text_append_format(html, "%ld" NBSP "min", seconds / MINUTE);
    } else if (seconds < DAY) {
        tmf_text_append_format(html, "%ld" NBSP "h %ld" NBSP "min", seconds / HOUR,
                               seconds % HOUR / MINUTE);
    } else {
        tmf_text_append_format(html, "%ld" NBSP "d %ld" NBSP "h", seconds / DAY,
                               seconds % DAY / HOUR);
    }
}

void tmf_utc_text(char buffer[TMF_UTC_BYTES], apr_time_t time)
{
    apr_time_exp_t parts;
    apr_size_t length;

    apr_time_exp_gmt(&parts, time);
    apr_strftime(buffer, &length, TMF_UTC_BYTES, "%Y-%m-%d %H:%M:%S UTC", &parts);
}

void tmf_markup_moment(tmf_text_t *html, const char *before, apr_time_t moment, const char *after,
                       apr_time_t now)
{
    char exact[TMF_UTC_BYTES];

    tmf_utc_text(exact, moment);
    tmf_text_append_format(html, "<time datetime=\"%.10sT%.8sZ\" title=\"%s\">%s", exact,
                           exact + 11, exact, before);
    tmf_markup_span(html, moment < now ? now - moment : moment - now);
    tmf_text_append_format(html, "%s</time>", after);
}
