/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of the notifier: pauses, signatures, and what a listener's answers lead to. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "notify/backoff.h"
#include "notify/listener.h"
#include "notify/signature.h"

#define SECOND APR_USEC_PER_SEC

static apr_array_header_t *schedule(void)
{
    apr_array_header_t *pauses = apr_array_make(pool, 3, sizeof(apr_interval_time_t));

    APR_ARRAY_PUSH(pauses, apr_interval_time_t) = 1 * SECOND;
    APR_ARRAY_PUSH(pauses, apr_interval_time_t) = 10 * SECOND;
    APR_ARRAY_PUSH(pauses, apr_interval_time_t) = 100 * SECOND;
    return pauses;
}

START_TEST(pauses_follow_the_schedule_with_jitter)
{
    static const apr_interval_time_t expected[] = {1, 10, 100, 100, 100};
    apr_uint32_t random;
    int failures;

    for (failures = 1; failures <= 5; failures++) {
        for (random = 0; random < 2000; random += 333) {
            apr_interval_time_t most = expected[failures - 1] * SECOND;
            apr_interval_time_t pause = tmf_backoff_pause(schedule(), failures, random);

            ck_assert(pause <= most && pause > most - most / 5);
        }
    }
    ck_assert(tmf_backoff_pause(schedule(), 3, 0) != tmf_backoff_pause(schedule(), 3, 500));
}
END_TEST

START_TEST(retry_after_is_honoured_within_bounds)
{
    static const struct {
        const char *header;
        apr_interval_time_t pause;
    } rows[] = {
        {NULL, 0},
        {"", 0},
        {"soon", 0},
        {"-5", 0},
        {"1.5", 0},
        {"0", 1 * SECOND},
        {"7", 7 * SECOND},
        {"3600", 3600 * SECOND},
        {"3601", 3600 * SECOND},
        {"99999999999999999999", 3600 * SECOND},
        {"Thu, 01 Jan 1970 00:10:00 GMT", 500 * SECOND},
        {"Thu, 01 Jan 1970 00:00:50 GMT", 1 * SECOND},
        {"Fri, 01 Jan 2100 00:00:00 GMT", 3600 * SECOND},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_msg(tmf_backoff_retry_after(rows[i].header, 100 * SECOND) == rows[i].pause, "%s",
                      rows[i].header);
    }
}
END_TEST

/* ---- signatures ---- */

static const char *write_secrets(const char *content)
{
    const char *path = apr_psprintf(pool, "secrets.%d", (int)getpid());
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fputs(content, file);
    fclose(file);
    return path;
}

static const char *read_secrets(tmf_secrets_t **secrets, const char *content)
{
    const char *path = write_secrets(content);
    const char *problem = tmf_secrets_read(secrets, path, pool);

    unlink(path);
    return problem;
}

/* The secret and message that Standard Webhooks gives as its example. */
#define EXAMPLE "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

