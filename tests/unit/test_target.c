/* SPDX-License-Identifier: Apache-2.0 */
/* Whom notifications may reach. */
#include "unit.h"

#include <string.h>

#include <arpa/inet.h>

#include "model/target.h"

static tmf_address_t address(const char *text)
{
    tmf_address_t parsed = {{0}, 4};

    if (inet_pton(AF_INET, text, parsed.bytes) != 1) {
        parsed.length = 16;
        ck_assert_msg(inet_pton(AF_INET6, text, parsed.bytes) == 1, "%s is no address", text);
    }
    return parsed;
}

static int permits(const tmf_targets_t *targets, const char *host, const char *text)
{
    const tmf_address_t parsed = address(text);

    return tmf_target_permits(targets, host, &parsed);
}

static void allow(tmf_targets_t *targets, const char *text)
{
    ck_assert_ptr_null(tmf_targets_allow(targets, text, pool));
}

static void deny(tmf_targets_t *targets, const char *text)
{
    ck_assert_ptr_null(tmf_targets_deny(targets, text, pool));
}

START_TEST(special_addresses_are_refused_by_default)
{
    static const char *const special[] = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:a00:1::1",
        "2002:7f00:1::",
        "2001:0:1::1",
        "2001:db8::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "fd00:ec2::254",
        "100::1",
    };
    const tmf_targets_t *targets = tmf_targets_make(pool);
    apr_size_t i;

    for (i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        ck_assert_msg(!permits(targets, "listener.example", special[i]), "%s", special[i]);
    }
}
END_TEST

START_TEST(public_addresses_are_permitted_by_default)
{
    static const char *const plain[] = {
        "1.1.1.1",       "9.255.255.255",  "11.0.0.0",         "100.63.255.255",  "100.128.0.0",
        "126.255.255.1", "128.0.0.1",      "169.253.0.1",      "172.15.255.255",  "172.32.0.0",
        "192.167.1.1",   "192.169.0.1",    "198.17.0.1",       "223.255.255.1",   "2606:4700::1111",
        "2a00:1450::1",  "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
    };
    const tmf_targets_t *targets = tmf_targets_make(pool);
    apr_size_t i;

    for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        ck_assert_msg(permits(targets, "listener.example", plain[i]), "%s", plain[i]);
    }
}
END_TEST

START_TEST(rules_allow_and_deny)
{
    tmf_targets_t *targets = tmf_targets_make(pool);

    allow(targets, "10.1.0.0/16");
    allow(targets, "::1");
    allow(targets, "fd00:1::/32");
    allow(targets, "Billing.Internal");
    allow(targets, "*.lab.example");
    deny(targets, "10.1.9.0/24");
    deny(targets, "8.8.8.8");
    deny(targets, "*.bad.example");
    ck_assert(permits(targets, "x", "10.1.2.3"));
    ck_assert(permits(targets, "x", "::ffff:10.1.2.3"));
    ck_assert(!permits(targets, "x", "10.2.0.1"));
    ck_assert(!permits(targets, "x", "10.1.9.1"));
    ck_assert(permits(targets, "x", "::1"));
    ck_assert(permits(targets, "x", "fd00:1::5"));
    ck_assert(!permits(targets, "x", "fd00:2::5"));
    ck_assert(permits(targets, "billing.internal", "192.168.1.1"));
    ck_assert(!permits(targets, "xbilling.internal", "192.168.1.1"));
    ck_assert(permits(targets, "a.lab.example", "192.168.1.1"));
    ck_assert(!permits(targets, "lab.example", "192.168.1.1"));
    ck_assert(!permits(targets, "x", "8.8.8.8"));
    ck_assert(!permits(targets, "x", "64:ff9b::808:808"));
    ck_assert(!permits(targets, "a.bad.example", "1.1.1.1"));
    ck_assert(!permits(targets, "billing.internal", "10.1.9.1"));
}
END_TEST

START_TEST(a_mapped_network_is_the_network)
{
    tmf_targets_t *targets = tmf_targets_make(pool);

    allow(targets, "::ffff:10.0.0.0/104");
    ck_assert(permits(targets, "x", "10.200.0.1"));
    ck_assert(permits(targets, "x", "11.0.0.1"));
    ck_assert(!permits(targets, "x", "192.168.0.1"));
}
END_TEST

START_TEST(deny_all_leaves_what_is_allowed)
{
    tmf_targets_t *targets = tmf_targets_make(pool);

    deny(targets, "ALL");
    allow(targets, "203.0.113.0/24");
    allow(targets, "listener.example");
    ck_assert(permits(targets, "x", "203.0.113.9"));
    ck_assert(permits(targets, "listener.example", "1.1.1.1"));
    ck_assert(!permits(targets, "x", "1.1.1.1"));
}
END_TEST

