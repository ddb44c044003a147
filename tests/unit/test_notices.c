/* SPDX-License-Identifier: Apache-2.0 */
/* What the log says of listeners that fail, and how often. */
#include "unit.h"

#include <string.h>

#include <apr_strings.h>

#include "notify/notices.h"

#define SECOND APR_USEC_PER_SEC
#define NOW    (1 * SECOND) /* less than a gap after the start of the machine */

static tmf_notices_t *notices;

static void set_up(void)
{
    notices = tmf_notices_make(pool);
}

static void dead(const char *hub_id, int count, apr_time_t now)
{
    const tmf_dead_letters_t letter = {hub_id, "http://listener.example", "event", "no", count};

    tmf_notices_dead(notices, &letter, now);
}

/* How many dead letters of the hub are to be logged now; 0 = none of any. */
static int next_dead(const char *hub_id, apr_time_t now, int all)
{
    tmf_dead_letters_t letters;

    if (!tmf_notices_next_dead(notices, now, all, &letters)) {
        return 0;
    }
    ck_assert_str_eq(letters.hub_id, hub_id);
    ck_assert_str_eq(letters.origin, "http://listener.example");
    ck_assert_str_eq(letters.event_id, "event");
    ck_assert_str_eq(letters.error, "no");
    return letters.count;
}

START_TEST(the_first_pause_and_the_recovery_are_logged)
{
    int i;

    ck_assert(tmf_notices_pause(notices, "a", 1, NOW));
    for (i = 1; i < 100; i++) {
        ck_assert(!tmf_notices_pause(notices, "a", 0, NOW + i * 100 * SECOND));
    }
    ck_assert(tmf_notices_pause(notices, "b", 1, NOW));
    ck_assert(tmf_notices_recovery(notices, "a", NOW + 20000 * SECOND));
    ck_assert(tmf_notices_pause(notices, "a", 1, NOW + 20001 * SECOND));
}
END_TEST

/* Another notifier may have logged its first pause. */
START_TEST(what_another_notifier_has_seen_fail_is_logged_again)
{
    ck_assert(tmf_notices_pause(notices, "a", 0, NOW));
    ck_assert(!tmf_notices_pause(notices, "a", 0, NOW + 100 * SECOND));
    ck_assert(tmf_notices_recovery(notices, "b", NOW));
}
END_TEST

START_TEST(one_that_fails_now_and_then_is_logged_once_a_minute)
{
    ck_assert(tmf_notices_pause(notices, "a", 1, NOW));
    ck_assert(tmf_notices_recovery(notices, "a", NOW + 1 * SECOND));
    ck_assert(!tmf_notices_pause(notices, "a", 1, NOW + 2 * SECOND));
    ck_assert(!tmf_notices_recovery(notices, "a", NOW + 3 * SECOND));
    ck_assert(!tmf_notices_pause(notices, "a", 1, NOW + 59 * SECOND));
    /* It goes on failing: that is said as soon as it may be. */
    ck_assert(tmf_notices_pause(notices, "a", 0, NOW + 60 * SECOND));
    ck_assert(tmf_notices_recovery(notices, "a", NOW + 61 * SECOND));
}
END_TEST

/* Whoever enabled it by hand knows that it had failed. */
START_TEST(a_first_pause_after_one_without_recovery_is_logged)
{
    ck_assert(tmf_notices_pause(notices, "a", 1, NOW));
    ck_assert(tmf_notices_pause(notices, "a", 1, NOW + 60 * SECOND));
}
END_TEST

START_TEST(dead_letters_are_counted_between_lines)
{
    ck_assert_int_eq(next_dead("a", NOW, 1), 0);
    dead("a", 1, NOW);
    dead("a", 2, NOW);
    ck_assert_int_eq(next_dead("a", NOW, 0), 3);
    ck_assert_int_eq(next_dead("a", NOW, 1), 0);
    dead("a", 1, NOW + 1 * SECOND);
    dead("b", 1, NOW + 1 * SECOND);
    ck_assert_int_eq(next_dead("b", NOW + 1 * SECOND, 0), 1);
    ck_assert_int_eq(next_dead("a", NOW + 59 * SECOND, 0), 0);
    dead("a", 4, NOW + 59 * SECOND);
    ck_assert_int_eq(next_dead("a", NOW + 60 * SECOND, 0), 5);
    dead("a", 1, NOW + 61 * SECOND);
    ck_assert_int_eq(next_dead("a", NOW + 61 * SECOND, 1), 1);
}
END_TEST