START_TEST(signatures_are_those_of_standard_webhooks)
{
    static const char body[] = "{\"test\": 2432232314}";
    tmf_secrets_t *secrets;

    ck_assert_ptr_null(read_secrets(&secrets, "# comment\n\n* " EXAMPLE "\n"));
    ck_assert_str_eq(tmf_signature_make(secrets, "listener.example", "msg_p5jXN8AQM9LWM0D4loKWxJek",
                                        1614265330, body, strlen(body), pool),
                     "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}
END_TEST

START_TEST(each_host_has_its_secrets_and_two_of_them_sign)
{
    static const char other[] = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB";
    tmf_secrets_t *secrets;
    const char *both;
    const char *one;

    ck_assert_ptr_null(
        read_secrets(&secrets, apr_pstrcat(pool, "a.example ", EXAMPLE, "\na.example ", other,
                                           "\n* ", other, "\n", NULL)));
    both = tmf_signature_make(secrets, "A.example", "x", 1, "{}", 2, pool);
    one = tmf_signature_make(secrets, "b.example", "x", 1, "{}", 2, pool);
    ck_assert_int_eq(strncmp(both, "v1,", 3), 0);
    ck_assert_ptr_nonnull(strchr(both, ' '));
    ck_assert_str_eq(strchr(both, ' ') + 1, one);
    ck_assert_ptr_null(tmf_signature_make(NULL, "a.example", "x", 1, "{}", 2, pool));
    ck_assert_ptr_null(read_secrets(&secrets, "a.example " EXAMPLE));
    ck_assert_ptr_null(tmf_signature_make(secrets, "b.example", "x", 1, "{}", 2, pool));
}
END_TEST

START_TEST(files_of_secrets_that_are_none_are_refused)
{
    static const char *const wrong[] = {
        "a.example",
        "a.example secret",
        "a.example whsec_",
        "a.example whsec_AAAA",
        "a.example whsec_!!!!AAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "a.example " EXAMPLE " more",
        "* " EXAMPLE "\n* " EXAMPLE "\n* " EXAMPLE,
    };
    tmf_secrets_t *secrets;
    apr_size_t i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *problem = read_secrets(&secrets, wrong[i]);

        ck_assert_msg(problem != NULL, "%s", wrong[i]);
        ck_assert_ptr_nonnull(strstr(problem, "line "));
        ck_assert_ptr_null(strstr(problem, "AAAA"));
        ck_assert_ptr_null(strstr(problem, "MfKQ"));
    }
    ck_assert_ptr_nonnull(tmf_secrets_read(&secrets, "/no/such/file", pool));
}
END_TEST

/* ---- a listener ---- */

#define NOW (1000 * SECOND)

static tmf_listener_rules_t rules;
static tmf_event_cache_t *cache;

static tmf_listener_t *make_listener(int failures)
{
    const tmf_lease_t lease = {"hub", "http://listener.example/", NULL, failures};
    tmf_listener_t *listener;

    rules.schedule = schedule();
    rules.concurrency = 4;
    rules.refused_tries = 2;
    cache = tmf_event_cache_make(pool);
    listener = tmf_listener_make(&lease, tmf_targets_make(pool), &rules, pool);
    listener->leased_until = NOW + 100 * SECOND;
    return listener;
}

/* Puts an event of a customer in hand, ready to be sent. */
static void put(tmf_listener_t *listener, apr_int64_t id, const char *customer, int attempts,
                apr_interval_time_t wait)
{
    const tmf_due_t due = {0, id, customer, attempts, wait, 0, NULL};
    int i;

    tmf_listener_add(listener, &due, NOW);
    for (i = 0; i < listener->count; i++) {
        if (listener->hand[i]->id == id) {
            listener->hand[i]->state = TMF_HAND_WAITING;
            listener->unread--;
        }
    }
}

/* The id of the next that may be sent, which is sent; 0 = none. */
static apr_int64_t next(tmf_listener_t *listener, tmf_in_hand_t **sent)
{
    apr_time_t wake_at = NOW + 100 * SECOND;
    tmf_in_hand_t *delivery = tmf_listener_next(listener, NOW, &wake_at);

    if (delivery == NULL) {
        return 0;
    }
    tmf_listener_sent(delivery);
    if (sent != NULL) {
        *sent = delivery;
    }
    return delivery->id;
}

static void answer(tmf_in_hand_t *delivery, int status)
{
    const tmf_answer_t given = {delivery, status, 0, "no answer"};

    tmf_listener_answered(delivery, &given, NOW);
}

START_TEST(events_of_one_customer_go_one_by_one_in_order)
{
    tmf_listener_t *listener = make_listener(0);
    tmf_in_hand_t *first;
    tmf_in_hand_t *second;

    listener->allowed = 4;
    put(listener, 3, "a", 0, 0);
    put(listener, 1, "a", 0, 0);
    put(listener, 2, "b", 0, 0);
    put(listener, 4, "c", 0, 0);
    ck_assert_int_eq(next(listener, &first), 1);
    ck_assert_int_eq(next(listener, NULL), 2);
    ck_assert_int_eq(next(listener, NULL), 4);
    ck_assert_int_eq(next(listener, NULL), 0);
    answer(first, 200);
    ck_assert_int_eq(first->state, TMF_HAND_DONE);
    ck_assert_int_eq(next(listener, &second), 3);
    ck_assert_int_eq(listener->sent, 3);
    ck_assert_int_eq(listener->settled, 1);
}
END_TEST

/* An event that could not be checked may be one that the listener's query excludes. */
START_TEST(what_is_not_checked_is_not_sent_nor_overtaken)
{
    tmf_listener_t *listener = make_listener(0);

    listener->allowed = 4;
    put(listener, 1, "a", 0, 0);
    put(listener, 2, "a", 0, 0);
    put(listener, 3, "b", 0, 0);
    listener->hand[0]->checked = 0;
    ck_assert_int_eq(next(listener, NULL), 3);
    ck_assert_int_eq(next(listener, NULL), 0);
    listener->hand[0]->checked = 1;
    ck_assert_int_eq(next(listener, NULL), 1);
}
END_TEST

START_TEST(customers_that_wait_keep_back_nobody_else)
{
    tmf_listener_t *listener = make_listener(0);
    apr_time_t wake_at = NOW + 100 * SECOND;
    int i;

    listener->allowed = 4;
    for (i = 1; i <= 180; i++) {
        put(listener, i, apr_itoa(pool, i), 1, i * SECOND);
        put(listener, 1000 + i, apr_itoa(pool, i), 0, 0);
    }
    put(listener, 2001, "other", 0, 0);
    put(listener, 2002, "another", 0, 0);
    ck_assert_int_eq(next(listener, NULL), 2001);
    ck_assert_int_eq(next(listener, NULL), 2002);
    ck_assert_ptr_null(tmf_listener_next(listener, NOW, &wake_at));
    ck_assert(wake_at == NOW + 1 * SECOND);
    ck_assert_int_eq(tmf_listener_next(listener, NOW + 1 * SECOND, &wake_at)->id, 1);
}
END_TEST

START_TEST(a_listener_is_trusted_step_by_step)
{
    tmf_listener_t *listener = make_listener(0);
    tmf_in_hand_t *delivery = NULL;
    int i;

    for (i = 1; i <= 20; i++) {
        put(listener, i, apr_itoa(pool, i), 0, 0);
    }
    ck_assert_int_eq(next(listener, &delivery), 1);
    ck_assert_int_eq(next(listener, NULL), 0);
    answer(delivery, 204);
    ck_assert_int_eq(next(listener, &delivery), 2);
    ck_assert_int_eq(next(listener, NULL), 3);
    ck_assert_int_eq(next(listener, NULL), 0);
    for (i = 0; i < 10; i++) {
        answer(delivery, 200);
        next(listener, &delivery);
    }
    ck_assert_int_eq(listener->allowed, 4);
}
END_TEST

START_TEST(an_ill_listener_pauses_and_nothing_more_is_sent)
{
    static const int statuses[] = {0, 408, 429, 500, 502, 503, 599};
    apr_size_t i;

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        tmf_listener_t *listener = make_listener(1);
        tmf_in_hand_t *delivery = NULL;

        put(listener, 1, "a", 0, 0);
        put(listener, 2, "b", 0, 0);
        ck_assert_int_eq(next(listener, &delivery), 1);
        answer(delivery, statuses[i]);
        ck_assert(listener->pausing && listener->leaving && !listener->disabling);
        ck_assert_int_eq(listener->failures, 2);
        ck_assert(listener->pause > 8 * SECOND && listener->pause <= 10 * SECOND);
        ck_assert_int_eq(delivery->state, TMF_HAND_WAITING);
        ck_assert_int_eq(listener->settled, 0);
        ck_assert_int_eq(next(listener, NULL), 0);
    }
}
END_TEST

