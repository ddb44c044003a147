/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of customers whose connections may lead to several databases, which this file plays. */
#include "unit.h"

#include <string.h>

#include "store/customer_cache.h"
#include "store/customer_reads.h"

enum { HERE = 1, ELSEWHERE = 2 }; /* identities */

static tmf_customer_caching_t caching;
static apr_uint64_t last;    /* of the connection that was borrowed last */
static apr_uint64_t answers; /* who answers next */
static int questions;        /* that the database was asked */
static apr_uint64_t later;   /* somebody borrows this while the answer is on its way; 0 = nobody */

/* ---- the database ---- */

tmf_error_t *tmf_db_borrow(tmf_db_t **db, tmf_db_pool_t *database, apr_pool_t *result_pool)
{
    (void)database;
    (void)result_pool;
    *db = NULL;
    last = answers;
    return NULL;
}

void tmf_db_give_back(tmf_db_t *db)
{
    (void)db;
    last = later != 0 ? later : last;
}

apr_uint64_t tmf_db_identity(tmf_db_pool_t *database)
{
    (void)database;
    return last;
}

apr_uint64_t tmf_db_identity_of(const tmf_db_rows_t *rows)
{
    (void)rows;
    return answers;
}

const tmf_customer_caching_t *tmf_db_caching(const tmf_db_pool_t *database)
{
    (void)database;
    return &caching;
}

tmf_metrics_t *tmf_db_metrics(const tmf_db_pool_t *database)
{
    (void)database;
    return NULL;
}

tmf_error_t *tmf_db_run(tmf_db_t *db, const tmf_statement_t *statement,
                        const char *const *parameters, const tmf_db_rows_t **rows,
                        apr_pool_t *result_pool)
{
    (void)db;
    (void)statement;
    (void)parameters;
    (void)result_pool;
    *rows = NULL;
    questions++;
    return NULL;
}

int tmf_db_row_count(const tmf_db_rows_t *rows)
{
    (void)rows;
    return 1;
}

const char *tmf_db_text(const tmf_db_rows_t *rows, int row, int column, apr_size_t *length)
{
    const char *text = column == 0 ? "x" : answers == HERE ? "{\"here\":1}" : "{\"elsewhere\":1}";

    (void)rows;
    (void)row;
    if (length != NULL) {
        *length = strlen(text);
    }
    return text;
}

apr_int64_t tmf_db_number(const tmf_db_rows_t *rows, int row, int column)
{
    (void)rows;
    (void)row;
    (void)column;
    return 1;
}

void tmf_db_begin_write(tmf_db_t *db, const char *id)
{
    (void)db;
    (void)id;
}

apr_interval_time_t tmf_db_statement_timeout(const tmf_db_t *db)
{
    (void)db;
    return 0;
}

/* ---- tests ---- */

static tmf_customer_reads_t *reads;

static void set_up(void)
{
    make_pool();
    ck_assert_int_eq(tmf_customer_board_make(&caching.board, pool), APR_SUCCESS);
    ck_assert_int_eq(tmf_customer_cache_make(&caching.memory, 1 << 20, pool), APR_SUCCESS);
    caching.age = 3600 * APR_USEC_PER_SEC;
    ck_assert_int_eq(tmf_customer_reads_make(&reads, NULL, pool), APR_SUCCESS);
    last = answers = HERE;
    questions = 0;
    later = 0;
}

static const char *get(void)
{
    const tmf_customer_t *customer;

    ck_assert_ok(tmf_customer_reads_get(reads, "x", &customer, pool));
    ck_assert_ptr_nonnull(customer);
    return customer->doc;
}

START_TEST(what_was_read_is_kept)
{
    ck_assert_str_eq(get(), "{\"here\":1}");
    ck_assert_str_eq(get(), "{\"here\":1}");
    ck_assert_int_eq(questions, 1);
}
END_TEST

START_TEST(what_another_database_has_is_not_kept_as_this_ones)
{
    answers = ELSEWHERE;
    later = HERE; /* as if nothing had happened */
    ck_assert_str_eq(get(), "{\"elsewhere\":1}");
    answers = HERE;
    ck_assert_str_eq(get(), "{\"here\":1}");
    ck_assert_int_eq(questions, 2);
}
END_TEST

START_TEST(what_was_read_for_a_change_outdates_its_own_database)
{
    const tmf_customer_t *customer;

    get();
    later = ELSEWHERE;
    ck_assert_ok(tmf_customer_reads_get_stored(reads, "x", &customer, pool));
    ck_assert_str_eq(customer->doc, "{\"here\":1}");
    last = HERE;
    get();
    ck_assert_int_eq(questions, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("customer_reads");
    TCase *tests = tcase_create("customer_reads");

    tcase_add_checked_fixture(tests, set_up, destroy_pool);
    tcase_add_test(tests, what_was_read_is_kept);
    tcase_add_test(tests, what_another_database_has_is_not_kept_as_this_ones);
    tcase_add_test(tests, what_was_read_for_a_change_outdates_its_own_database);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
