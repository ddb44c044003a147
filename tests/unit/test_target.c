/* SPDX-License-Identifier: Apache-2.0 */
/* Whom notifications may reach. */
#include "unit.h"

#include <string.h>

#include <arpa/inet.h>

#include <apr_strings.h>

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

/* Every form in which an address of IPv6 carries one of IPv4. */
static const struct {
    const char *around;     /* an address of this form */
    int at[4];              /* the bytes of the IPv4 address in it */
    unsigned char inverted; /* what their bits are exchanged with */
    int bits;               /* of the network that all addresses of this form are in */
    int is_special;         /* a rule about what is inside does not open it */
} forms[] = {
    {"::", {12, 13, 14, 15}, 0, 96, 1},
    {"::ffff:0:0", {12, 13, 14, 15}, 0, 96, 0},
    {"::ffff:0:0:0", {12, 13, 14, 15}, 0, 96, 0},
    {"64:ff9b::", {12, 13, 14, 15}, 0, 96, 0},
    {"64:ff9b:1::", {12, 13, 14, 15}, 0, 48, 1},
    {"64:ff9b:1::", {9, 10, 11, 12}, 0, 48, 1},
    {"64:ff9b:1::", {7, 9, 10, 11}, 0, 48, 1},
    {"64:ff9b:1::", {6, 7, 9, 10}, 0, 48, 1},
    {"2002::1", {2, 3, 4, 5}, 0, 16, 0},
    {"2001:0:0:0:0:ffff:f7f7:f7f7", {4, 5, 6, 7}, 0, 32, 1},
    {"2001:0:808:808:0:ffff::", {12, 13, 14, 15}, 0xFF, 32, 1},
    {"2606:4700::5efe:0:0", {12, 13, 14, 15}, 0, 32, 0},
    {"2606:4700::200:5efe:0:0", {12, 13, 14, 15}, 0, 32, 0},
};

static const char *const special_inside[] = {
    "10.1.2.3",        "100.64.0.1",   "127.0.0.1", "169.254.169.254", "172.16.0.1",
    "192.168.127.254", "198.18.0.255", "224.0.0.1", "255.255.255.255",
};
static const char *const plain_inside[] = {"1.1.1.1", "8.8.8.8", "93.184.216.34"};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* An IPv4 address in one of the forms. */
static tmf_address_t wrapped(apr_size_t form, const char *plain)
{
    tmf_address_t made = address(forms[form].around);
    const tmf_address_t inside = address(plain);
    int i;

    for (i = 0; i < 4; i++) {
        made.bytes[forms[form].at[i]] = inside.bytes[i] ^ forms[form].inverted;
    }
    return made;
}

/* `address/bits` */
static const char *network(const tmf_address_t *made, int bits)
{
    char text[INET6_ADDRSTRLEN];

    inet_ntop(made->length == 4 ? AF_INET : AF_INET6, made->bytes, text, sizeof(text));
    return apr_psprintf(pool, "%s/%d", text, bits);
}

static int permits_form(const tmf_targets_t *targets, apr_size_t form, const char *plain)
{
    const tmf_address_t made = wrapped(form, plain);

    return tmf_target_permits(targets, "x", &made);
}

START_TEST(a_special_address_is_special_in_every_form)
{
    const tmf_targets_t *targets = tmf_targets_make(pool);
    apr_size_t form;
    apr_size_t i;

    for (form = 0; form < COUNT(forms); form++) {
        for (i = 0; i < COUNT(special_inside); i++) {
            ck_assert_msg(!permits_form(targets, form, special_inside[i]), "%s in %s",
                          special_inside[i], forms[form].around);
        }
        for (i = 0; i < COUNT(plain_inside); i++) {
            ck_assert_msg(permits_form(targets, form, plain_inside[i]) == !forms[form].is_special,
                          "%s in %s", plain_inside[i], forms[form].around);
        }
    }
}
END_TEST

START_TEST(to_allow_what_is_around_opens_nothing_special_inside)
{
    apr_size_t form;
    apr_size_t i;
    int bits;

    for (form = 0; form < COUNT(forms); form++) {
        for (i = 0; i < COUNT(special_inside); i++) {
            const tmf_address_t made = wrapped(form, special_inside[i]);

            for (bits = 0; bits <= 128; bits++) {
                tmf_targets_t *targets = tmf_targets_make(pool);

                allow(targets, network(&made, bits));
                ck_assert_msg(!tmf_target_permits(targets, "x", &made), "%s", network(&made, bits));
                ck_assert_msg(!permits(targets, "x", special_inside[i]), "%s",
                              network(&made, bits));
            }
        }
    }
}
END_TEST