START_TEST(retry_after_is_the_pause)
{
    tmf_listener_t *listener = make_listener(0);
    tmf_in_hand_t *delivery = NULL;
    tmf_answer_t given = {NULL, 503, 77 * SECOND, ""};

    put(listener, 1, "a", 0, 0);
    next(listener, &delivery);
    given.context = delivery;
    tmf_listener_answered(delivery, &given, NOW);
    ck_assert(listener->pause == 77 * SECOND);
}
END_TEST

START_TEST(gone_disables)
{
    tmf_listener_t *listener = make_listener(0);
    tmf_in_hand_t *delivery = NULL;

    put(listener, 1, "a", 0, 0);
    next(listener, &delivery);
    answer(delivery, 410);
    ck_assert(listener->pausing && listener->disabling);
}
END_TEST

START_TEST(a_refused_event_waits_with_its_customer_and_others_go_on)
{
    static const int statuses[] = {301, 302, 304, 400, 401, 403, 404, 413, 422};
    apr_size_t i;

    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        tmf_listener_t *listener = make_listener(0);
        tmf_in_hand_t *delivery = NULL;

        put(listener, 1, "a", 0, 0);
        put(listener, 2, "a", 0, 0);
        put(listener, 3, "b", 0, 0);
        ck_assert_int_eq(next(listener, &delivery), 1);
        answer(delivery, statuses[i]);
        ck_assert_int_eq(delivery->state, TMF_HAND_REFUSED);
        ck_assert_int_eq(delivery->attempts, 1);
        ck_assert(delivery->not_before > NOW && delivery->not_before <= NOW + 1 * SECOND);
        ck_assert(!listener->leaving);
        ck_assert_int_eq(next(listener, NULL), 3);
        ck_assert_int_eq(next(listener, NULL), 0);
    }
}
END_TEST

