/* SPDX-License-Identifier: Apache-2.0 */
/* The thread and its loop; see dispatcher.h for the design. */
#include "notify/notify.h"

#include <string.h>

#include <httpd.h>
#include <http_log.h>
#include <apr_atomic.h>
#include <apr_thread_proc.h>

#include "model/clock.h"
#include "notify/dispatcher.h"
#include "notify/recorder.h"
#include "notify/report.h"
#include "store/own_pool.h"
#include "store/thread.h"

extern module AP_MODULE_DECLARE_DATA tmf_customer_module;
APLOG_USE_MODULE(tmf_customer);

#define STANDBY_TIME (1 * APR_USEC_PER_SEC) /* between two tries to lead */
#define RETRY_TIME   (1 * APR_USEC_PER_SEC) /* after the database has failed */
#define EXCHANGE_GAP                                                                               \
    1000 /* microseconds between two exchanges: what comes meanwhile goes together */
#define RECORD_GAP 50000 /* …between two times of recording: what comes meanwhile, too */
#define READ_GAP                                                                                   \
    50000 /* …between two exchanges while something is to be sent to one that may be gone */
#define RECORD_COUNT     64  /* it is time to record when so many of one listener wait for that */
#define RECORD_COUNT_ALL 512 /* …or of all */
#define STOP_TIME        (300 * 1000) /* what is on its way may take so long at the end */
#define GRACEFUL_TIME    (2 * APR_USEC_PER_SEC)
#define NEVER            APR_INT64_MAX

enum { RUN, STOP, STOP_GRACEFULLY };

struct tmf_notifier_t {
    const tmf_notify_settings_t *settings;
    tmf_sender_settings_t sender_settings;
    tmf_sender_t *sender;
    apr_thread_t *thread;
    apr_uint32_t stop; /* atomic: RUN, STOP, STOP_GRACEFULLY */
    apr_pool_t *pool;  /* the thread's: its allocator is nobody else's */
};

static int is_stopping(tmf_notifier_t *notifier)
{
    return apr_atomic_read32(&notifier->stop) != RUN;
}

static apr_time_t earlier(apr_time_t a, apr_time_t b)
{
    return a < b ? a : b;
}

static apr_time_t later(apr_time_t a, apr_time_t b)
{
    return a > b ? a : b;
}

/* ---- when to exchange ---- */

/* One of the recorders, and the record that is its own unless it is free. */
typedef struct {
    tmf_recorder_t *recorder;
    tmf_record_t *record;
    apr_time_t retry_at; /* it has failed: not before */
} recording_t;

/* The loop's own state, beside the dispatcher's. */
typedef struct {
    tmf_notifier_t *notifier;
    tmf_dispatcher_t dispatcher;
    apr_time_t exchanged_at;
    apr_time_t retry_at; /* the database has failed: not before */
    recording_t recordings[TMF_RECORD_KINDS];
    apr_uint32_t abandon; /* atomic: not 0 = the recorders are not to wait for the database */
    apr_time_t recorded_at;
    apr_pool_t *scratch; /* cleared with each exchange */
} loop_t;

/* When the next exchange is to be, with what is known now. */
static apr_time_t exchange_at(const loop_t *loop)
{
    const tmf_dispatcher_t *dispatcher = &loop->dispatcher;
    int is_urgent = dispatcher->woken || dispatcher->unchecked;
    apr_time_t at = dispatcher->look_at;
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        const tmf_listener_t *listener = tmf_listener_at(dispatcher, i);

        if (tmf_listener_waiting(listener) > 0 || listener->leaving) {
            at = earlier(at, loop->exchanged_at + READ_GAP);
        }
        is_urgent |= tmf_exchange_wants_more(dispatcher, listener) ||
                     tmf_exchange_has_news(listener);
    }
    if (is_urgent) {
        at = earlier(at, loop->exchanged_at + EXCHANGE_GAP);
    }
    if (dispatcher->costly_left) {
        at = earlier(at, later(dispatcher->costly_at, loop->exchanged_at + EXCHANGE_GAP));
    }
    return later(at, loop->retry_at);
}

/* When to record what has become of deliveries: soon when it is so much, or so large, that there
 * may be no room for more. */
