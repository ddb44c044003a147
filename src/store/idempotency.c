/* SPDX-License-Identifier: Apache-2.0 */
#include "store/idempotency.h"

#include <apr_strings.h>

#include "store/history.h"
#include "store/number.h"
#include "store/statements.h"
#include "store/tell.h"

/* Columns behind those of the customer. */
enum { COLUMN_IS_BUSY = 3, COLUMN_IS_OTHER, COLUMN_IS_WRITTEN, COLUMN_DELIVERIES };

#define KEY_SQL(parameter) "sha256(convert_to($" parameter "::text, 'UTF8'))"

/* Two rows go for each that comes, so the table cannot grow beyond what is to be kept; who finds
 * the oldest being removed takes the next. */
#define SWEEP_SQL                                                                                  \
    " due AS MATERIALIZED ("                                                                       \
    " SELECT key FROM tmf_customer.idempotency WHERE kept_until <= now()"                          \
    "  ORDER BY kept_until LIMIT 2 FOR UPDATE SKIP LOCKED),"                                       \
    " swept AS (DELETE FROM tmf_customer.idempotency AS old USING due WHERE old.key = due.key)"

#define CREATE_SQL(history, expire)                                                                \
    "WITH claim AS MATERIALIZED (SELECT * FROM tmf_customer.claim_key(" KEY_SQL(                   \
        "9") ")),"                                                                                 \
             " written AS ("                                                                       \
             " INSERT INTO tmf_customer.customer (id, doc) SELECT $7::text, $8::jsonb FROM claim"  \
             "   WHERE NOT is_busy AND customer_id IS NULL"                                        \
             "  ON CONFLICT (id) DO NOTHING RETURNING id, revision, doc),"                         \
             " kept AS ("                                                                          \
             " INSERT INTO tmf_customer.idempotency (key, customer_id, revision, doc, kept_until)" \
             "  SELECT " KEY_SQL(                                                                  \
                 "9") ", id, revision, doc, now() + $10::bigint * interval '1 microsecond'"        \
                      "   FROM written)," SWEEP_SQL TMF_TELL_SQL history                           \
                      " SELECT coalesce(written.id, claim.customer_id), "                          \
                      "coalesce(written.revision, "                                                \
                      "claim.revision),"                                                           \
                      "  coalesce(written.doc, claim.doc)::text, claim.is_busy,"                   \
                      "  claim.doc <> $8::jsonb OR $11::boolean AND claim.customer_id <> "         \
                      "$7::text, written.id IS NOT NULL, " TMF_TELL_COUNT_SQL expire               \
                      " FROM claim LEFT JOIN written ON true"

/* Without a history, and with one. */
static const char *const create_sql[] = {
    CREATE_SQL("", ""), CREATE_SQL(TMF_HISTORY_SQL("written.revision", "NULL", "$12", "$13"),
                                   TMF_HISTORY_EXPIRE_SQL("$14", "2"))};

static int is_true(const tmf_db_rows_t *rows, int column)
{
    const char *text = tmf_db_text(rows, 0, column, NULL);

    return text != NULL && *text == 't';
}

static const char *microseconds_text(const tmf_keyed_create_t *create, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_TIME_T_FMT, create->kept_for);
}

tmf_error_t *tmf_idempotency_create(tmf_db_t *db, const tmf_keyed_create_t *create,
                                    const tmf_tell_t *tell, tmf_keyed_outcome_t *outcome,
                                    const tmf_customer_t **customer, apr_pool_t *result_pool)
{
    const char *parameters[TMF_TELL_PARAMETERS + 5 + TMF_HISTORY_PARAMETERS] = {NULL};
    const char **own = parameters + TMF_TELL_PARAMETERS;
    const tmf_db_rows_t *rows;
    int count = TMF_TELL_PARAMETERS + 5;

    tmf_db_begin_write(db, create->id);
    tmf_tell_set(parameters, tell, result_pool);
    own[0] = create->id;
    own[1] = create->doc;
    own[2] = create->key;
    own[3] = microseconds_text(create, result_pool);
    own[4] = create->id_is_chosen ? "true" : "false";
    count += tmf_history_set(parameters + count, tell->record, result_pool);
    TMF_TRY(tmf_db_execute(db, create_sql[tell->record != NULL], count, parameters, &rows,
                           result_pool));
    tmf_tell_done(db, rows, COLUMN_DELIVERIES);
    if (is_true(rows, COLUMN_IS_WRITTEN)) {
        tmf_tell_count(db, tell);
    }
    *customer = tmf_customer_store_read(rows, result_pool);
    if (is_true(rows, COLUMN_IS_BUSY)) {
        *outcome = TMF_KEYED_BUSY;
    } else if (*customer == NULL) {
        *outcome = TMF_KEYED_ID_IN_USE;
    } else {
        *outcome = is_true(rows, COLUMN_IS_OTHER) ? TMF_KEYED_OTHER_BODY : TMF_KEYED_DONE;
    }
    return NULL;
}

tmf_error_t *tmf_idempotency_claim(tmf_db_t *db, const tmf_keyed_create_t *create,
                                   tmf_keyed_outcome_t *outcome, const char **id,
                                   apr_pool_t *result_pool)
{
    const char *parameters[] = {
        [TMF_CLAIM_KEY_KEY] = create->key, [TMF_CLAIM_KEY_DOC] = create->doc};
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_run(db, &TMF_SQL_CLAIM_KEY, parameters, &rows, result_pool));
    *id = tmf_db_text(rows, 0, TMF_CLAIM_KEY_COLUMN_ID, NULL);
    if (tmf_db_is_true(rows, 0, TMF_CLAIM_KEY_COLUMN_IS_BUSY)) {
        *outcome = TMF_KEYED_BUSY;
    } else {
        *outcome = tmf_db_is_true(rows, 0, TMF_CLAIM_KEY_COLUMN_IS_OTHER) ? TMF_KEYED_OTHER_BODY
                                                                          : TMF_KEYED_DONE;
    }
    return NULL;
}

tmf_error_t *tmf_idempotency_keep(tmf_db_t *db, const tmf_keyed_create_t *create,
                                  apr_pool_t *scratch_pool)
{
    const char *parameters[] = {
        [TMF_KEEP_KEY_KEY] = create->key,
        [TMF_KEEP_KEY_DOC] = create->doc,
        [TMF_KEEP_KEY_ID] = create->id,
        [TMF_KEEP_KEY_KEPT_FOR] = tmf_number_text(create->kept_for, scratch_pool),
    };
    const tmf_db_rows_t *rows;

    return tmf_db_run(db, &TMF_SQL_KEEP_KEY, parameters, &rows, scratch_pool);
}
