/* SPDX-License-Identifier: Apache-2.0 */
#include "store/outage.h"

#include <stdatomic.h>

#include <apr_thread_mutex.h>

#include "model/clock.h"

#define PAUSE_FIRST (1 * APR_USEC_PER_SEC)
#define PAUSE_MOST  (5 * APR_USEC_PER_SEC)
#define QUIET_TIME  (60 * APR_USEC_PER_SEC)

/* The lock guards everything but `is_on`, which says whether there is anything to be ended. */
struct tmf_outage_t {
    apr_thread_mutex_t *lock;
    atomic_int is_on;
    apr_time_t since;
    int is_logged;
    apr_interval_time_t pause; /* 0 = the last try succeeded */
    apr_time_t try_at;
    apr_time_t away_quiet_until;
    apr_time_t unfit_quiet_until;
    apr_time_t busy_quiet_until;
};

apr_status_t tmf_outage_make(tmf_outage_t **outage, apr_pool_t *child_pool)
{
    *outage = apr_pcalloc(child_pool, sizeof(**outage));
    return apr_thread_mutex_create(&(*outage)->lock, APR_THREAD_MUTEX_DEFAULT, child_pool);
}

int tmf_outage_may_try(tmf_outage_t *outage)
{
    apr_time_t now = tmf_clock_now();
    int may = 1;

    if (!atomic_load(&outage->is_on)) {
        return 1;
    }
    apr_thread_mutex_lock(outage->lock);
    if (outage->pause > 0) {
        may = now >= outage->try_at;
        outage->try_at = may ? now + PAUSE_MOST : outage->try_at;
    }
    apr_thread_mutex_unlock(outage->lock);
    return may;
}

static void begin(tmf_outage_t *outage, apr_time_t now)
{
    if (outage->since == 0) {
        outage->since = now;
        atomic_store(&outage->is_on, 1);
    }
}

void tmf_outage_pause(tmf_outage_t *outage)
{
    apr_time_t now = tmf_clock_now();
    apr_interval_time_t pause;

    apr_thread_mutex_lock(outage->lock);
    begin(outage, now);
    pause = outage->pause > 0 ? 2 * outage->pause : PAUSE_FIRST;
    outage->pause = pause < PAUSE_MOST ? pause : PAUSE_MOST;
    outage->try_at = now + outage->pause;
    apr_thread_mutex_unlock(outage->lock);
}

int tmf_outage_retry_after(tmf_outage_t *outage)
{
    apr_time_t now = tmf_clock_now();
    apr_interval_time_t wait;

    apr_thread_mutex_lock(outage->lock);
    wait = outage->pause > 0 ? outage->try_at - now : 0;
    apr_thread_mutex_unlock(outage->lock);
    return wait <= APR_USEC_PER_SEC ? 1 : (int)apr_time_sec(wait + APR_USEC_PER_SEC - 1);
}

/* Once in QUIET_TIME. */
static int may_log(apr_time_t *quiet_until, apr_time_t now)
{
    int may = now >= *quiet_until;

    if (may) {
        *quiet_until = now + QUIET_TIME;
    }
    return may;
}

/* It cannot be used, for a reason that is logged once in its own quiet time. */
static int begin_and_log(tmf_outage_t *outage, apr_time_t *quiet_until)
{
    apr_time_t now = tmf_clock_now();
    int may;

    begin(outage, now);
    may = may_log(quiet_until, now);
    outage->is_logged |= may;
    return may;
}

int tmf_outage_begin(tmf_outage_t *outage)
{
    int may;

    apr_thread_mutex_lock(outage->lock);
    may = begin_and_log(outage, &outage->away_quiet_until);
    apr_thread_mutex_unlock(outage->lock);
    return may;
}

int tmf_outage_unfit(tmf_outage_t *outage)
{
    int may;

    apr_thread_mutex_lock(outage->lock);
    outage->pause = 0;
    may = begin_and_log(outage, &outage->unfit_quiet_until);
    apr_thread_mutex_unlock(outage->lock);
    return may;
}

apr_interval_time_t tmf_outage_end(tmf_outage_t *outage, int is_new)
{
    apr_interval_time_t duration;

    if (!is_new && !atomic_load(&outage->is_on)) {
        return 0;
    }
    apr_thread_mutex_lock(outage->lock);
    duration = outage->is_logged ? tmf_clock_now() - outage->since : 0;
    outage->since = 0;
    outage->is_logged = 0;
    outage->pause = 0;
    if (is_new) {
        outage->away_quiet_until = 0;
        outage->unfit_quiet_until = 0;
        outage->busy_quiet_until = 0;
    }
    atomic_store(&outage->is_on, 0);
    apr_thread_mutex_unlock(outage->lock);
    return duration;
}

int tmf_outage_is_busy(tmf_outage_t *outage)
{
    apr_time_t now = tmf_clock_now();
    int may;

    apr_thread_mutex_lock(outage->lock);
    may = may_log(&outage->busy_quiet_until, now);
    apr_thread_mutex_unlock(outage->lock);
    return may;
}
