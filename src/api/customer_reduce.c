/* SPDX-License-Identifier: Apache-2.0 */
#include "api/customer_reduce.h"

#include <string.h>

#include <apr_strings.h>

#include "api/database_matcher.h"
#include "api/representation.h"
#include "model/customer_schema.h"
#include "model/json.h"
#include "query/filter_match.h"

/* The array that a condition is about. */
typedef struct {
    tmf_path_t path;   /* to it */
    tmf_json_t *array; /* NULL = the customer lacks it */
} target_t;

/* Does a name of the path lead to an array, stored or known to the schema? The first one is the
 * target. */
static int find_array(target_t *target, tmf_path_t path, tmf_json_t *document)
{
    tmf_json_t *value = document;
    int i;

    for (i = 0; i < path.count; i++) {
        const tmf_attribute_t *attribute;

        target->path = tmf_path_begin(path, i + 1);
        attribute = tmf_path_attribute(target->path);
        target->array = tmf_json_get(value, path.names[i]);
        if (target->array == NULL) {
            return attribute != NULL && attribute->kind == TMF_KIND_ARRAY;
        }
        if (tmf_json_type(target->array) == TMF_JSON_ARRAY) {
            return 1;
        }
        value = target->array;
    }
    return 0;
}

/* Do all paths of the condition go into one array? `target->path.count` is 0 until the first is
 * seen. */
static int find_target(target_t *target, const tmf_filter_t *condition, tmf_json_t *document)
{
    target_t found;
    int i;

    if (condition->kind == TMF_FILTER_AND || condition->kind == TMF_FILTER_OR ||
        condition->kind == TMF_FILTER_NOT) {
        for (i = 0; i < condition->children->nelts; i++) {
            if (!find_target(target, APR_ARRAY_IDX(condition->children, i, tmf_filter_t *),
                             document)) {
                return 0;
            }
        }
        return 1;
    }
    if (!find_array(&found, condition->path, document) ||
        (target->path.count > 0 && !tmf_path_equal(found.path, target->path))) {
        return 0;
    }
    *target = found;
    return 1;
}

/* The condition as the element of the array sees it: without the first `cut` names of its paths.
 * What is left of an ANY without names is its child. */
static tmf_filter_t *for_element(const tmf_filter_t *condition, int cut, apr_pool_t *pool)
{
    tmf_filter_t *inner = apr_pmemdup(pool, condition, sizeof(*condition));
    int i;

    switch (condition->kind) {
    case TMF_FILTER_AND:
    case TMF_FILTER_OR:
    case TMF_FILTER_NOT:
        inner->children = apr_array_make(pool, condition->children->nelts, sizeof(tmf_filter_t *));
        for (i = 0; i < condition->children->nelts; i++) {
            tmf_filter_add(inner, for_element(APR_ARRAY_IDX(condition->children, i, tmf_filter_t *),
                                              cut, pool));
        }
        return inner;
    default:
        inner->path = tmf_path_rest(condition->path, cut);
        return inner->kind == TMF_FILTER_ANY && inner->path.count == 0
                   ? APR_ARRAY_IDX(inner->children, 0, tmf_filter_t *)
                   : inner;
    }
}

/* Puts `array` where the path leads. */
static void replace(tmf_json_t *document, tmf_path_t path, tmf_json_t *array)
{
    int i;

    for (i = 0; i < path.count - 1; i++) {
        document = tmf_json_get(document, path.names[i]);
    }
    tmf_json_set(document, path.names[i], array);
}

/* A new array of the elements that meet the filter; `*unknown`: and a pattern has to decide about
 * others. An element that is an array keeps its own ones, and goes when none of them stays; an
 * empty one is like a missing value. */
