/* SPDX-License-Identifier: Apache-2.0 */
#include "store/idempotency.h"

#include <apr_strings.h>

#include "store/tell.h"

/* Columns behind those of the customer. */
enum { COLUMN_IS_BUSY = 3, COLUMN_IS_OTHER, COLUMN_DELIVERIES, COLUMN_IS_MADE };

#define KEY_SQL(parameter) "sha256(convert_to($" parameter "::text, 'UTF8'))"

/* Two rows go for each that comes, so the table cannot grow beyond what is to be kept; who finds
 * the oldest being removed takes the next. */
#define SWEEP_SQL                                                                                  \
    " due AS MATERIALIZED ("                                                                       \
    " SELECT key FROM tmf_customer.idempotency WHERE kept_until <= now()"                          \
    "  ORDER BY kept_until LIMIT 2 FOR UPDATE SKIP LOCKED),"                                       \
    " swept AS (DELETE FROM tmf_customer.idempotency AS old USING due WHERE old.key = due.key)"

static const char create_sql[] =
    "WITH claim AS MATERIALIZED (SELECT * FROM tmf_customer.claim_key(" KEY_SQL(
        "7") ")),"
             " written AS ("
             " INSERT INTO tmf_customer.customer (id, doc) SELECT $5::text, $6::jsonb FROM claim"
             "   WHERE NOT is_busy AND customer_id IS NULL"
             "  ON CONFLICT (id) DO NOTHING RETURNING id, revision, doc),"
             " kept AS ("
             " INSERT INTO tmf_customer.idempotency (key, customer_id, revision, doc, kept_until)"
             "  SELECT " KEY_SQL(
                 "7") ", id, revision, doc, now() + $8::bigint * interval '1 microsecond'"
                      "   FROM written)," SWEEP_SQL TMF_TELL_SQL
                      " SELECT coalesce(written.id, claim.customer_id), coalesce(written.revision, "
                      "claim.revision),"
                      "  coalesce(written.doc, claim.doc)::text, claim.is_busy,"
                      "  claim.doc <> $6::jsonb OR $9::boolean AND claim.customer_id <> "
                      "$5::text, " TMF_TELL_COUNT_SQL
                      ", written.id IS NOT NULL FROM claim LEFT JOIN written ON true";

static const char claim_sql[] =
    "SELECT customer_id, is_busy, doc <> $2::jsonb FROM tmf_customer.claim_key(" KEY_SQL("1") ")";

static const char keep_sql[] =
    "WITH kept AS ("
    " INSERT INTO tmf_customer.idempotency (key, customer_id, revision, doc, kept_until)"
    "  VALUES (" KEY_SQL("1") ", $3::text, 0, $2::jsonb,"
                              "   now() + $4::bigint * interval '1 microsecond'))," SWEEP_SQL
                              " SELECT 1";

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
    const char *microseconds = microseconds_text(create, result_pool);
    const char *parameters[] = {NULL,        NULL,         NULL,
                                NULL,        create->id,   create->doc,
                                create->key, microseconds, create->id_is_chosen ? "true" : "false"};
    const tmf_db_rows_t *rows;

    tmf_db_begin_write(db, create->id);
    tmf_tell_set(parameters, tell, result_pool);
    TMF_TRY(tmf_db_execute(db, create_sql, 9, parameters, &rows, result_pool));
    tmf_tell_done(db, rows, COLUMN_DELIVERIES);
    if (is_true(rows, COLUMN_IS_MADE)) {
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
    const char *parameters[] = {create->key, create->doc};
    const tmf_db_rows_t *rows;

    TMF_TRY(tmf_db_execute(db, claim_sql, 2, parameters, &rows, result_pool));
    *id = tmf_db_text(rows, 0, 0, NULL);
    if (is_true(rows, 1)) {
        *outcome = TMF_KEYED_BUSY;
    } else {
        *outcome = is_true(rows, 2) ? TMF_KEYED_OTHER_BODY : TMF_KEYED_DONE;
    }
    return NULL;
}

tmf_error_t *tmf_idempotency_keep(tmf_db_t *db, const tmf_keyed_create_t *create,
                                  apr_pool_t *scratch_pool)
{
    const char *parameters[] = {create->key, create->doc, create->id,
                                microseconds_text(create, scratch_pool)};
    const tmf_db_rows_t *rows;

    return tmf_db_execute(db, keep_sql, 4, parameters, &rows, scratch_pool);
}
