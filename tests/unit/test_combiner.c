/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that ask together. What is asked here is a clock: every answer tells what it showed when
 * the answer was found, and an answer must not be older than its question. */
#include "unit.h"

#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "store/combiner.h"

#define ASKERS  (2 * TMF_COMBINER_BATCH_MAX + 2)
#define SECONDS 60 /* to wait for what must happen */

typedef struct {
    tmf_combiner_t *combiner;
    apr_uint32_t clock;
    apr_uint32_t asked;   /* questions that were asked, alone or in a batch */
    apr_uint32_t largest; /* batch */
    sem_t held;           /* somebody asks "hold" and does not get its answer before `release` */
    sem_t release;
} world_t;

typedef struct {
    world_t *world;
    const char *question;
    apr_uint32_t times;
    /* What came of it. */
    apr_uint32_t answered;
    apr_uint32_t wrong; /* for another question, or older than its own */
    apr_uint32_t errors;
    pthread_t thread;
} asker_t;

typedef struct {
    const char *question;
    apr_uint32_t clock;
} answer_t;

typedef struct {
    answer_t all[TMF_COMBINER_BATCH_MAX];
    int count;
} answers_t;

static answer_t answer_to(world_t *world, const char *question)
{
    const answer_t answer = {question, apr_atomic_inc32(&world->clock) + 1};

    apr_atomic_inc32(&world->asked);
    if (strcmp(question, "hold") == 0) {
        sem_post(&world->held);
        sem_wait(&world->release);
    }
    return answer;
}

static tmf_error_t *answer_one(void *context, const void *question, const void **answer,
                               apr_pool_t *result_pool)
{
    const answer_t found = answer_to(context, question);

    *answer = apr_pmemdup(result_pool, &found, sizeof(found));
    return strcmp(question, "failing") == 0
               ? tmf_error_make(result_pool, TMF_ERROR_DATABASE_BUSY, "failed alone")
               : NULL;
}

static void keep_largest(world_t *world, apr_uint32_t count)
{
    apr_uint32_t largest = apr_atomic_read32(&world->largest);

    while (count > largest) {
        apr_uint32_t seen = apr_atomic_cas32(&world->largest, count, largest);

        largest = seen == largest ? count : seen;
    }
}

static tmf_error_t *answer_all(void *context, const void *const *questions, int count,
                               const void **answers, apr_pool_t *batch_pool)
{
    answers_t *made = apr_palloc(batch_pool, sizeof(*made));
    tmf_error_t *error = NULL;
    int i;

    made->count = count;
    keep_largest(context, (apr_uint32_t)count);
    for (i = 0; i < count; i++) {
        made->all[i] = answer_to(context, apr_pstrdup(batch_pool, questions[i]));
        if (strcmp(questions[i], "failing") == 0) {
            error = tmf_error_fault(batch_pool, TMF_ERROR_DATABASE_UNAVAILABLE, "TMF0000",
                                    "failed together", "%s", "cause");
        }
    }
    *answers = made;
    return error;
}

/* "large" is never among the answers. */
static int take(const void *answers, int place, const void *question, const void **answer,
                apr_pool_t *result_pool)
{
    const answers_t *made = answers;

    *answer = apr_pmemdup(result_pool, &made->all[place], sizeof(answer_t));
    ((answer_t *)*answer)->question = apr_pstrdup(result_pool, made->all[place].question);
    return strcmp(question, "large") != 0;
}

static void make_world(world_t *world)
{
    const tmf_combiner_work_t work = {world, answer_one, answer_all, take};

    memset(world, 0, sizeof(*world));
    sem_init(&world->held, 0, 0);
    sem_init(&world->release, 0, 0);
    ck_assert_int_eq(tmf_combiner_make(&world->combiner, &work, pool), APR_SUCCESS);
}

static int is_expected_error(const tmf_error_t *error)
{
    return strcmp(error->message, "failed alone") == 0 ||
           (strcmp(error->message, "failed together") == 0 && strcmp(error->tag, "TMF0000") == 0 &&
            (error->cause == NULL || strcmp(error->cause, "cause") == 0));
}

