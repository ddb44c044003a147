/* SPDX-License-Identifier: Apache-2.0 */
/* The page of tmf-customer-status. With TMF_PAGES=DIRECTORY the pages are left there, to be looked
 * at. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "status/markup.h"
#include "status/page.h"

#define MINUTE apr_time_from_sec(60)
#define HOUR   (60 * MINUTE)
#define NOW    apr_time_from_sec(1795902190) /* 2026-11-28 20:23:10 UTC */

#define NBSP   "\xc2\xa0"
#define SCRIPT "<script>alert('1')</script> & \"x\""

static tmf_status_overview_t overview;
static tmf_overview_t counts;
static tmf_status_values_t values;
static tmf_status_listeners_t listeners;
static tmf_status_value_t value_rows[TMF_STATUS_VALUES_MAX];
static tmf_status_listener_t listener_rows[TMF_STATUS_LISTENERS_MAX];
static tmf_status_operation_t operations[TMF_OPERATIONS];

/* Numbers that look as if they were measured, and are always the same. */
static double noise(int i)
{
    return 0.5 + 0.5 * sin(i * 12.9898) * cos(i * 4.1414);
}

static void make_minutes(int running_for)
{
    int i;

    for (i = TMF_MINUTES - running_for; i < TMF_MINUTES; i++) {
        tmf_status_minute_t *minute = &overview.minutes[i];
        double share = i == TMF_MINUTES - 1 ? 0.2 : 1;

        minute->begin = NOW - NOW % MINUTE - (TMF_MINUTES - 1 - i) * MINUTE;
        minute->requests.requests = (apr_uint64_t)(share *
                                                   (2400 + 900 * sin(i / 9.0) + 400 * noise(i)));
        minute->requests.client_errors = (apr_uint64_t)(share * 40 * noise(i + 7));
        minute->requests.server_errors = i >= 33 && i < 37 ? 180 : 0;
        minute->requests.median = 0.0006 + 0.0002 * noise(i);
        minute->requests.p99 = i >= 32 && i < 38 ? 2.1 : 0.009 + 0.012 * noise(i + 3);
        minute->delivered = (apr_uint64_t)(share * 600 * noise(i + 1));
        minute->failed = i > 40 ? (apr_uint64_t)(12 * noise(i)) : 0;
    }
}

static void make_empty(void)
{
    int i;

    memset(&overview, 0, sizeof(overview));
    memset(&counts, 0, sizeof(counts));
    memset(&values, 0, sizeof(values));
    memset(&listeners, 0, sizeof(listeners));
    overview.server = "api.example.com";
    overview.links = "./tmf-customer-status/";
    overview.build = (tmf_build_t){"0.1.0", 12};
    overview.now = NOW;
    overview.started = overview.counted_since = NOW - 20 * APR_USEC_PER_SEC;
    overview.total = (tmf_status_requests_t){0, 0, 0, -1, -1};
    for (i = 0; i < TMF_MINUTES; i++) {
        overview.minutes[i].requests.median = overview.minutes[i].requests.p99 = -1;
    }
    overview.minutes[TMF_MINUTES - 1].begin = NOW - 20 * APR_USEC_PER_SEC;
    overview.counts = &counts;
    overview.values = &values;
    overview.listeners = &listeners;
    values.rows = value_rows;
    listeners.rows = listener_rows;
}

