/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the database which texts match a regular expression, in PostgreSQL's language and time. */
#ifndef TMF_STORE_MATCHING_H
#define TMF_STORE_MATCHING_H

#include "store/db.h"

/* Where it is asked. Whoever is given one asks, and does not look into it. */
typedef struct {
    tmf_db_pool_t *database;
    tmf_db_t *db; /* the connection that is held anyway; NULL = one of `database` is borrowed for
                     each question */
} tmf_matching_t;

/* Which of `count` texts match? Sets each of `matches` to 1 or 0. A pattern that is none:
 * TMF_ERROR_INVALID_PATTERN; other errors are tmf_db_borrow's and tmf_db_run's. */
tmf_error_t *tmf_matching_ask(const tmf_matching_t *matching, const char *pattern,
                              const char *const *texts, int count, char *matches,
                              apr_pool_t *scratch_pool);

/* How long a question may take in the database. */
apr_interval_time_t tmf_matching_time(const tmf_matching_t *matching);

#endif
