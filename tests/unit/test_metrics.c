/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted, by whomever, and what it reads as. */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "metrics/metrics.h"

#define SECOND APR_USEC_PER_SEC

static tmf_metrics_hosts_t *hosts;
static tmf_metrics_t *metrics;

static void make_metrics(void)
{
    make_pool();
    hosts = tmf_metrics_hosts_make(4, pool);
    ck_assert_int_eq(tmf_metrics_of_host(&metrics, hosts, "main"), APR_SUCCESS);
}

static const tmf_metrics_snapshot_t *snapshot(void)
{
    return tmf_metrics_snapshot(metrics, pool);
}

static const char *rendered(const tmf_overview_t *overview, int is_openmetrics)
{
    const tmf_build_t build = {"1.0 \"x\\\n", 12};
    tmf_text_t text;

    tmf_text_init(&text, 64, pool);
    tmf_metrics_render(&text, snapshot(), overview != NULL, overview, &build, is_openmetrics);
    return tmf_text_string(&text);
}

static void assert_has(const char *text, const char *line)
{
    ck_assert_msg(strstr(text, line) != NULL, "no \"%s\" in:\n%s", line, text);
}

static void assert_has_not(const char *text, const char *line)
{
    ck_assert_msg(strstr(text, line) == NULL, "\"%s\" in:\n%s", line, text);
}

START_TEST(what_is_recorded_is_read)
{
    const tmf_totals_t *totals;

    tmf_metrics_request(metrics, TMF_OPERATION_CREATE_CUSTOMER, 201, 300);
    tmf_metrics_request(metrics, TMF_OPERATION_CREATE_CUSTOMER, 201, 300);
    tmf_metrics_request(metrics, TMF_OPERATION_CREATE_CUSTOMER, 400, 20 * SECOND);
    tmf_metrics_request(metrics, TMF_OPERATION_DELETE_HUB, 299, 0);
    tmf_metrics_database_error(metrics, "57014");
    tmf_metrics_database_error(metrics, "ZZZZZ");
    tmf_metrics_batch(metrics, TMF_BATCH_WRITE, 64);
    tmf_metrics_lookup(metrics, TMF_LOOKUP_MISS);
    tmf_metrics_change(metrics, TMF_EVENT_DELETE, 3);
    tmf_metrics_delivery(metrics, TMF_OUTCOME_DEAD);
    tmf_metrics_delivery_delay(metrics, 7 * SECOND);
    totals = &snapshot()->totals;
    ck_assert_uint_eq(totals->durations[TMF_OPERATION_CREATE_CUSTOMER].count, 3);
    ck_assert_uint_eq(totals->durations[TMF_OPERATION_CREATE_CUSTOMER].buckets[2], 2);
    ck_assert_uint_eq(totals->durations[TMF_OPERATION_CREATE_CUSTOMER].sum, 20 * SECOND + 600);
    ck_assert_uint_eq(totals->requests[TMF_OPERATION_DELETE_HUB][0], 1);
    ck_assert_uint_eq(totals->database_errors[0], 1);
    ck_assert_uint_eq(totals->batches[TMF_BATCH_WRITE].count, 1);
    ck_assert_uint_eq(totals->batches[TMF_BATCH_READ].count, 0);
    ck_assert_uint_eq(totals->lookups[TMF_LOOKUP_MISS], 1);
    ck_assert_uint_eq(totals->changes[TMF_EVENT_DELETE], 3);
    ck_assert_uint_eq(totals->deliveries[TMF_OUTCOME_DEAD], 1);
    ck_assert_uint_eq(totals->delivery_delays.sum, 7 * SECOND);
}
END_TEST

START_TEST(an_observation_belongs_to_the_first_bucket_that_is_not_below_it)
{
    const tmf_histogram_t *histogram;
    int size;

    for (size = 1; size <= 65; size++) {
        tmf_metrics_batch(metrics, TMF_BATCH_READ, size);
    }
    histogram = &snapshot()->totals.batches[TMF_BATCH_READ];
    ck_assert_uint_eq(histogram->buckets[0], 1);  /* 1 */
    ck_assert_uint_eq(histogram->buckets[1], 1);  /* 2 */
    ck_assert_uint_eq(histogram->buckets[2], 2);  /* 3, 4 */
    ck_assert_uint_eq(histogram->buckets[6], 32); /* 33 to 64 */
    ck_assert_uint_eq(histogram->buckets[7], 1);  /* 65 */
    ck_assert_uint_eq(histogram->count, 65);
    ck_assert_uint_eq(histogram->sum, 65 * 66 / 2);
}
END_TEST

