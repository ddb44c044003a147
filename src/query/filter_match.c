/* SPDX-License-Identifier: Apache-2.0 */
#include "query/filter_match.h"

#include <string.h>

/* One evaluation; the first error ends it: nothing is asked of the database after it. */
typedef struct {
    const tmf_matcher_t *matcher;
    tmf_error_t *error;
} evaluation_t;

/* What is asked of each value of a path. */
typedef int value_fn(evaluation_t *evaluation, const tmf_filter_t *filter, const tmf_json_t *value);

static int holds(evaluation_t *evaluation, const tmf_filter_t *filter, const tmf_json_t *value);

static int is_negative(const tmf_filter_t *filter)
{
    return filter->kind == TMF_FILTER_COMPARE && filter->comparator == TMF_NOT_EQUAL;
}

static int some_value(evaluation_t *evaluation, const tmf_filter_t *filter, const tmf_json_t *value,
                      int step, value_fn *ask);

/* The value, or, when it is an array, one of its elements, which may be arrays again. */
static int some_element(evaluation_t *evaluation, const tmf_filter_t *filter,
                        const tmf_json_t *value, int step, value_fn *ask)
{
    int i;

    if (tmf_json_type(value) != TMF_JSON_ARRAY) {
        return some_value(evaluation, filter, value, step, ask);
    }
    for (i = 0; i < tmf_json_count(value); i++) {
        if (some_element(evaluation, filter, tmf_json_at(value, i), step, ask)) {
            return 1;
        }
    }
    return is_negative(filter) && tmf_json_count(value) == 0;
}

/* Does one of the values meet what is asked that can be reached from `value` by the names of the
 * path from `step` on? Where one is missing, "differs" holds. */
static int some_value(evaluation_t *evaluation, const tmf_filter_t *filter, const tmf_json_t *value,
                      int step, value_fn *ask)
{
    const tmf_json_t *member;

    if (step == filter->path.count) {
        return ask(evaluation, filter, value);
    }
    member = tmf_json_get(value, filter->path.names[step]);
    if (member == NULL) {
        return is_negative(filter);
    }
    if (filter->kind == TMF_FILTER_EXISTS && step + 1 == filter->path.count) {
        return 1;
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

/* Contract §4, "Comparison". */
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

static int matches_pattern(evaluation_t *evaluation, const tmf_json_t *value,
                           const tmf_operand_t *operand)
{
    int matches = 0;

    if (tmf_json_type(value) == TMF_JSON_STRING && evaluation->error == NULL) {
        evaluation->error = evaluation->matcher->regex(evaluation->matcher->context, operand->text,
                                                       tmf_json_string_text(value), &matches);
    }
    return matches;
}

static int compares_with_some(evaluation_t *evaluation, const tmf_filter_t *compare,
                              const tmf_json_t *value)
{
    tmf_operator_t comparator = is_negative(compare) ? TMF_EQUAL : compare->comparator;
    int i;

    for (i = 0; i < compare->operands->nelts; i++) {
        const tmf_operand_t *operand = &APR_ARRAY_IDX(compare->operands, i, tmf_operand_t);

        if (comparator == TMF_REGEX ? matches_pattern(evaluation, value, operand)
                                    : compares(value, operand, comparator)) {
            return !is_negative(compare);
        }
    }
    return is_negative(compare);
}

static int meets_child(evaluation_t *evaluation, const tmf_filter_t *any, const tmf_json_t *value)
{
    return holds(evaluation, APR_ARRAY_IDX(any->children, 0, tmf_filter_t *), value);
}

static int exists(evaluation_t *evaluation, const tmf_filter_t *filter, const tmf_json_t *value)
{
    (void)evaluation;
    (void)filter;
    (void)value;
    return 1;
}

/* How many of the children hold is all that AND and OR ask, as far as they need to know. */
static int holds_for_children(evaluation_t *evaluation, const tmf_filter_t *filter,
                              const tmf_json_t *value)
{
    int wanted = filter->kind == TMF_FILTER_OR;
    int i;

    for (i = 0; i < filter->children->nelts; i++) {
        if (holds(evaluation, APR_ARRAY_IDX(filter->children, i, tmf_filter_t *), value) ==
            wanted) {
            return wanted;
        }
    }
    return !wanted;
}

static int holds(evaluation_t *evaluation, const tmf_filter_t *filter, const tmf_json_t *value)
{
    switch (filter->kind) {
    case TMF_FILTER_AND:
    case TMF_FILTER_OR:
        return holds_for_children(evaluation, filter, value);
    case TMF_FILTER_NOT:
        return !meets_child(evaluation, filter, value);
    case TMF_FILTER_ANY:
        return some_element(evaluation, filter, value, 0, meets_child);
    case TMF_FILTER_EXISTS:
        return some_element(evaluation, filter, value, 0, exists);
    case TMF_FILTER_COMPARE:
        break;
    }
    return some_element(evaluation, filter, value, 0, compares_with_some);
}

tmf_error_t *tmf_filter_match(int *matches, const tmf_filter_t *filter, const tmf_json_t *document,
                              const tmf_matcher_t *matcher)
{
    evaluation_t evaluation = {matcher, NULL};

    *matches = holds(&evaluation, filter, document);
    return evaluation.error;
}

tmf_error_t *tmf_filter_check_patterns(const tmf_filter_t *filter, const tmf_matcher_t *matcher)
{
    int matches;
    int i;

    for (i = 0; i < filter->children->nelts; i++) {
        TMF_TRY(
            tmf_filter_check_patterns(APR_ARRAY_IDX(filter->children, i, tmf_filter_t *), matcher));
    }
    for (i = 0; filter->comparator == TMF_REGEX && i < filter->operands->nelts; i++) {
        TMF_TRY(matcher->regex(matcher->context,
                               APR_ARRAY_IDX(filter->operands, i, tmf_operand_t).text, "",
                               &matches));
    }
    return NULL;
}
