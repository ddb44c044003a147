/* SPDX-License-Identifier: Apache-2.0 */
#include "query/jsonpath_grammar.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#define NESTING_MAX 100

/* What an expression yields (RFC 9535 §2.4.1), as far as it matters where it may stand. */
typedef enum {
    KIND_LITERAL,
    KIND_SINGULAR, /* a query that finds one value at most */
    KIND_QUERY,
    KIND_VALUE,   /* of a function */
    KIND_LOGICAL, /* true or false, that cannot be compared */
    KIND_OTHER    /* of another dialect: nothing is known about it */
} kind_t;

typedef struct {
    tmf_scanner_t scanner;
    int nesting;
} grammar_t;

static const struct {
    const char *name;
    int arguments;
    kind_t takes; /* KIND_VALUE: values; KIND_QUERY: queries */
    kind_t yields;
} functions[] = {
    {"length", 1, KIND_VALUE, KIND_VALUE},   {"count", 1, KIND_QUERY, KIND_VALUE},
    {"value", 1, KIND_QUERY, KIND_VALUE},    {"match", 2, KIND_VALUE, KIND_LOGICAL},
    {"search", 2, KIND_VALUE, KIND_LOGICAL},
};

static tmf_error_t *check_expression(kind_t *kind, grammar_t *grammar);
static tmf_error_t *check_operand(kind_t *kind, grammar_t *grammar);

static int is_test(kind_t kind)
{
    return kind != KIND_LITERAL && kind != KIND_VALUE;
}

static int is_comparable(kind_t kind)
{
    return kind != KIND_LOGICAL;
}

static tmf_error_t *require_test(grammar_t *grammar, kind_t kind)
{
    return is_test(kind) ? NULL : tmf_scanner_expected(&grammar->scanner, "a comparison");
}

static tmf_error_t *enter(grammar_t *grammar)
{
    return ++grammar->nesting > NESTING_MAX
               ? tmf_reading_refuse(grammar->scanner.reading, "nested too deeply")
               : NULL;
}

/* ---- paths ---- */

/* An integer as indexes and slices have it, if one comes next. */
static tmf_error_t *check_integer(int *is_there, grammar_t *grammar)
{
    tmf_scanner_t *scanner = &grammar->scanner;
    const char *digits = scanner->at + (*scanner->at == '-');
    apr_size_t length = strspn(digits, "0123456789");

    *is_there = length > 0;
    if (length == 0 && digits == scanner->at) {
        return NULL;
    }
    if (length == 0 || (*digits == '0' && (length > 1 || digits > scanner->at)) || length > 16 ||
        apr_atoi64(digits) > TMF_JSONPATH_INDEX_MAX) {
        return tmf_scanner_expected(scanner, "an integer");
    }
    scanner->at = digits + length;
    return NULL;
}

/* `1`, `-1`, `1:2`, `::-1`. */
static tmf_error_t *check_index_or_slice(int *is_singular, grammar_t *grammar)
{
    int is_there;
    int colons;

    TMF_TRY(check_integer(&is_there, grammar));
    for (colons = 0; colons < 2 && tmf_scanner_skip(&grammar->scanner, ":"); colons++) {
        int more;

        tmf_scanner_blanks(&grammar->scanner);
        TMF_TRY(check_integer(&more, grammar));
    }
    *is_singular &= colons == 0;
    return is_there || colons > 0
               ? NULL
               : tmf_scanner_expected(&grammar->scanner, "a name in quotes, *, ?( or an index");
}

/* `(@.length-1)`, which calculates a name or an index. */
static tmf_error_t *check_script(grammar_t *grammar)
{
    kind_t kind;

    TMF_TRY(check_operand(&kind, grammar));
    return tmf_scanner_require(&grammar->scanner, ")");
}

static tmf_error_t *check_selector(int *is_singular, grammar_t *grammar)
{
    tmf_scanner_t *scanner = &grammar->scanner;
    const char *name;
    kind_t kind;

    tmf_scanner_blanks(scanner);
    if (*scanner->at == '\'' || *scanner->at == '"') {
        return tmf_scanner_string(scanner, &name);
    }
    if (tmf_scanner_skip(scanner, "?")) {
        *is_singular = 0;
        TMF_TRY(check_expression(&kind, grammar));
        return require_test(grammar, kind);
    }
    if (tmf_scanner_skip(scanner, "(")) {
        return check_script(grammar);
    }
    if (tmf_scanner_skip(scanner, "*")) {
        *is_singular = 0;
        return NULL;
    }
    return check_index_or_slice(is_singular, grammar);
}

