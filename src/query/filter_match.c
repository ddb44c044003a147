/* SPDX-License-Identifier: Apache-2.0 */
#include "query/filter_match.h"

#include <string.h>

#include "model/clock.h"
#include "model/hash.h"

#define STEPS_BETWEEN_LOOKS 1024 /* at the clock */

/* The texts whose match with one pattern was asked about, or is to be. */
typedef struct {
    const char *pattern;
    apr_array_header_t *texts; /* of const char *, each once */
    apr_hash_t *places;        /* text → its place among them, counted from 1 */
    char *matches;             /* 1 or 0 for each of them */
    int answered;              /* of `texts`, the first ones */
} question_t;

struct tmf_evaluation_t {
    const tmf_matcher_t *matcher;
    tmf_error_t *error;    /* the first one ends it */
    int steps;             /* since the last look at the clock */
    int texts;             /* noted, of all questions */
    apr_hash_t *questions; /* address of the pattern's text → question_t; NULL = none yet */
    apr_pool_t *pool;      /* owns this */
};

/* What is asked of each value of a path. */
typedef tmf_match_t value_fn(tmf_evaluation_t *evaluation, const tmf_filter_t *filter,
                             const tmf_json_t *value);

static tmf_match_t holds(tmf_evaluation_t *evaluation, const tmf_filter_t *filter,
                         const tmf_json_t *value);

static tmf_match_t negation(tmf_match_t match)
{
    switch (match) {
    case TMF_MATCH_NO:
        return TMF_MATCH_YES;
    case TMF_MATCH_YES:
        return TMF_MATCH_NO;
    default:
        return TMF_MATCH_UNKNOWN;
    }
}

static tmf_match_t either(tmf_match_t a, tmf_match_t b)
{
    if (a == TMF_MATCH_YES || b == TMF_MATCH_YES) {
        return TMF_MATCH_YES;
    }
    return a == TMF_MATCH_UNKNOWN ? a : b;
}

static int is_negative(const tmf_filter_t *filter)
{
    return filter->kind == TMF_FILTER_COMPARE && filter->comparator == TMF_NOT_EQUAL;
}

/* Counts a step. 0: the evaluation is over, by an error or because its time is up. */
static int goes_on(tmf_evaluation_t *evaluation)
{
    const tmf_matcher_t *matcher = evaluation->matcher;

    if (++evaluation->steps >= STEPS_BETWEEN_LOOKS && evaluation->error == NULL) {
        evaluation->steps = 0;
        if (matcher->deadline > 0 && tmf_clock_now() > matcher->deadline) {
            evaluation->error = tmf_error_make(matcher->pool, TMF_ERROR_STATEMENT_TIMEOUT,
                                               "The conditions took too long on this document");
        }
    }
    return evaluation->error == NULL;
}

static tmf_match_t some_value(tmf_evaluation_t *evaluation, const tmf_filter_t *filter,
                              const tmf_json_t *value, int step, value_fn *ask);

/* The value, or, when it is an array, one of its elements, which may be arrays again. */
static tmf_match_t some_element(tmf_evaluation_t *evaluation, const tmf_filter_t *filter,
                                const tmf_json_t *value, int step, value_fn *ask)
{
    tmf_match_t some = TMF_MATCH_NO;
    int i;

    if (tmf_json_type(value) != TMF_JSON_ARRAY) {
        return some_value(evaluation, filter, value, step, ask);
    }
    if (is_negative(filter) && tmf_json_count(value) == 0) {
        return TMF_MATCH_YES;
    }
    for (i = 0; i < tmf_json_count(value) && some != TMF_MATCH_YES && goes_on(evaluation); i++) {
        some = either(some, some_element(evaluation, filter, tmf_json_at(value, i), step, ask));
    }
    return some;
}

/* Does one of the values meet what is asked that can be reached from `value` by the names of the
 * path from `step` on? Where one is missing, "differs" holds. */