static tmf_error_t *choose(tmf_json_t **chosen, int *unknown, const tmf_json_t *array,
                           const tmf_filter_t *filter, tmf_evaluation_t *evaluation,
                           apr_pool_t *result_pool)
{
    int i;

    *chosen = tmf_json_array(result_pool);
    for (i = 0; i < tmf_json_count(array); i++) {
        tmf_json_t *element = tmf_json_at(array, i);
        tmf_match_t match;

        if (tmf_json_type(element) == TMF_JSON_ARRAY && tmf_json_count(element) > 0) {
            TMF_TRY(choose(&element, unknown, element, filter, evaluation, result_pool));
            match = tmf_json_count(element) > 0 ? TMF_MATCH_YES : TMF_MATCH_NO;
        } else {
            TMF_TRY(tmf_filter_try(&match, filter, element, evaluation));
        }
        *unknown |= match == TMF_MATCH_UNKNOWN;
        if (match == TMF_MATCH_YES) {
            tmf_json_append(*chosen, element);
        }
    }
    return NULL;
}

/* The same with the answers to all patterns, which are asked for at once. */
static tmf_error_t *choose_and_ask(tmf_json_t **chosen, const tmf_json_t *array,
                                   const tmf_filter_t *filter, tmf_evaluation_t *evaluation,
                                   apr_pool_t *result_pool)
{
    int unknown = 0;

    TMF_TRY(choose(chosen, &unknown, array, filter, evaluation, result_pool));
    if (!unknown) {
        return NULL;
    }
    TMF_TRY(tmf_evaluation_ask(evaluation));
    return choose(chosen, &unknown, array, filter, evaluation, result_pool);
}

static tmf_error_t *keep_matching(tmf_json_t *document, const target_t *target,
                                  const tmf_filter_t *condition, const tmf_matcher_t *matcher,
                                  apr_pool_t *pool)
{
    tmf_filter_t *inner = for_element(condition, target->path.count, pool);
    tmf_evaluation_t *evaluation;
    tmf_error_t *error;
    tmf_json_t *kept;

    if (target->array == NULL) {
        return NULL;
    }
    evaluation = tmf_evaluation_begin(matcher);
    error = choose_and_ask(&kept, target->array, inner, evaluation, pool);
    tmf_evaluation_end(evaluation);
    replace(document, target->path, kept);
    return error;
}

static tmf_error_t *apply(tmf_json_t *document, const tmf_filter_t *condition,
                          const tmf_matcher_t *matcher, const tmf_request_t *request)
{
    target_t target = {{NULL, 0, NULL}, NULL};
    int matches;

    if (find_target(&target, condition, document) && target.path.count > 0) {
        return keep_matching(document, &target, condition, matcher, request->pool);
    }
    TMF_TRY(tmf_filter_match(&matches, condition, document, matcher));
    return matches ? NULL
                   : tmf_error_make(request->pool, TMF_ERROR_NOT_FOUND,
                                    "There is no such customer that meets the conditions");
}

tmf_error_t *tmf_customer_reduce(const tmf_customer_t **customer, const tmf_filter_t *filter,
                                 const tmf_request_t *request)
{
    const tmf_matcher_t *matcher = tmf_database_matcher_make(
        tmf_customer_store_matching(request->service->customers), TMF_ERROR_INVALID_PARAMETER,
        request->pool);
    tmf_customer_t *reduced = apr_pmemdup(request->pool, *customer, sizeof(*reduced));
    tmf_json_t *document;
    int i;

    TMF_TRY(tmf_filter_check_patterns(filter, matcher));
    TMF_TRY(tmf_representation_parse(&document, *customer, request->pool));
    tmf_representation_add_identity(document, request, (*customer)->id, request->pool);
    for (i = 0; i < filter->children->nelts; i++) {
        TMF_TRY(
            apply(document, APR_ARRAY_IDX(filter->children, i, tmf_filter_t *), matcher, request));
    }
    tmf_json_unset(document, "id");
    tmf_json_unset(document, "href");
    reduced->doc = tmf_json_write(document, &reduced->doc_length, request->pool);
    *customer = reduced;
    return NULL;
}
