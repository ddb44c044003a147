/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets threads that ask at the same time ask together. It knows nothing of what is asked;
 * combiner.c has the design.
 */
#ifndef TMF_STORE_COMBINER_H
#define TMF_STORE_COMBINER_H

#include <apr_pools.h>
#include <apr_time.h>

#include "error.h"

/* Questions that are answered at once, at most. */
#define TMF_COMBINER_BATCH_MAX 64

/* Asked meanwhile, a question waits so long for the batch that is on its way; then it leads
 * itself. More than a batch takes while all is well, less than a client minds. */
#define TMF_COMBINER_WAIT (20 * 1000) /* microseconds */

/* How questions are answered. Each function may block, but not without a bound. */
typedef struct {
    void *context;

    /* One question, by the thread that asks it; `*answer` lives in `result_pool`. */
    tmf_error_t *(*answer_one)(void *context, const void *question, const void **answer,
                               apr_pool_t *result_pool);

    /* Several, 2 to TMF_COMBINER_BATCH_MAX, some of them perhaps equal, by one of the threads that
     * ask. `*answers` lives in `batch_pool`; so may the error. */
    tmf_error_t *(*answer_all)(void *context, const void *const *questions, int count,
                               const void **answers, apr_pool_t *batch_pool);

    /* Copies the answer to the one in this place of `questions` into `result_pool`: 1. By the
     * thread that asks it, several threads at a time. 0: it is not among the answers, and to be
     * asked alone. */
    int (*take)(const void *answers, int place, const void *question, const void **answer,
                apr_pool_t *result_pool);
} tmf_combiner_work_t;

/* Its members are used by all threads of a child process. */
typedef struct tmf_combiner_t tmf_combiner_t;

/* Lives in `child_pool`, which must outlive all who ask. */
apr_status_t tmf_combiner_make(tmf_combiner_t **combiner, const tmf_combiner_work_t *work,
                               apr_pool_t *child_pool);

/* Asks. What is answered was found out after this was called, never before. `question` must stay as
 * it is meanwhile; `*answer` lives in `result_pool`; errors are those of `work`. */
tmf_error_t *tmf_combiner_ask(tmf_combiner_t *combiner, const void *question, const void **answer,
                              apr_pool_t *result_pool);

#endif