static void make_listeners(void)
{
    static const tmf_status_listener_t made[] = {
        {"0b9d4f3c-6f2e-4a55-9f1f-0f6d0f7f2a11", "https://crm.partner.example:8443",
         TMF_LISTENER_DISABLED, 1240, 37, NOW - 26 * HOUR, NOW - 25 * HOUR, 0,
         "410 Gone: the listener wants no more"},
        {"4c1f6b1e-3b0a-4f3e-8b2f-3a8f0f1c9d22", "http://10.1.7.12:8080", TMF_LISTENER_PAUSED, 88,
         0, NOW - 9 * MINUTE, NOW - 8 * MINUTE, NOW + 42 * APR_USEC_PER_SEC,
         "Failed to connect to 10.1.7.12 port 8080 after 2002 ms: Could not connect to server"},
        {"77aa2c5d-93c4-4f0e-a6f5-5d3c2b1a0e33", "https://billing.example", TMF_LISTENER_ACTIVE, 3,
         2, NOW - 2 * APR_USEC_PER_SEC, 0, 0, "422 Unprocessable Entity"},
        {"9e8d7c6b-5a49-4838-8727-16050f0e0d44", "https://search.example", TMF_LISTENER_ACTIVE, 0,
         0, 0, 0, 0, NULL}};

    memcpy(listener_rows, made, sizeof(made));
    listeners.count = 4;
    counts.listeners[TMF_LISTENER_ACTIVE] = 2;
    counts.listeners[TMF_LISTENER_PAUSED] = 1;
    counts.listeners[TMF_LISTENER_DISABLED] = 1;
    counts.pending = 1331;
    counts.dead = 39;
    counts.oldest_pending = 26 * 3600;
}

static void make_busy(void)
{
    static const tmf_status_value_t some[] = {{"Approved", 812345},
                                              {"Initialized", 120331},
                                              {"Suspended", 4012},
                                              {NULL, 811},
                                              {"Closed", 12}};
    static const tmf_status_operation_t asked[] = {
        {"retrieveCustomer", {8123456, 3012, 210, 0.00052, 0.0061}},
        {"listCustomer", {712345, 812, 400, 0.0041, 0.087}},
        {"createCustomer", {61234, 1203, 70, 0.0021, 0.031}},
        {"patchCustomer", {181234, 2402, 90, 0.0024, 0.042}},
        {"deleteCustomer", {1023, 12, 0, 0.0018, 0.012}},
        {"listCustomerHistory", {12, 0, 0, 0.0014, 0.0123}},
        {"registerListener", {14, 2, 0, 0.0031, 0.0112}},
        {"other", {93, 93, 0, 0.0001, 0.0004}}};

    make_empty();
    make_minutes(TMF_MINUTES);
    memcpy(value_rows, some, sizeof(some));
    memcpy(operations, asked, sizeof(asked));
    overview.operations = operations;
    overview.operation_count = sizeof(asked) / sizeof(asked[0]);
    overview.total = (tmf_status_requests_t){9079411, 7536, 770, 0.0006, 0.021};
    overview.started = overview.counted_since = NOW - 76 * HOUR;
    overview.generation = 2;
    overview.connections[TMF_CONNECTION_IN_USE] = 3;
    overview.connections[TMF_CONNECTION_IDLE] = 13;
    overview.lookups[TMF_LOOKUP_HIT] = 7012345;
    overview.lookups[TMF_LOOKUP_MISS] = 1111111;
    overview.changes = 243491;
    overview.deliveries[TMF_OUTCOME_DELIVERED] = 700123;
    overview.deliveries[TMF_OUTCOME_FAILED] = 812;
    overview.deliveries[TMF_OUTCOME_REFUSED] = 120;
    overview.deliveries[TMF_OUTCOME_DEAD] = 39;
    counts.customers = 937511;
    values.count = 5;
    make_listeners();
}

static const char *page_of(const char *name)
{
    const char *directory = getenv("TMF_PAGES");
    tmf_text_t html;

    tmf_text_init(&html, 1024, pool);
    tmf_page_write(&html, &overview);
    if (directory != NULL) {
        FILE *file = fopen(apr_pstrcat(pool, directory, "/", name, ".html", NULL), "w");

        ck_assert_ptr_nonnull(file);
        fwrite(html.data, 1, html.length, file);
        fclose(file);
    }
    return tmf_text_string(&html);
}

static int count_of(const char *text, const char *what)
{
    int count = 0;

    for (text = strstr(text, what); text != NULL; text = strstr(text + 1, what)) {
        count++;
    }
    return count;
}

