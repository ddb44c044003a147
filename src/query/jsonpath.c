/* SPDX-License-Identifier: Apache-2.0 */
#include "query/jsonpath.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "query/jsonpath_grammar.h"
#include "query/jsonpath_literal.h"

/* The state of one reading; every function moves `at` behind what it has read. */
typedef struct {
    tmf_scanner_t scanner;
    tmf_reading_t *reading; /* the scanner's, to count in */
    int nesting;
    int at_root; /* no [?()] yet: one now takes the document itself as the element */
} parser_t;

/* What a path is compared with: all of it NULL or 0 = it has to exist. */
typedef struct {
    int is_given;
    tmf_operator_t comparator;
    tmf_literal_t literal;
} comparison_t;

/* A path in the making, from the document or from the element of a [?()]. */
typedef struct {
    const char **names;
    int count;
    const tmf_attribute_t *schema; /* of what the path begins in; NULL = untyped */
} steps_t;

static tmf_error_t *parse_or(tmf_filter_t **filter, parser_t *parser,
                             const tmf_attribute_t *schema);
static tmf_error_t *parse_steps(tmf_filter_t **filter, parser_t *parser,
                                const tmf_attribute_t *schema, const comparison_t *reversed,
                                int in_expression);

static tmf_error_t *enter(parser_t *parser)
{
    return ++parser->nesting > TMF_FILTER_NESTING_MAX
               ? tmf_reading_refuse(parser->reading, "parentheses may be nested %d levels deep",
                                    TMF_FILTER_NESTING_MAX)
               : NULL;
}

static void leave(parser_t *parser)
{
    parser->nesting--;
}

static tmf_error_t *add_step(steps_t *steps, const char *name, parser_t *parser)
{
    if (steps->count == TMF_FILTER_PATH_MAX) {
        return tmf_reading_refuse(parser->reading, "a path may have at most %d names",
                                  TMF_FILTER_PATH_MAX);
    }
    steps->names[steps->count++] = name;
    return NULL;
}

/* A name behind a dot, or at the very beginning. */
static tmf_error_t *parse_name(steps_t *steps, parser_t *parser)
{
    tmf_scanner_t *scanner = &parser->scanner;
    apr_size_t length = tmf_scanner_name_length(scanner);
    const char *name = apr_pstrmemdup(parser->reading->pool, scanner->at, length);

    if (*scanner->at == '.' || *scanner->at == '*') {
        return tmf_scanner_unsupported(scanner, *scanner->at == '.' ? ".." : ".*");
    }
    if (length == 0) {
        return tmf_scanner_expected(scanner, "a name (others than words as ['a-b'])");
    }
    if (scanner->at[length] == '(') {
        return tmf_scanner_unsupported(scanner, "a function");
    }
    scanner->at += length;
    return add_step(steps, name, parser);
}

/* Behind "[": a quoted name, or "*", which a path has without saying. */
static tmf_error_t *parse_bracket(steps_t *steps, parser_t *parser)
{
    tmf_scanner_t *scanner = &parser->scanner;
    const char *name;

    if (tmf_scanner_skip(scanner, "*")) {
        return tmf_scanner_require(scanner, "]");
    }
    if (apr_isdigit(*scanner->at) || strchr("-:", *scanner->at) != NULL) {
        return *scanner->at == '\0' ? tmf_scanner_expected(scanner, "a name in quotes, * or ?(")
                                    : tmf_scanner_unsupported(scanner, "an index or a slice");
    }
    if (*scanner->at != '\'' && *scanner->at != '"') {
        return tmf_scanner_expected(scanner, "a name in quotes, * or ?(");
    }
    TMF_TRY(tmf_scanner_string(scanner, &name));
    tmf_scanner_blanks(scanner);
    if (*scanner->at == ',') {
        return tmf_scanner_unsupported(scanner, "a union");
    }
    TMF_TRY(add_step(steps, name, parser));
    return tmf_scanner_require(scanner, "]");
}

static tmf_path_t path_of(const steps_t *steps)
{
    tmf_path_t path = {steps->names, steps->count, steps->schema};

    return path;
}

/* The schema of what is inside the last value of a path. */
static const tmf_attribute_t *schema_inside(const steps_t *steps)
{
    const tmf_attribute_t *attribute = tmf_path_attribute(path_of(steps));

    if (steps->count == 0) {
        return steps->schema;
    }
    return attribute != NULL ? attribute->inside : NULL;
}

