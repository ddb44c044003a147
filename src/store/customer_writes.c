/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * A write costs the database more in its commit, its triggers and its plan than in its rows, so
 * those that come while another one is on its way share one statement (combiner.c); one alone is a
 * batch of one. None may suffer from the others:
 *
 * Locks. A batch waits for no customer that somebody has locked, only, like any write, for its slot
 * of the counters. It takes the customers that are free and as they were read, and leaves the
 * others out: so two batches cannot wait for each other, and a locked customer delays only who
 * wants it. Of two changes of one customer in a batch one is made. Who was left out has lost the
 * race (customer_store.c). New ids are random, nobody else inserts them: a create with an id of the
 * client's, whose twin may be on its way elsewhere, goes alone.
 *
 * Refusals. What PostgreSQL refuses because of one row it refuses for all: nothing of it is
 * written, and each is written alone, so that who was wrong gets its error, and nobody else does;
 * the log tells, at info. When the database as a whole is the matter, or it is unknown whether a
 * batch was committed, all get that error, and nothing is written again.
 *
 * Sizes. A document of more than TMF_SHARED_DOC_MOST goes alone.
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
#include "store/number.h"
#include "store/statements.h"

extern module AP_MODULE_DECLARE_DATA tmf_customer_module;
APLOG_USE_MODULE(tmf_customer);

/* The statements of the three kinds begin with the same parameters and columns, whose names are
 * those of updates here. Behind them an update has revisions and documents, a delete revisions, a
 * create documents. */
static const tmf_statement_t *const statements[TMF_WRITE_KINDS] = {
    [TMF_WRITE_CREATE] = &TMF_SQL_CREATE_CUSTOMERS,
    [TMF_WRITE_UPDATE] = &TMF_SQL_UPDATE_CUSTOMERS,
    [TMF_WRITE_DELETE] = &TMF_SQL_DELETE_CUSTOMERS,
};
_Static_assert((int)TMF_CREATE_CUSTOMERS_KEPT_FOR == (int)TMF_UPDATE_CUSTOMERS_KEPT_FOR &&
                   (int)TMF_DELETE_CUSTOMERS_REVISIONS == (int)TMF_UPDATE_CUSTOMERS_REVISIONS &&
                   (int)TMF_CREATE_CUSTOMERS_COLUMN_DOC == (int)TMF_UPDATE_CUSTOMERS_COLUMN_DOC &&
                   (int)TMF_DELETE_CUSTOMERS_COLUMN_DELIVERIES ==
                       (int)TMF_UPDATE_CUSTOMERS_COLUMN_DELIVERIES,
               "the statements that write begin with the same parameters and columns");

struct tmf_customer_writes_t {
    tmf_db_pool_t *database;
    tmf_combiner_t *combiners[TMF_WRITE_KINDS];
};

/* What became of a batch. */
typedef struct {
    const tmf_db_rows_t *rows;          /* NULL: it was refused, each is to be written alone */
    int row_of[TMF_COMBINER_BATCH_MAX]; /* of the place in the batch; -1 = left out */
} written_t;

/* ---- the statement ---- */

static const char *documents_text(const tmf_write_t *const *writes, int count, apr_pool_t *pool)
{
    tmf_text_t documents;
    int i;

    tmf_text_init(&documents, strlen(writes[0]->doc) + 64, pool);
    for (i = 0; i < count; i++) {
        tmf_text_append(&documents, i == 0 ? "[" : ",", 1);
        tmf_text_append_string(&documents, writes[i]->doc);
    }
    tmf_text_append(&documents, "]", 1);
    return tmf_text_string(&documents);
}