static apr_time_t settled_at(const loop_t *loop)
{
    int settled = 0;
    int most = 0;
    int i;

    for (i = 0; i < loop->dispatcher.listeners->nelts; i++) {
        int of_this = tmf_listener_at(&loop->dispatcher, i)->settled;

        settled += of_this;
        most = of_this > most ? of_this : most;
    }
    if (settled == 0) {
        return NEVER;
    }
    if (most >= RECORD_COUNT || settled >= RECORD_COUNT_ALL ||
        tmf_event_cache_size(loop->dispatcher.events) >= TMF_DOCUMENTS_MAX) {
        return loop->recorded_at + EXCHANGE_GAP;
    }
    return loop->recorded_at + RECORD_GAP;
}

/* When to read for a listener that is refusing, to sweep, or to look for backlogs. */
static apr_time_t slow_at(const loop_t *loop)
{
    const tmf_dispatcher_t *dispatcher = &loop->dispatcher;
    apr_time_t at = earlier(dispatcher->sweep_at, dispatcher->backlogs_at);
    int i;

    for (i = 0; i < dispatcher->listeners->nelts; i++) {
        const tmf_listener_t *listener = tmf_listener_at(dispatcher, i);

        if (tmf_record_wants_more(dispatcher, listener)) {
            at = earlier(at, listener->read_at);
        }
    }
    return at;
}

/* When the recorder of that kind is to be given something. */
static apr_time_t record_at(const loop_t *loop, tmf_record_kind_t kind)
{
    const recording_t *recording = &loop->recordings[kind];

    if (!tmf_recorder_is_free(recording->recorder)) {
        return NEVER;
    }
    return later(kind == TMF_RECORD_SETTLED ? settled_at(loop) : slow_at(loop),
                 recording->retry_at);
}

static void report(const loop_t *loop, const tmf_error_t *error)
{
    if (error->cause != NULL) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, loop->notifier->settings->server, "%s: notifier: %s",
                     error->tag, error->cause);
    }
}

/* ---- start ---- */

static void send_delivery(loop_t *loop, tmf_in_hand_t *delivery)
{
    tmf_listener_t *listener = delivery->listener;
    tmf_message_t message = {delivery,
                             listener->callback,
                             listener->host,
                             delivery->event->event_id,
                             apr_time_sec(apr_time_now()),
                             NULL,
                             delivery->event->trace,
                             NULL,
                             0};
    tmf_text_t body = {(char *)delivery->event->document, delivery->event->length, 0, NULL};

    if (listener->subscription.fields != NULL) {
        tmf_text_init(&body, 512, delivery->pool);
        tmf_subscription_project(&body, &listener->subscription, delivery->event->document,
                                 delivery->event->length);
    }
    message.body = body.data;
    message.length = body.length;
    message.signature = tmf_signature_make(loop->notifier->settings->config->secrets,
                                           listener->host, message.event_id, message.timestamp,
                                           message.body, message.length, delivery->pool);
    if (tmf_sender_start(loop->notifier->sender, &message)) {
        tmf_listener_sent(delivery);
        loop->dispatcher.sent++;
    } else {
        tmf_metrics_delivery(loop->notifier->settings->metrics, TMF_OUTCOME_FAILED);
        tmf_listener_fail(listener, "the request could not be made", 0);
    }
}

/* Starts what may be sent, one of each listener in turn, so that none takes all the places. Returns
 * when time alone will let more be sent. */
static apr_time_t start(loop_t *loop)
{
    tmf_dispatcher_t *dispatcher = &loop->dispatcher;
    int count = dispatcher->listeners->nelts;
    apr_time_t now = tmf_clock_now();
    apr_time_t wake_at = now + APR_USEC_PER_SEC;
    int started;
    int i;

    do {
        started = 0;
        for (i = 0;
             i < count && dispatcher->sent < loop->notifier->settings->config->concurrency_all;
             i++) {
            tmf_listener_t *listener = tmf_listener_at(&loop->dispatcher,
                                                       (dispatcher->first + i) % count);
            tmf_in_hand_t *delivery = tmf_listener_next(listener, now, &wake_at);

            if (delivery != NULL) {
                send_delivery(loop, delivery);
                started++;
            }
        }
    } while (started > 0);
    dispatcher->first = count > 0 ? (dispatcher->first + 1) % count : 0;
    return wake_at;
}

