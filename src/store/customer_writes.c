/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * A write costs the database more in its commit, its triggers and its plan than in its rows, so
 * those that come while another one is on its way share one statement (combiner.c). They must not
 * feel each other:
 *
 * Locks. A batch waits for no customer that somebody has locked, only, like any write, for its slot
 * of the counters. It takes the customers that are free and as they were read, and leaves the
 * others out: so two batches cannot wait for each other, and a locked customer delays only who
 * wants it. Of two changes of one customer in a batch one is made. Who was left out has lost the
 * race (api/customer_change.c). New ids are random, nobody else inserts them.
 *
 * Refusals. What PostgreSQL refuses because of one row it refuses for all: nothing of it is
 * written, and each is written alone, so that who was wrong gets its error, and nobody else does;
 * the log tells, at info. When the database as a whole is the matter, or it is unknown whether a
 * batch was committed, all get that error, and nothing is written again.
 *
 * Sizes. A document of more than SHARED_MAX goes alone: it keeps nobody waiting, and the memory of
 * a batch has a bound.
 *
 * Events. They are written in the order of the batch, each behind its customer's lock: their ids
 * grow in the order of the customer's revisions, as they do for writes alone.
 */
#include "store/customer_writes.h"

#include <string.h>

#include <httpd.h>
#include <http_log.h>
#include <apr_strings.h>

#include "store/array.h"
#include "store/combiner.h"
#include "store/history.h"
#include "store/tell.h"

extern module AP_MODULE_DECLARE_DATA tmf_customer_module;
APLOG_USE_MODULE(tmf_customer);

#define SHARED_MAX                                                                                 \
    8192 /* bytes of a document; libpq keeps what 64 of them need, for each connection */

enum { COLUMN_PLACE, COLUMN_REVISION, COLUMN_DOC, COLUMN_DELIVERIES };
enum {
    TYPES,
    CHANGED,
    CORRELATION_ID,
    HREF,
    TRACEPARENT,
    TRACESTATE,
    ID,
    REVISION,
    ARRAYS,
    DOCS = ARRAYS,
    PARAMETERS
};

/* The arrays hide behind a SELECT, as in customer_reads.c. Documents are elements of one JSON
 * array, which needs no escapes. */
#define ASKED_SQL(arrays, columns)                                                                 \
    "WITH asked AS MATERIALIZED (SELECT * FROM ROWS FROM ("                                        \
    "  unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::text[]), (SELECT $4::text[])," \
    "   (SELECT $5::text[]), (SELECT $6::text[]), (SELECT $7::text[]),"                            \
    "   (SELECT $8::bigint[])" arrays "), jsonb_array_elements($9::jsonb))"                        \
    "  WITH ORDINALITY"                                                                            \
    "  AS asked (types, changed, correlation_id, href, traceparent, tracestate, id, revision"      \
    "   " columns ", doc, place)), "
#define SELECT_WRITTEN_SQL(expire)                                                                 \
    " SELECT place, revision, doc::text, " TMF_TELL_COUNT_SQL expire " FROM written"

/* With a history: each has an operation and a user. */
#define RECORDED_ASKED_SQL                                                                         \
    ASKED_SQL(", (SELECT $10::text[]), (SELECT $11::text[])", ", operation, user_name")
#define EXPIRE_SQL TMF_HISTORY_EXPIRE_SQL("$12", "(SELECT 2 * count(*) FROM asked)")

#define CREATE_ALL_SQL(asked, history, expire)                                                     \
    asked "made AS ("                                                                              \
          " INSERT INTO tmf_customer.customer (id, doc) SELECT id, doc FROM asked ORDER BY place"  \
          "  RETURNING id, revision, doc),"                                                        \
          " written AS (SELECT asked.place, made.* FROM made JOIN asked USING "                    \
          "(id))" TMF_TELL_ALL_SQL history                                                         \
          SELECT_WRITTEN_SQL(expire)

#define UPDATE_ALL_SQL(asked, found, before, history, expire)                                      \
    asked "free AS ("                                                                              \
          " SELECT asked.place, asked.doc, customer.id" found " FROM asked"                        \
          "   JOIN tmf_customer.customer ON customer.id = asked.id"                                \
          "    AND customer.revision = asked.revision"                                             \
          "  FOR NO KEY UPDATE OF customer SKIP LOCKED),"                                          \
          " written AS ("                                                                          \
          " UPDATE tmf_customer.customer SET doc = free.doc, updated_at = now(),"                  \
          "  revision = nextval('tmf_customer.customer_revision')"                                 \
          "  FROM free WHERE customer.id = free.id"                                                \
          "  RETURNING free.place, customer.id, customer.revision, customer.doc" before            \
          ")" TMF_TELL_ALL_SQL history                                                             \
          SELECT_WRITTEN_SQL(expire)

/* Without a history, and with one. */
static const char *const create_all_sql[] = {
    CREATE_ALL_SQL(ASKED_SQL("", ""), "", ""),
    CREATE_ALL_SQL(RECORDED_ASKED_SQL, TMF_HISTORY_ALL_SQL("NULL"), EXPIRE_SQL)};
