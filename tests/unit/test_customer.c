/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include <apr_strings.h>

#include "model/customer.h"

static const tmf_json_limits_t limits = {64, 1000};

static tmf_json_t *parse(const char *text)
{
    tmf_json_t *value;

    ck_assert_ok(tmf_json_parse(&value, text, strlen(text), &limits, pool));
    return value;
}

#define PARTY "{\"id\":\"500\",\"@referredType\":\"Organization\",\"name\":\"Moon FC\"}"

/* Members that follow a valid name and engagedParty. */
static const char *with(const char *members)
{
    return apr_pstrcat(pool, "{\"name\":\"Moon FC\",\"engagedParty\":" PARTY, members, "}", NULL);
}

static const struct {
    const char *given;
    const char *kept;
} normalised[] = {
    {"{\"name\":\"n\",\"engagedParty\":" PARTY "}",
     "{\"name\":\"n\",\"engagedParty\":" PARTY ",\"@type\":\"Customer\"}"},
    {"{\"id\":7,\"href\":[],\"@type\":\"Gold\",\"name\":\"n\",\"engagedParty\":[" PARTY "]}",
     "{\"@type\":\"Gold\",\"name\":\"n\",\"engagedParty\":" PARTY "}"},
    {"{\"@type\":null,\"name\":\"n\",\"engagedParty\":" PARTY ",\"status\":null,\"x\":null,"
     "\"y\":{\"z\":null},\"validFor\":{\"startDateTime\":null}}",
     "{\"name\":\"n\",\"engagedParty\":" PARTY ",\"y\":{\"z\":null},\"validFor\":{},"
     "\"@type\":\"Customer\"}"},
    {"{\"name\":\" Moon FC\",\"engagedParty\":null,\"relatedParty\":[" PARTY
     ",{\"id\":\"1\",\"@referredType\":\"x\",\"name\":null,\"role\":\"r\"}]}",
     "{\"name\":\" Moon FC\",\"engagedParty\":" PARTY ",\"relatedParty\":[" PARTY
     ",{\"id\":\"1\",\"@referredType\":\"x\",\"role\":\"r\"}],\"@type\":\"Customer\"}"},
    {"{\"name\":\"n\",\"engagedParty\":" PARTY ",\"characteristic\":[{\"name\":\"a\",\"value\":"
     "{\"b\":null},\"c\":null},{\"name\":\"a\",\"value\":\"\"},{\"name\":\"a\",\"value\":false}]}",
     "{\"name\":\"n\",\"engagedParty\":" PARTY ",\"characteristic\":[{\"name\":\"a\",\"value\":"
     "{\"b\":null}},{\"name\":\"a\",\"value\":\"\"},{\"name\":\"a\",\"value\":false}],"
     "\"@type\":\"Customer\"}"},
};

START_TEST(customers_are_normalised)
{
    tmf_json_t *customer = parse(normalised[_i].given);
    const char *written;

    ck_assert_ok(tmf_customer_normalise(customer, pool));
    written = tmf_json_write(customer, NULL, pool);
    ck_assert_msg(tmf_json_equal(customer, parse(normalised[_i].kept)), "%s", written);
}
END_TEST

static const struct {
    const char *members;
    const char *message; /* NULL = valid */
} members[] = {
    {"", NULL},
    {",\"status\":\"\",\"statusReason\":\"x\",\"unknown\":[1,{\"a\":null}]", NULL},
    {",\"status\":5", "status must be a string"},
    {",\"@schemaLocation\":{}", "@schemaLocation must be a string"},
    {",\"@schemaLocation\":\"u: not a uri\"",
     "@schemaLocation must be a URI such as https://schemas.example/customer.json"},
    {",\"validFor\":[]", "validFor must be an object"},
    {",\"validFor\":{\"startDateTime\":\"2018-06-12\"}",
     "validFor.startDateTime must be a date-time such as 2018-06-12T00:00Z"},
    {",\"validFor\":{\"startDateTime\":\"2018-06-12T00:00Z\",\"endDateTime\":\"2018-06-12T00:"
     "00Z\"}",
     NULL},
    {",\"validFor\":{\"startDateTime\":\"2018-06-12T00:00Z\",\"endDateTime\":\"2018-06-12T01:00+02:"
     "00\"}",
     "validFor.endDateTime may not be before startDateTime"},
    {",\"account\":{}", "account must be an array"},
    {",\"account\":[{\"name\":\"a\"},null]", "account[1] must be an object"},
    {",\"account\":[{\"id\":\"1\"}]", "account[0].name is mandatory"},
    {",\"account\":[{\"name\":\" \"}]", "account[0].name is mandatory and may not be blank"},
    {",\"agreement\":[{\"name\":\"a\"}]", "agreement[0].id is mandatory"},
    {",\"paymentMethod\":[{\"id\":null}]", "paymentMethod[0].id is mandatory"},
    {",\"characteristic\":[{\"name\":\"a\",\"value\":null}]",
     "characteristic[0].value is mandatory"},
    {",\"contactMedium\":[{\"mediumType\":\"x\",\"characteristic\":{\"city\":1}}]",
     "contactMedium[0].characteristic.city must be a string"},
    {",\"contactMedium\":[{}]",
     "contactMedium[0].mediumType is mandatory; contactMedium[0].characteristic is mandatory"},
    {",\"contactMedium\":[{\"mediumType\":\"x\",\"characteristic\":{},\"preferred\":\"yes\"}]",
     "contactMedium[0].preferred must be true or false"},
    {",\"creditProfile\":[{\"creditProfileDate\":\"2018-06-15T00:00Z\",\"validFor\":{},"
     "\"creditScore\":4.0,\"creditRiskRating\":99999999999999999999}]",
     "creditProfile[0].creditScore must be an integer, without fraction and exponent"},
    {",\"creditProfile\":[{}]",
     "creditProfile[0].creditProfileDate is mandatory; creditProfile[0].validFor is mandatory"},
    {",\"relatedParty\":[{\"id\":\"1\"}]", "relatedParty[0].@referredType is mandatory"},
};

