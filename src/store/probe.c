/* SPDX-License-Identifier: Apache-2.0 */
#include "store/probe.h"

#include <pthread.h>

#include <httpd.h>
#include <ap_mpm.h>
#include <http_log.h>
#include <apr_atomic.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "model/clock.h"
#include "store/own_pool.h"
#include "store/schema.h"
#include "store/semaphore.h"
#include "store/statements.h"
#include "store/thread.h"

extern module AP_MODULE_DECLARE_DATA tmf_customer_module;
APLOG_USE_MODULE(tmf_customer);

#define REASON_BYTES 256

/* The lock guards everything below it. */
struct tmf_probe_t {
    tmf_db_pool_t *database;
    const char *owner;
    int threaded;        /* the MPM has threads, and keeps signals away from them */
    apr_uint32_t ending; /* atomic, so that it cuts a statement short */
    apr_pool_t *pool;    /* of the thread, once there is one */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    apr_thread_t *thread; /* NULL = not yet */
    apr_uint64_t asked;   /* how often; more than answered: one is under way */
    apr_uint64_t answered;
    apr_time_t asked_at;
    tmf_probe_answer_t answer; /* the last one; its texts are these: */
    char database_reason[REASON_BYTES];
    char schema_reason[REASON_BYTES];
};

/* ---- the thread ---- */

/* A connection that says nothing for so long is cut: others may be well. */
#define STATEMENT_MOST (1 * APR_USEC_PER_SEC)

static void log_cause(const tmf_probe_t *probe, const tmf_error_t *error)
{
    if (error->cause != NULL && apr_atomic_read32((apr_uint32_t *)&probe->ending) == 0) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, tmf_db_server(probe->database), "%s: probe: %s",
                     error->tag, error->cause);
    }
}

static tmf_error_t *ask(tmf_probe_t *probe, tmf_probe_answer_t *answer, apr_pool_t *pool)
{
    const tmf_db_rows_t *rows;
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, probe->database, pool));
    tmf_db_set_deadline(db, &probe->ending, STATEMENT_MOST);
    error = tmf_db_run(db, &TMF_SQL_PROBE_DATABASE, &probe->owner, &rows, pool);
    tmf_db_give_back(db);
    TMF_TRY(error);
    answer->version = (int)tmf_db_number(rows, 0, TMF_PROBE_DATABASE_COLUMN_VERSION);
    answer->schema = tmf_schema_fault(
        answer->version, (int)tmf_db_number(rows, 0, TMF_PROBE_DATABASE_COLUMN_SERVES_FROM), pool);
    answer->others_notify = tmf_db_is_true(rows, 0, TMF_PROBE_DATABASE_COLUMN_OTHERS_NOTIFY);
    return NULL;
}

/* What the schema lacks, the borrowing of a connection has found, or a look at its version. */
static void look(tmf_probe_t *probe, tmf_probe_answer_t *answer, apr_pool_t *pool)
{
    apr_time_t began = tmf_clock_now();
    const tmf_error_t *error = ask(probe, answer, pool);
    int serves_from;

    answer->duration = tmf_clock_now() - began;
    if (error == NULL) {
        return;
    }
    log_cause(probe, error);
    if (!tmf_db_is_unfit(error)) {
        answer->database = error->message;
        return;
    }
    tmf_db_schema(probe->database, &answer->version, &serves_from);
    answer->schema = answer->version != 0 ? tmf_schema_fault(answer->version, serves_from, pool)
                                          : NULL;
    if (answer->schema == NULL) {
        answer->schema = error->message;
    }
}

static const char *keep(char reason[REASON_BYTES], const char *text)
{
    return text != NULL ? apr_cpystrn(reason, text, REASON_BYTES), reason : NULL;
}

static void take_answer(tmf_probe_t *probe, const tmf_probe_answer_t *answer)
{
    pthread_mutex_lock(&probe->lock);
    probe->answer = *answer;
    probe->answer.database = keep(probe->database_reason, answer->database);
    probe->answer.schema = keep(probe->schema_reason, answer->schema);
    probe->answered = probe->asked;
    pthread_cond_broadcast(&probe->changed);
    pthread_mutex_unlock(&probe->lock);
}