START_TEST(an_event_that_is_refused_too_often_is_a_dead_letter)
{
    tmf_listener_t *listener = make_listener(0);
    tmf_in_hand_t *delivery = NULL;

    put(listener, 1, "a", 1, 0);
    next(listener, &delivery);
    answer(delivery, 400);
    ck_assert_int_eq(delivery->state, TMF_HAND_REFUSED);
    ck_assert_int_eq(delivery->attempts, 2);
    ck_assert(delivery->not_before == 0);
}
END_TEST

/* Puts the events from `first` to `last` in hand, of a customer each, and lets them be refused. */
static void refuse_all(tmf_listener_t *listener, int first, int last)
{
    tmf_in_hand_t *delivery = NULL;
    int i;

    for (i = first; i <= last; i++) {
        put(listener, i, apr_itoa(pool, i), 0, 0);
        ck_assert_int_eq(next(listener, &delivery), i);
        answer(delivery, 400);
    }
}

START_TEST(a_listener_that_refuses_everything_pauses)
{
    tmf_listener_t *listener = make_listener(0);

    refuse_all(listener, 1, 19);
    ck_assert_int_eq(listener->allowed, 1);
    ck_assert_int_eq(listener->pausing, 0);
    refuse_all(listener, 20, 20);
    put(listener, 21, "another", 0, 0);
    ck_assert_int_eq(next(listener, NULL), 0);
    ck_assert(listener->leaving && listener->pausing);
    ck_assert(listener->pause == SECOND);
    ck_assert_str_eq(listener->error, "20 events in a row refused: the listener answered 400");
    ck_assert_int_eq(listener->failures, 1);
    ck_assert_int_eq(listener->settled, 20);
}
END_TEST

/* However often: when it fails otherwise, its pauses begin with the short ones. */
START_TEST(refusals_are_no_step_in_the_schedule)
{
    tmf_listener_t *listener = make_listener(2);

    refuse_all(listener, 1, 20);
    ck_assert_int_eq(listener->failures, 2);
    ck_assert_int_eq(listener->recovered, 0);
}
END_TEST