#define ck_assert_says(page, what)                                                                 \
    ck_assert_msg(strstr(page, what) != NULL, "the page does not say: %s", what)

START_TEST(a_busy_server)
{
    const char *page;

    make_busy();
    page = page_of("busy");
    ck_assert_says(page, "937,511");
    ck_assert_says(page, ">9,079,411<");
    ck_assert_says(page, "86.3" NBSP "%");
    ck_assert_says(page, "<bdi>Approved</bdi>");
    ck_assert_says(page, "<i class=\"none\">none</i>");
    ck_assert_says(page, "https://crm.partner.example:8443");
    ck_assert_says(page, "■ disabled");
    ck_assert_says(page, "href=\"./tmf-customer-status/listeners/0b9d4f3c-");
    ck_assert_says(page, "▲ Needs attention");
    ck_assert_int_eq(count_of(page, "class=\"tip\""), 3 * TMF_MINUTES);
}
END_TEST

START_TEST(a_server_that_just_started)
{
    const char *page;

    make_empty();
    page = page_of("empty");
    ck_assert_says(page, "● All is well");
    ck_assert_says(page, "There is no customer yet");
    ck_assert_says(page, "No listener is registered");
    ck_assert_says(page, "no request in the last hour");
    ck_assert_int_eq(count_of(page, "nan"), 0);
    ck_assert_int_eq(count_of(page, "inf"), 0);
}
END_TEST

START_TEST(without_the_database)
{
    const char *page;

    make_busy();
    overview.counts = NULL;
    overview.values = NULL;
    overview.listeners = NULL;
    overview.database = "The database does not answer.";
    page = page_of("away");
    ck_assert_says(page, "■ Trouble");
    ck_assert_says(page, "Unknown: the database did not say so in time");
    ck_assert_int_eq(count_of(page, "937,511"), 0);
    ck_assert_says(page, ">9,079,411<");
}
END_TEST

START_TEST(what_others_chose_is_text)
{
    const char *page;

    make_busy();
    value_rows[0].value = SCRIPT;
    value_rows[1].value = "\x01\xe2\x80\xae"
                          "esrever";
    listener_rows[0].error = SCRIPT;
    listener_rows[0].id = listener_rows[0].origin = SCRIPT;
    overview.server = overview.links = overview.build.version = SCRIPT;
    overview.database = overview.notifier = SCRIPT;
    page = page_of("hostile");
    ck_assert_int_eq(count_of(page, "<script"), 0);
    ck_assert_int_eq(count_of(page, "'1'"), 0);
    ck_assert_int_eq(count_of(page, "\x01"), 0);
    ck_assert_says(page, "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;");
}
END_TEST

/* Whatever is long or many is cut, and says so. */
START_TEST(lists_are_bounded)
{
    const char *page;
    int i;

    make_busy();
    for (i = 0; i < TMF_STATUS_VALUES_MAX; i++) {
        value_rows[i] = (tmf_status_value_t){apr_psprintf(pool, "%d%s", i,
                                                          "ääääääääääääääääääääääääää"
                                                          "äääääääääääääääääääääääääää"),
                                             100 - i};
    }
    for (i = 0; i < TMF_STATUS_LISTENERS_MAX; i++) {
        listener_rows[i] = listener_rows[i % 4];
    }
    values.count = TMF_STATUS_VALUES_MAX;
    values.left_out = 30;
    values.customers_left_out = 1234;
    listeners.count = TMF_STATUS_LISTENERS_MAX;
    listeners.left_out = 975;
    page = page_of("many");
    ck_assert_says(page, "and 30 more");
    ck_assert_says(page, "1,234");
    ck_assert_says(page, ">975 more<");
    ck_assert_int_eq(count_of(page, "ä…</bdi>"), TMF_STATUS_VALUES_MAX);
}
END_TEST

