/* SPDX-License-Identifier: Apache-2.0 */
/* What the log tells operators of listeners; how often, notices.h decides. Of a callback it shows
 * scheme, host and port. */
#ifndef TMF_NOTIFY_REPORT_H
#define TMF_NOTIFY_REPORT_H

#include "notify/dispatcher.h"

/* A listener pauses, or is disabled, which was recorded. */
void tmf_report_pause(const tmf_dispatcher_t *dispatcher, const tmf_listener_t *listener,
                      const tmf_paused_t *paused);

/* A listener is well again, after it has failed for so long, which was recorded. */
void tmf_report_recovery(const tmf_dispatcher_t *dispatcher, const tmf_listener_t *listener,
                         apr_interval_time_t failed_for);

/* A delivery that has become a dead letter: counted until tmf_report_dead_letters. */
void tmf_report_dead_letter(const tmf_dispatcher_t *dispatcher, const tmf_in_hand_t *delivery);

/* Logs how many dead letters there were for each listener, of which there was no line just now;
 * `all`: at the end, even so. */
void tmf_report_dead_letters(const tmf_dispatcher_t *dispatcher, int all);

/* Listeners that are behind. */
void tmf_report_backlogs(const tmf_dispatcher_t *dispatcher, const tmf_backlog_t *backlogs,
                         int count, apr_pool_t *scratch_pool);

#endif