/* An element of each array; that of the revisions comes last. */
static void add_elements(tmf_text_t *arrays, const tmf_write_t *write, apr_pool_t *pool)
{
    const tmf_customer_event_t *event = write->event;

    tmf_array_add(&arrays[TMF_UPDATE_CUSTOMERS_IDS], write->id);
    tmf_array_add(&arrays[TMF_UPDATE_CUSTOMERS_TYPES], tmf_array_of_events(event->types, pool));
    tmf_array_add(&arrays[TMF_UPDATE_CUSTOMERS_CHANGED], event->changed);
    tmf_array_add(&arrays[TMF_UPDATE_CUSTOMERS_CORRELATION_IDS], event->correlation_id);
    tmf_array_add(&arrays[TMF_UPDATE_CUSTOMERS_HREFS], event->href);
    tmf_array_add(&arrays[TMF_UPDATE_CUSTOMERS_TRACEPARENTS], event->trace.parent);
    tmf_array_add(&arrays[TMF_UPDATE_CUSTOMERS_TRACESTATES], event->trace.state);
    tmf_array_add(&arrays[TMF_UPDATE_CUSTOMERS_OPERATIONS], event->record.operation);
    tmf_array_add(&arrays[TMF_UPDATE_CUSTOMERS_USERS], event->record.user);
    tmf_array_add_number(&arrays[TMF_UPDATE_CUSTOMERS_REVISIONS], write->revision);
}

static void set_parameters(const char **parameters, const tmf_write_t *const *writes, int count,
                           apr_pool_t *pool)
{
    tmf_text_t arrays[TMF_UPDATE_CUSTOMERS_REVISIONS + 1];
    tmf_write_kind_t kind = writes[0]->kind;
    int i;

    for (i = 0; i <= TMF_UPDATE_CUSTOMERS_REVISIONS; i++) {
        tmf_array_init(&arrays[i], pool);
    }
    for (i = 0; i < count; i++) {
        add_elements(arrays, writes[i], pool);
    }
    for (i = 0; i <= TMF_UPDATE_CUSTOMERS_REVISIONS; i++) {
        parameters[i] = tmf_array_text(&arrays[i]);
    }
    parameters[TMF_UPDATE_CUSTOMERS_KEPT_FOR] = tmf_kept_for_text(writes[0]->event->record.kept_for,
                                                                  pool);
    if (kind != TMF_WRITE_DELETE) {
        parameters[kind == TMF_WRITE_CREATE ? (int)TMF_CREATE_CUSTOMERS_DOCS
                                            : (int)TMF_UPDATE_CUSTOMERS_DOCS] =
            documents_text(writes, count, pool);
    }
}

/* Runs the statement of these writes, which are of one kind. */
static tmf_error_t *run(tmf_db_t *db, const tmf_write_t *const *writes, int count,
                        const tmf_db_rows_t **rows, apr_pool_t *pool)
{
    const char *parameters[TMF_UPDATE_CUSTOMERS_PARAMETERS];
    int i;

    for (i = 0; i < count; i++) {
        tmf_db_begin_write(db, writes[i]->id);
    }
    set_parameters(parameters, writes, count, pool);
    TMF_TRY(tmf_db_run(db, statements[writes[0]->kind], parameters, rows, pool));
    for (i = 0; i < tmf_db_row_count(*rows); i++) {
        int place = (int)tmf_db_number(*rows, i, TMF_UPDATE_CUSTOMERS_COLUMN_PLACE);

        tmf_customer_writes_count(db, writes[place - 1]->event);
    }
    if (tmf_db_row_count(*rows) > 0) {
        tmf_customer_writes_wake(db,
                                 tmf_db_number(*rows, 0, TMF_UPDATE_CUSTOMERS_COLUMN_DELIVERIES));
    }
    return NULL;
}

/* What a row says of a write; its document is the row's. */
static tmf_customer_t *customer_of(const tmf_db_rows_t *rows, int row, const tmf_write_t *write,
                                   apr_pool_t *pool)
{
    tmf_customer_t *customer = apr_pcalloc(pool, sizeof(*customer));

    customer->id = write->id;
    if (write->kind != TMF_WRITE_DELETE) {
        customer->revision = tmf_db_number(rows, row, TMF_UPDATE_CUSTOMERS_COLUMN_REVISION);
        customer->doc = tmf_db_text(rows, row, TMF_UPDATE_CUSTOMERS_COLUMN_DOC,
                                    &customer->doc_length);
    }
    return customer;
}

