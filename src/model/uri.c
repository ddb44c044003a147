/* SPDX-License-Identifier: Apache-2.0 */
#include "model/uri.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define UNRESERVED_MARKS "-._~"
#define SUB_DELIMS       "!$&'()*+,;="

/* The end of what begins at `at` and holds letters, digits, escapes such as %20, and `marks`. */
static const char *skip_characters(const char *at, const char *marks)
{
    for (;;) {
        if (*at == '%' && apr_isxdigit(at[1]) && apr_isxdigit(at[2])) {
            at += 3;
        } else if (apr_isascii(*at) &&
                   (apr_isalnum(*at) || (*at != '\0' && strchr(marks, *at) != NULL))) {
            at++;
        } else {
            return at;
        }
    }
}

/* Behind "[": an address of IPv6, or of a version to come (`v1.x`), up to the bracket; NULL when it
 * is neither. */
static const char *skip_ip_literal(const char *at)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    apr_size_t length = strcspn(at, "]");
    apr_size_t digits;

    if (at[length] == '\0') {
        return NULL;
    }
    if (*at == 'v' || *at == 'V') {
        digits = strspn(at + 1, "0123456789abcdefABCDEF");
        return digits > 0 && at[digits + 1] == '.' && at + digits + 2 < at + length &&
                       strchr(at, '%') == NULL &&
                       skip_characters(at + digits + 2, UNRESERVED_MARKS SUB_DELIMS ":") ==
                           at + length
                   ? at + length + 1
                   : NULL;
    }
    if (length >= sizeof(address)) {
        return NULL;
    }
    apr_cpystrn(address, at, length + 1);
    return inet_pton(AF_INET6, address, &parsed) == 1 ? at + length + 1 : NULL;
}

/* Behind "//": `[user@]host[:port]`; NULL when that is not there. */
static const char *skip_authority(const char *at)
{
    const char *user = skip_characters(at, UNRESERVED_MARKS SUB_DELIMS ":");

    if (*user == '@') {
        at = user + 1;
    }
    at = *at == '[' ? skip_ip_literal(at + 1) : skip_characters(at, UNRESERVED_MARKS SUB_DELIMS);
    if (at != NULL && *at == ':') {
        at++;
        at += strspn(at, "0123456789");
    }
    return at != NULL && (*at == '\0' || strchr("/?#", *at) != NULL) ? at : NULL;
}

/* Behind `scheme:`; at the beginning of a text that has none, whose first segment then holds no
 * colon; NULL when that is what follows. */
static const char *skip_scheme(const char *text)
{
    apr_size_t segment = strcspn(text, ":/?#");
    apr_size_t i;

    if (text[segment] != ':') {
        return text;
    }
    for (i = 0; i < segment; i++) {
        if (!apr_isascii(text[i]) ||
            !(apr_isalpha(text[i]) ||
              (i > 0 && (apr_isdigit(text[i]) || strchr("+-.", text[i]) != NULL)))) {
            return NULL;
        }
    }
    return segment > 0 ? text + segment + 1 : NULL;
}

int tmf_uri_is_reference(const char *text)
{
    static const char in_path[] = UNRESERVED_MARKS SUB_DELIMS ":@/";
    static const char behind_path[] = UNRESERVED_MARKS SUB_DELIMS ":@/?";
    const char *at = skip_scheme(text);

    if (at != NULL && strncmp(at, "//", 2) == 0) {
        at = skip_authority(at + 2);
    }
    if (at == NULL) {
        return 0;
    }
    at = skip_characters(at, in_path);
    if (*at == '?') {
        at = skip_characters(at + 1, behind_path);
    }
    if (*at == '#') {
        at = skip_characters(at + 1, behind_path);
    }
    return *at == '\0';
}
