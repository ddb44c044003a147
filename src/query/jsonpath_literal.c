/* SPDX-License-Identifier: Apache-2.0 */
#include "query/jsonpath_literal.h"

#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "model/text.h"
#include "model/utf8.h"

/* Characters, counted from 1, up to `at`. */
static int position(const tmf_scanner_t *scanner)
{
    const char *byte;
    int characters = 1;

    for (byte = scanner->text; byte < scanner->at; byte++) {
        characters += (*byte & 0xC0) != 0x80;
    }
    return characters;
}

tmf_error_t *tmf_scanner_expected(tmf_scanner_t *scanner, const char *what)
{
    scanner->has_failed = 1;
    return tmf_reading_refuse(scanner->reading, "expected %s at character %d%s", what,
                              position(scanner),
                              *scanner->at == '\0' ? ", the end (%26 is an & within it)" : "");
}

tmf_error_t *tmf_scanner_unsupported(tmf_scanner_t *scanner, const char *what)
{
    scanner->has_failed = 1;
    return tmf_error_make(scanner->reading->pool, TMF_ERROR_NOT_IMPLEMENTED,
                          "%s is not supported, at character %d", what, position(scanner));
}

void tmf_scanner_blanks(tmf_scanner_t *scanner)
{
    scanner->at += strspn(scanner->at, " \t\r\n");
}

int tmf_scanner_skip(tmf_scanner_t *scanner, const char *token)
{
    const char *next = scanner->at + strspn(scanner->at, " \t\r\n");

    if (strncmp(next, token, strlen(token)) != 0) {
        return 0;
    }
    scanner->at = next + strlen(token);
    return 1;
}

tmf_error_t *tmf_scanner_require(tmf_scanner_t *scanner, const char *token)
{
    if (tmf_scanner_skip(scanner, token)) {
        return NULL;
    }
    tmf_scanner_blanks(scanner);
    return tmf_scanner_expected(scanner, token);
}

int tmf_scanner_symbol(tmf_scanner_t *scanner, tmf_operator_t *comparator)
{
    static const struct {
        const char *text;
        tmf_operator_t comparator;
    } symbols[] = {
        {"==", TMF_EQUAL},         {"!=", TMF_NOT_EQUAL}, {">=", TMF_GREATER_OR_EQUAL},
        {"<=", TMF_LESS_OR_EQUAL}, {"=~", TMF_REGEX},     {">", TMF_GREATER},
        {"<", TMF_LESS},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        if (tmf_scanner_skip(scanner, symbols[i].text)) {
            *comparator = symbols[i].comparator;
            return 1;
        }
    }
    return 0;
}

/* Four hexadecimal digits; -1 when they are not there. */
static long read_hex(const char *at)
{
    char digits[5] = {0};

    if (strspn(at, "0123456789abcdefABCDEF") < 4) {
        return -1;
    }
    memcpy(digits, at, 4);
    return strtol(digits, NULL, 16);
}

static void append_utf8(tmf_text_t *text, long character)
{
    char bytes[4];
    apr_size_t count = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    apr_size_t i;

    for (i = count - 1; i > 0; i--) {
        bytes[i] = (char)(0x80 | (character & 0x3F));
        character >>= 6;
    }
    bytes[0] = (char)(leads[count] | character);
    tmf_text_append(text, bytes, count);
}

/* Behind `\u`: one character, from one or two escapes. */
static tmf_error_t *read_unicode(tmf_scanner_t *scanner, tmf_text_t *text)
{
    long character = read_hex(scanner->at);
    long low = -1;

    if (character >= 0xD800 && character < 0xDC00 && strncmp(scanner->at + 4, "\\u", 2) == 0) {
        low = read_hex(scanner->at + 6);
    }
    if (low >= 0xDC00 && low < 0xE000) {
        character = 0x10000 + ((character - 0xD800) << 10) + (low - 0xDC00);
        scanner->at += 6;
    }
    if (character <= 0 || (character >= 0xD800 && character < 0xE000)) {
        return tmf_scanner_expected(scanner, "the four digits of a character");
    }
    scanner->at += 4;
    append_utf8(text, character);
    return NULL;
}

apr_size_t tmf_scanner_name_length(const tmf_scanner_t *scanner)
{
    const char *at = scanner->at + (*scanner->at == '@');

    if (!apr_isalpha(*at) && *at != '_' && (*at & 0x80) == 0) {
        return 0;
    }
    while (apr_isalnum(*at) || *at == '_' || (*at & 0x80) != 0) {
        at++;
    }
    return (apr_size_t)(at - scanner->at);
}