START_TEST(a_clock_that_was_set_back_takes_nothing_away)
{
    tmf_metrics_request(metrics, TMF_OPERATION_OTHER, 200, -5 * SECOND);
    ck_assert_uint_eq(snapshot()->totals.durations[TMF_OPERATION_OTHER].buckets[0], 1);
    ck_assert_uint_eq(snapshot()->totals.durations[TMF_OPERATION_OTHER].sum, 0);
}
END_TEST

START_TEST(nothing_is_counted_without_memory)
{
    const tmf_metrics_snapshot_t *empty = tmf_metrics_snapshot(NULL, pool);

    tmf_metrics_request(NULL, TMF_OPERATION_OTHER, 200, 1);
    tmf_metrics_database_error(NULL, "57014");
    tmf_metrics_batch(NULL, TMF_BATCH_READ, 1);
    tmf_metrics_lookup(NULL, TMF_LOOKUP_HIT);
    tmf_metrics_change(NULL, TMF_EVENT_CREATE, 1);
    tmf_metrics_delivery(NULL, TMF_OUTCOME_DELIVERED);
    tmf_metrics_delivery_delay(NULL, 1);
    tmf_metrics_enter(NULL);
    tmf_metrics_connection(NULL, TMF_CONNECTION_IN_USE, 1);
    tmf_metrics_connection_open(NULL, 1);
    ck_assert_int_eq(empty->minute_count, 1);
    ck_assert_uint_eq(empty->minutes[0].requests.count, 0);
}
END_TEST

#define THREADS 8
#define ADDS    100000

static void *count_requests(void *nothing)
{
    int i;

    (void)nothing;
    for (i = 0; i < ADDS; i++) {
        tmf_metrics_request(metrics, TMF_OPERATION_RETRIEVE_CUSTOMER, 200, 1);
    }
    return NULL;
}

START_TEST(no_thread_of_no_child_loses_a_request)
{
    pthread_t threads[THREADS];
    pid_t child = fork();
    int status;
    int i;

    for (i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_requests, NULL), 0);
    }
    for (i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    if (child == 0) {
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(snapshot()->totals.durations[TMF_OPERATION_RETRIEVE_CUSTOMER].count,
                      2 * THREADS * ADDS);
    ck_assert_uint_eq(snapshot()->totals.durations[TMF_OPERATION_RETRIEVE_CUSTOMER].sum,
                      2 * THREADS * ADDS);
}
END_TEST

START_TEST(a_child_that_is_killed_leaves_all_counts_and_no_connection)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        tmf_metrics_enter(metrics);
        tmf_metrics_connection_open(metrics, 3);
        tmf_metrics_connection(metrics, TMF_CONNECTION_IN_USE, 2);
        tmf_metrics_connection(metrics, TMF_CONNECTION_WAITING, 5);
        tmf_metrics_lookup(metrics, TMF_LOOKUP_HIT);
        raise(SIGKILL);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(snapshot()->connections[TMF_CONNECTION_IN_USE], 2);
    ck_assert_int_eq(snapshot()->connections[TMF_CONNECTION_IDLE], 1);
    ck_assert_int_eq(snapshot()->connections[TMF_CONNECTION_WAITING], 5);
    tmf_metrics_left(hosts, child);
    ck_assert_int_eq(snapshot()->connections[TMF_CONNECTION_IN_USE], 0);
    ck_assert_int_eq(snapshot()->connections[TMF_CONNECTION_IDLE], 0);
    ck_assert_int_eq(snapshot()->connections[TMF_CONNECTION_WAITING], 0);
    ck_assert_uint_eq(snapshot()->totals.lookups[TMF_LOOKUP_HIT], 1);
}
END_TEST

