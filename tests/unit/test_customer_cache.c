/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of customers: what it may give, and when it must not. */
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "store/customer_cache.h"

static tmf_customer_caching_t caching;

static void make_cache(apr_size_t bytes, apr_interval_time_t age)
{
    ck_assert_int_eq(tmf_customer_cache_make(&caching.memory, bytes, pool), APR_SUCCESS);
    caching.age = age;
    caching.write_time = 3600 * APR_USEC_PER_SEC;
}

static tmf_cache_key_t key_of(const char *id)
{
    const tmf_cache_key_t key = {42, id};

    return key;
}

static tmf_customer_t customer_of(const char *id, apr_int64_t revision, const char *doc)
{
    const tmf_customer_t customer = {id, revision, doc, strlen(doc)};

    return customer;
}

/* The revision that the cache has; 0 = none, and `*ticket` to put it in. */
static apr_int64_t look_up(const char *id, tmf_cache_ticket_t *ticket)
{
    const tmf_cache_key_t key = key_of(id);
    const tmf_customer_t *found;

    return tmf_customer_cache_get(&caching, &key, &found, ticket, pool) ? found->revision : 0;
}

static void put(const char *id, apr_int64_t revision, const tmf_cache_ticket_t *ticket)
{
    const tmf_cache_key_t key = key_of(id);
    const tmf_customer_t customer = customer_of(id, revision, "{\"name\": \"x\"}");

    tmf_customer_cache_put(&caching, &key, &customer, ticket);
}

static void read_and_put(const char *id, apr_int64_t revision)
{
    tmf_cache_ticket_t ticket;

    ck_assert_int_eq(look_up(id, &ticket), 0);
    put(id, revision, &ticket);
}

static void begin(const char *id)
{
    const tmf_cache_key_t key = key_of(id);

    tmf_customer_cache_begin_write(&caching, &key);
}

static void end(const char *id)
{
    const tmf_cache_key_t key = key_of(id);

    tmf_customer_cache_end_write(&caching, &key);
}

START_TEST(what_was_put_in_is_given)
{
    const tmf_cache_key_t key = key_of("a-1");
    const tmf_cache_key_t elsewhere = {43, "a-1"};
    const tmf_customer_t *found;
    tmf_cache_ticket_t ticket;

    make_cache(1 << 20, 3600 * APR_USEC_PER_SEC);
    read_and_put("a-1", 7);
    ck_assert(tmf_customer_cache_get(&caching, &key, &found, &ticket, pool));
    ck_assert_str_eq(found->id, "a-1");
    ck_assert_str_eq(found->doc, "{\"name\": \"x\"}");
    ck_assert_uint_eq(found->doc_length, strlen(found->doc));
    ck_assert_int_eq(found->revision, 7);
    ck_assert(!tmf_customer_cache_get(&caching, &elsewhere, &found, &ticket, pool));
    ck_assert_int_eq(look_up("a-2", &ticket), 0);
}
END_TEST

START_TEST(a_write_makes_what_was_there_worthless)
{
    tmf_cache_ticket_t ticket;

    make_cache(1 << 20, 3600 * APR_USEC_PER_SEC);
    read_and_put("a", 1);
    begin("a");
    ck_assert_int_eq(look_up("a", &ticket), 0);
    put("a", 1, &ticket);
    ck_assert_int_eq(look_up("a", &ticket), 0);
    end("a");
    ck_assert_int_eq(look_up("a", &ticket), 0);
    put("a", 2, &ticket);
    ck_assert_int_eq(look_up("a", &ticket), 2);
}
END_TEST

START_TEST(what_was_read_before_a_write_is_not_put_in_after_it)
{
    tmf_cache_ticket_t before;
    tmf_cache_ticket_t between;
    tmf_cache_ticket_t ticket;

    make_cache(1 << 20, 3600 * APR_USEC_PER_SEC);
    ck_assert_int_eq(look_up("a", &before), 0);
    begin("a");
    ck_assert_int_eq(look_up("a", &between), 0);
    end("a");
    put("a", 1, &before);
    put("a", 1, &between);
    ck_assert_int_eq(look_up("a", &ticket), 0);
}
END_TEST

START_TEST(as_long_as_one_of_several_writes_nothing_is_given)
{
    tmf_cache_ticket_t ticket;

    make_cache(1 << 20, 3600 * APR_USEC_PER_SEC);
    begin("a");
    begin("a");
    end("a");
    ck_assert_int_eq(look_up("a", &ticket), 0);
    put("a", 1, &ticket);
    ck_assert_int_eq(look_up("a", &ticket), 0);
    end("a");
    read_and_put("a", 2);
    ck_assert_int_eq(look_up("a", &ticket), 2);
}
END_TEST

