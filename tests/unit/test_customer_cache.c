/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of customers: what it may give, and when it must not. */
#include "unit.h"

#include <string.h>

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
    tcase_add_test(tcase, without_memory_or_database_there_is_no_cache);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
