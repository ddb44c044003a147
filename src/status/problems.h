/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody should look at. */
#ifndef TMF_STATUS_PROBLEMS_H
#define TMF_STATUS_PROBLEMS_H

#include <apr_tables.h>

#include "status/overview.h"

/* How good or bad things are, best first. */
typedef enum { TMF_HEALTH_PASS, TMF_HEALTH_WARN, TMF_HEALTH_FAIL } tmf_health_t;

typedef struct {
    tmf_health_t health; /* warn: something waits for an operator; fail: something does not work */
    const char *what;    /* a sentence */
} tmf_problem_t;

/* The tmf_problem_t of an overview, worst first; none when all is well. */
const apr_array_header_t *tmf_problems_find(const tmf_status_overview_t *overview,
                                            apr_pool_t *result_pool);

/* That of the worst one. */
tmf_health_t tmf_problems_health(const apr_array_header_t *problems);

#endif