/* ---- exchange ---- */

static int is_away(const tmf_error_t *error)
{
    return error != NULL && tmf_error_is(error, TMF_ERROR_DATABASE_UNAVAILABLE);
}

/* What was read is on its way before anything else is asked: the database's answer takes its time.
 */
static tmf_error_t *exchange_and_start(loop_t *loop)
{
    tmf_error_t *error = tmf_exchange_read(&loop->dispatcher, loop->scratch);
    tmf_error_t *leases_error = NULL;

    loop->exchanged_at = tmf_clock_now();
    if (error == NULL) {
        start(loop);
        tmf_sender_wait(loop->notifier->sender, 0, -1);
    }
    if (!is_away(error)) {
        leases_error = tmf_exchange_leases(&loop->dispatcher, loop->scratch);
    }
    return error != NULL ? error : leases_error;
}

static void exchange(loop_t *loop)
{
    apr_time_t now = tmf_clock_now();
    const tmf_error_t *error;

    if (now >= loop->dispatcher.look_at) {
        loop->dispatcher.woken = 1;
        loop->dispatcher.look_at = now + loop->notifier->settings->config->poll;
    }
    error = exchange_and_start(loop);
    if (error != NULL && !is_stopping(loop->notifier)) { /* a stop cuts statements short */
        report(loop, error);
        loop->retry_at = tmf_clock_now() + RETRY_TIME;
        loop->dispatcher.woken = 1; /* what was not read, or not checked, is looked at again */
    } else {
        loop->retry_at = 0;
    }
    apr_pool_clear(loop->scratch);
}

/* ---- record ---- */

static void give_record(loop_t *loop, tmf_record_kind_t kind)
{
    const recording_t *recording = &loop->recordings[kind];

    if (tmf_clock_now() < record_at(loop, kind)) {
        return;
    }
    if (kind == TMF_RECORD_SETTLED) {
        loop->recorded_at = tmf_clock_now();
    }
    if (tmf_record_fill(recording->record, &loop->dispatcher)) {
        tmf_recorder_give(recording->recorder, recording->record);
    }
}

static void take_record(loop_t *loop, tmf_record_kind_t kind)
{
    recording_t *recording = &loop->recordings[kind];
    const tmf_record_t *record = tmf_recorder_take(recording->recorder);

    if (record == NULL) {
        return;
    }
    tmf_record_apply(record, &loop->dispatcher);
    recording->retry_at = 0;
    if (record->error != NULL && !apr_atomic_read32(&loop->abandon)) {
        report(loop, record->error);
        recording->retry_at = tmf_clock_now() + RETRY_TIME;
    }
}

static void take_records(loop_t *loop)
{
    take_record(loop, TMF_RECORD_SETTLED);
    take_record(loop, TMF_RECORD_SLOW);
}

/* ---- wait ---- */

static void count_answered(tmf_metrics_t *metrics, const tmf_in_hand_t *delivery)
{
    switch (delivery->state) {
    case TMF_HAND_DONE:
        tmf_metrics_delivery(metrics, TMF_OUTCOME_DELIVERED);
        if (delivery->event->time > 0) {
            tmf_metrics_delivery_delay(metrics, apr_time_now() - delivery->event->time);
        }
        break;
    case TMF_HAND_REFUSED:
        tmf_metrics_delivery(metrics, TMF_OUTCOME_REFUSED);
        break;
    default:
        tmf_metrics_delivery(metrics, TMF_OUTCOME_FAILED);
    }
}

static void collect(loop_t *loop)
{
    apr_time_t now = tmf_clock_now();
    tmf_answer_t answer;

    while (tmf_sender_next(loop->notifier->sender, &answer)) {
        loop->dispatcher.sent--;
        tmf_listener_answered(answer.context, &answer, now);
        count_answered(loop->notifier->settings->metrics, answer.context);
    }
}