/* A few minutes with a pause: lines with gaps, points alone. */
START_TEST(minutes_without_requests)
{
    const char *page;

    make_busy();
    memset(overview.minutes, 0, sizeof(overview.minutes));
    make_minutes(14);
    overview.minutes[TMF_MINUTES - 5].requests = (tmf_status_requests_t){0, 0, 0, -1, -1};
    overview.minutes[TMF_MINUTES - 3].requests = (tmf_status_requests_t){0, 0, 0, -1, -1};
    page = page_of("young");
    ck_assert_int_eq(count_of(page, "class=\"tip\""), 3 * 14);
    ck_assert_int_eq(count_of(page, "<path class=\"line"), 2 * 2); /* the legend has one each */
    ck_assert_int_eq(count_of(page, "<circle"), 2 * 1);
    ck_assert_says(page, "median: –");
}
END_TEST

static const char *share(apr_uint64_t part, apr_uint64_t whole)
{
    tmf_text_t text;

    tmf_text_init(&text, 32, pool);
    tmf_markup_share(&text, part, whole);
    return tmf_text_string(&text);
}

START_TEST(shares_never_hide_the_few)
{
    ck_assert_str_eq(share(0, 0), "–");
    ck_assert_str_eq(share(0, 10), "0" NBSP "%");
    ck_assert_str_eq(share(1, 1000000), "&lt;" NBSP "0.01" NBSP "%");
    ck_assert_str_eq(share(1, 1000), "0.10" NBSP "%");
    ck_assert_str_eq(share(1, 3), "33.3" NBSP "%");
    ck_assert_str_eq(share(999, 1000), "99.90" NBSP "%");
    ck_assert_str_eq(share(999999, 1000000), "&gt;" NBSP "99.99" NBSP "%");
    ck_assert_str_eq(share(7, 7), "100" NBSP "%");
}
END_TEST

static const char *span(apr_int64_t seconds)
{
    tmf_text_t text;

    tmf_text_init(&text, 32, pool);
    tmf_markup_span(&text, apr_time_from_sec(seconds));
    return tmf_text_string(&text);
}

START_TEST(numbers_for_people)
{
    char buffer[TMF_DURATION_BYTES];
    tmf_text_t text;

    ck_assert_str_eq(tmf_duration_text(buffer, -1), "–");
    ck_assert_str_eq(tmf_duration_text(buffer, 0.00012), "0.12" NBSP "ms");
    ck_assert_str_eq(tmf_duration_text(buffer, 0.0123), "12.3" NBSP "ms");
    ck_assert_str_eq(tmf_duration_text(buffer, 0.345), "345" NBSP "ms");
    ck_assert_str_eq(tmf_duration_text(buffer, 1.5), "1.50" NBSP "s");
    ck_assert_str_eq(span(-5), "0" NBSP "s");
    ck_assert_str_eq(span(59), "59" NBSP "s");
    ck_assert_str_eq(span(119), "1" NBSP "min");
    ck_assert_str_eq(span(3 * 3600 + 60), "3" NBSP "h 1" NBSP "min");
    ck_assert_str_eq(span(90000), "1" NBSP "d 1" NBSP "h");
    tmf_text_init(&text, 32, pool);
    tmf_markup_number(&text, 1234567);
    tmf_text_append_string(&text, " ");
    tmf_markup_number(&text, -123456);
    tmf_text_append_string(&text, " ");
    tmf_markup_number(&text, 12);
    ck_assert_str_eq(tmf_text_string(&text), "1,234,567 -123,456 12");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("page");
    TCase *tests = tcase_create("all");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_test(tests, a_busy_server);
    tcase_add_test(tests, a_server_that_just_started);
    tcase_add_test(tests, without_the_database);
    tcase_add_test(tests, what_others_chose_is_text);
    tcase_add_test(tests, lists_are_bounded);
    tcase_add_test(tests, minutes_without_requests);
    tcase_add_test(tests, shares_never_hide_the_few);
    tcase_add_test(tests, numbers_for_people);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