START_TEST(who_died_in_a_write_is_forgotten_after_its_time)
{
    tmf_cache_ticket_t ticket;

    make_cache(1 << 20, 3600 * APR_USEC_PER_SEC);
    read_and_put("a", 1);
    caching.write_time = 0;
    begin("a");
    ck_assert_int_eq(look_up("a", &ticket), 0);
    put("a", 2, &ticket);
    ck_assert_int_eq(look_up("a", &ticket), 2);
}
END_TEST

START_TEST(what_is_old_is_not_given)
{
    tmf_cache_ticket_t ticket;

    make_cache(1 << 20, 0);
    read_and_put("a", 1);
    ck_assert_int_eq(look_up("a", &ticket), 0);
}
END_TEST

START_TEST(the_largest_that_fits_is_kept_and_no_larger_one)
{
    const tmf_cache_key_t key = key_of("a");
    const tmf_customer_t *found;
    tmf_cache_ticket_t ticket;
    int largest = 0;
    int length;

    make_cache(1 << 20, 3600 * APR_USEC_PER_SEC);
    for (length = 3900; length < 4200; length++) {
        char *doc = apr_palloc(pool, (apr_size_t)length + 1);
        tmf_customer_t customer;

        memset(doc, 'x', (apr_size_t)length);
        doc[length] = '\0';
        customer = customer_of("a", length, doc);
        begin("a");
        end("a");
        ck_assert_int_eq(look_up("a", &ticket), 0);
        tmf_customer_cache_put(&caching, &key, &customer, &ticket);
        if (tmf_customer_cache_get(&caching, &key, &found, &ticket, pool)) {
            ck_assert_int_eq(found->revision, length);
            ck_assert_str_eq(found->doc, doc);
            largest = length;
        }
    }
    ck_assert_int_gt(largest, 3950);
    ck_assert_int_lt(largest, 4096);
}
END_TEST

START_TEST(more_customers_than_there_is_room_replace_each_other)
{
    tmf_cache_ticket_t ticket;
    int kept = 0;
    int i;

    make_cache(1, 3600 * APR_USEC_PER_SEC); /* one bucket */
    for (i = 1; i <= 100; i++) {
        read_and_put(apr_itoa(pool, i), i);
        ck_assert_int_eq(look_up(apr_itoa(pool, i), &ticket), i);
    }
    for (i = 1; i <= 100; i++) {
        apr_int64_t found = look_up(apr_itoa(pool, i), &ticket);

        ck_assert(found == 0 || found == i);
        kept += found != 0;
    }
    ck_assert_int_eq(kept, 4);
}
END_TEST

/* ---- several at once ---- */

#define RIVALS       2
#define CONTESTS     2000
#define DEATHS       100
#define DOC_LENGTH   3900
#define CUSTOMERS    6
#define FILLS_A_TURN 16

/* A document of one letter, which is that of its revision. */
static void put_letter(const char *id, int revision, const tmf_cache_ticket_t *ticket)
{
    const tmf_cache_key_t key = key_of(id);
    char doc[DOC_LENGTH + 1];
    tmf_customer_t customer;

    memset(doc, 'a' + revision % 26, DOC_LENGTH);
    doc[DOC_LENGTH] = '\0';
    customer = customer_of(id, revision, doc);
    tmf_customer_cache_put(&caching, &key, &customer, ticket);
}

/* What the cache gives, if anything, is what one put in. */
static int look_for_letter(const char *id, tmf_cache_ticket_t *ticket, apr_pool_t *scratch)
{
    const tmf_cache_key_t key = key_of(id);
    const tmf_customer_t *found;
    char letter;

    if (!tmf_customer_cache_get(&caching, &key, &found, ticket, scratch)) {
        return 0;
    }
    letter = (char)('a' + found->revision % 26);
    ck_assert_uint_eq(found->doc_length, DOC_LENGTH);
    ck_assert_uint_eq(strspn(found->doc, (char[]){letter, '\0'}), DOC_LENGTH);
    return 1;
}

static atomic_int arrived;
static tmf_cache_ticket_t contest_ticket;

/* All rivals leave here together. */
static void meet(int turn)
{
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < RIVALS * turn) {
        sched_yield(); /* there may be one processor for all of them */
    }
}

static void *contend(void *number)
{
    int turn;

    for (turn = 1; turn <= CONTESTS; turn++) {
        char id[16];

        apr_snprintf(id, sizeof(id), "%d", turn);
        meet(turn);
        put_letter(id, *(int *)number, &contest_ticket);
    }
    return NULL;
}