START_TEST(a_backlog_is_logged_when_it_is_new_and_when_it_has_doubled)
{
    apr_time_t now = NOW;
    int logged = 0;
    int minute;

    for (minute = 5; minute < 60; minute++, now += 60 * SECOND) {
        logged += tmf_notices_backlog(notices, "a", minute * 60 * SECOND, now);
    }
    ck_assert_int_eq(logged, 4); /* 5, 10, 20, 40 */
    for (minute = 60; minute > 4; minute--, now += 60 * SECOND) {
        ck_assert(!tmf_notices_backlog(notices, "a", minute * 60 * SECOND, now));
    }
    now += 240 * SECOND;
    ck_assert(tmf_notices_backlog(notices, "a", 5 * 60 * SECOND, now));
    ck_assert(tmf_notices_backlog(notices, "b", 5 * 60 * SECOND, now));
}
END_TEST

START_TEST(of_very_many_listeners_the_latest_are_remembered)
{
    int i;

    dead("oldest", 1, NOW);
    for (i = 1; i <= 3 * TMF_NOTICES_MAX; i++) {
        ck_assert(tmf_notices_pause(notices, apr_itoa(pool, i), 1, NOW + i));
    }
    ck_assert(!tmf_notices_pause(notices, apr_itoa(pool, 2 * TMF_NOTICES_MAX + 1), 0, NOW + i));
    ck_assert_int_eq(next_dead("oldest", NOW, 1), 0);
}
END_TEST

/* Nothing of what can be a secret: user, password, path, query. */
START_TEST(the_log_shows_scheme_host_and_port_of_a_callback)
{
    static const struct {
        const char *callback;
        const char *origin;
    } rows[] = {
        {"http://listener.example", "http://listener.example"},
        {"http://listener.example/token/s3cret", "http://listener.example"},
        {"https://listener.example:8443/?token=s3cret", "https://listener.example:8443"},
        {"https://listener.example?s3cret@a/b", "https://listener.example"},
        {"https://listener.example#s3cret", "https://listener.example"},
        {"http://user:s3cret@listener.example:80/", "http://listener.example:80"},
        {"http://a@s3cret@listener.example/", "http://listener.example"},
        {"HTTPS://my_listener-1/x", "https://my_listener-1"},
        {"http://[2001:db8::1]:81/s3cret", "http://[2001:db8::1]:81"},
        {"http://user:s3cret/@listener.example/", "no http URL"},
        {"http://s3cret\n/", "no http URL"},
        {"http:///s3cret", "no http URL"},
        {"http://", "no http URL"},
        {"s3cret", "no http URL"},
        {"", "no http URL"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_str_eq(tmf_notices_origin(rows[i].callback, pool), rows[i].origin);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("notices");
    TCase *tcase = tcase_create("notices");

    tcase_add_checked_fixture(tcase, make_pool, destroy_pool);
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, the_first_pause_and_the_recovery_are_logged);
    tcase_add_test(tcase, what_another_notifier_has_seen_fail_is_logged_again);
    tcase_add_test(tcase, one_that_fails_now_and_then_is_logged_once_a_minute);
    tcase_add_test(tcase, a_first_pause_after_one_without_recovery_is_logged);
    tcase_add_test(tcase, dead_letters_are_counted_between_lines);
    tcase_add_test(tcase, a_backlog_is_logged_when_it_is_new_and_when_it_has_doubled);
    tcase_add_test(tcase, of_very_many_listeners_the_latest_are_remembered);
    tcase_add_test(tcase, the_log_shows_scheme_host_and_port_of_a_callback);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
