/* SPDX-License-Identifier: Apache-2.0 */
#include "api/database_matcher.h"

#include "model/clock.h"

typedef struct {
    const tmf_matching_t *matching;
    apr_pool_t *result_pool;
} database_t;

/* Errors outlive `scratch_pool`. */
static tmf_error_t *ask_database(void *context, const char *pattern, const char *const *texts,
                                 int count, char *matches)
{
    const database_t *database = context;
    apr_pool_t *scratch_pool;
    tmf_error_t *error;

    apr_pool_create(&scratch_pool, database->result_pool);
    error = tmf_matching_ask(database->matching, pattern, texts, count, matches, scratch_pool);
    if (error == NULL) {
        apr_pool_destroy(scratch_pool); /* else the error lives in it */
    }
    return error;
}

const tmf_matcher_t *tmf_database_matcher_make(const tmf_matching_t *matching,
                                               tmf_error_code_t fault, apr_pool_t *result_pool)
{
    tmf_matcher_t *matcher = apr_palloc(result_pool, sizeof(*matcher));
    database_t *context = apr_palloc(result_pool, sizeof(*context));

    context->matching = matching;
    context->result_pool = result_pool;
    matcher->regex = ask_database;
    matcher->context = context;
    matcher->deadline = tmf_clock_now() + tmf_matching_time(matching);
    matcher->pool = result_pool;
    matcher->fault = fault;
    return matcher;
}