START_TEST(to_allow_what_is_around_opens_what_is_plain_inside)
{
    apr_size_t form;
    apr_size_t i;

    for (form = 0; form < COUNT(forms); form++) {
        for (i = 0; i < COUNT(plain_inside); i++) {
            const tmf_address_t made = wrapped(form, plain_inside[i]);
            tmf_targets_t *targets = tmf_targets_make(pool);

            allow(targets, network(&made, forms[form].bits));
            deny(targets, "all");
            ck_assert_msg(tmf_target_permits(targets, "x", &made), "%s in %s", plain_inside[i],
                          forms[form].around);
            ck_assert(!permits(targets, "x", plain_inside[i]));
        }
    }
}
END_TEST

START_TEST(what_is_inside_is_opened_by_its_own_network_or_the_name)
{
    tmf_targets_t *targets = tmf_targets_make(pool);
    tmf_targets_t *named = tmf_targets_make(pool);
    apr_size_t form;

    allow(targets, "10.1.0.0/16");
    allow(named, "x");
    for (form = 0; form < COUNT(forms); form++) {
        ck_assert_msg(permits_form(targets, form, "10.1.2.3") == !forms[form].is_special, "%s",
                      forms[form].around);
        ck_assert_msg(!permits_form(targets, form, "10.2.2.3"), "%s", forms[form].around);
        ck_assert_msg(permits_form(named, form, "10.2.2.3"), "%s", forms[form].around);
    }
}
END_TEST

START_TEST(to_deny_what_is_around_closes_this_form_alone)
{
    apr_size_t form;
    apr_size_t i;
    int bits;

    for (form = 0; form < COUNT(forms); form++) {
        for (i = 0; i < COUNT(plain_inside); i++) {
            const tmf_address_t made = wrapped(form, plain_inside[i]);

            for (bits = 0; bits <= 128; bits++) {
                tmf_targets_t *targets = tmf_targets_make(pool);
                int is_mapped = strcmp(forms[form].around, "::ffff:0:0") == 0 && bits >= 96;

                deny(targets, network(&made, bits));
                allow(targets, "0.0.0.0/0");
                allow(targets, "::/0");
                ck_assert_msg(!tmf_target_permits(targets, "x", &made), "%s", network(&made, bits));
                ck_assert_msg(permits(targets, "x", plain_inside[i]) == !is_mapped, "%s",
                              network(&made, bits));
            }
        }
    }
}
END_TEST

START_TEST(to_deny_what_is_inside_closes_every_form)
{
    apr_size_t form;
    int bits;

    for (form = 0; form < COUNT(forms); form++) {
        for (bits = 0; bits <= 32; bits++) {
            const tmf_address_t denied = address("93.184.216.34");
            tmf_targets_t *targets = tmf_targets_make(pool);

            deny(targets, network(&denied, bits));
            allow(targets, "::/0");
            ck_assert_msg(!permits_form(targets, form, "93.184.216.34"), "%s in %s",
                          network(&denied, bits), forms[form].around);
            ck_assert_msg(permits_form(targets, form, "1.1.1.1") == (bits > 1), "%s, 1.1.1.1 in %s",
                          network(&denied, bits), forms[form].around);
        }
    }
}
END_TEST

START_TEST(the_loopback_address_of_ipv6_is_no_other_form)
{
    tmf_targets_t *targets = tmf_targets_make(pool);

    allow(targets, "::1");
    deny(targets, "0.0.0.0/8");
    ck_assert(permits(targets, "x", "::1"));
    ck_assert(!permits(targets, "x", "::2"));
    ck_assert(!permits(targets, "x", "::"));
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
        "http://[::ffff:0:7f00:1]/",
        "http://[2001:0:808:808:0:ffff:80ff:fffe]/",
        "http://[2606:4700::5efe:7f00:1]/",
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
    tcase_add_test(tcase, a_special_address_is_special_in_every_form);
    tcase_add_test(tcase, to_allow_what_is_around_opens_nothing_special_inside);
    tcase_add_test(tcase, to_allow_what_is_around_opens_what_is_plain_inside);
    tcase_add_test(tcase, what_is_inside_is_opened_by_its_own_network_or_the_name);
    tcase_add_test(tcase, to_deny_what_is_around_closes_this_form_alone);
    tcase_add_test(tcase, to_deny_what_is_inside_closes_every_form);
    tcase_add_test(tcase, the_loopback_address_of_ipv6_is_no_other_form);
    tcase_add_test(tcase, deny_all_leaves_what_is_allowed);
    tcase_add_test(tcase, rules_that_are_none_are_refused);
    tcase_add_test(tcase, callbacks_that_are_urls_are_taken);
    tcase_add_test(tcase, callbacks_that_must_not_be_are_refused);
    tcase_add_test(tcase, allowed_networks_admit_local_callbacks);
    tcase_add_test(tcase, long_callbacks_are_refused);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