static void ask_once(asker_t *asker, apr_pool_t *request)
{
    apr_uint32_t asked_at = apr_atomic_inc32(&asker->world->clock) + 1;
    const void *answer = NULL;
    tmf_error_t *error = tmf_combiner_ask(asker->world->combiner, asker->question, &answer,
                                          request);
    const answer_t *found = answer;

    if (error != NULL) {
        asker->errors++;
        asker->wrong += !is_expected_error(error);
        return;
    }
    asker->answered++;
    asker->wrong += strcmp(found->question, asker->question) != 0 || found->clock <= asked_at;
}

static void *run_asker(void *data)
{
    asker_t *asker = data;
    apr_pool_t *request;
    apr_uint32_t i;

    apr_pool_create(&request, NULL);
    for (i = 0; i < asker->times; i++) {
        ask_once(asker, request);
        apr_pool_clear(request);
    }
    apr_pool_destroy(request);
    return NULL;
}

static void start(asker_t *asker, world_t *world, const char *question, apr_uint32_t times)
{
    memset(asker, 0, sizeof(*asker));
    asker->world = world;
    asker->question = question;
    asker->times = times;
    ck_assert_int_eq(pthread_create(&asker->thread, NULL, run_asker, asker), 0);
}

static void join(asker_t *asker)
{
    pthread_join(asker->thread, NULL);
    ck_assert_uint_eq(asker->wrong, 0);
    ck_assert_uint_eq(asker->answered + asker->errors, asker->times);
}

START_TEST(one_who_asks_alone_is_answered_alone)
{
    world_t world;
    asker_t asker;

    make_world(&world);
    start(&asker, &world, "a", 100);
    join(&asker);
    ck_assert_uint_eq(asker.answered, 100);
    ck_assert_uint_eq(world.asked, 100);
    ck_assert_uint_eq(world.largest, 0);
    start(&asker, &world, "failing", 1);
    join(&asker);
    ck_assert_uint_eq(asker.errors, 1);
}
END_TEST

START_TEST(each_gets_its_own_answer_and_none_that_is_old)
{
    static const char *const questions[] = {"a", "b", "large", "a", "c", "failing", "d", "large"};
    apr_time_t deadline = apr_time_now() + SECONDS * APR_USEC_PER_SEC;
    apr_uint32_t failures = 0;
    asker_t askers[8];
    world_t world;
    int i;

    make_world(&world);
    do {
        for (i = 0; i < 8; i++) {
            start(&askers[i], &world, questions[i], 2000);
        }
        for (i = 0; i < 8; i++) {
            join(&askers[i]);
        }
        ck_assert_uint_eq(askers[5].errors, 2000);
        for (i = 0; i < 8; i++) {
            failures += askers[i].errors;
        }
        /* A batch with a question that fails has failed for others, too. */
    } while ((world.largest < 3 || failures % 2000 == 0) && apr_time_now() < deadline);
    ck_assert_uint_ge(world.largest, 3);
    ck_assert_uint_gt(failures, 2000);
}
END_TEST

START_TEST(nobody_waits_for_a_leader_that_does_not_come_back)
{
    asker_t askers[ASKERS];
    asker_t slow[2];
    world_t world;
    int i;
    int round;

    make_world(&world);
    for (round = 0; round < 2; round++) {
        start(&slow[round], &world, "hold", 1);
        sem_wait(&world.held);
        for (i = 0; i < ASKERS; i++) {
            start(&askers[i], &world, i % 2 ? "a" : "b", 3);
        }
        for (i = 0; i < ASKERS; i++) {
            join(&askers[i]);
            ck_assert_uint_eq(askers[i].answered, 3);
        }
    }
    ck_assert_uint_gt(world.largest, 1);
    ck_assert_uint_le(world.largest, TMF_COMBINER_BATCH_MAX);
    sem_post(&world.release);
    sem_post(&world.release);
    join(&slow[0]);
    join(&slow[1]);
    /* The slow ones have passed on what was not theirs any more to nobody, and all goes on. */
    start(&askers[0], &world, "a", 10);
    join(&askers[0]);
    ck_assert_uint_eq(askers[0].answered, 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("combiner");
    TCase *tcase = tcase_create("combiner");

    tcase_set_timeout(tcase, SECONDS);
    tcase_add_checked_fixture(tcase, make_pool, destroy_pool);
    tcase_add_test(tcase, one_who_asks_alone_is_answered_alone);
    tcase_add_test(tcase, each_gets_its_own_answer_and_none_that_is_old);
    tcase_add_test(tcase, nobody_waits_for_a_leader_that_does_not_come_back);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