/* Behind "[?": the element must meet the expression, and what follows must be found within it. */
static tmf_error_t *parse_selection(tmf_filter_t **filter, parser_t *parser, const steps_t *steps,
                                    const comparison_t *reversed, int in_expression)
{
    tmf_filter_t *element = tmf_filter_make(TMF_FILTER_AND, parser->reading->pool);
    const tmf_attribute_t *inside = schema_inside(steps);
    int is_document = parser->at_root && steps->count == 0;
    tmf_filter_t *part;

    parser->at_root = 0;
    TMF_TRY(enter(parser));
    TMF_TRY(parse_or(&part, parser, inside));
    tmf_filter_add(element, part);
    TMF_TRY(tmf_scanner_require(&parser->scanner, "]"));
    TMF_TRY(parse_steps(&part, parser, inside, reversed, in_expression));
    if (part != NULL) {
        tmf_filter_add(element, part);
    }
    leave(parser);
    *filter = tmf_filter_simplify(element);
    if (!is_document) {
        *filter = tmf_filter_make(TMF_FILTER_ANY, parser->reading->pool);
        (*filter)->path = path_of(steps);
        tmf_filter_add(*filter, tmf_filter_simplify(element));
    }
    return NULL;
}

/* What is asked of the value at the end of a path. NULL: nothing, as behind a [?()] that ends it.
 */
static tmf_error_t *finish_path(tmf_filter_t **filter, parser_t *parser, const steps_t *steps,
                                const comparison_t *asked, int may_be_nothing)
{
    apr_pool_t *pool = parser->reading->pool;

    *filter = NULL;
    if (!asked->is_given && steps->count == 0 && may_be_nothing) {
        return NULL;
    }
    TMF_TRY(tmf_filter_count(parser->reading));
    if (!asked->is_given) {
        *filter = tmf_filter_make(TMF_FILTER_EXISTS, pool);
        (*filter)->path = path_of(steps);
        return NULL;
    }
    *filter = tmf_filter_compare(path_of(steps), asked->comparator, pool);
    return asked->literal.is_word
               ? tmf_filter_add_word(*filter, asked->literal.text, parser->reading)
               : tmf_filter_add_operand(*filter, asked->literal.text, parser->reading);
}

/* `symbol literal`, when a symbol is there. */
static tmf_error_t *parse_comparison(comparison_t *comparison, parser_t *parser)
{
    tmf_scanner_t *scanner = &parser->scanner;

    comparison->is_given = tmf_scanner_symbol(scanner, &comparison->comparator);
    if (!comparison->is_given) {
        return NULL;
    }
    tmf_scanner_blanks(scanner);
    if (*scanner->at == '@' || *scanner->at == '$') {
        return tmf_scanner_unsupported(scanner, "a path on both sides");
    }
    return tmf_scanner_literal(scanner, &comparison->literal, comparison->comparator == TMF_REGEX);
}

/* The steps behind "@", "$" or a [?()], and the comparison behind them. `reversed` was read before.
 */
static tmf_error_t *parse_steps(tmf_filter_t **filter, parser_t *parser,
                                const tmf_attribute_t *schema, const comparison_t *reversed,
                                int in_expression)
{
    tmf_scanner_t *scanner = &parser->scanner;
    const char *start = scanner->at;
    comparison_t asked = *reversed;
    steps_t steps;

    steps.names = apr_palloc(parser->reading->pool, sizeof(*steps.names) * TMF_FILTER_PATH_MAX);
    steps.count = 0;
    steps.schema = schema;
    for (;;) {
        if (tmf_scanner_skip(scanner, ".")) {
            TMF_TRY(parse_name(&steps, parser));
        } else if (!tmf_scanner_skip(scanner, "[")) {
            break;
        } else if (tmf_scanner_skip(scanner, "?")) {
            return parse_selection(filter, parser, &steps, reversed, in_expression);
        } else {
            tmf_scanner_blanks(scanner);
            TMF_TRY(parse_bracket(&steps, parser));
        }
    }
    if (in_expression && !asked.is_given) {
        TMF_TRY(parse_comparison(&asked, parser));
    }
    return finish_path(filter, parser, &steps, &asked, start > scanner->text && start[-1] == ']');
}

/* `literal symbol "@" steps`: turned around. */
static tmf_error_t *parse_reversed(tmf_filter_t **filter, parser_t *parser,
                                   const tmf_attribute_t *schema)
{
    tmf_scanner_t *scanner = &parser->scanner;
    comparison_t reversed = {1, TMF_EQUAL, {NULL, 0}};

    TMF_TRY(tmf_scanner_literal(scanner, &reversed.literal, 0));
    if (!tmf_scanner_symbol(scanner, &reversed.comparator) || reversed.comparator == TMF_REGEX) {
        return tmf_scanner_expected(scanner, "==, !=, <, <=, > or >=");
    }
    reversed.comparator = tmf_operator_mirror(reversed.comparator);
    TMF_TRY(tmf_scanner_require(scanner, "@"));
    return parse_steps(filter, parser, schema, &reversed, 1);
}