static tmf_match_t some_value(tmf_evaluation_t *evaluation, const tmf_filter_t *filter,
                              const tmf_json_t *value, int step, value_fn *ask)
{
    const tmf_json_t *member;

    if (step == filter->path.count) {
        return ask(evaluation, filter, value);
    }
    member = tmf_json_get(value, filter->path.names[step]);
    if (member == NULL) {
        return is_negative(filter) ? TMF_MATCH_YES : TMF_MATCH_NO;
    }
    if (filter->kind == TMF_FILTER_EXISTS && step + 1 == filter->path.count) {
        return TMF_MATCH_YES;
    }
    return some_element(evaluation, filter, member, step + 1, ask);
}

static int has_order(int order, tmf_operator_t comparator)
{
    switch (comparator) {
    case TMF_GREATER:
        return order > 0;
    case TMF_GREATER_OR_EQUAL:
        return order >= 0;
    case TMF_LESS:
        return order < 0;
    case TMF_LESS_OR_EQUAL:
        return order <= 0;
    default:
        return order == 0;
    }
}

static int compare_strings(const char *text, const tmf_operand_t *operand)
{
    tmf_instant_t instant;

    return operand->is_instant && tmf_filter_read_instant(text, &instant)
               ? tmf_instant_compare(&instant, &operand->instant)
               : strcmp(text, operand->text);
}

/* "Values" of src/api/README.md §4. */
static int compares(const tmf_json_t *value, const tmf_operand_t *operand,
                    tmf_operator_t comparator)
{
    switch (tmf_json_type(value)) {
    case TMF_JSON_NULL:
        return operand->is_null && comparator == TMF_EQUAL;
    case TMF_JSON_BOOLEAN:
        return operand->is_boolean && comparator == TMF_EQUAL &&
               tmf_json_boolean(value) == (*operand->text == 't');
    case TMF_JSON_NUMBER:
        return operand->number != NULL &&
               has_order(tmf_json_number_compare(tmf_json_number_text(value), operand->number),
                         comparator);
    case TMF_JSON_STRING:
        return !operand->is_null && !(operand->is_unordered && comparator != TMF_EQUAL) &&
               has_order(compare_strings(tmf_json_string_text(value), operand), comparator);
    default:
        return 0;
    }
}

/* ---- patterns ---- */

static question_t *question_about(tmf_evaluation_t *evaluation, const tmf_operand_t *operand)
{
    question_t *question;

    if (evaluation->questions == NULL) {
        evaluation->questions = apr_hash_make(evaluation->pool);
    }
    question = apr_hash_get(evaluation->questions, &operand->text, sizeof(operand->text));
    if (question == NULL) {
        question = apr_pcalloc(evaluation->pool, sizeof(*question));
        question->pattern = operand->text;
        question->texts = apr_array_make(evaluation->pool, 4, sizeof(const char *));
        question->places = tmf_hash_make(evaluation->pool);
        apr_hash_set(evaluation->questions, &question->pattern, sizeof(question->pattern),
                     question);
    }
    return question;
}

static void note_text(tmf_evaluation_t *evaluation, question_t *question, const char *text)
{
    if (++evaluation->texts > TMF_MATCH_TEXTS_MAX) {
        evaluation->error = tmf_error_make(evaluation->matcher->pool, evaluation->matcher->fault,
                                           "The document has more than %d texts that regular "
                                           "expressions would have to be compared with",
                                           TMF_MATCH_TEXTS_MAX);
        return;
    }
    APR_ARRAY_PUSH(question->texts, const char *) = text;
    /* Its place, counted from 1: a hash cannot hold 0. */
    apr_hash_set(question->places, text, APR_HASH_KEY_STRING,
                 (void *)(apr_uintptr_t)question->texts->nelts);
}

static tmf_match_t matches_pattern(tmf_evaluation_t *evaluation, const tmf_json_t *value,
                                   const tmf_operand_t *operand)
{
    question_t *question;
    const char *text;
    int place;

    if (tmf_json_type(value) != TMF_JSON_STRING) {
        return TMF_MATCH_NO;
    }
    text = tmf_json_string_text(value);
    question = question_about(evaluation, operand);
    place = (int)(apr_uintptr_t)apr_hash_get(question->places, text, APR_HASH_KEY_STRING);
    if (place == 0) {
        note_text(evaluation, question, text);
    }
    if (place == 0 || place > question->answered) {
        return TMF_MATCH_UNKNOWN;
    }
    return question->matches[place - 1] ? TMF_MATCH_YES : TMF_MATCH_NO;
}