/* Behind "[". */
static tmf_error_t *check_bracket(int *is_singular, grammar_t *grammar)
{
    int selectors = 0;

    TMF_TRY(enter(grammar));
    do {
        TMF_TRY(check_selector(is_singular, grammar));
        selectors++;
    } while (tmf_scanner_skip(&grammar->scanner, ","));
    grammar->nesting--;
    *is_singular &= selectors == 1;
    return tmf_scanner_require(&grammar->scanner, "]");
}

/* Any number of arguments behind "(": `kinds` of the first two. */
static tmf_error_t *check_arguments(int *count, kind_t kinds[2], grammar_t *grammar)
{
    *count = 0;
    if (tmf_scanner_skip(&grammar->scanner, ")")) {
        return NULL;
    }
    TMF_TRY(enter(grammar));
    do {
        kind_t kind;

        TMF_TRY(check_expression(&kind, grammar));
        if (*count < 2) {
            kinds[*count] = kind;
        }
        ++*count;
    } while (tmf_scanner_skip(&grammar->scanner, ","));
    grammar->nesting--;
    return tmf_scanner_require(&grammar->scanner, ")");
}

/* Behind a dot: a name, `*`, or a name with arguments, as older dialects call functions. */
static tmf_error_t *check_member(int *is_singular, int *is_call, grammar_t *grammar)
{
    tmf_scanner_t *scanner = &grammar->scanner;
    apr_size_t length = tmf_scanner_name_length(scanner);
    kind_t kinds[2];
    int count;

    if (*scanner->at == '*') {
        scanner->at++;
        *is_singular = 0;
        return NULL;
    }
    if (length == 0) {
        return tmf_scanner_expected(scanner, "a name or *");
    }
    scanner->at += length;
    if (*scanner->at != '(') {
        return NULL;
    }
    scanner->at++;
    *is_call = 1;
    return check_arguments(&count, kinds, grammar);
}

/* What follows "$", "@" or the first name. */
static tmf_error_t *check_segments(kind_t *kind, grammar_t *grammar)
{
    tmf_scanner_t *scanner = &grammar->scanner;
    int is_singular = 1;
    int is_call = 0;

    for (;;) {
        if (tmf_scanner_skip(scanner, "..")) {
            is_singular = 0;
            if (*scanner->at == '[') {
                continue;
            }
            TMF_TRY(check_member(&is_singular, &is_call, grammar));
        } else if (tmf_scanner_skip(scanner, ".")) {
            TMF_TRY(check_member(&is_singular, &is_call, grammar));
        } else if (tmf_scanner_skip(scanner, "[")) {
            TMF_TRY(check_bracket(&is_singular, grammar));
        } else {
            break;
        }
    }
    *kind = is_call ? KIND_OTHER : is_singular ? KIND_SINGULAR : KIND_QUERY;
    return NULL;
}

/* ---- expressions ---- */

static int fits_argument(kind_t takes, kind_t given)
{
    if (given == KIND_OTHER || given == KIND_SINGULAR) {
        return 1;
    }
    return takes == KIND_QUERY ? given == KIND_QUERY : given == KIND_LITERAL || given == KIND_VALUE;
}

/* `length(@.a)`: the name is `length` bytes long. */
static tmf_error_t *check_function(kind_t *kind, apr_size_t length, grammar_t *grammar)
{
    tmf_scanner_t *scanner = &grammar->scanner;
    const char *name = apr_pstrmemdup(scanner->reading->pool, scanner->at, length);
    kind_t kinds[2] = {KIND_OTHER, KIND_OTHER};
    apr_size_t i;
    int count;

    scanner->at += length + 1;
    TMF_TRY(check_arguments(&count, kinds, grammar));
    *kind = KIND_OTHER;
    for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (strcmp(functions[i].name, name) != 0) {
            continue;
        }
        *kind = functions[i].yields;
        if (count != functions[i].arguments || !fits_argument(functions[i].takes, kinds[0]) ||
            !fits_argument(functions[i].takes, kinds[1])) {
            return tmf_scanner_expected(
                scanner,
                apr_psprintf(scanner->reading->pool, "other arguments of %s() before", name));
        }
    }
    return NULL;
}

/* A literal, a query, a function, or an expression in parentheses. */
static tmf_error_t *check_primary(kind_t *kind, grammar_t *grammar)
{
    tmf_scanner_t *scanner = &grammar->scanner;
    tmf_literal_t literal;
    apr_size_t length;

    if (tmf_scanner_skip(scanner, "@") || tmf_scanner_skip(scanner, "$")) {
        return check_segments(kind, grammar);
    }
    tmf_scanner_blanks(scanner);
    if (*scanner->at == '(') {
        scanner->at++;
        TMF_TRY(enter(grammar));
        TMF_TRY(check_expression(kind, grammar));
        grammar->nesting--;
        if (*kind != KIND_OTHER) {
            TMF_TRY(require_test(grammar, *kind));
            *kind = KIND_LOGICAL;
        }
        return tmf_scanner_require(scanner, ")");
    }
    length = strspn(scanner->at, "abcdefghijklmnopqrstuvwxyz0123456789_");
    if (apr_islower(*scanner->at) && scanner->at[length] == '(') {
        return check_function(kind, length, grammar);
    }
    *kind = KIND_LITERAL;
    return tmf_scanner_literal(scanner, &literal, 0);
}