static void wait_until(loop_t *loop, apr_time_t until)
{
    const tmf_wake_t *wake = loop->notifier->settings->wake;

    tmf_sender_wait(loop->notifier->sender, until - tmf_clock_now(), tmf_wake_descriptor(wake));
    loop->dispatcher.woken |= tmf_wake_take(wake);
    collect(loop);
}

/* ---- the life of the one that leads ---- */

static void begin(loop_t *loop, tmf_notifier_t *notifier)
{
    tmf_dispatcher_t *dispatcher = &loop->dispatcher;
    const tmf_notify_settings_t *settings = notifier->settings;

    memset(loop, 0, sizeof(*loop));
    loop->notifier = notifier;
    dispatcher->settings = settings;
    dispatcher->stop = &notifier->stop;
    dispatcher->rules.schedule = settings->config->schedule;
    dispatcher->rules.concurrency = settings->config->concurrency;
    dispatcher->rules.refused_tries = settings->config->refused_tries;
    apr_pool_create(&dispatcher->pool, notifier->pool);
    apr_pool_create(&loop->scratch, dispatcher->pool);
    dispatcher->listeners = apr_array_make(dispatcher->pool, 16, sizeof(tmf_listener_t *));
    dispatcher->events = tmf_event_cache_make(dispatcher->pool);
    dispatcher->notices = tmf_notices_make(dispatcher->pool);
}

/* The leases that a predecessor of this httpd has left behind are ours: it is dead, or we would not
 * lead. */
static int inherit(loop_t *loop)
{
    while (!is_stopping(loop->notifier)) {
        const tmf_error_t *error = tmf_exchange_release(&loop->dispatcher, loop->scratch);

        if (error == NULL) {
            return 1;
        }
        report(loop, error);
        apr_pool_clear(loop->scratch);
        tmf_sender_wait(loop->notifier->sender, RETRY_TIME, -1);
    }
    return 0;
}

/* Records what there is, and gives the leases back. */
static const tmf_error_t *release(loop_t *loop)
{
    tmf_record_t *record = loop->recordings[TMF_RECORD_SETTLED].record;

    record->most = TMF_RELEASE_TIME;
    record->cancel = NULL;
    if (tmf_record_fill(record, &loop->dispatcher)) {
        tmf_record_carry_out(record);
        tmf_record_apply(record, &loop->dispatcher);
    }
    return record->error != NULL ? record->error
                                 : tmf_exchange_release(&loop->dispatcher, loop->scratch);
}

static int are_recorders_free(const loop_t *loop)
{
    return tmf_recorder_is_free(loop->recordings[TMF_RECORD_SETTLED].recorder) &&
           tmf_recorder_is_free(loop->recordings[TMF_RECORD_SLOW].recorder);
}

static void end_recorders(loop_t *loop)
{
    int kind;

    apr_atomic_set32(&loop->abandon, 1);
    for (kind = 0; kind < TMF_RECORD_KINDS; kind++) {
        if (loop->recordings[kind].recorder != NULL) {
            tmf_recorder_end(loop->recordings[kind].recorder);
        }
    }
}

/* A plain stop can overtake a graceful one. */
static apr_interval_time_t time_to_finish(tmf_notifier_t *notifier)
{
    return apr_atomic_read32(&notifier->stop) == STOP_GRACEFULLY ? GRACEFUL_TIME : STOP_TIME;
}

/* What is on its way may be answered, what was answered is recorded, and the leases are given back.
 */
static void finish(loop_t *loop)
{
    apr_time_t began = tmf_clock_now();
    const tmf_error_t *error;

    while ((loop->dispatcher.sent > 0 || !are_recorders_free(loop)) &&
           tmf_clock_now() < began + time_to_finish(loop->notifier)) {
        tmf_sender_wait(loop->notifier->sender, 100 * 1000, -1);
        collect(loop);
        take_records(loop);
    }
    end_recorders(loop);
    take_records(loop);
    if (loop->retry_at > 0) {
        return; /* the database is away: the leases run out by themselves */
    }
    error = release(loop);
    if (error != NULL) {
        report(loop, error);
    }
}

