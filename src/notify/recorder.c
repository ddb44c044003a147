/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/recorder.h"

#include <httpd.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include "store/own_pool.h"

typedef enum { RECORDER_FREE, RECORDER_GIVEN, RECORDER_DONE } recorder_state_t;

struct tmf_recorder_t {
    apr_thread_t *thread;
    tmf_sender_t *sender;
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *changed; /* RECORDER_GIVEN or ending */
    recorder_state_t state;     /* guarded by the lock */
    int ending;                 /* guarded by the lock */
    tmf_record_t *record;       /* whose it is, the state tells */
};

static recorder_state_t state_of(tmf_recorder_t *recorder)
{
    recorder_state_t state;

    apr_thread_mutex_lock(recorder->lock);
    state = recorder->state;
    apr_thread_mutex_unlock(recorder->lock);
    return state;
}

static void set_state(tmf_recorder_t *recorder, recorder_state_t state)
{
    apr_thread_mutex_lock(recorder->lock);
    recorder->state = state;
    apr_thread_cond_signal(recorder->changed);
    apr_thread_mutex_unlock(recorder->lock);
}

/* 0 = there will be none any more. */
static int await_record(tmf_recorder_t *recorder)
{
    int is_given;

    apr_thread_mutex_lock(recorder->lock);
    while (recorder->state != RECORDER_GIVEN && !recorder->ending) {
        apr_thread_cond_wait(recorder->changed, recorder->lock);
    }
    is_given = recorder->state == RECORDER_GIVEN;
    apr_thread_mutex_unlock(recorder->lock);
    return is_given;
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    tmf_recorder_t *recorder = data;

    (void)thread;
    while (await_record(recorder)) {
        tmf_record_carry_out(recorder->record);
        set_state(recorder, RECORDER_DONE);
        tmf_sender_interrupt(recorder->sender);
    }
    return NULL;
}

int tmf_recorder_is_free(tmf_recorder_t *recorder)
{
    return state_of(recorder) == RECORDER_FREE;
}

void tmf_recorder_give(tmf_recorder_t *recorder, tmf_record_t *record)
{
    recorder->record = record;
    set_state(recorder, RECORDER_GIVEN);
}

tmf_record_t *tmf_recorder_take(tmf_recorder_t *recorder)
{
    if (state_of(recorder) != RECORDER_DONE) {
        return NULL;
    }
    set_state(recorder, RECORDER_FREE);
    return recorder->record;
}

void tmf_recorder_end(tmf_recorder_t *recorder)
{
    apr_status_t status;

    apr_thread_mutex_lock(recorder->lock);
    recorder->ending = 1;
    apr_thread_cond_signal(recorder->changed);
    apr_thread_mutex_unlock(recorder->lock);
    apr_thread_join(&status, recorder->thread);
}

apr_status_t tmf_recorder_start(tmf_recorder_t **recorder, tmf_sender_t *sender, apr_pool_t *pool)
{
    tmf_recorder_t *made;
    apr_pool_t *own_pool;
    apr_status_t status = tmf_own_pool_make(&own_pool, pool, "tmf_recorder");

    if (status != APR_SUCCESS) {
        return status;
    }
    made = apr_pcalloc(own_pool, sizeof(*made));
    made->sender = sender;
    status = apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, own_pool);
    if (status == APR_SUCCESS) {
        status = apr_thread_cond_create(&made->changed, own_pool);
    }
    if (status == APR_SUCCESS) {
        status = ap_thread_create(&made->thread, NULL, run, made, own_pool);
    }
    if (status == APR_SUCCESS) {
        *recorder = made;
    }
    return status;
}