/* What can be compared; older dialects calculate it. */
static tmf_error_t *check_operand(kind_t *kind, grammar_t *grammar)
{
    tmf_scanner_t *scanner = &grammar->scanner;

    TMF_TRY(check_primary(kind, grammar));
    while (is_comparable(*kind)) {
        tmf_scanner_blanks(scanner);
        if (*scanner->at == '\0' || strchr("+-*/%", *scanner->at) == NULL) {
            break;
        }
        scanner->at++;
        TMF_TRY(check_primary(kind, grammar));
        if (!is_comparable(*kind)) {
            return tmf_scanner_expected(scanner, "a value before");
        }
        *kind = KIND_OTHER;
    }
    return NULL;
}

/* Behind "=~": flags that are not supported are still flags. */
static tmf_error_t *check_pattern(grammar_t *grammar)
{
    tmf_scanner_t *scanner = &grammar->scanner;
    tmf_literal_t literal;
    tmf_error_t *error = tmf_scanner_literal(scanner, &literal, 1);

    if (error != NULL && tmf_error_is(error, TMF_ERROR_NOT_IMPLEMENTED)) {
        while (apr_isalnum(*scanner->at)) {
            scanner->at++;
        }
        return NULL;
    }
    return error;
}

/* A comparison, or what stands alone. */
static tmf_error_t *check_basic(kind_t *kind, grammar_t *grammar)
{
    tmf_scanner_t *scanner = &grammar->scanner;
    tmf_operator_t comparator;

    if (tmf_scanner_skip(scanner, "!")) {
        TMF_TRY(check_primary(kind, grammar));
        TMF_TRY(require_test(grammar, *kind));
        *kind = KIND_LOGICAL;
        return NULL;
    }
    TMF_TRY(check_operand(kind, grammar));
    if (!is_comparable(*kind) || !tmf_scanner_symbol(scanner, &comparator)) {
        return NULL;
    }
    if (comparator == TMF_REGEX && *kind == KIND_LITERAL) {
        return tmf_scanner_expected(scanner, "a path before =~");
    }
    tmf_scanner_blanks(scanner);
    if (comparator == TMF_REGEX && *scanner->at != '@' && *scanner->at != '$') {
        *kind = KIND_LOGICAL;
        return check_pattern(grammar);
    }
    TMF_TRY(check_operand(kind, grammar));
    if (!is_comparable(*kind)) {
        return tmf_scanner_expected(scanner, "a value before");
    }
    *kind = KIND_LOGICAL;
    return NULL;
}

/* `joint` is "&&", whose sides are basic ones, or "||", whose sides are joined by "&&". */
static tmf_error_t *check_joined(kind_t *kind, const char *joint, grammar_t *grammar)
{
    int is_or = *joint == '|';
    int parts = 0;

    do {
        if (parts++ > 0) {
            TMF_TRY(require_test(grammar, *kind));
        }
        TMF_TRY(is_or ? check_joined(kind, "&&", grammar) : check_basic(kind, grammar));
    } while (tmf_scanner_skip(&grammar->scanner, joint));
    if (parts > 1) {
        TMF_TRY(require_test(grammar, *kind));
        *kind = KIND_LOGICAL;
    }
    return NULL;
}

static tmf_error_t *check_expression(kind_t *kind, grammar_t *grammar)
{
    return check_joined(kind, "||", grammar);
}

tmf_error_t *tmf_jsonpath_check(const char *text, const tmf_reading_t *reading)
{
    grammar_t grammar = {{text, text, reading, 0}, 0};
    tmf_scanner_t *scanner = &grammar.scanner;
    kind_t kind;

    tmf_scanner_blanks(scanner);
    if (!tmf_scanner_skip(scanner, "$") && strchr("[.", *scanner->at) == NULL) {
        int is_singular;
        int is_call;

        TMF_TRY(check_member(&is_singular, &is_call, &grammar));
    }
    TMF_TRY(check_segments(&kind, &grammar));
    tmf_scanner_blanks(scanner);
    return *scanner->at == '\0' ? NULL : tmf_scanner_expected(scanner, "the end, or [?(");
}
