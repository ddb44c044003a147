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
    ck_assert_int_eq(tmf_customer_board_make(&caching.board, pool), APR_SUCCESS);
    ck_assert_int_eq(tmf_customer_cache_make(&caching.memory, bytes, pool), APR_SUCCESS);
    caching.age = age;
    caching.write_time = 3600 * APR_USEC_PER_SEC;
}

static tmf_customer_key_t key_of(const char *id)
{
    const tmf_customer_key_t key = {42, id};

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
    const tmf_customer_key_t key = key_of(id);
    const tmf_customer_t *found;

    return tmf_customer_cache_get(&caching, &key, &found, ticket, pool) ? found->revision : 0;
}

static void put(const char *id, apr_int64_t revision, const tmf_cache_ticket_t *ticket)
{
    const tmf_customer_key_t key = key_of(id);
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
    const tmf_customer_key_t key = key_of(id);

    tmf_customer_cache_begin_write(&caching, &key);
}

static void end(const char *id)
{
    const tmf_customer_key_t key = key_of(id);

    tmf_customer_cache_end_write(&caching, &key);
}

START_TEST(what_was_put_in_is_given)
{
    const tmf_customer_key_t key = key_of("a-1");
    const tmf_customer_key_t elsewhere = {43, "a-1"};
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

START_TEST(what_was_read_in_a_write_that_took_too_long_is_worthless_at_its_end)
{
    tmf_cache_ticket_t ticket;

    make_cache(1 << 20, 3600 * APR_USEC_PER_SEC);
    caching.write_time = 0;
    begin("a");
    read_and_put("a", 1);
    ck_assert_int_eq(look_up("a", &ticket), 1);
    end("a");
    ck_assert_int_eq(look_up("a", &ticket), 0);
}
END_TEST

START_TEST(a_process_without_a_cache_makes_worthless_what_others_have)
{
    tmf_customer_cache_t *memory;
    tmf_cache_ticket_t ticket;

    make_cache(1 << 20, 3600 * APR_USEC_PER_SEC);
    read_and_put("a", 1);
    memory = caching.memory;
    caching.memory = NULL;
    begin("a");
    end("a");
    caching.memory = memory;
    ck_assert_int_eq(look_up("a", &ticket), 0);
}
END_TEST

START_TEST(what_somebody_has_seen_to_be_old_is_forgotten)
{
    const tmf_customer_key_t key = key_of("a");
    tmf_cache_ticket_t ticket;

    make_cache(1 << 20, 3600 * APR_USEC_PER_SEC);
    read_and_put("a", 1);
    tmf_customer_cache_forget(&caching, &key);
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

START_TEST(a_document_of_64_kib_is_kept_and_no_larger_one)
{
    const tmf_customer_key_t key = key_of("a");
    const tmf_customer_t *found;
    tmf_cache_ticket_t ticket;
    char *doc = apr_palloc(pool, TMF_CACHED_DOCUMENT_MAX + 2);
    tmf_customer_t customer;

    make_cache(1 << 20, 3600 * APR_USEC_PER_SEC);
    memset(doc, 'x', TMF_CACHED_DOCUMENT_MAX + 1);
    doc[TMF_CACHED_DOCUMENT_MAX + 1] = '\0';
    customer = customer_of("a", 1, doc);
    ck_assert_int_eq(look_up("a", &ticket), 0);
    tmf_customer_cache_put(&caching, &key, &customer, &ticket);
    ck_assert_int_eq(look_up("a", &ticket), 0);
    doc[TMF_CACHED_DOCUMENT_MAX] = '\0';
    customer = customer_of("a", 2, doc);
    tmf_customer_cache_put(&caching, &key, &customer, &ticket);
    ck_assert(tmf_customer_cache_get(&caching, &key, &found, &ticket, pool));
    ck_assert_str_eq(found->doc, doc);
    ck_assert_uint_eq(found->doc_length, TMF_CACHED_DOCUMENT_MAX);
}
END_TEST

START_TEST(what_was_not_asked_for_the_longest_makes_room)
{
    tmf_cache_ticket_t ticket;
    int kept = 0;
    int i;

    make_cache(2000, 3600 * APR_USEC_PER_SEC);
    read_and_put("always", 1000);
    for (i = 1; i <= 100; i++) {
        read_and_put(apr_itoa(pool, i), i);
        ck_assert_int_eq(look_up(apr_itoa(pool, i), &ticket), i);
        ck_assert_int_eq(look_up("always", &ticket), 1000);
    }
    for (i = 1; i <= 100; i++) {
        apr_int64_t found = look_up(apr_itoa(pool, i), &ticket);

        ck_assert(found == 0 || (found == i && i > 80));
        kept += found != 0;
    }
    ck_assert_int_ge(kept, 5);
}
END_TEST

START_TEST(what_is_larger_than_all_of_the_cache_is_not_kept)
{
    tmf_cache_ticket_t ticket;

    make_cache(100, 3600 * APR_USEC_PER_SEC);
    read_and_put("a", 1);
    ck_assert_int_eq(look_up("a", &ticket), 0);
}
END_TEST

/* ---- several threads of several processes ---- */

#define PROCESSES  3
#define THREADS    2 /* of each: one reads, one reads and writes */
#define CUSTOMERS  5
#define TURNS      3000
#define DOC_LENGTH 3000

/* What they share: a database of revisions, and what its clients have been told. */
typedef struct {
    atomic_long stored[CUSTOMERS];
    atomic_long replied[CUSTOMERS]; /* the last revision whose write has ended */
    atomic_int wrong;               /* times that somebody read what was over, or torn */
    atomic_int hits;
} world_t;

static world_t *world;

/* A document of one letter, which is that of its revision. */
static void put_letter(const char *id, long revision, const tmf_cache_ticket_t *ticket)
{
    const tmf_customer_key_t key = key_of(id);
    char doc[DOC_LENGTH + 1];
    tmf_customer_t customer;

    memset(doc, 'a' + (int)(revision % 26), DOC_LENGTH);
    doc[DOC_LENGTH] = '\0';
    customer = customer_of(id, revision, doc);
    tmf_customer_cache_put(&caching, &key, &customer, ticket);
}

static int is_whole(const tmf_customer_t *found)
{
    const char letter[] = {(char)('a' + found->revision % 26), '\0'};

    return found->doc_length == DOC_LENGTH && strspn(found->doc, letter) == DOC_LENGTH;
}

static void read_as_client(int customer, apr_pool_t *scratch)
{
    const char *id = apr_itoa(scratch, customer);
    const tmf_customer_key_t key = key_of(id);
    const tmf_customer_t *found;
    tmf_cache_ticket_t ticket;
    long replied = atomic_load(&world->replied[customer]);

    if (tmf_customer_cache_get(&caching, &key, &found, &ticket, scratch)) {
        atomic_fetch_add(&world->hits, 1);
        if (found->revision < replied || !is_whole(found)) {
            atomic_fetch_add(&world->wrong, 1);
        }
    } else {
        long stored = atomic_load(&world->stored[customer]);

        sched_yield();
        put_letter(id, stored, &ticket);
    }
}

/* The revision that clients have been told of only grows: of two writes that end at the same time
 * the smaller one may come last. */
static void reply(int customer, long revision)
{
    long replied = atomic_load(&world->replied[customer]);

    while (replied < revision &&
           !atomic_compare_exchange_weak(&world->replied[customer], &replied, revision)) {
    }
}

static void write_as_client(int customer, apr_pool_t *scratch)
{
    const char *id = apr_itoa(scratch, customer);
    long revision;

    begin(id);
    revision = atomic_fetch_add(&world->stored[customer], 1) + 1;
    sched_yield();
    end(id);
    reply(customer, revision);
}

static void *be_client(void *is_writer)
{
    apr_pool_t *scratch;
    int turn;

    apr_pool_create(&scratch, NULL);
    for (turn = 0; turn < TURNS; turn++) {
        if (is_writer != NULL && turn % 16 == 0) {
            write_as_client(turn / 16 % CUSTOMERS, scratch);
        }
        read_as_client(turn % CUSTOMERS, scratch);
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(scratch);
    return NULL;
}

static pid_t start_process(void)
{
    pid_t process = fork();
    pthread_t threads[THREADS];
    int i;

    ck_assert_int_ge(process, 0);
    if (process != 0) {
        return process;
    }
    if (tmf_customer_cache_make(&caching.memory, 1 << 16, pool) != APR_SUCCESS) {
        _exit(1);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, be_client, i == 0 ? NULL : &threads[i]);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    _exit(0);
}

/* Other threads use the pool of the child meanwhile. */
START_TEST(nothing_of_the_childs_pool_is_used_once_the_cache_is_made)
{
    tmf_cache_ticket_t ticket;
    char *before;
    int i;

    make_cache(1 << 20, 3600 * APR_USEC_PER_SEC);
    ck_assert_int_eq(look_up("0", &ticket), 0);
    before = apr_palloc(pool, 8);
    for (i = 0; i < 1000; i++) {
        char id[16];
        const tmf_customer_key_t key = {42, id};
        const tmf_customer_t customer = customer_of(id, 1, "{}");

        apr_snprintf(id, sizeof(id), "%d", i);
        tmf_customer_cache_put(&caching, &key, &customer, &ticket);
    }
    ck_assert_ptr_eq(apr_palloc(pool, 8), before + 8);
}
END_TEST

START_TEST(no_process_gives_what_was_written_over_by_another_one)
{
    pid_t processes[PROCESSES];
    int i;

    world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(world, MAP_FAILED);
    make_cache(1, 3600 * APR_USEC_PER_SEC);
    for (i = 0; i < PROCESSES; i++) {
        processes[i] = start_process();
    }
    for (i = 0; i < PROCESSES; i++) {
        int status = -1;

        ck_assert_int_eq(waitpid(processes[i], &status, 0), processes[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(atomic_load(&world->wrong), 0);
    ck_assert_int_gt(atomic_load(&world->hits), PROCESSES * THREADS * TURNS / 20);
}
END_TEST

START_TEST(who_is_killed_in_a_write_is_waited_for_until_its_time_is_over)
{
    tmf_cache_ticket_t ticket;
    pid_t writer;

    make_cache(1 << 20, 3600 * APR_USEC_PER_SEC);
    read_and_put("a", 1);
    caching.write_time = 300 * 1000;
    writer = fork();
    ck_assert_int_ge(writer, 0);
    if (writer == 0) {
        begin("a");
        raise(SIGKILL);
    }
    ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
    ck_assert_int_eq(look_up("a", &ticket), 0);
    while (!ticket.given) {
        sched_yield();
        ck_assert_int_eq(look_up("a", &ticket), 0);
    }
    put("a", 2, &ticket);
    ck_assert_int_eq(look_up("a", &ticket), 2);
}
END_TEST

START_TEST(without_memory_or_database_there_is_no_cache)
{
    const tmf_customer_key_t nowhere = {0, "a"};
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
    tcase_add_test(tcase, what_was_read_in_a_write_that_took_too_long_is_worthless_at_its_end);
    tcase_add_test(tcase, a_process_without_a_cache_makes_worthless_what_others_have);
    tcase_add_test(tcase, what_somebody_has_seen_to_be_old_is_forgotten);
    tcase_add_test(tcase, what_is_old_is_not_given);
    tcase_add_test(tcase, a_document_of_64_kib_is_kept_and_no_larger_one);
    tcase_add_test(tcase, what_was_not_asked_for_the_longest_makes_room);
    tcase_add_test(tcase, what_is_larger_than_all_of_the_cache_is_not_kept);
    tcase_add_test(tcase, nothing_of_the_childs_pool_is_used_once_the_cache_is_made);
    tcase_add_test(tcase, no_process_gives_what_was_written_over_by_another_one);
    tcase_add_test(tcase, who_is_killed_in_a_write_is_waited_for_until_its_time_is_over);
    tcase_add_test(tcase, without_memory_or_database_there_is_no_cache);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