START_TEST(a_listener_that_accepts_something_goes_on)
{
    tmf_listener_t *listener = make_listener(0);
    tmf_in_hand_t *delivery = NULL;

    refuse_all(listener, 1, 19);
    put(listener, 20, "accepted", 0, 0);
    next(listener, &delivery);
    answer(delivery, 204);
    refuse_all(listener, 21, 39);
    ck_assert_int_eq(listener->pausing, 0);
    refuse_all(listener, 40, 40);
    ck_assert_int_eq(listener->pausing, 1);
}
END_TEST

START_TEST(what_is_delayed_does_not_count_as_waiting)
{
    tmf_listener_t *listener = make_listener(0);
    tmf_in_hand_t *delivery = NULL;

    put(listener, 1, "a", 0, 0);
    put(listener, 2, "b", 1, 5 * SECOND);
    ck_assert_int_eq(tmf_listener_waiting(listener), 1);
    ck_assert_int_eq(next(listener, &delivery), 1);
    ck_assert_int_eq(tmf_listener_waiting(listener), 0);
    answer(delivery, 400);
    ck_assert_int_eq(listener->settled, 1);
    tmf_listener_delay(delivery);
    ck_assert_int_eq(listener->settled, 0);
    ck_assert_int_eq(listener->delayed, 2);
    ck_assert_int_eq(tmf_listener_waiting(listener), 0);
    tmf_listener_skip(delivery);
    ck_assert_int_eq(listener->delayed, 1);
    ck_assert_int_eq(listener->settled, 1);
    tmf_listener_drop_all(listener, cache); /* what is done is still to be recorded */
    ck_assert_int_eq(listener->delayed, 0);
    ck_assert_int_eq(listener->settled, 1);
    ck_assert_int_eq(listener->count, 1);
}
END_TEST

START_TEST(what_waits_for_a_delayed_one_leaves_the_hand)
{
    tmf_listener_t *listener = make_listener(0);

    put(listener, 1, "a", 0, 0);
    put(listener, 2, "b", 1, 5 * SECOND);
    put(listener, 3, "a", 0, 0);
    put(listener, 4, "b", 0, 0);
    put(listener, 5, "b", 2, 5 * SECOND);
    put(listener, 6, "c", 0, 0);
    tmf_listener_withhold(listener, cache);
    ck_assert_int_eq(listener->count, 4);
    ck_assert_int_eq(listener->hand[0]->id, 1);
    ck_assert_int_eq(listener->hand[1]->id, 2);
    ck_assert_int_eq(listener->hand[2]->id, 3);
    ck_assert_int_eq(listener->hand[3]->id, 6);
    ck_assert_int_eq(listener->delayed, 1);
    ck_assert_int_eq(tmf_listener_waiting(listener), 3);
}
END_TEST

START_TEST(a_delivery_waits_for_its_time_and_tells_it)
{
    tmf_listener_t *listener = make_listener(0);
    apr_time_t wake_at = NOW + 100 * SECOND;

    put(listener, 1, "a", 1, 5 * SECOND);
    ck_assert_ptr_null(tmf_listener_next(listener, NOW, &wake_at));
    ck_assert(wake_at == NOW + 5 * SECOND);
    ck_assert_ptr_nonnull(tmf_listener_next(listener, NOW + 5 * SECOND, &wake_at));
}
END_TEST

START_TEST(nothing_is_begun_when_the_lease_has_run_out)
{
    tmf_listener_t *listener = make_listener(0);

    put(listener, 1, "a", 0, 0);
    listener->leased_until = NOW;
    ck_assert_int_eq(next(listener, NULL), 0);
}
END_TEST

