/* SPDX-License-Identifier: Apache-2.0 */
/* What is a reference of RFC 3986. */
#include "unit.h"

#include "model/uri.h"

static const struct {
    const char *text;
    int is_reference;
} rows[] = {
    {"https://my.schemas/TelephoneMedium.schema.json", 1},
    {"http://host", 1},
    {"HTTP://user:x@host:8080/a/b;c=d?e=f/?#g/?", 1},
    {"http://host:/", 1},
    {"http://", 1},
    {"file:///a/b", 1},
    {"urn:example:a:b%20c", 1},
    {"a+b-c.d:", 1},
    {"mailto:x@y.example", 1},
    {"http://[2001:db8::1]:80/x", 1},
    {"http://[::ffff:1.2.3.4]", 1},
    {"http://[v1f.a:b]/", 1},
    {"http://h%C3%A9te/%41", 1},
    {"//host/a", 1},
    {"/a/b", 1},
    {"a/b:c", 1},
    {"./a:b", 1},
    {"../a", 1},
    {"?a", 1},
    {"#a", 1},
    {"", 1},
    {"http://host/~a_b!$&'()*+,;=:@", 1},
    {"u: not a uri", 0},
    {"not a uri", 0},
    {" http://host", 0},
    {"http://host ", 0},
    {"http://ho st/", 0},
    {"http://host/a b", 0},
    {"http://host/\t", 0},
    {"http://h\xC3\xA9te/", 0},
    {"http://host/\xE2\x82\xAC", 0},
    {"http://host/%", 0},
    {"http://host/%4", 0},
    {"http://host/%zz", 0},
    {"http://host/<a>", 0},
    {"http://host/\"", 0},
    {"http://host/a\\b", 0},
    {"http://host/{id}", 0},
    {"http://host/a|b", 0},
    {"http://host/a^b", 0},
    {"http://host/`", 0},
    {"http://host/[a]", 0},
    {"http://host/?[a]", 0},
    {"http://host/#a#b", 0},
    {"http://host:8x/", 0},
    {"http://a@b@c/", 0},
    {"http://[::1", 0},
    {"http://[::1]x/", 0},
    {"http://[1.2.3.4]/", 0},
    {"http://[fe80::1%25eth0]/", 0},
    {"http://[v.a]/", 0},
    {"http://[v1.]/", 0},
    {"http://[]/", 0},
    {":a", 0},
    {"1a:b", 0},
    {"a b:c", 0},
    {"a_b:c", 0},
    {"%41:b", 0},
};

START_TEST(references_are_told_from_other_texts)
{
    ck_assert_msg(tmf_uri_is_reference(rows[_i].text) == rows[_i].is_reference, "%s",
                  rows[_i].text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("uri");
    TCase *tests = tcase_create("uri");

    tcase_add_loop_test(tests, references_are_told_from_other_texts, 0,
                        (int)(sizeof(rows) / sizeof(rows[0])));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