/* The database does not know where a pattern stands that it refuses; the matcher does. */
static tmf_error_t *ask(const tmf_matcher_t *matcher, const char *pattern, const char *const *texts,
                        int count, char *matches)
{
    tmf_error_t *error = matcher->regex(matcher->context, pattern, texts, count, matches);

    return error != NULL && tmf_error_is(error, TMF_ERROR_INVALID_PATTERN)
               ? tmf_error_make(matcher->pool, matcher->fault, "%s", error->message)
               : error;
}

/* Asks about the next texts of a question, as many as one statement takes. */
static tmf_error_t *ask_next(const tmf_matcher_t *matcher, question_t *question)
{
    const char *const *texts = (const char *const *)question->texts->elts + question->answered;
    int left = question->texts->nelts - question->answered;
    apr_size_t bytes = 0;
    int count = 0;

    while (count < left && count < TMF_MATCH_QUESTION_TEXTS && bytes < TMF_MATCH_QUESTION_BYTES) {
        bytes += strlen(texts[count++]);
    }
    if (matcher->deadline > 0 && tmf_clock_now() > matcher->deadline) {
        return tmf_error_make(matcher->pool, TMF_ERROR_STATEMENT_TIMEOUT,
                              "The regular expressions took too long on this document");
    }
    TMF_TRY(ask(matcher, question->pattern, texts, count, question->matches + question->answered));
    question->answered += count;
    return NULL;
}

static tmf_error_t *ask_all(tmf_evaluation_t *evaluation, question_t *question)
{
    char *matches = apr_palloc(evaluation->pool, (apr_size_t)question->texts->nelts);

    if (question->answered > 0) {
        memcpy(matches, question->matches, (apr_size_t)question->answered);
    }
    question->matches = matches;
    while (question->answered < question->texts->nelts) {
        TMF_TRY(ask_next(evaluation->matcher, question));
    }
    return NULL;
}

tmf_error_t *tmf_evaluation_ask(tmf_evaluation_t *evaluation)
{
    apr_hash_index_t *index = evaluation->questions != NULL
                                  ? apr_hash_first(evaluation->pool, evaluation->questions)
                                  : NULL;

    for (; index != NULL; index = apr_hash_next(index)) {
        question_t *question = apr_hash_this_val(index);

        if (question->answered < question->texts->nelts) {
            TMF_TRY(ask_all(evaluation, question));
        }
    }
    return NULL;
}

/* ---- the kinds of a filter ---- */

static tmf_match_t compares_with_some(tmf_evaluation_t *evaluation, const tmf_filter_t *compare,
                                      const tmf_json_t *value)
{
    tmf_operator_t comparator = is_negative(compare) ? TMF_EQUAL : compare->comparator;
    tmf_match_t some = TMF_MATCH_NO;
    int i;

    for (i = 0; i < compare->operands->nelts && some != TMF_MATCH_YES && goes_on(evaluation); i++) {
        const tmf_operand_t *operand = &APR_ARRAY_IDX(compare->operands, i, tmf_operand_t);

        some = either(some, comparator == TMF_REGEX
                                ? matches_pattern(evaluation, value, operand)
                                : (tmf_match_t)compares(value, operand, comparator));
    }
    return is_negative(compare) ? negation(some) : some;
}

static tmf_match_t meets_child(tmf_evaluation_t *evaluation, const tmf_filter_t *any,
                               const tmf_json_t *value)
{
    return holds(evaluation, APR_ARRAY_IDX(any->children, 0, tmf_filter_t *), value);
}

static tmf_match_t exists(tmf_evaluation_t *evaluation, const tmf_filter_t *filter,
                          const tmf_json_t *value)
{
    (void)evaluation;
    (void)filter;
    (void)value;
    return TMF_MATCH_YES;
}

