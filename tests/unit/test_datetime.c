/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "model/datetime.h"
#include "vectors.h"

/* What a vector says, and what its text is read as. */
typedef struct {
    const char *text;
    const char *seconds;  /* NULL = the text is neither a date-time nor a date */
    const char *fraction; /* "0.5" */
    tmf_instant_t instant;
    int is_read;
} vector_t;

static vector_t vector_at(const apr_array_header_t *vectors, int i)
{
    const tmf_json_t *line = APR_ARRAY_IDX(vectors, i, const tmf_json_t *);
    const char *fraction = tmf_json_string_text(tmf_json_get(line, "fraction"));
    const tmf_json_t *seconds = tmf_json_get(line, "seconds");
    vector_t vector = {0};

    vector.text = tmf_json_string_text(tmf_json_get(line, "text"));
    vector.seconds = seconds != NULL ? tmf_json_number_text(seconds) : NULL;
    vector.fraction = apr_pstrcat(pool, "0.", fraction != NULL ? fraction : "0", NULL);
    vector.is_read = strlen(vector.text) == 10 ? tmf_date_parse(vector.text, &vector.instant)
                                               : tmf_datetime_parse(vector.text, &vector.instant);
    return vector;
}

static const char *fraction_of(const tmf_instant_t *instant)
{
    return apr_psprintf(pool, "0.%.*s0", (int)instant->fraction_length, instant->fraction);
}

START_TEST(vectors_are_met)
{
    const apr_array_header_t *vectors = read_vectors("date_times.jsonl");
    int i;

    for (i = 0; i < vectors->nelts; i++) {
        const vector_t vector = vector_at(vectors, i);

        ck_assert_msg(vector.is_read == (vector.seconds != NULL), "%s", vector.text);
        if (vector.is_read) {
            ck_assert_msg(vector.instant.seconds == apr_atoi64(vector.seconds), "%s", vector.text);
            ck_assert_msg(tmf_json_number_compare(fraction_of(&vector.instant), vector.fraction) ==
                              0,
                          "%s", vector.text);
        }
    }
    ck_assert_int_ge(vectors->nelts, 100);
}
END_TEST

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

/* Each with each. */
START_TEST(instants_are_ordered)
{
    const apr_array_header_t *vectors = read_vectors("date_times.jsonl");
    int i;
    int j;

    for (i = 0; i < vectors->nelts; i++) {
        const vector_t a = vector_at(vectors, i);

        for (j = 0; j < vectors->nelts && a.is_read; j++) {
            const vector_t b = vector_at(vectors, j);
            int order;

            if (!b.is_read) {
                continue;
            }
            order = tmf_json_number_compare(a.seconds, b.seconds);
            order = order != 0 ? order : tmf_json_number_compare(a.fraction, b.fraction);
            ck_assert_msg(sign(tmf_instant_compare(&a.instant, &b.instant)) == sign(order),
                          "%s, %s", a.text, b.text);
        }
    }
}
END_TEST

START_TEST(a_date_is_no_date_time)
{
    tmf_instant_t instant;

    ck_assert_int_eq(tmf_datetime_parse("2018-06-12", &instant), 0);
    ck_assert_int_eq(tmf_date_parse("2018-06-12T00:00Z", &instant), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("datetime");
    TCase *tests = tcase_create("datetime");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_test(tests, vectors_are_met);
    tcase_add_test(tests, instants_are_ordered);
    tcase_add_test(tests, a_date_is_no_date_time);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