static int start_recorders(loop_t *loop)
{
    const tmf_notifier_t *notifier = loop->notifier;
    apr_status_t status = APR_SUCCESS;
    int kind;

    for (kind = 0; kind < TMF_RECORD_KINDS && status == APR_SUCCESS; kind++) {
        recording_t *recording = &loop->recordings[kind];

        status = tmf_record_make(&recording->record, kind, notifier->settings, &loop->abandon,
                                 loop->dispatcher.pool);
        if (status == APR_SUCCESS) {
            status = tmf_recorder_start(&recording->recorder, notifier->sender,
                                        loop->dispatcher.pool);
        }
    }
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, notifier->settings->server,
                     "TMF0063: notifier: no thread for recording; another try follows");
    }
    return status == APR_SUCCESS;
}

static void go_round(loop_t *loop)
{
    apr_time_t at;

    if (tmf_clock_now() >= exchange_at(loop)) {
        exchange(loop);
    }
    take_records(loop);
    tmf_report_dead_letters(&loop->dispatcher, 0);
    give_record(loop, TMF_RECORD_SETTLED);
    give_record(loop, TMF_RECORD_SLOW);
    at = start(loop);
    at = earlier(at, exchange_at(loop));
    at = earlier(at, record_at(loop, TMF_RECORD_SETTLED));
    wait_until(loop, earlier(at, record_at(loop, TMF_RECORD_SLOW)));
}

/* Leads until httpd stops; returns at once when there can be no recorders. */
static void lead(tmf_notifier_t *notifier)
{
    loop_t loop;

    begin(&loop, notifier);
    if (!inherit(&loop)) {
        return;
    }
    if (!start_recorders(&loop)) {
        end_recorders(&loop);
        apr_pool_destroy(loop.dispatcher.pool);
        return;
    }
    while (!is_stopping(notifier)) {
        go_round(&loop);
    }
    finish(&loop);
    tmf_report_dead_letters(&loop.dispatcher, 1);
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    tmf_notifier_t *notifier = data;

    (void)thread;
    while (!is_stopping(notifier)) {
        if (tmf_leader_try(notifier->settings->leader)) {
            lead(notifier);
            tmf_leader_resign(notifier->settings->leader);
        }
        if (!is_stopping(notifier)) {
            tmf_sender_wait(notifier->sender, STANDBY_TIME, -1);
        }
    }
    return NULL;
}

/* ---- start and end, on the child's main thread ---- */

void tmf_notify_stop(tmf_notifier_t *notifier, int graceful)
{
    if (!is_stopping(notifier) || !graceful) {
        apr_atomic_set32(&notifier->stop, graceful ? STOP_GRACEFULLY : STOP);
        tmf_sender_interrupt(notifier->sender);
    }
}

/* Waits for the thread: STOP_TIME or GRACEFUL_TIME, and about a second when the database does not
 * answer, or connect_timeout when it is just being connected to. */
static apr_status_t join(void *data)
{
    tmf_notifier_t *notifier = data;
    apr_status_t status;

    tmf_notify_stop(notifier, 0);
    apr_thread_join(&status, notifier->thread);
    tmf_sender_close(notifier->sender);
    return APR_SUCCESS;
}

apr_status_t tmf_notify_start(tmf_notifier_t **notifier, const tmf_notify_settings_t *settings,
                              apr_pool_t *child_pool)
{
    tmf_notifier_t *made = apr_pcalloc(child_pool, sizeof(*made));
    apr_status_t status = tmf_own_pool_make(&made->pool, child_pool, "tmf_notifier");

    if (status != APR_SUCCESS) {
        return status;
    }
    made->settings = settings;
    made->sender_settings.targets = settings->targets;
    made->sender_settings.connect_timeout = settings->config->connect_timeout;
    made->sender_settings.timeout = settings->config->timeout;
    made->sender_settings.requests_max = settings->config->concurrency_all;
    made->sender_settings.user_agent = "mod_tmf_customer";
    made->sender = tmf_sender_open(&made->sender_settings, child_pool);
    if (made->sender == NULL) {
        return APR_ENOMEM;
    }
    status = tmf_thread_start(&made->thread, run, made, child_pool);
    if (status != APR_SUCCESS) {
        tmf_sender_close(made->sender);
        return status;
    }
    apr_pool_pre_cleanup_register(child_pool, made, join);
    *notifier = made;
    return APR_SUCCESS;
}