/* Behind "@": a path, with a comparison unless it stands behind "!". */
static tmf_error_t *parse_path(tmf_filter_t **filter, parser_t *parser,
                               const tmf_attribute_t *schema, int is_negated)
{
    static const comparison_t nothing = {0, TMF_EQUAL, {NULL, 0}};

    TMF_TRY(parse_steps(filter, parser, schema, &nothing, !is_negated));
    return *filter != NULL ? NULL
                           : tmf_scanner_expected(&parser->scanner, "a path or a comparison");
}

/* Behind "(". */
static tmf_error_t *parse_parentheses(tmf_filter_t **filter, parser_t *parser,
                                      const tmf_attribute_t *schema)
{
    TMF_TRY(enter(parser));
    TMF_TRY(parse_or(filter, parser, schema));
    leave(parser);
    return tmf_scanner_require(&parser->scanner, ")");
}

/* `!` is of a path or parentheses, not of a comparison (RFC 9535 §2.3.5.1). */
static tmf_error_t *parse_unary(tmf_filter_t **filter, parser_t *parser,
                                const tmf_attribute_t *schema)
{
    tmf_scanner_t *scanner = &parser->scanner;
    int is_negated = tmf_scanner_skip(scanner, "!");
    tmf_filter_t *part;

    if (tmf_scanner_skip(scanner, "@")) {
        TMF_TRY(parse_path(&part, parser, schema, is_negated));
    } else if (tmf_scanner_skip(scanner, "(")) {
        TMF_TRY(parse_parentheses(&part, parser, schema));
    } else if (tmf_scanner_skip(scanner, "$")) {
        return tmf_scanner_unsupported(scanner, "$ within an expression");
    } else if (is_negated) {
        return tmf_scanner_expected(scanner, "a path or ( behind !");
    } else {
        return parse_reversed(filter, parser, schema);
    }
    *filter = part;
    if (is_negated) {
        *filter = tmf_filter_make(TMF_FILTER_NOT, parser->reading->pool);
        tmf_filter_add(*filter, part);
    }
    return NULL;
}

static tmf_error_t *parse_and(tmf_filter_t **filter, parser_t *parser,
                              const tmf_attribute_t *schema)
{
    tmf_filter_t *all = tmf_filter_make(TMF_FILTER_AND, parser->reading->pool);
    tmf_filter_t *part;

    do {
        TMF_TRY(parse_unary(&part, parser, schema));
        tmf_filter_add(all, part);
    } while (tmf_scanner_skip(&parser->scanner, "&&"));
    *filter = tmf_filter_simplify(all);
    return NULL;
}

static tmf_error_t *parse_or(tmf_filter_t **filter, parser_t *parser, const tmf_attribute_t *schema)
{
    tmf_filter_t *any = tmf_filter_make(TMF_FILTER_OR, parser->reading->pool);
    tmf_filter_t *part;

    do {
        TMF_TRY(parse_and(&part, parser, schema));
        tmf_filter_add(any, part);
    } while (tmf_scanner_skip(&parser->scanner, "||"));
    *filter = tmf_filter_simplify(any);
    return NULL;
}

/* The "$", which a path may lack when it begins with a name: then a dot is thought before it. */
static void begin_path(tmf_scanner_t *scanner)
{
    if (!tmf_scanner_skip(scanner, "$") && strchr("[.", *scanner->at) == NULL) {
        scanner->at = apr_pstrcat(scanner->reading->pool, ".", scanner->at, NULL);
        scanner->text = scanner->at + 1;
    }
}

static tmf_error_t *require_end(tmf_scanner_t *scanner)
{
    tmf_scanner_blanks(scanner);
    return *scanner->at == '\0' ? NULL : tmf_scanner_expected(scanner, "the end, or [?(");
}

/* "@" alone: within expressions alone it means something. "@type" is a name. */
static int is_element(const tmf_scanner_t *scanner)
{
    return *scanner->at == '@' && (scanner->at[1] == '\0' || strchr(" .[", scanner->at[1]) != NULL);
}

/* Where the text could not be understood, it is either no JSONPath or more of it than we support.
 * Any other error, and NULL, stays what it is. */
