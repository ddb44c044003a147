/* SPDX-License-Identifier: Apache-2.0 */
#include "status/readiness.h"

#include <stdatomic.h>

#include "model/clock.h"
#include "notify/leader.h"

/* When the child that notifies has died, another takes over within a second or two: whoever asks
 * in between is told so, but that is no fault yet. */
#define MISSING_MOST (5 * APR_USEC_PER_SEC)

/* Who has not asked for so long has seen another gap, not the same one. */
#define FORGOTTEN (60 * APR_USEC_PER_SEC)

struct tmf_readiness_t {
    const tmf_service_t *service;
    tmf_probe_t *probe;
    _Atomic apr_time_t
        missing_since;             /* that nobody notifies, as far as anybody asked; 0 = not so */
    _Atomic apr_time_t missing_at; /* when that was seen last */
};

apr_status_t tmf_readiness_make(tmf_readiness_t **readiness, const tmf_service_t *service,
                                apr_pool_t *child_pool)
{
    tmf_readiness_t *made = apr_pcalloc(child_pool, sizeof(*made));
    const char *owner = service->leader != NULL ? tmf_leader_name(service->leader) : NULL;

    made->service = service;
    *readiness = made;
    return tmf_probe_make(&made->probe, service->database, owner, child_pool);
}

static tmf_notifier_state_t notifier_state(const tmf_service_t *service, int others_notify)
{
    if (!service->config->has_api) {
        return TMF_NOTIFIER_NONE;
    }
    if (!service->config->notify.wanted) {
        return TMF_NOTIFIER_OFF;
    }
    if (service->leader != NULL && tmf_leader_is_there(service->leader)) {
        return TMF_NOTIFIER_LEADS;
    }
    return others_notify ? TMF_NOTIFIER_ELSEWHERE : TMF_NOTIFIER_MISSING;
}

static const char *fault_of_notifier(tmf_readiness_t *readiness, tmf_notifier_state_t state)
{
    apr_time_t now = tmf_clock_now();
    apr_time_t none = 0;

    if (state != TMF_NOTIFIER_MISSING ||
        now - atomic_exchange(&readiness->missing_at, now) > FORGOTTEN) {
        atomic_store(&readiness->missing_since, 0);
    }
    if (state != TMF_NOTIFIER_MISSING) {
        return NULL;
    }
    atomic_compare_exchange_strong(&readiness->missing_since, &none, now);
    return none != 0 && now - none > MISSING_MOST
               ? "No process of this server brings events to listeners"
               : NULL;
}

void tmf_readiness_look(tmf_readiness_t *readiness, tmf_readiness_report_t *report,
                        apr_pool_t *result_pool)
{
    if (readiness == NULL) {
        *report = (tmf_readiness_report_t){.notifier = TMF_NOTIFIER_NONE};
        report->probe.database = "This server has been given no database";
        return;
    }
    tmf_probe_ask(readiness->probe, &report->probe, result_pool);
    report->notifier = notifier_state(readiness->service, report->probe.others_notify);
    report->notifier_fault = fault_of_notifier(readiness, report->notifier);
}

const char *tmf_notifier_state_name(tmf_notifier_state_t state)
{
    static const char *const names[] = {"leads", "elsewhere", "off", "none", "missing"};

    return names[state];
}

int tmf_readiness_is_ready(const tmf_readiness_report_t *report)
{
    return report->probe.database == NULL && report->probe.schema == NULL &&
           report->notifier_fault == NULL;
}