START_TEST(rules_that_are_none_are_refused)
{
    static const char *const wrong[] = {
        "",  "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::1/129",     "300.1.1.1", "a b",
        "*", "*.",          "http://x",  "a,b",      "10.0.0.0/-1", "1.2.3.4/4x"};
    tmf_targets_t *targets = tmf_targets_make(pool);
    apr_size_t i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(tmf_targets_allow(targets, wrong[i], pool) != NULL, "\"%s\"", wrong[i]);
        ck_assert_msg(tmf_targets_deny(targets, wrong[i], pool) != NULL, "\"%s\"", wrong[i]);
    }
    ck_assert_ptr_nonnull(tmf_targets_allow(targets, "all", pool));
}
END_TEST

START_TEST(callbacks_that_are_urls_are_taken)
{
    static const struct {
        const char *callback;
        const char *host;
    } good[] = {
        {"http://listener.example/", "listener.example"},
        {"https://Listener.Example:8443/a/b?c=d&e=%20", "listener.example"},
        {"HTTP://listener.example", "listener.example"},
        {"http://listener.example.:80/x", "listener.example"},
        {"http://1.1.1.1/x", "1.1.1.1"},
        {"http://[2606:4700::1111]:8080/x", "2606:4700::1111"},
        {"http://listener.example?x", "listener.example"},
        {"http://my_listener:1/", "my_listener"},
    };
    const tmf_targets_t *targets = tmf_targets_make(pool);
    const char *host;
    apr_size_t i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_ok(tmf_callback_check(&host, good[i].callback, targets, pool));
        ck_assert_str_eq(host, good[i].host);
    }
}
END_TEST

START_TEST(callbacks_that_must_not_be_are_refused)
{
    static const char *const bad[] = {
        "",
        "listener.example",
        "/path",
        "//listener.example/",
        "ftp://listener.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "javascript:x",
        "http:/listener.example",
        "http://",
        "http:///x",
        "http://:80/",
        "http://listener.example:0/",
        "http://listener.example:65536/",
        "http://listener.example:8x/",
        "http://listener.example:/x:8",
        "http://user@listener.example/",
        "http://user:password@listener.example/",
        "http://listener.example\\@127.0.0.1/",
        "http://listener.example/#fragment",
        "http://listener.example/a b",
        "http://listener.example/\r\nX: y",
        "http://listener.example/\xc3\xa9",
        "http://list%65ner.example/",
        "http://[::1/",
        "http://[zz]/",
        "http://[fe80::1%25eth0]/",
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://017700000001/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://0/",
        "http://127.0.0.1./",
        "http://10.0.0.1:8080/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://localhost/",
        "http://LOCALHOST:80/",
        "http://localhost./",
        "http://a.localhost/",
    };
    const tmf_targets_t *targets = tmf_targets_make(pool);
    const char *host;
    apr_size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tmf_error_t *error = tmf_callback_check(&host, bad[i], targets, pool);

        ck_assert_msg(error != NULL, "%s", bad[i]);
        ck_assert_int_eq(error->status, 400);
        ck_assert_ptr_nonnull(strstr(error->message, "callback"));
    }
}
END_TEST

START_TEST(allowed_networks_admit_local_callbacks)
{
    tmf_targets_t *targets = tmf_targets_make(pool);
    const char *host;

    allow(targets, "127.0.0.0/8");
    ck_assert_ok(tmf_callback_check(&host, "http://127.0.0.1:8000/", targets, pool));
    ck_assert_ok(tmf_callback_check(&host, "http://localhost:8000/", targets, pool));
    ck_assert_ok(tmf_callback_check(&host, "http://2130706433/", targets, pool));
    ck_assert_ptr_nonnull(tmf_callback_check(&host, "http://[::1]/", targets, pool));
}
END_TEST

START_TEST(long_callbacks_are_refused)
{
    char callback[TMF_CALLBACK_MAX + 2];
    const tmf_targets_t *targets = tmf_targets_make(pool);
    const char *host;

    memset(callback, 'a', sizeof(callback));
    memcpy(callback, "http://x.example/", 17);
    callback[TMF_CALLBACK_MAX] = '\0';
    ck_assert_ok(tmf_callback_check(&host, callback, targets, pool));
    callback[TMF_CALLBACK_MAX] = 'a';
    callback[TMF_CALLBACK_MAX + 1] = '\0';
    ck_assert_ptr_nonnull(tmf_callback_check(&host, callback, targets, pool));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("target");
    TCase *tcase = tcase_create("target");

    tcase_add_checked_fixture(tcase, make_pool, destroy_pool);
    tcase_add_test(tcase, special_addresses_are_refused_by_default);
    tcase_add_test(tcase, public_addresses_are_permitted_by_default);
    tcase_add_test(tcase, rules_allow_and_deny);
    tcase_add_test(tcase, a_mapped_network_is_the_network);
    tcase_add_test(tcase, deny_all_leaves_what_is_allowed);
    tcase_add_test(tcase, rules_that_are_none_are_refused);
    tcase_add_test(tcase, callbacks_that_are_urls_are_taken);
    tcase_add_test(tcase, callbacks_that_must_not_be_are_refused);
    tcase_add_test(tcase, allowed_networks_admit_local_callbacks);
    tcase_add_test(tcase, long_callbacks_are_refused);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
