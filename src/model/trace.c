/* SPDX-License-Identifier: Apache-2.0 */
#include "model/trace.h"

#include <string.h>

#include <apr_strings.h>

#define STATE_LENGTH_MAX  8192 /* at least 512 should be passed on ("tracestate Limits") */
#define STATE_MEMBERS_MAX 32
#define KEY_LENGTH_MAX    256
#define TENANT_LENGTH_MAX 241
#define SYSTEM_LENGTH_MAX 14
#define VALUE_LENGTH_MAX  256

/* Where the fields of a traceparent begin: version-trace-parent-flags. */
enum { TRACE_AT = 3, PARENT_AT = 36, FLAGS_AT = 53 };

static const char hex[] = "0123456789abcdef";
static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

/* A field of that many digits; one of zeros alone names nothing. */
static int is_field(const char *text, apr_size_t length)
{
    return strspn(text, hex) == length;
}

static int is_name(const char *text, apr_size_t length)
{
    return is_field(text, length) && strspn(text, "0") < length;
}

/* The version's own rule of what follows the flags: in version 00 nothing. */
static int is_end(const char *rest, const char *version)
{
    return *rest == '\0' || (*rest == '-' && strncmp(version, "00", 2) != 0);
}

static int is_parent(const char *text)
{
    return is_field(text, 2) && strncmp(text, "ff", 2) != 0 && text[TRACE_AT - 1] == '-' &&
           is_name(text + TRACE_AT, 32) && text[PARENT_AT - 1] == '-' &&
           is_name(text + PARENT_AT, 16) && text[FLAGS_AT - 1] == '-' &&
           is_field(text + FLAGS_AT, 2) && is_end(text + TMF_TRACE_PARENT_LENGTH, text);
}

/* Part of a key: begins with one of `first`. */
static int is_key_part(const char *text, apr_size_t length, const char *first, apr_size_t most)
{
    apr_size_t i;

    if (length == 0 || length > most || strchr(first, *text) == NULL) {
        return 0;
    }
    for (i = 1; i < length; i++) {
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_-*/", text[i]) == NULL) {
            return 0;
        }
    }
    return 1;
}

/* `vendor` or `tenant@system`. */
static int is_key(const char *text, apr_size_t length)
{
    const char *at = memchr(text, '@', length);
    apr_size_t tenant = at != NULL ? (apr_size_t)(at - text) : 0;

    return at == NULL ? is_key_part(text, length, letters, KEY_LENGTH_MAX)
                      : is_key_part(text, tenant, "abcdefghijklmnopqrstuvwxyz0123456789",
                                    TENANT_LENGTH_MAX) &&
                            is_key_part(at + 1, length - tenant - 1, letters, SYSTEM_LENGTH_MAX);
}

/* Printable ASCII without `,` and `=`; blanks at its end belong to the list. */
static int is_value(const char *text, apr_size_t length)
{
    apr_size_t i;

    for (i = 0; i < length; i++) {
        if (text[i] < 0x20 || text[i] > 0x7E || text[i] == '=') {
            return 0;
        }
    }
    return length > 0 && length <= VALUE_LENGTH_MAX;
}

/* A member of the list, with blanks around it: `key=value`, or nothing. Adds to
 * `*count`, unless it is nothing. */
static int is_member(const char *text, apr_size_t length, int *count)
{
    apr_size_t blanks = strspn(text, " \t");
    const char *equals;
    apr_size_t key;

    if (blanks >= length) {
        return 1;
    }
    text += blanks;
    length -= blanks;
    while (text[length - 1] == ' ' || text[length - 1] == '\t') {
        length--;
    }
    ++*count;
    equals = memchr(text, '=', length);
    key = equals != NULL ? (apr_size_t)(equals - text) : 0;
    return equals != NULL && is_key(text, key) && is_value(equals + 1, length - key - 1);
}

/* A list with one member at least, and 32 at most. */
static int is_state(const char *text)
{
    int count = 0;

    if (strlen(text) > STATE_LENGTH_MAX) {
        return 0;
    }
    while (*text != '\0') {
        apr_size_t length = strcspn(text, ",");

        if (!is_member(text, length, &count)) {
            return 0;
        }
        text += length + (text[length] == ',');
    }
    return count > 0 && count <= STATE_MEMBERS_MAX;
}

void tmf_trace_read(tmf_trace_t *trace, const char *traceparent, const char *tracestate,
                    apr_pool_t *result_pool)
{
    trace->parent = NULL;
    trace->state = NULL;
    if (traceparent == NULL || !is_parent(traceparent)) {
        return;
    }
    trace->parent = apr_pstrmemdup(result_pool, traceparent, TMF_TRACE_PARENT_LENGTH);
    if (tracestate != NULL && is_state(tracestate)) {
        trace->state = apr_pstrdup(result_pool, tracestate);
    }
}

void tmf_trace_continue(char traceparent[TMF_TRACE_PARENT_LENGTH + 1], const char *parent,
                        const unsigned char span[TMF_TRACE_SPAN_LENGTH])
{
    char digits[2 * TMF_TRACE_SPAN_LENGTH + 1] = "";
    int is_sampled = strchr("13579bdf", parent[FLAGS_AT + 1]) != NULL;
    int i;

    for (i = 0; i < TMF_TRACE_SPAN_LENGTH; i++) {
        digits[2 * i] = hex[span[i] >> 4];
        digits[2 * i + 1] = hex[span[i] & 15];
    }
    apr_snprintf(traceparent, TMF_TRACE_PARENT_LENGTH + 1, "00-%.32s-%s-0%d", parent + TRACE_AT,
                 digits, is_sampled);
}