static const char *const update_all_sql[] = {
    UPDATE_ALL_SQL(ASKED_SQL("", ""), "", "", "", ""),
    UPDATE_ALL_SQL(RECORDED_ASKED_SQL, ", customer.doc AS before", ", free.before",
                   TMF_HISTORY_ALL_SQL("written.before"), EXPIRE_SQL)};

/* What is asked. */
typedef struct {
    const char *id;
    apr_int64_t revision; /* of an update; 0 */
    const char *doc;
    const tmf_tell_t *tell;
} write_t;

/* How one kind of them is carried out. */
typedef struct {
    tmf_db_pool_t *database;
    const char *all_sql;
    int keeps_history;
    tmf_error_t *(*one)(tmf_db_t *db, const write_t *write, const tmf_customer_t **customer,
                        apr_pool_t *result_pool);
    tmf_combiner_t *combiner;
} kind_t;

struct tmf_customer_writes_t {
    kind_t creates;
    kind_t updates;
};

/* What became of a batch. */
typedef struct {
    const tmf_db_rows_t *rows;          /* NULL: it was refused, each is to be written alone */
    int row_of[TMF_COMBINER_BATCH_MAX]; /* of the place in the batch; -1 = left out */
} written_t;

/* ---- alone ---- */

static tmf_error_t *create(tmf_db_t *db, const write_t *write, const tmf_customer_t **customer,
                           apr_pool_t *pool)
{
    return tmf_customer_store_create(db, write->id, write->doc, write->tell, customer, pool);
}

static tmf_error_t *update(tmf_db_t *db, const write_t *write, const tmf_customer_t **customer,
                           apr_pool_t *pool)
{
    return tmf_customer_store_update(db, write->id, write->revision, write->doc, write->tell,
                                     customer, pool);
}

static tmf_error_t *write_one(void *context, const void *write, const void **customer,
                              apr_pool_t *result_pool)
{
    const kind_t *kind = context;
    const tmf_customer_t *written = NULL;
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, kind->database, result_pool));
    tmf_metrics_batch(tmf_db_metrics(kind->database), TMF_BATCH_WRITE, 1);
    error = kind->one(db, write, &written, result_pool);
    tmf_db_give_back(db);
    *customer = written;
    return error;
}

/* ---- together ---- */

static const char *documents_text(const void *const *writes, int count, apr_pool_t *pool)
{
    tmf_text_t documents;
    int i;

    tmf_text_init(&documents, 4096, pool);
    for (i = 0; i < count; i++) {
        tmf_text_append(&documents, i == 0 ? "[" : ",", 1);
        tmf_text_append_string(&documents, ((const write_t *)writes[i])->doc);
    }
    tmf_text_append(&documents, "]", 1);
    return tmf_text_string(&documents);
}

static void set_parameters(const char **parameters, const void *const *writes, int count,
                           apr_pool_t *pool)
{
    tmf_text_t arrays[ARRAYS];
    int i;

    for (i = 0; i < ARRAYS; i++) {
        tmf_array_init(&arrays[i], pool);
    }
    for (i = 0; i < count; i++) {
        const write_t *write = writes[i];

        tmf_array_add(&arrays[TYPES], tmf_tell_types(write->tell->types, pool));
        tmf_array_add(&arrays[CHANGED], write->tell->changed);
        tmf_array_add(&arrays[CORRELATION_ID], write->tell->correlation_id);
        tmf_array_add(&arrays[HREF], write->tell->href);
        tmf_array_add(&arrays[TRACEPARENT], write->tell->trace.parent);
        tmf_array_add(&arrays[TRACESTATE], write->tell->trace.state);
        tmf_array_add(&arrays[ID], write->id);
        tmf_array_add_number(&arrays[REVISION], write->revision);
    }
    for (i = 0; i < ARRAYS; i++) {
        parameters[i] = tmf_array_text(&arrays[i]);
    }
    parameters[DOCS] = documents_text(writes, count, pool);
}

/* Operations, users, and how long rows are kept, which is the same for all. */
static void set_history(const char **parameters, const void *const *writes, int count,
                        apr_pool_t *pool)
{
    tmf_text_t operations;
    tmf_text_t users;
    int i;

    tmf_array_init(&operations, pool);
    tmf_array_init(&users, pool);
    for (i = 0; i < count; i++) {
        const tmf_record_of_change_t *record = ((const write_t *)writes[i])->tell->record;

        tmf_history_set(parameters, record, pool);
        tmf_array_add(&operations, record->operation);
        tmf_array_add(&users, record->user);
    }
    parameters[0] = tmf_array_text(&operations);
    parameters[1] = tmf_array_text(&users);
}

