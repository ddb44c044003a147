/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions and a counting semaphore for the threads of one process, with deadlines on the clock
 * of model/clock.h: those of sem_timedwait and of APR's own follow when somebody sets the time of
 * day. Internal to store/.
 */
#ifndef TMF_STORE_SEMAPHORE_H
#define TMF_STORE_SEMAPHORE_H

#include <pthread.h>

#include <apr_time.h>

#define TMF_SEMAPHORE_NO_DEADLINE ((apr_time_t)-1)

/* Makes a condition. */
apr_status_t tmf_condition_init(pthread_cond_t *condition);

/* As pthread_cond_wait, until `deadline`, a moment of tmf_clock_now: then 0, else 1. */
int tmf_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, apr_time_t deadline);

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t given;
    int count;
} tmf_semaphore_t;

/* Makes one that can be taken `count` times. */
apr_status_t tmf_semaphore_init(tmf_semaphore_t *semaphore, int count);

/* Nobody waits for it any more. */
void tmf_semaphore_destroy(tmf_semaphore_t *semaphore);

/* Takes it once, and waits for that until `deadline`, a moment of tmf_clock_now: 1, or 0 when that
 * moment came. */
int tmf_semaphore_take(tmf_semaphore_t *semaphore, apr_time_t deadline);

/* Gives it back, or away: somebody who waits goes on. Who took it may destroy it at once. */
void tmf_semaphore_give(tmf_semaphore_t *semaphore);

#endif