static tmf_error_t *classify(tmf_error_t *error, parser_t *parser, const char *text)
{
    tmf_error_t *fault;

    if (error == NULL || !parser->scanner.has_failed) {
        return error;
    }
    fault = tmf_jsonpath_check(text, parser->reading);
    if (fault != NULL) {
        return tmf_error_is(error, TMF_ERROR_NOT_IMPLEMENTED) ? fault : error;
    }
    return tmf_error_is(error, TMF_ERROR_NOT_IMPLEMENTED)
               ? error
               : tmf_scanner_unsupported(&parser->scanner,
                                         "this (such as functions, indexes, slices, unions, "
                                         "arithmetic, or two paths in one comparison)");
}

static tmf_error_t *parse_filter(tmf_filter_t **filter, parser_t *parser)
{
    static const comparison_t nothing = {0, TMF_EQUAL, {NULL, 0}};
    tmf_scanner_t *scanner = &parser->scanner;

    if (is_element(scanner)) {
        return tmf_scanner_expected(scanner, "$, [ or a name");
    }
    begin_path(scanner);
    TMF_TRY(parse_steps(filter, parser, parser->reading->schema, &nothing, 0));
    return require_end(scanner);
}

tmf_error_t *tmf_jsonpath_add(tmf_filter_t *filter, const char *text, tmf_reading_t *reading)
{
    parser_t parser = {{text, text, reading, 0}, reading, 0, 1};
    tmf_filter_t *read;

    tmf_scanner_blanks(&parser.scanner);
    if (*parser.scanner.at == '\0') {
        return NULL;
    }
    TMF_TRY(tmf_error_about(classify(parse_filter(&read, &parser), &parser, text), reading->pool,
                            "filter"));
    tmf_filter_add(filter, read);
    return NULL;
}

/* Behind "[" of a path that says where something is. */
static tmf_error_t *read_bracket_step(tmf_step_t *step, parser_t *parser)
{
    tmf_scanner_t *scanner = &parser->scanner;
    steps_t name = {&step->name, 0, NULL};
    apr_size_t digits;

    tmf_scanner_blanks(scanner);
    step->kind = TMF_STEP_ELEMENTS;
    if (tmf_scanner_skip(scanner, "*")) {
        return tmf_scanner_require(scanner, "]");
    }
    if (tmf_scanner_skip(scanner, "?")) {
        TMF_TRY(parse_or(&step->filter, parser, NULL));
        return tmf_scanner_require(scanner, "]");
    }
    digits = *scanner->at == '0' ? 1 : strspn(scanner->at, "0123456789");
    if (digits > 0 && apr_atoi64(scanner->at) <= TMF_JSONPATH_INDEX_MAX &&
        scanner->at[digits + strspn(scanner->at + digits, " \t\r\n")] == ']') {
        step->kind = TMF_STEP_INDEX;
        step->name = apr_pstrmemdup(parser->reading->pool, scanner->at, digits);
        scanner->at += digits;
        return tmf_scanner_require(scanner, "]");
    }
    step->kind = TMF_STEP_MEMBER;
    return parse_bracket(&name, parser);
}

/* The next step, if there is one. */
static tmf_error_t *read_step(tmf_step_t *step, int *is_there, parser_t *parser)
{
    steps_t name = {&step->name, 0, NULL};

    memset(step, 0, sizeof(*step));
    *is_there = 1;
    if (tmf_scanner_skip(&parser->scanner, ".")) {
        step->kind = TMF_STEP_MEMBER;
        return parse_name(&name, parser);
    }
    if (tmf_scanner_skip(&parser->scanner, "[")) {
        return read_bracket_step(step, parser);
    }
    *is_there = 0;
    return NULL;
}

static tmf_error_t *read_all_steps(apr_array_header_t *steps, parser_t *parser)
{
    tmf_step_t step;
    int is_there;

    begin_path(&parser->scanner);
    for (;;) {
        TMF_TRY(read_step(&step, &is_there, parser));
        if (!is_there) {
            return require_end(&parser->scanner);
        }
        if (steps->nelts == TMF_STEPS_MAX) {
            return tmf_reading_refuse(parser->reading, "at most %d steps are supported",
                                      TMF_STEPS_MAX);
        }
        APR_ARRAY_PUSH(steps, tmf_step_t) = step;
    }
}

tmf_error_t *tmf_jsonpath_read_steps(apr_array_header_t **steps, const char *text,
                                     tmf_reading_t *reading)
{
    parser_t parser = {{text, text, reading, 0}, reading, 0, 0};

    *steps = apr_array_make(reading->pool, 4, sizeof(tmf_step_t));
    tmf_scanner_blanks(&parser.scanner);
    return tmf_error_about(classify(read_all_steps(*steps, &parser), &parser, text), reading->pool,
                           "path");
}