/* More children than there are rows, one after the other, and one too many at a time. */
START_TEST(rows_of_children_are_used_again)
{
    int i;

    for (i = 0; i < 9; i++) {
        pid_t child = fork();
        int status;

        if (child == 0) {
            tmf_metrics_enter(metrics);
            tmf_metrics_connection_open(metrics, 1);
            _exit(0);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        if (i < 4) {
            tmf_metrics_left(hosts, child);
        }
    }
    ck_assert_int_eq(snapshot()->connections[TMF_CONNECTION_IDLE], 4);
}
END_TEST

START_TEST(a_host_that_stays_keeps_its_counts_and_a_new_one_begins_with_none)
{
    tmf_metrics_t *again;
    tmf_metrics_t *other;

    tmf_metrics_lookup(metrics, TMF_LOOKUP_HIT);
    ck_assert_int_eq(tmf_metrics_of_host(&other, hosts, "other"), APR_SUCCESS);
    ck_assert_int_eq(tmf_metrics_of_host(&again, hosts, "main"), APR_SUCCESS);
    tmf_metrics_lookup(again, TMF_LOOKUP_HIT);
    ck_assert_uint_eq(snapshot()->totals.lookups[TMF_LOOKUP_HIT], 2);
    ck_assert_uint_eq(tmf_metrics_snapshot(other, pool)->totals.lookups[TMF_LOOKUP_HIT], 0);
}
END_TEST

/* ---- the last hour ---- */

static void ask(int count, int status)
{
    while (count-- > 0) {
        tmf_metrics_request(metrics, TMF_OPERATION_LIST_CUSTOMER, status, 2000);
    }
}

START_TEST(minutes_are_what_happened_in_them)
{
    const apr_time_t begin = (apr_time_now() / (60 * SECOND) + 1) * 60 * SECOND;
    const tmf_metrics_snapshot_t *read;

    tmf_metrics_tick(hosts, begin);
    ask(5, 200);
    ask(2, 404);
    ask(1, 503);
    tmf_metrics_change(metrics, TMF_EVENT_CREATE, 3);
    tmf_metrics_delivery(metrics, TMF_OUTCOME_DELIVERED);
    tmf_metrics_delivery(metrics, TMF_OUTCOME_REFUSED);
    tmf_metrics_delivery(metrics, TMF_OUTCOME_FAILED);
    tmf_metrics_delivery(metrics, TMF_OUTCOME_DEAD);
    tmf_metrics_tick(hosts, begin + 59 * SECOND); /* it is not over */
    tmf_metrics_tick(hosts, begin + 64 * SECOND);
    ask(1, 200);
    read = snapshot();
    ck_assert_int_eq(read->minute_count, 3);
    ck_assert_int_eq(read->minutes[0].requests.count, 0);
    ck_assert_int_eq(read->minutes[1].begin, begin);
    ck_assert_int_eq(read->minutes[1].length, 64 * SECOND);
    ck_assert_int_eq(read->minutes[1].requests.count, 8);
    ck_assert_int_eq(read->minutes[1].requests.client_errors, 2);
    ck_assert_int_eq(read->minutes[1].requests.server_errors, 1);
    ck_assert_int_eq(read->minutes[1].changes, 3);
    ck_assert_int_eq(read->minutes[1].deliveries, 1);
    ck_assert_int_eq(read->minutes[1].failed_deliveries, 2);
    ck_assert_int_eq(read->minutes[1].requests.durations.count, 8);
    ck_assert_int_eq(read->minutes[1].requests.durations.sum, 8 * 2000);
    ck_assert_int_eq(read->minutes[2].requests.count, 1);
}
END_TEST

START_TEST(sixty_minutes_are_kept)
{
    const apr_time_t begin = apr_time_now();
    const tmf_metrics_snapshot_t *read;
    int i;

    for (i = 1; i <= 150; i++) {
        ask(i, 200);
        tmf_metrics_tick(hosts, begin + i * 60 * SECOND);
    }
    ask(1000, 200);
    read = snapshot();
    ck_assert_int_eq(read->minute_count, TMF_MINUTES);
    for (i = 0; i < TMF_MINUTES - 1; i++) {
        ck_assert_int_eq(read->minutes[i].requests.count, 150 - (TMF_MINUTES - 2) + i);
    }
    ck_assert_int_eq(read->minutes[TMF_MINUTES - 1].requests.count, 1000);
}
END_TEST

START_TEST(quantiles_are_interpolated)
{
    tmf_histogram_t durations = {{0}, 0, 0};

    ck_assert_double_eq(tmf_metrics_duration_quantile(&durations, 0.5), 0);
    durations.buckets[4] = 100; /* 0.001 to 0.0025 */
    durations.count = 100;
    ck_assert_double_eq_tol(tmf_metrics_duration_quantile(&durations, 0.5), 0.00175, 1e-9);
    ck_assert_double_eq_tol(tmf_metrics_duration_quantile(&durations, 1), 0.0025, 1e-9);
    durations.buckets[TMF_HISTOGRAM_BUCKETS - 1] = 100;
    durations.count = 200;
    ck_assert_double_eq_tol(tmf_metrics_duration_quantile(&durations, 0.99), 10, 1e-9);
}
END_TEST

/* ---- the text ---- */

START_TEST(the_text_of_prometheus)
{
    const tmf_overview_t overview = {42, {3, 2, 1}, 7, 8, 1.5};
    const char *text;

    tmf_metrics_request(metrics, TMF_OPERATION_CREATE_CUSTOMER, 201, 1500000);
    tmf_metrics_request(metrics, TMF_OPERATION_OTHER, 418, 1);
    tmf_metrics_database_error(metrics, "40P01");
    text = rendered(&overview, 0);
    assert_has(text, "# TYPE tmf_customer_requests_total counter\n"
                     "tmf_customer_requests_total{operation=\"other\",code=\"other\"} 1\n"
                     "tmf_customer_requests_total{operation=\"createCustomer\",code=\"201\"} 1\n");
    assert_has(text,
               "request_duration_seconds_bucket{operation=\"createCustomer\",le=\"1.0\"} 0\n");
    assert_has(text,
               "request_duration_seconds_bucket{operation=\"createCustomer\",le=\"2.5\"} 1\n");
    assert_has(text,
               "request_duration_seconds_bucket{operation=\"createCustomer\",le=\"+Inf\"} 1\n"
               "tmf_customer_request_duration_seconds_sum{operation=\"createCustomer\"} "
               "1.500000\n"
               "tmf_customer_request_duration_seconds_count{operation=\"createCustomer\"} 1\n");
    assert_has_not(text, "operation=\"listCustomer\"");
    assert_has(text, "tmf_customer_database_errors_total{code=\"40P01\"} 1\n");
    assert_has(text, "tmf_customer_changes_total{event=\"CustomerDeleteEvent\"} 0\n");
    assert_has(text, "# TYPE tmf_customer_build_info gauge\n"
                     "tmf_customer_build_info{version=\"1.0 \\\"x\\\\\\n\",schema=\"12\"} 1\n");
    assert_has(text, "tmf_customer_database_up 1\n");
    assert_has(text, "tmf_customer_customers 42\n");
    assert_has(text, "tmf_customer_listeners{state=\"active\"} 3\n"
                     "tmf_customer_listeners{state=\"paused\"} 2\n"
                     "tmf_customer_listeners{state=\"disabled\"} 1\n");
    assert_has(text, "tmf_customer_deliveries_pending 7\n");
    assert_has(text, "tmf_customer_deliveries_dead 8\n");
    assert_has(text, "tmf_customer_oldest_pending_seconds 1.500\n");
    assert_has_not(text, "# EOF");
    assert_has_not(text, "# UNIT");
}
END_TEST

START_TEST(the_text_of_openmetrics)
{
    const char *text;

    tmf_metrics_request(metrics, TMF_OPERATION_CREATE_CUSTOMER, 201, 1);
    text = rendered(NULL, 1);
    assert_has(text, "# TYPE tmf_customer_requests counter\n"
                     "tmf_customer_requests_total{operation=\"createCustomer\",code=\"201\"} 1\n");
    assert_has(text, "# TYPE tmf_customer_request_duration_seconds histogram\n"
                     "# UNIT tmf_customer_request_duration_seconds seconds\n");
    assert_has(text, "# TYPE tmf_customer_build info\ntmf_customer_build_info{");
    assert_has(text, "tmf_customer_database_up 0\n");
    assert_has_not(text, "tmf_customer_customers");
    assert_has_not(text, "tmf_customer_listeners");
    ck_assert_str_eq(text + strlen(text) - strlen("\n# EOF\n"), "\n# EOF\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tests = tcase_create("metrics");

    tcase_add_checked_fixture(tests, make_metrics, destroy_pool);
    tcase_add_test(tests, what_is_recorded_is_read);
    tcase_add_test(tests, an_observation_belongs_to_the_first_bucket_that_is_not_below_it);
    tcase_add_test(tests, a_clock_that_was_set_back_takes_nothing_away);
    tcase_add_test(tests, nothing_is_counted_without_memory);
    tcase_add_test(tests, no_thread_of_no_child_loses_a_request);
    tcase_add_test(tests, a_child_that_is_killed_leaves_all_counts_and_no_connection);
    tcase_add_test(tests, rows_of_children_are_used_again);
    tcase_add_test(tests, a_host_that_stays_keeps_its_counts_and_a_new_one_begins_with_none);
    tcase_add_test(tests, minutes_are_what_happened_in_them);
    tcase_add_test(tests, sixty_minutes_are_kept);
    tcase_add_test(tests, quantiles_are_interpolated);
    tcase_add_test(tests, the_text_of_prometheus);
    tcase_add_test(tests, the_text_of_openmetrics);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
