/* SPDX-License-Identifier: Apache-2.0 */
#include "store/semaphore.h"

#include <errno.h>
#include <time.h>

#include <apr_errno.h>

apr_status_t tmf_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    int status = pthread_condattr_init(&attributes);

    if (status == 0) {
        status = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    }
    if (status == 0) {
        status = pthread_cond_init(condition, &attributes);
    }
    return status;
}

int tmf_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, apr_time_t deadline)
{
    const struct timespec end = {(time_t)apr_time_sec(deadline),
                                 (long)apr_time_usec(deadline) * 1000};

    return pthread_cond_timedwait(condition, lock, &end) != ETIMEDOUT;
}

apr_status_t tmf_semaphore_init(tmf_semaphore_t *semaphore, int count)
{
    int status = pthread_mutex_init(&semaphore->lock, NULL);

    semaphore->count = count;
    return status == 0 ? tmf_condition_init(&semaphore->given) : status;
}

void tmf_semaphore_destroy(tmf_semaphore_t *semaphore)
{
    pthread_cond_destroy(&semaphore->given);
    pthread_mutex_destroy(&semaphore->lock);
}

int tmf_semaphore_take(tmf_semaphore_t *semaphore, apr_time_t deadline)
{
    int in_time = 1;
    int taken;

    pthread_mutex_lock(&semaphore->lock);
    while (semaphore->count == 0 && in_time) {
        if (deadline == TMF_SEMAPHORE_NO_DEADLINE) {
            pthread_cond_wait(&semaphore->given, &semaphore->lock);
        } else {
            in_time = tmf_condition_wait(&semaphore->given, &semaphore->lock, deadline);
        }
    }
    taken = semaphore->count > 0;
    semaphore->count -= taken;
    pthread_mutex_unlock(&semaphore->lock);
    return taken;
}

void tmf_semaphore_give(tmf_semaphore_t *semaphore)
{
    pthread_mutex_lock(&semaphore->lock);
    semaphore->count++;
    pthread_cond_signal(&semaphore->given);
    pthread_mutex_unlock(&semaphore->lock);
}