static tmf_error_t *write_on(tmf_db_t *db, const kind_t *kind, const void *const *writes, int count,
                             const tmf_db_rows_t **rows, apr_pool_t *pool)
{
    const char *parameters[PARAMETERS + TMF_HISTORY_PARAMETERS];
    int parameter_count = PARAMETERS;
    int i;

    for (i = 0; i < count; i++) {
        tmf_db_begin_write(db, ((const write_t *)writes[i])->id);
    }
    set_parameters(parameters, writes, count, pool);
    if (kind->keeps_history) {
        set_history(parameters + PARAMETERS, writes, count, pool);
        parameter_count += TMF_HISTORY_PARAMETERS;
    }
    TMF_TRY(tmf_db_execute(db, kind->all_sql, parameter_count, parameters, rows, pool));
    tmf_tell_done(db, *rows, COLUMN_DELIVERIES);
    for (i = 0; i < tmf_db_row_count(*rows); i++) {
        const write_t *write = writes[tmf_db_number(*rows, i, COLUMN_PLACE) - 1];

        tmf_tell_count(db, write->tell);
    }
    return NULL;
}

static const written_t *find_places(const tmf_db_rows_t *rows, apr_pool_t *pool)
{
    written_t *written = apr_palloc(pool, sizeof(*written));
    int i;

    written->rows = rows;
    for (i = 0; i < TMF_COMBINER_BATCH_MAX; i++) {
        written->row_of[i] = -1;
    }
    for (i = 0; rows != NULL && i < tmf_db_row_count(rows); i++) {
        written->row_of[tmf_db_number(rows, i, COLUMN_PLACE) - 1] = i;
    }
    return written;
}

static tmf_error_t *write_all(void *context, const void *const *writes, int count,
                              const void **answers, apr_pool_t *batch_pool)
{
    const kind_t *kind = context;
    const tmf_db_rows_t *rows = NULL;
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, kind->database, batch_pool));
    tmf_metrics_batch(tmf_db_metrics(kind->database), TMF_BATCH_WRITE, count);
    error = write_on(db, kind, writes, count, &rows, batch_pool);
    tmf_db_give_back(db);
    if (error != NULL && tmf_error_concerns_database(error)) {
        return error;
    }
    if (error != NULL) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, tmf_db_server(kind->database),
                     "TMF0028: %d writes that came together are written one by one: %s", count,
                     error->cause != NULL ? error->cause : error->message);
    }
    *answers = find_places(rows, batch_pool);
    return NULL;
}

static int take(const void *answers, int place, const void *question, const void **answer,
                apr_pool_t *result_pool)
{
    const written_t *written = answers;
    const write_t *write = question;
    int row = written->row_of[place];
    tmf_customer_t *customer;

    *answer = NULL;
    if (written->rows == NULL || row < 0) {
        return written->rows != NULL;
    }
    customer = apr_palloc(result_pool, sizeof(*customer));
    customer->id = write->id;
    customer->revision = tmf_db_number(written->rows, row, COLUMN_REVISION);
    customer->doc = tmf_db_text(written->rows, row, COLUMN_DOC, &customer->doc_length);
    customer->doc = apr_pstrmemdup(result_pool, customer->doc, customer->doc_length);
    *answer = customer;
    return 1;
}

static tmf_error_t *carry_out(kind_t *kind, const write_t *write, const tmf_customer_t **customer,
                              apr_pool_t *result_pool)
{
    const void *written = NULL;

    TMF_TRY(strlen(write->doc) > SHARED_MAX
                ? write_one(kind, write, &written, result_pool)
                : tmf_combiner_ask(kind->combiner, write, &written, result_pool));
    *customer = written;
    return NULL;
}

static apr_status_t make_kind(kind_t *kind, apr_pool_t *child_pool)
{
    const tmf_combiner_work_t work = {kind, write_one, write_all, take};

    return tmf_combiner_make(&kind->combiner, &work, child_pool);
}

apr_status_t tmf_customer_writes_make(tmf_customer_writes_t **writes, tmf_db_pool_t *database,
                                      int keeps_history, apr_pool_t *child_pool)
{
    tmf_customer_writes_t *made = apr_palloc(child_pool, sizeof(*made));
    const kind_t creates = {database, create_all_sql[keeps_history], keeps_history, create, NULL};
    const kind_t updates = {database, update_all_sql[keeps_history], keeps_history, update, NULL};
    apr_status_t status;

    made->creates = creates;
    made->updates = updates;
    *writes = made;
    status = make_kind(&made->creates, child_pool);
    return status == APR_SUCCESS ? make_kind(&made->updates, child_pool) : status;
}

tmf_error_t *tmf_customer_writes_create(tmf_customer_writes_t *writes, const char *id,
                                        const char *doc, const tmf_tell_t *tell,
                                        const tmf_customer_t **customer, apr_pool_t *result_pool)
{
    const write_t write = {id, 0, doc, tell};

    return carry_out(&writes->creates, &write, customer, result_pool);
}

tmf_error_t *tmf_customer_writes_update(tmf_customer_writes_t *writes, const char *id,
                                        apr_int64_t revision, const char *doc,
                                        const tmf_tell_t *tell, const tmf_customer_t **customer,
                                        apr_pool_t *result_pool)
{
    const write_t write = {id, revision, doc, tell};

    return carry_out(&writes->updates, &write, customer, result_pool);
}