/* OR; an AND is a NOT of an OR of NOTs. */
static tmf_match_t some_child(tmf_evaluation_t *evaluation, const tmf_filter_t *filter,
                              const tmf_json_t *value, int negated)
{
    tmf_match_t some = TMF_MATCH_NO;
    int i;

    for (i = 0; i < filter->children->nelts && some != TMF_MATCH_YES; i++) {
        tmf_match_t child = holds(evaluation, APR_ARRAY_IDX(filter->children, i, tmf_filter_t *),
                                  value);

        some = either(some, negated ? negation(child) : child);
    }
    return some;
}

static tmf_match_t holds(tmf_evaluation_t *evaluation, const tmf_filter_t *filter,
                         const tmf_json_t *value)
{
    switch (filter->kind) {
    case TMF_FILTER_AND:
        return negation(some_child(evaluation, filter, value, 1));
    case TMF_FILTER_OR:
        return some_child(evaluation, filter, value, 0);
    case TMF_FILTER_NOT:
        return negation(meets_child(evaluation, filter, value));
    case TMF_FILTER_ANY:
        return some_element(evaluation, filter, value, 0, meets_child);
    case TMF_FILTER_EXISTS:
        return some_element(evaluation, filter, value, 0, exists);
    case TMF_FILTER_COMPARE:
        break;
    }
    return some_element(evaluation, filter, value, 0, compares_with_some);
}

/* ---- evaluations ---- */

tmf_evaluation_t *tmf_evaluation_begin(const tmf_matcher_t *matcher)
{
    tmf_evaluation_t *evaluation;
    apr_pool_t *pool;

    apr_pool_create(&pool, matcher->pool);
    evaluation = apr_pcalloc(pool, sizeof(*evaluation));
    evaluation->matcher = matcher;
    evaluation->pool = pool;
    return evaluation;
}

void tmf_evaluation_end(tmf_evaluation_t *evaluation)
{
    apr_pool_destroy(evaluation->pool);
}

tmf_error_t *tmf_filter_try(tmf_match_t *match, const tmf_filter_t *filter,
                            const tmf_json_t *document, tmf_evaluation_t *evaluation)
{
    *match = holds(evaluation, filter, document);
    return evaluation->error;
}

static tmf_error_t *try_and_ask(tmf_match_t *match, const tmf_filter_t *filter,
                                const tmf_json_t *document, tmf_evaluation_t *evaluation)
{
    TMF_TRY(tmf_filter_try(match, filter, document, evaluation));
    if (*match != TMF_MATCH_UNKNOWN) {
        return NULL;
    }
    TMF_TRY(tmf_evaluation_ask(evaluation));
    return tmf_filter_try(match, filter, document, evaluation);
}

tmf_error_t *tmf_filter_match(int *matches, const tmf_filter_t *filter, const tmf_json_t *document,
                              const tmf_matcher_t *matcher)
{
    tmf_evaluation_t *evaluation = tmf_evaluation_begin(matcher);
    tmf_match_t match;
    tmf_error_t *error = try_and_ask(&match, filter, document, evaluation);

    *matches = match == TMF_MATCH_YES;
    tmf_evaluation_end(evaluation);
    return error;
}

tmf_error_t *tmf_filter_check_patterns(const tmf_filter_t *filter, const tmf_matcher_t *matcher)
{
    static const char *const text = "";
    char matches;
    int i;

    for (i = 0; i < filter->children->nelts; i++) {
        TMF_TRY(
            tmf_filter_check_patterns(APR_ARRAY_IDX(filter->children, i, tmf_filter_t *), matcher));
    }
    for (i = 0; filter->comparator == TMF_REGEX && i < filter->operands->nelts; i++) {
        TMF_TRY(tmf_error_about(ask(matcher, APR_ARRAY_IDX(filter->operands, i, tmf_operand_t).text,
                                    &text, 1, &matches),
                                matcher->pool, "%s", tmf_path_text(filter->path, matcher->pool)));
    }
    return NULL;
}
