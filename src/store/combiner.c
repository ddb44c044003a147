/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * Who leads. Whoever asks while nobody leads is the leader, and asks its own question alone, at
 * once: nothing is added to an idle server. Whoever asks while somebody leads waits in the queue.
 * When the leader has its answer, the first in the queue becomes the leader. It takes all others as
 * its followers, asks for all, passes the lead on, and wakes its followers, each by its own
 * semaphore. So there are no timers, and batches are as large as the load makes them.
 *
 * When a batch is closed. When its leader takes its followers, before anything is asked. Who comes
 * later is not in it: an answer is never older than its question, so clients read their own writes.
 *
 * How long one waits for others. For the batch on its way when it came, and for its own; a queue
 * longer than a batch is led by several at a time. When the batch on its way takes longer than
 * TMF_COMBINER_WAIT, the first who waited so long takes over: it leads beside the slow one, who
 * passes nothing on any more. From then on the bounds are those of work->answer_all, the same that
 * everybody has who asks alone.
 *
 *   lock          guards the queue, `leader`, and the askers' `next`, `queued` and `leads`; is held
 *                 for a few instructions: nothing blocks under it, and nobody is woken under it
 *   asker_t       lies on the stack of its thread, which does not return before it was woken. Once
 *                 out of the queue it belongs to its leader, until that wakes it
 *   batch_t       is its own pool. Belongs to the leader, then to all who take from it; the last
 *                 one destroys it. Each copies what is its own, at once: a client that reads slowly
 *                 keeps no other's answer in memory
 *
 * Errors. All of a batch get a copy of its error, its leader one that is logged: it is the one that
 * each would have got, from the same connection, pool or database. What is to be asked again,
 * alone, the work does not take.
 *
 * Shutdown. A follower ends when its leader does, and a leader ends by the bounds of its work: when
 * the MPM has waited for its threads, nobody is left. prefork has one thread in each child, so
 * everybody leads and nobody follows.
 */
#include "store/combiner.h"

#include <stdatomic.h>

#include <apr_allocator.h>
#include <apr_thread_mutex.h>

#include "model/clock.h"
#include "store/semaphore.h"

#define MEMORY_KEPT (1024 * 1024) /* bytes of freed memory that the batches' allocator keeps */

typedef struct {
    apr_pool_t *pool;
    atomic_int takers; /* who have not taken yet. Sanitizers see no order in APR's atomics */
    const void *answers;
    const tmf_error_t *error;
} batch_t;

typedef struct asker_t {
    const void *question;
    int place;            /* of the question in its batch */
    tmf_semaphore_t turn; /* given once: it leads, or `batch` has its answer */
    struct asker_t *next; /* in the queue; then among the followers of one leader */
    int queued;
    int leads;      /* its turn is to lead; for its own thread after that has waited */
    batch_t *batch; /* its turn is to take from this; likewise */
} asker_t;

struct tmf_combiner_t {
    tmf_combiner_work_t work;
    apr_pool_t *batches; /* parent of their pools; has an allocator with a lock of its own */
    apr_thread_mutex_t *lock;
    asker_t *first; /* in the queue; NULL = nobody waits */
    asker_t **end;
    const asker_t *leader; /* who passes the lead on; NULL = nobody, and nobody waits */
};

apr_status_t tmf_combiner_make(tmf_combiner_t **combiner, const tmf_combiner_work_t *work,
                               apr_pool_t *child_pool)
{
    tmf_combiner_t *made = apr_pcalloc(child_pool, sizeof(*made));
    apr_thread_mutex_t *allocator_lock;
    apr_allocator_t *allocator;
    apr_status_t status;

    made->work = *work;
    made->end = &made->first;
    status = apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, child_pool);
    if (status == APR_SUCCESS) {
        status = apr_thread_mutex_create(&allocator_lock, APR_THREAD_MUTEX_DEFAULT, child_pool);
    }
    if (status == APR_SUCCESS) {
        status = apr_allocator_create(&allocator);
    }
    if (status == APR_SUCCESS) {
        status = apr_pool_create_ex(&made->batches, child_pool, NULL, allocator);
    }
    if (status == APR_SUCCESS) {
        apr_allocator_owner_set(allocator, made->batches);
        apr_allocator_max_free_set(allocator, MEMORY_KEPT);
        apr_allocator_mutex_set(allocator, allocator_lock);
        *combiner = made;
    }
    return status;
}

/* ---- the queue, under the lock ---- */

static void enqueue(tmf_combiner_t *combiner, asker_t *asker)
{
    asker->queued = 1;
    *combiner->end = asker;
    combiner->end = &asker->next;
}

static asker_t *remove_at(tmf_combiner_t *combiner, asker_t **at)
{
    asker_t *asker = *at;

    if (asker != NULL) {
        *at = asker->next;
        if (asker->next == NULL) {
            combiner->end = at;
        }
        asker->next = NULL;
        asker->queued = 0;
    }
    return asker;
}

static asker_t **place_of(tmf_combiner_t *combiner, const asker_t *asker)
{
    asker_t **at = &combiner->first;

    while (*at != asker) {
        at = &(*at)->next;
    }
    return at;
}

/* The first who waits is the leader now; it is to be woken. NULL when nobody waits. */
static asker_t *appoint(tmf_combiner_t *combiner)
{
    asker_t *next = remove_at(combiner, &combiner->first);

    if (next != NULL) {
        next->leads = 1;
    }
    combiner->leader = next;
    return next;
}

/* ---- taking part ---- */

static void wake(asker_t *asker)
{
    if (asker != NULL) {
        tmf_semaphore_give(&asker->turn);
    }
}

