/* SPDX-License-Identifier: Apache-2.0 */
/* Can this process serve its virtual host just now? Answered within a second, whatever the database
 * does. */
#ifndef TMF_STATUS_READINESS_H
#define TMF_STATUS_READINESS_H

#include "service.h"
#include "store/probe.h"

/* One for each virtual host with a status handler and each child. */
typedef struct tmf_readiness_t tmf_readiness_t;

/* Who brings events to listeners. */
typedef enum {
    TMF_NOTIFIER_LEADS,     /* a child of this httpd */
    TMF_NOTIFIER_ELSEWHERE, /* another httpd on the database */
    TMF_NOTIFIER_OFF,       /* TMFCustomerNotify Off */
    TMF_NOTIFIER_NONE,      /* this virtual host has no API */
    TMF_NOTIFIER_MISSING    /* nobody; for how long decides whether that is a fault */
} tmf_notifier_state_t;

/* What was found. Texts are for clients. */
typedef struct {
    tmf_probe_answer_t probe;
    tmf_notifier_state_t notifier;
    const char *notifier_fault; /* NULL = none */
} tmf_readiness_report_t;

/* child_init, when the way to the service's database has been made; lives in `child_pool`. */
apr_status_t tmf_readiness_make(tmf_readiness_t **readiness, const tmf_service_t *service,
                                apr_pool_t *child_pool);

/* From any thread. NULL for the readiness: the virtual host has no database. */
void tmf_readiness_look(tmf_readiness_t *readiness, tmf_readiness_report_t *report,
                        apr_pool_t *result_pool);

/* "leads", "elsewhere", "off", "none", "missing". */
const char *tmf_notifier_state_name(tmf_notifier_state_t state);

int tmf_readiness_is_ready(const tmf_readiness_report_t *report);

#endif
