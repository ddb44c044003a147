/* SPDX-License-Identifier: Apache-2.0 */
#include "api/database_matcher.h"

#include "model/clock.h"
#include "store/customer_store.h"

typedef struct {
    tmf_db_pool_t *pool;
    tmf_db_t *db; /* NULL = one is borrowed for each question */
    apr_pool_t *result_pool;
} database_t;

/* Asks on a connection that is had, or borrowed for this. Errors outlive `scratch_pool`. */
static tmf_error_t *ask(const database_t *database, const char *pattern, const char *const *texts,
                        int count, char *matches, apr_pool_t *scratch_pool)
{
    tmf_error_t *error;
    tmf_db_t *db;

    if (database->db != NULL) {
        return tmf_customer_store_match(database->db, pattern, texts, count, matches, scratch_pool);
    }
    TMF_TRY(tmf_db_borrow(&db, database->pool, scratch_pool));
    error = tmf_customer_store_match(db, pattern, texts, count, matches, scratch_pool);
    tmf_db_give_back(db);
    return error;
}

static tmf_error_t *ask_database(void *context, const char *pattern, const char *const *texts,
                                 int count, char *matches)
{
    const database_t *database = context;
    apr_pool_t *scratch_pool;
    tmf_error_t *error;

    apr_pool_create(&scratch_pool, database->result_pool);
    error = ask(database, pattern, texts, count, matches, scratch_pool);
    if (error == NULL) {
        apr_pool_destroy(scratch_pool); /* else the error lives in it */
    }
    return error;
}

const tmf_matcher_t *tmf_database_matcher_make(tmf_db_pool_t *database, tmf_db_t *db,
                                               tmf_error_code_t fault, apr_pool_t *result_pool)
{
    tmf_matcher_t *matcher = apr_palloc(result_pool, sizeof(*matcher));
    database_t *context = apr_palloc(result_pool, sizeof(*context));

    context->pool = database;
    context->db = db;
    context->result_pool = result_pool;
    matcher->regex = ask_database;
    matcher->context = context;
    matcher->deadline = tmf_clock_now() + tmf_db_pool_statement_timeout(database);
    matcher->pool = result_pool;
    matcher->fault = fault;
    return matcher;
}