tmf_error_t *tmf_customer_writes_run(tmf_db_t *db, const tmf_write_t *write,
                                     const tmf_customer_t **customer, apr_pool_t *result_pool)
{
    const tmf_db_rows_t *rows;

    TMF_TRY(run(db, &write, 1, &rows, result_pool));
    *customer = tmf_db_row_count(rows) > 0 ? customer_of(rows, 0, write, result_pool) : NULL;
    return NULL;
}

/* ---- batches ---- */

static tmf_error_t *write_one(void *context, const void *write, const void **customer,
                              apr_pool_t *result_pool)
{
    const tmf_customer_t *written = NULL;
    tmf_db_pool_t *database = context;
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, database, result_pool));
    tmf_metrics_batch(tmf_db_metrics(database), TMF_BATCH_WRITE, 1);
    error = tmf_customer_writes_run(db, write, &written, result_pool);
    tmf_db_give_back(db);
    *customer = written;
    return error;
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
        written->row_of[tmf_db_number(rows, i, TMF_UPDATE_CUSTOMERS_COLUMN_PLACE) - 1] = i;
    }
    return written;
}

static tmf_error_t *write_all(void *context, const void *const *writes, int count,
                              const void **answers, apr_pool_t *batch_pool)
{
    tmf_db_pool_t *database = context;
    const tmf_db_rows_t *rows = NULL;
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, database, batch_pool));
    tmf_metrics_batch(tmf_db_metrics(database), TMF_BATCH_WRITE, count);
    error = run(db, (const tmf_write_t *const *)writes, count, &rows, batch_pool);
    tmf_db_give_back(db);
    if (error != NULL && tmf_error_concerns_database(error)) {
        return error;
    }
    if (error != NULL) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, tmf_db_server(database),
                     "TMF0028: %d writes that came together are written one by one: %s", count,
                     error->cause != NULL ? error->cause : error->message);
    }
    *answers = find_places(rows, batch_pool);
    return NULL;
}

static int take(const void *answers, int place, const void *write, const void **answer,
                apr_pool_t *result_pool)
{
    const written_t *written = answers;
    int row = written->row_of[place];
    tmf_customer_t *customer;

    *answer = NULL;
    if (written->rows == NULL || row < 0) {
        return written->rows != NULL;
    }
    customer = customer_of(written->rows, row, write, result_pool);
    customer->doc = apr_pstrmemdup(result_pool, customer->doc, customer->doc_length);
    *answer = customer;
    return 1;
}

apr_status_t tmf_customer_writes_make(tmf_customer_writes_t **writes, tmf_db_pool_t *database,
                                      apr_pool_t *child_pool)
{
    const tmf_combiner_work_t work = {database, write_one, write_all, take};
    tmf_customer_writes_t *made = apr_palloc(child_pool, sizeof(*made));
    apr_status_t status = APR_SUCCESS;
    int kind;

    made->database = database;
    *writes = made;
    for (kind = 0; kind < TMF_WRITE_KINDS && status == APR_SUCCESS; kind++) {
        status = tmf_combiner_make(&made->combiners[kind], &work, child_pool);
    }
    return status;
}

static int goes_alone(const tmf_write_t *write)
{
    return write->id_is_chosen || (write->doc != NULL && strlen(write->doc) > TMF_SHARED_DOC_MOST);
}

tmf_error_t *tmf_customer_writes_share(tmf_customer_writes_t *writes, const tmf_write_t *write,
                                       const tmf_customer_t **customer, apr_pool_t *result_pool)
{
    const void *written = NULL;

    TMF_TRY(goes_alone(write)
                ? write_one(writes->database, write, &written, result_pool)
                : tmf_combiner_ask(writes->combiners[write->kind], write, &written, result_pool));
    *customer = written;
    return NULL;
}

/* ---- what every statement that writes customers has in common ---- */

void tmf_customer_writes_wake(tmf_db_t *db, apr_int64_t deliveries)
{
    if (deliveries > 0) {
        tmf_db_wake_notifier(db);
    }
}

void tmf_customer_writes_count(tmf_db_t *db, const tmf_customer_event_t *event)
{
    int type;

    for (type = 0; type < TMF_EVENT_TYPES; type++) {
        if ((event->types & (1u << type)) != 0) {
            tmf_db_count_change(db, (tmf_event_type_t)type);
        }
    }
}