START_TEST(of_several_who_fill_one_slot_one_does)
{
    tmf_cache_ticket_t ticket;
    pthread_t threads[RIVALS];
    int numbers[RIVALS];
    int kept = 0;
    int i;

    make_cache(CONTESTS * (apr_size_t)16384, 3600 * APR_USEC_PER_SEC);
    ck_assert_int_eq(look_up("1", &contest_ticket), 0);
    for (i = 0; i < RIVALS; i++) {
        numbers[i] = i + 1;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, contend, &numbers[i]), 0);
    }
    for (i = 0; i < RIVALS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (i = 1; i <= CONTESTS; i++) {
        kept += look_for_letter(apr_itoa(pool, i), &ticket, pool);
    }
    ck_assert_int_gt(kept, CONTESTS / 2);
}
END_TEST

/* Fills slots until it is killed. */
static void fill_for_ever(atomic_int *turns)
{
    tmf_cache_ticket_t ticket;
    apr_pool_t *scratch;
    int revision;

    apr_pool_create(&scratch, NULL);
    for (revision = 0;; revision++) {
        const char *id = apr_itoa(scratch, revision % CUSTOMERS);

        if (!look_for_letter(id, &ticket, scratch)) {
            put_letter(id, revision, &ticket);
        }
        apr_pool_clear(scratch);
        atomic_fetch_add(turns, 1);
    }
}

static pid_t start_filler(atomic_int *turns)
{
    pid_t filler = fork();

    ck_assert_int_ge(filler, 0);
    if (filler == 0) {
        fill_for_ever(turns);
    }
    return filler;
}

START_TEST(processes_that_are_killed_leave_nothing_torn_and_no_slot_lost)
{
    tmf_cache_ticket_t ticket;
    apr_pool_t *scratch;
    atomic_int *turns;
    int kept = 0;
    int i;

    apr_pool_create(&scratch, pool);
    turns = mmap(NULL, sizeof(*turns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(turns, MAP_FAILED);
    make_cache(1, 3600 * APR_USEC_PER_SEC); /* one bucket */
    for (i = 0; i < DEATHS; i++) {
        int before = atomic_load(turns);
        pid_t fillers[RIVALS] = {start_filler(turns), start_filler(turns)};

        while (atomic_load(turns) < before + FILLS_A_TURN + i % 7) {
            look_for_letter(apr_itoa(scratch, i % CUSTOMERS), &ticket, scratch);
            apr_pool_clear(scratch);
            sched_yield();
        }
        kill(fillers[0], SIGKILL);
        kill(fillers[1], SIGKILL);
        ck_assert_int_eq(waitpid(fillers[0], NULL, 0), fillers[0]);
        ck_assert_int_eq(waitpid(fillers[1], NULL, 0), fillers[1]);
    }
    begin("1");
    end("1");
    for (i = 0; i < 4; i++) {
        read_and_put(apr_itoa(pool, 100 + i), i + 1);
    }
    for (i = 0; i < 4; i++) {
        kept += look_up(apr_itoa(pool, 100 + i), &ticket) != 0;
    }
    ck_assert_int_eq(kept, 4);
}
END_TEST

START_TEST(without_memory_or_database_there_is_no_cache)
{
    const tmf_cache_key_t nowhere = {0, "a"};
    const tmf_customer_t customer = customer_of("a", 1, "{}");
    const tmf_customer_t *found;
    tmf_cache_ticket_t ticket;

    make_cache(1 << 20, 3600 * APR_USEC_PER_SEC);
    ck_assert(!tmf_customer_cache_get(&caching, &nowhere, &found, &ticket, pool));
    tmf_customer_cache_put(&caching, &nowhere, &customer, &ticket);
    ck_assert(!tmf_customer_cache_get(&caching, &nowhere, &found, &ticket, pool));
    caching.memory = NULL;
    read_and_put("a", 1);
    begin("a");
    end("a");
    ck_assert_int_eq(look_up("a", &ticket), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("customer_cache");
    TCase *tcase = tcase_create("customer_cache");

    tcase_add_checked_fixture(tcase, make_pool, destroy_pool);
    tcase_add_test(tcase, what_was_put_in_is_given);
    tcase_add_test(tcase, a_write_makes_what_was_there_worthless);
    tcase_add_test(tcase, what_was_read_before_a_write_is_not_put_in_after_it);
    tcase_add_test(tcase, as_long_as_one_of_several_writes_nothing_is_given);
    tcase_add_test(tcase, who_died_in_a_write_is_forgotten_after_its_time);
    tcase_add_test(tcase, what_is_old_is_not_given);
    tcase_add_test(tcase, the_largest_that_fits_is_kept_and_no_larger_one);
    tcase_add_test(tcase, more_customers_than_there_is_room_replace_each_other);
    tcase_add_test(tcase, of_several_who_fill_one_slot_one_does);
    tcase_add_test(tcase, processes_that_are_killed_leave_nothing_torn_and_no_slot_lost);
    tcase_add_test(tcase, without_memory_or_database_there_is_no_cache);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
