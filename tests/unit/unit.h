/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test shares: a pool for each test, and a main that runs one suite. */
#ifndef TMF_TESTS_UNIT_H
#define TMF_TESTS_UNIT_H

#include <check.h>

#include <apr_general.h>
#include <apr_pools.h>

#include "error.h"

__attribute__((unused)) static apr_pool_t *pool;

static inline void make_pool(void)
{
    apr_initialize();
    ck_assert_int_eq(apr_pool_create(&pool, NULL), APR_SUCCESS);
}

static inline void destroy_pool(void)
{
    apr_pool_destroy(pool);
    apr_terminate();
}

/* Fails with the error's message when there is one. */
#define ck_assert_ok(call)                                                                         \
    do {                                                                                           \
        tmf_error_t *unexpected = (call);                                                          \
        ck_assert_msg(unexpected == NULL, "unexpected error: %s",                                  \
                      unexpected != NULL ? unexpected->message : "");                              \
    } while (0)

/* Runs the suite; the exit code of main. */
static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

#endif