/* Behind a backslash in a string that ends with `quote`. */
static tmf_error_t *read_escape(tmf_scanner_t *scanner, tmf_text_t *text, char quote)
{
    const char escapes[] = {'b', 'f', 'n', 'r', 't', '\\', '/', quote, '\0'};
    const char characters[] = {'\b', '\f', '\n', '\r', '\t', '\\', '/', quote, '\0'};
    const char *escape = *scanner->at != '\0' ? strchr(escapes, *scanner->at) : NULL;

    if (*scanner->at == 'u') {
        scanner->at++;
        return read_unicode(scanner, text);
    }
    if (escape == NULL) {
        return tmf_scanner_expected(scanner, apr_psprintf(scanner->reading->pool,
                                                          "an escape such as \\%c or \\\\ (a "
                                                          "pattern in slashes needs none)",
                                                          quote));
    }
    tmf_text_append(text, &characters[escape - escapes], 1);
    scanner->at++;
    return NULL;
}

/* At a backslash in a pattern: with the character behind it, it is the pattern's own. */
static void read_pattern_escape(tmf_scanner_t *scanner, tmf_text_t *text, char quote)
{
    scanner->at++;
    if (*scanner->at != quote) {
        tmf_text_append(text, "\\", 1);
    }
    if (*scanner->at != '\0') {
        tmf_text_append(text, scanner->at++, 1);
    }
}

/* Reads up to `quote`, at which `at` does not stand yet. */
static tmf_error_t *read_quoted(tmf_scanner_t *scanner, const char **decoded, char quote,
                                int is_pattern)
{
    tmf_text_t text;

    tmf_text_init(&text, 32, scanner->reading->pool);
    while (*scanner->at != quote) {
        if (*scanner->at == '\0') {
            return tmf_scanner_expected(
                scanner, apr_psprintf(scanner->reading->pool, "the closing %c", quote));
        }
        if ((unsigned char)*scanner->at < ' ' && !is_pattern) {
            return tmf_scanner_expected(scanner, "an escape such as \\n for this character");
        }
        if (*scanner->at != '\\') {
            tmf_text_append(&text, scanner->at++, 1);
        } else if (!is_pattern) {
            scanner->at++;
            TMF_TRY(read_escape(scanner, &text, quote));
        } else {
            read_pattern_escape(scanner, &text, quote);
        }
    }
    scanner->at++;
    *decoded = tmf_text_string(&text);
    return NULL;
}

tmf_error_t *tmf_scanner_string(tmf_scanner_t *scanner, const char **decoded)
{
    return read_quoted(scanner, decoded, *scanner->at++, 0);
}

/* `/pattern/`, perhaps with the flag i, which PostgreSQL takes as an option in front. */
static tmf_error_t *read_pattern(tmf_scanner_t *scanner, const char **pattern)
{
    scanner->at++;
    TMF_TRY(read_quoted(scanner, pattern, '/', 1));
    if (*scanner->at == 'i') {
        scanner->at++;
        *pattern = apr_pstrcat(scanner->reading->pool, "(?i)", *pattern, NULL);
    }
    return apr_isalnum(*scanner->at) ? tmf_scanner_unsupported(scanner, "this flag of a pattern")
                                     : NULL;
}

/* The bytes of a word of small letters, or of what may be a number. */
static apr_size_t word_length(const char *word)
{
    apr_size_t length = strspn(word, "abcdefghijklmnopqrstuvwxyz");

    if (length > 0) {
        return length;
    }
    length = *word == '-';
    while (apr_isdigit(word[length]) || (word[length] != '\0' && strchr(".eE", word[length])) ||
           (length > 0 && strchr("eE", word[length - 1]) && strchr("+-", word[length]) &&
            word[length] != '\0')) {
        length++;
    }
    return length;
}

/* true, false, null or a number. */
static tmf_error_t *read_word(tmf_scanner_t *scanner, tmf_literal_t *literal)
{
    apr_size_t length = word_length(scanner->at);
    const char *word = apr_pstrmemdup(scanner->reading->pool, scanner->at, length);

    literal->is_word = strcmp(word, "null") == 0 || strcmp(word, "true") == 0 ||
                       strcmp(word, "false") == 0;
    if (!literal->is_word && !tmf_filter_is_number(word)) {
        return tmf_scanner_expected(scanner, "a string in quotes, a number, true, false or null");
    }
    scanner->at += length;
    literal->text = word;
    return NULL;
}

tmf_error_t *tmf_scanner_literal(tmf_scanner_t *scanner, tmf_literal_t *literal, int is_pattern)
{
    literal->is_word = 0;
    tmf_scanner_blanks(scanner);
    if (*scanner->at == '\'' || *scanner->at == '"') {
        return tmf_scanner_string(scanner, &literal->text);
    }
    if (is_pattern) {
        return *scanner->at == '/' ? read_pattern(scanner, &literal->text)
                                   : tmf_scanner_expected(scanner, "a pattern in quotes");
    }
    return read_word(scanner, literal);
}