/* 0 = nobody will ask any more. */
static int await_question(tmf_probe_t *probe)
{
    int is_ending;

    pthread_mutex_lock(&probe->lock);
    while (probe->asked == probe->answered && apr_atomic_read32(&probe->ending) == 0) {
        pthread_cond_wait(&probe->changed, &probe->lock);
    }
    is_ending = apr_atomic_read32(&probe->ending) != 0;
    pthread_mutex_unlock(&probe->lock);
    return !is_ending;
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    tmf_probe_t *probe = data;
    apr_pool_t *scratch;

    (void)thread;
    apr_pool_create(&scratch, probe->pool);
    while (await_question(probe)) {
        tmf_probe_answer_t answer = {NULL, NULL, 0, 0, 0};

        look(probe, &answer, scratch);
        take_answer(probe, &answer);
        apr_pool_clear(scratch);
    }
    return NULL;
}

/* ---- those who ask ---- */

/* Waits until the question that is under way has been answered: 1; 0 when that takes too long. */
static int await_answer(tmf_probe_t *probe)
{
    apr_uint64_t question = probe->asked;
    int in_time = 1;

    while (probe->answered < question && in_time) {
        in_time = tmf_condition_wait(&probe->changed, &probe->lock,
                                     probe->asked_at + TMF_PROBE_TIME);
    }
    return probe->answered >= question;
}

static void ask_and_wait(tmf_probe_t *probe, tmf_probe_answer_t *answer, apr_pool_t *result_pool)
{
    if (probe->thread == NULL &&
        tmf_thread_start(&probe->thread, run, probe, probe->pool) != APR_SUCCESS) {
        answer->database = "This process cannot start a thread to ask the database";
        return;
    }
    if (probe->asked == probe->answered) {
        probe->asked++;
        probe->asked_at = tmf_clock_now();
        pthread_cond_broadcast(&probe->changed);
    }
    if (await_answer(probe)) {
        *answer = probe->answer;
        answer->database = apr_pstrdup(result_pool, answer->database);
        answer->schema = apr_pstrdup(result_pool, answer->schema);
        return;
    }
    answer->duration = tmf_clock_now() - probe->asked_at;
    answer->database = "The database has not answered in time";
}

/* The handler of a signal waits for the probe's thread: not while the lock is held. */
void tmf_probe_ask(tmf_probe_t *probe, tmf_probe_answer_t *answer, apr_pool_t *result_pool)
{
    sigset_t before;

    *answer = (tmf_probe_answer_t){NULL, NULL, 0, 0, 0};
    tmf_thread_hold_signals(probe->threaded, &before);
    pthread_mutex_lock(&probe->lock);
    ask_and_wait(probe, answer, result_pool);
    pthread_mutex_unlock(&probe->lock);
    tmf_thread_release_signals(probe->threaded, &before);
}

/* ---- start and end, on the child's main thread ---- */

/* Waits for the thread: connect_timeout at the most, when it is just being connected. */
static apr_status_t end(void *data)
{
    tmf_probe_t *probe = data;
    apr_status_t status;
    apr_thread_t *thread;

    apr_atomic_set32(&probe->ending, 1);
    pthread_mutex_lock(&probe->lock);
    thread = probe->thread;
    pthread_cond_broadcast(&probe->changed);
    pthread_mutex_unlock(&probe->lock);
    if (thread != NULL) {
        apr_thread_join(&status, thread);
    }
    return APR_SUCCESS;
}

apr_status_t tmf_probe_make(tmf_probe_t **probe, tmf_db_pool_t *database, const char *owner,
                            apr_pool_t *child_pool)
{
    tmf_probe_t *made = apr_pcalloc(child_pool, sizeof(*made));
    apr_status_t status = tmf_own_pool_make(&made->pool, child_pool, "tmf_probe");

    made->database = database;
    made->owner = owner != NULL ? owner : "";
    ap_mpm_query(AP_MPMQ_IS_THREADED, &made->threaded);
    if (status == APR_SUCCESS) {
        status = pthread_mutex_init(&made->lock, NULL);
    }
    if (status == APR_SUCCESS) {
        status = tmf_condition_init(&made->changed);
    }
    if (status == APR_SUCCESS) {
        apr_pool_pre_cleanup_register(child_pool, made, end);
    }
    *probe = made;
    return status;
}