START_TEST(attributes_are_checked)
{
    tmf_error_t *error = tmf_customer_normalise(parse(with(members[_i].members)), pool);

    if (members[_i].message == NULL) {
        ck_assert_ok(error);
    } else {
        ck_assert_ptr_nonnull(error);
        ck_assert_str_eq(error->code, "invalidBody");
        ck_assert_str_eq(error->message, members[_i].message);
    }
}
END_TEST

static const struct {
    const char *customer;
    const char *message;
} refused[] = {
    {"[]", "A customer is an object, not an array"},
    {"{}", "name is mandatory; engagedParty is mandatory"},
    {"{\"name\":\"\\t \",\"engagedParty\":" PARTY "}", "name is mandatory and may not be blank"},
    {"{\"name\":\"n\",\"engagedParty\":[]}", "engagedParty must be an object"},
    {"{\"name\":\"n\",\"engagedParty\":[" PARTY "," PARTY "]}", "engagedParty must be an object"},
    {"{\"name\":\"n\",\"engagedParty\":[5]}", "engagedParty must be an object"},
    {"{\"name\":\"n\",\"engagedParty\":{}}",
     "engagedParty.id is mandatory; engagedParty.@referredType is mandatory"},
    {"{\"name\":\"Moon FC\",\"relatedParty\":[" PARTY "," PARTY "]}", "engagedParty is mandatory"},
    {"{\"name\":\"moon fc\",\"relatedParty\":[" PARTY "]}", "engagedParty is mandatory"},
};

START_TEST(mandatory_attributes_are_demanded)
{
    tmf_error_t *error = tmf_customer_normalise(parse(refused[_i].customer), pool);

    ck_assert_ptr_nonnull(error);
    ck_assert_str_eq(error->message, refused[_i].message);
}
END_TEST

START_TEST(long_lists_of_violations_are_cut)
{
    const char *list = ",\"account\":[0";
    tmf_error_t *error;
    int i;

    for (i = 1; i < 60; i++) {
        list = apr_pstrcat(pool, list, ",0", NULL);
    }
    error = tmf_customer_normalise(parse(with(apr_pstrcat(pool, list, "]", NULL))), pool);
    ck_assert_ptr_nonnull(strstr(error->message, "account[49] must be an object; and 10 more"));
}
END_TEST

static const struct {
    const char *id;
    int valid;
} ids[] = {
    {"\"42\"", 1},       {"\"a b;%?#é\"", 1}, {"\"...\"", 1}, {"\"\"", 0},   {"\".\"", 0},
    {"\"..\"", 0},       {"\"a/b\"", 0},      {"\" a\"", 0},  {"\"a \"", 0}, {"\"a\\n\"", 0},
    {"\"a\\u007f\"", 0}, {"42", 0},           {"{}", 0},
};

START_TEST(ids_of_clients_are_checked)
{
    tmf_error_t *error = tmf_customer_check_id(parse(ids[_i].id), pool);

    ck_assert_int_eq(error == NULL, ids[_i].valid);
}
END_TEST

START_TEST(ids_have_255_bytes_at_most)
{
    char text[256];

    memset(text, 'x', sizeof(text));
    ck_assert_ok(tmf_customer_check_id(tmf_json_string(text, 255, pool), pool));
    ck_assert_ptr_nonnull(tmf_customer_check_id(tmf_json_string(text, 256, pool), pool));
}
END_TEST

#define COUNT(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
    Suite *suite = suite_create("customer");
    TCase *tests = tcase_create("customer");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_loop_test(tests, customers_are_normalised, 0, COUNT(normalised));
    tcase_add_loop_test(tests, attributes_are_checked, 0, COUNT(members));
    tcase_add_loop_test(tests, mandatory_attributes_are_demanded, 0, COUNT(refused));
    tcase_add_test(tests, long_lists_of_violations_are_cut);
    tcase_add_loop_test(tests, ids_of_clients_are_checked, 0, COUNT(ids));
    tcase_add_test(tests, ids_have_255_bytes_at_most);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
