/* SPDX-License-Identifier: Apache-2.0 */
#include "api/database_matcher.h"

#include "model/clock.h"
#include "store/customer_store.h"

typedef struct {
    tmf_db_t *db;
    apr_time_t deadline;
    apr_pool_t *result_pool;
    apr_pool_t *scratch_pool; /* cleared with each question */
} database_t;

static tmf_error_t *ask_database(void *context, const char *pattern, const char *text, int *matches)
{
    const database_t *database = context;
    tmf_error_t *error;

    if (tmf_clock_now() > database->deadline) {
        return tmf_error_make(database->result_pool, TMF_ERROR_STATEMENT_TIMEOUT,
                              "The database took too long for this request");
    }
    error = tmf_customer_store_match(database->db, pattern, text, matches, database->scratch_pool);
    if (error == NULL) {
        apr_pool_clear(database->scratch_pool);
    }
    return error;
}

const tmf_matcher_t *tmf_database_matcher_make(tmf_db_t *db, apr_pool_t *result_pool)
{
    tmf_matcher_t *matcher = apr_palloc(result_pool, sizeof(*matcher));
    database_t *database = apr_palloc(result_pool, sizeof(*database));

    database->db = db;
    database->deadline = tmf_clock_now() + tmf_db_statement_timeout(db);
    database->result_pool = result_pool;
    apr_pool_create(&database->scratch_pool, result_pool);
    matcher->regex = ask_database;
    matcher->context = database;
    return matcher;
}
