/* SPDX-License-Identifier: Apache-2.0 */
/* The words of JSONPath's text: internal to jsonpath.c, whose header has the grammar. */
#ifndef TMF_QUERY_JSONPATH_LITERAL_H
#define TMF_QUERY_JSONPATH_LITERAL_H

#include "query/filter.h"

/* RFC 9535 §2.1: the integers that a double holds exactly. */
#define TMF_JSONPATH_INDEX_MAX APR_INT64_C(9007199254740991)

/* Every function moves `at` behind what it has read. */
typedef struct {
    const char *text; /* where counting the characters begins */
    const char *at;
    const tmf_reading_t *reading;
    int has_failed; /* `at` is where the text could not be understood */
} tmf_scanner_t;

typedef struct {
    const char *text; /* decoded */
    int is_word;      /* true, false or null */
} tmf_literal_t;

void tmf_scanner_blanks(tmf_scanner_t *scanner);

/* Skips `token`, and blanks before it, if it comes next. */
int tmf_scanner_skip(tmf_scanner_t *scanner, const char *token);
/* The same, or the reading's fault. */
tmf_error_t *tmf_scanner_require(tmf_scanner_t *scanner, const char *token);

/* Reads the symbol of a comparison if one comes next. */
int tmf_scanner_symbol(tmf_scanner_t *scanner, tmf_operator_t *comparator);

/* The bytes of the name at `at` that stands without quotes: RFC 9535's, and TMF's `@type`. 0 = none
 * is there. */
apr_size_t tmf_scanner_name_length(const tmf_scanner_t *scanner);

/* A string in single or double quotes, its escapes decoded. */
tmf_error_t *tmf_scanner_string(tmf_scanner_t *scanner, const char **decoded);

/* Any literal; when it is a pattern, strings and `/…/` alone, in which a backslash stands for
 * itself but before `/`. */
tmf_error_t *tmf_scanner_literal(tmf_scanner_t *scanner, tmf_literal_t *literal, int is_pattern);

/* The reading's fault: what should stand at `at`. */
tmf_error_t *tmf_scanner_expected(tmf_scanner_t *scanner, const char *what);
/* TMF_ERROR_NOT_IMPLEMENTED: what stands there. */
tmf_error_t *tmf_scanner_unsupported(tmf_scanner_t *scanner, const char *what);

#endif