START_TEST(success_after_failures_is_a_recovery)
{
    tmf_listener_t *listener = make_listener(3);
    tmf_in_hand_t *delivery = NULL;

    put(listener, 1, "a", 0, 0);
    next(listener, &delivery);
    answer(delivery, 200);
    ck_assert_int_eq(listener->failures, 0);
    ck_assert(listener->recovered);
}
END_TEST

START_TEST(a_hub_that_may_not_be_reached_any_more_pauses)
{
    const tmf_lease_t lease = {"hub", "http://127.0.0.1/", NULL, 0};
    tmf_listener_t *listener;

    make_listener(0);
    listener = tmf_listener_make(&lease, tmf_targets_make(pool), &rules, pool);
    ck_assert(listener->leaving && listener->pausing);
    ck_assert_ptr_nonnull(strstr(listener->error, "callback"));
}
END_TEST

static int is_done(const tmf_in_hand_t *delivery)
{
    return delivery->state == TMF_HAND_DONE;
}

START_TEST(what_is_dropped_leaves_the_rest_in_order)
{
    tmf_listener_t *listener = make_listener(0);
    int i;

    for (i = 1; i <= 6; i++) {
        put(listener, i, apr_itoa(pool, i), 0, 0);
        if (i % 2 == 0) {
            listener->hand[i - 1]->state = TMF_HAND_DONE;
            listener->settled++;
        }
    }
    tmf_listener_drop(listener, is_done, cache);
    ck_assert_int_eq(listener->count, 3);
    ck_assert_int_eq(listener->settled, 0);
    ck_assert_int_eq(listener->hand[0]->id, 1);
    ck_assert_int_eq(listener->hand[1]->id, 3);
    ck_assert_int_eq(listener->hand[2]->id, 5);
    tmf_listener_destroy(listener, cache);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("notify");
    TCase *tcase = tcase_create("notify");

    tcase_add_checked_fixture(tcase, make_pool, destroy_pool);
    tcase_add_test(tcase, what_waits_for_a_delayed_one_leaves_the_hand);
    tcase_add_test(tcase, pauses_follow_the_schedule_with_jitter);
    tcase_add_test(tcase, retry_after_is_honoured_within_bounds);
    tcase_add_test(tcase, signatures_are_those_of_standard_webhooks);
    tcase_add_test(tcase, each_host_has_its_secrets_and_two_of_them_sign);
    tcase_add_test(tcase, files_of_secrets_that_are_none_are_refused);
    tcase_add_test(tcase, events_of_one_customer_go_one_by_one_in_order);
    tcase_add_test(tcase, what_is_not_checked_is_not_sent_nor_overtaken);
    tcase_add_test(tcase, customers_that_wait_keep_back_nobody_else);
    tcase_add_test(tcase, a_listener_is_trusted_step_by_step);
    tcase_add_test(tcase, an_ill_listener_pauses_and_nothing_more_is_sent);
    tcase_add_test(tcase, retry_after_is_the_pause);
    tcase_add_test(tcase, gone_disables);
    tcase_add_test(tcase, a_refused_event_waits_with_its_customer_and_others_go_on);
    tcase_add_test(tcase, an_event_that_is_refused_too_often_is_a_dead_letter);
    tcase_add_test(tcase, a_listener_that_refuses_everything_pauses);
    tcase_add_test(tcase, refusals_are_no_step_in_the_schedule);
    tcase_add_test(tcase, a_listener_that_accepts_something_goes_on);
    tcase_add_test(tcase, what_is_delayed_does_not_count_as_waiting);
    tcase_add_test(tcase, a_delivery_waits_for_its_time_and_tells_it);
    tcase_add_test(tcase, nothing_is_begun_when_the_lease_has_run_out);
    tcase_add_test(tcase, success_after_failures_is_a_recovery);
    tcase_add_test(tcase, a_hub_that_may_not_be_reached_any_more_pauses);
    tcase_add_test(tcase, what_is_dropped_leaves_the_rest_in_order);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
