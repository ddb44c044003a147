/* SPDX-License-Identifier: Apache-2.0 */
#include "store/matching.h"

#include "store/array.h"
#include "store/statements.h"

static tmf_error_t *run(const tmf_matching_t *matching, const char *const *parameters,
                        const tmf_db_rows_t **rows, apr_pool_t *scratch_pool)
{
    tmf_error_t *error;
    tmf_db_t *db;

    if (matching->db != NULL) {
        return tmf_db_run(matching->db, &TMF_SQL_MATCH_TEXTS, parameters, rows, scratch_pool);
    }
    TMF_TRY(tmf_db_borrow(&db, matching->database, scratch_pool));
    error = tmf_db_run(db, &TMF_SQL_MATCH_TEXTS, parameters, rows, scratch_pool);
    tmf_db_give_back(db);
    return error;
}

tmf_error_t *tmf_matching_ask(const tmf_matching_t *matching, const char *pattern,
                              const char *const *texts, int count, char *matches,
                              apr_pool_t *scratch_pool)
{
    const char *parameters[TMF_MATCH_TEXTS_PARAMETERS];
    const tmf_db_rows_t *rows;
    const char *answers;
    tmf_text_t array;
    int i;

    tmf_array_init(&array, scratch_pool);
    for (i = 0; i < count; i++) {
        tmf_array_add(&array, texts[i]);
    }
    parameters[TMF_MATCH_TEXTS_PATTERN] = pattern;
    parameters[TMF_MATCH_TEXTS_TEXTS] = tmf_array_text(&array);
    TMF_TRY(run(matching, parameters, &rows, scratch_pool));
    answers = tmf_db_text(rows, 0, TMF_MATCH_TEXTS_COLUMN_ANSWERS, NULL);
    for (i = 0; i < count; i++) {
        matches[i] = answers[i] == 't';
    }
    return NULL;
}

apr_interval_time_t tmf_matching_time(const tmf_matching_t *matching)
{
    return tmf_db_pool_statement_timeout(matching->database);
}