/* Leads at once when nobody does: 1; else waits in the queue: 0. */
static int arrive(tmf_combiner_t *combiner, asker_t *me)
{
    int leads;

    apr_thread_mutex_lock(combiner->lock);
    leads = combiner->leader == NULL;
    if (leads) {
        combiner->leader = me;
    } else {
        enqueue(combiner, me);
    }
    apr_thread_mutex_unlock(combiner->lock);
    return leads;
}

/* Leads beside a leader that is too slow. 0 when `me` is out of the queue already. */
static int take_over(tmf_combiner_t *combiner, asker_t *me)
{
    int can;

    apr_thread_mutex_lock(combiner->lock);
    can = me->queued;
    if (can) {
        remove_at(combiner, place_of(combiner, me));
        combiner->leader = me;
        me->leads = 1;
    }
    apr_thread_mutex_unlock(combiner->lock);
    return can;
}

/* Until `me` leads or is answered. */
static void await_turn(tmf_combiner_t *combiner, asker_t *me)
{
    if (!tmf_semaphore_take(&me->turn, tmf_clock_now() + TMF_COMBINER_WAIT) &&
        !take_over(combiner, me)) {
        tmf_semaphore_take(&me->turn, TMF_SEMAPHORE_NO_DEADLINE);
    }
}

/* Closes the batch of a leader: who waits follows it, up to the bound; for more there is a second
 * leader at once. Returns how many questions it has. */
static int gather(tmf_combiner_t *combiner, asker_t *me)
{
    asker_t *next_leader = NULL;
    asker_t *last = me;
    int count = 1;

    apr_thread_mutex_lock(combiner->lock);
    while (combiner->first != NULL && count < TMF_COMBINER_BATCH_MAX) {
        last->next = remove_at(combiner, &combiner->first);
        last = last->next;
        count++;
    }
    if (combiner->first != NULL) {
        next_leader = appoint(combiner);
    }
    apr_thread_mutex_unlock(combiner->lock);
    wake(next_leader);
    return count;
}

/* Passes the lead on, unless somebody has taken over. */
static void leave(tmf_combiner_t *combiner, const asker_t *me)
{
    asker_t *next_leader = NULL;

    apr_thread_mutex_lock(combiner->lock);
    if (combiner->leader == me) {
        next_leader = appoint(combiner);
    }
    apr_thread_mutex_unlock(combiner->lock);
    wake(next_leader);
}

/* ---- batches ---- */

static batch_t *answer_all(tmf_combiner_t *combiner, asker_t *me, int count)
{
    const void **questions;
    apr_pool_t *pool;
    batch_t *batch;
    int i;

    apr_pool_create(&pool, combiner->batches);
    batch = apr_pcalloc(pool, sizeof(*batch));
    batch->pool = pool;
    atomic_init(&batch->takers, count);
    questions = apr_palloc(pool, (apr_size_t)count * sizeof(*questions));
    for (i = 0; i < count; i++) {
        questions[i] = me->question;
        me->place = i;
        me = me->next;
    }
    batch->error = combiner->work.answer_all(combiner->work.context, questions, count,
                                             &batch->answers, pool);
    return batch;
}

static void wake_followers(asker_t *follower, batch_t *batch)
{
    while (follower != NULL) {
        asker_t *next = follower->next; /* who was woken is gone */

        follower->batch = batch;
        wake(follower);
        follower = next;
    }
}

/* One of its askers is done with the batch. */
static void let_go(batch_t *batch)
{
    if (atomic_fetch_sub(&batch->takers, 1) == 1) {
        apr_pool_destroy(batch->pool);
    }
}

static tmf_error_t *take(tmf_combiner_t *combiner, const asker_t *me, batch_t *batch,
                         const void **answer, apr_pool_t *result_pool)
{
    const tmf_combiner_work_t *work = &combiner->work;
    tmf_error_t *error = NULL;
    int taken = 0;

    if (batch->error != NULL) {
        error = tmf_error_copy(batch->error, result_pool);
        error->cause = me->leads ? error->cause : NULL;
    } else {
        taken = work->take(batch->answers, me->place, me->question, answer, result_pool);
    }
    let_go(batch);
    return error != NULL || taken
               ? error
               : work->answer_one(work->context, me->question, answer, result_pool);
}

static tmf_error_t *lead(tmf_combiner_t *combiner, asker_t *me, int count, const void **answer,
                         apr_pool_t *result_pool)
{
    const tmf_combiner_work_t *work = &combiner->work;
    tmf_error_t *error;
    batch_t *batch;

    if (count == 1) {
        error = work->answer_one(work->context, me->question, answer, result_pool);
        leave(combiner, me);
        return error;
    }
    batch = answer_all(combiner, me, count);
    leave(combiner, me);
    wake_followers(me->next, batch);
    return take(combiner, me, batch, answer, result_pool);
}

tmf_error_t *tmf_combiner_ask(tmf_combiner_t *combiner, const void *question, const void **answer,
                              apr_pool_t *result_pool)
{
    asker_t me = {.question = question};
    tmf_error_t *error;

    tmf_semaphore_init(&me.turn, 0);
    if (arrive(combiner, &me)) {
        error = lead(combiner, &me, 1, answer, result_pool);
    } else {
        await_turn(combiner, &me);
        error = me.leads ? lead(combiner, &me, gather(combiner, &me), answer, result_pool)
                         : take(combiner, &me, me.batch, answer, result_pool);
    }
    tmf_semaphore_destroy(&me.turn);
    return error;
}
