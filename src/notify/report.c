/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/report.h"

#include <httpd.h>
#include <http_log.h>

#include "model/clock.h"
#include "notify/notices.h"

extern module AP_MODULE_DECLARE_DATA tmf_customer_module;
APLOG_USE_MODULE(tmf_customer);

void tmf_report_pause(const tmf_dispatcher_t *dispatcher, const tmf_listener_t *listener,
                      const tmf_paused_t *paused)
{
    int is_news;

    if (paused->disabled) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, dispatcher->settings->server,
            "TMF0061: hub %s (%s) is disabled: %s; tmf_customer.enable('%s') lets it go on",
            listener->hub_id, listener->origin, listener->error, listener->hub_id);
        return;
    }
    is_news = tmf_notices_pause(dispatcher->notices, listener->hub_id, paused->first,
                                tmf_clock_now());
    ap_log_error(
        APLOG_MARK, is_news ? APLOG_WARNING : APLOG_DEBUG, 0, dispatcher->settings->server,
        "TMF0062: hub %s (%s) pauses for %" APR_TIME_T_FMT " ms, and again as long as it fails: %s",
        listener->hub_id, listener->origin, apr_time_as_msec(listener->pause), listener->error);
}

void tmf_report_recovery(const tmf_dispatcher_t *dispatcher, const tmf_listener_t *listener,
                         apr_interval_time_t failed_for)
{
    int is_news = tmf_notices_recovery(dispatcher->notices, listener->hub_id, tmf_clock_now());

    ap_log_error(APLOG_MARK, is_news ? APLOG_NOTICE : APLOG_DEBUG, 0, dispatcher->settings->server,
                 "TMF0100: hub %s (%s) accepts notifications again, after %" APR_TIME_T_FMT " s",
                 listener->hub_id, listener->origin, apr_time_sec(failed_for));
}

void tmf_report_dead_letter(const tmf_dispatcher_t *dispatcher, const tmf_in_hand_t *delivery)
{
    const tmf_dead_letters_t letter = {delivery->listener->hub_id, delivery->listener->origin,
                                       delivery->event->event_id, delivery->error, 1};

    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, dispatcher->settings->server,
                 "TMF0060: event %s is a dead letter for hub %s: %s", letter.event_id,
                 letter.hub_id, letter.error);
    tmf_notices_dead(dispatcher->notices, &letter, tmf_clock_now());
}

void tmf_report_dead_letters(const tmf_dispatcher_t *dispatcher, int all)
{
    apr_time_t now = tmf_clock_now();
    tmf_dead_letters_t letters;

    while (tmf_notices_next_dead(dispatcher->notices, now, all, &letters)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, dispatcher->settings->server,
                     "TMF0101: hub %s (%s): dead letters: %d, the last one is event %s: %s;"
                     " tmf_customer.replay('%s') sends them again",
                     letters.hub_id, letters.origin, letters.count, letters.event_id, letters.error,
                     letters.hub_id);
    }
}

void tmf_report_backlogs(const tmf_dispatcher_t *dispatcher, const tmf_backlog_t *backlogs,
                         int count, apr_pool_t *scratch_pool)
{
    apr_time_t now = tmf_clock_now();
    int i;

    for (i = 0; i < count; i++) {
        const tmf_backlog_t *backlog = &backlogs[i];

        if (tmf_notices_backlog(dispatcher->notices, backlog->hub_id, backlog->age, now)) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, dispatcher->settings->server,
                         "TMF0102: hub %s (%s) is behind: the oldest of %d%s pending events waits"
                         " for %" APR_TIME_T_FMT " s",
                         backlog->hub_id, tmf_notices_origin(backlog->callback, scratch_pool),
                         backlog->pending,
                         backlog->pending < TMF_OUTBOX_BACKLOG_MAX ? "" : " or more",
                         apr_time_sec(backlog->age));
        }
    }
}
