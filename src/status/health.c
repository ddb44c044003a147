/* SPDX-License-Identifier: Apache-2.0 */
/* GET S/live and GET S/ready: media type and members are those of
 * draft-inadarei-api-health-check-06. */
#include "status/status.h"

#include <string.h>

#include "status/readiness.h"

/* Health is of the moment: nobody is to keep it. */
static void begin(const tmf_request_t *request, tmf_reply_t *reply, int status)
{
    reply->status = status;
    apr_table_setn(reply->headers, "Cache-Control", "no-store");
    tmf_text_init(&reply->body, 512, request->pool);
}

tmf_error_t *tmf_status_live(const tmf_request_t *request, tmf_reply_t *reply)
{
    TMF_TRY(tmf_status_check_parameters(request));
    begin(request, reply, 200);
    tmf_text_append_string(&reply->body, "{\"status\":\"pass\"}");
    return NULL;
}

/* `"name":{"status":"fail","output":…`; the caller ends it. */
static void append_check(tmf_text_t *text, const char *name, const char *fault)
{
    tmf_text_append_format(text, "\"%s\":{\"status\":\"%s\"", name,
                           fault == NULL ? "pass" : "fail");
    if (fault != NULL) {
        tmf_text_append_string(text, ",\"output\":");
        tmf_text_append_json(text, fault, strlen(fault));
    }
}

static void append_schema(tmf_text_t *text, const tmf_probe_answer_t *probe)
{
    append_check(text, "schema",
                 probe->database != NULL ? "Not known while the database does not answer"
                                         : probe->schema);
    if (probe->version != 0) {
        tmf_text_append_format(text, ",\"observedValue\":%d", probe->version);
    }
}

void tmf_status_append_checks(tmf_text_t *text, const tmf_readiness_report_t *report)
{
    append_check(text, "database", report->probe.database);
    tmf_text_append_format(text, ",\"observedValue\":%.3f,\"observedUnit\":\"ms\"},",
                           (double)report->probe.duration / 1000);
    append_schema(text, &report->probe);
    tmf_text_append_string(text, "},");
    append_check(text, "notifier", report->notifier_fault);
    tmf_text_append_format(text, ",\"observedValue\":\"%s\"}",
                           tmf_notifier_state_name(report->notifier));
}

tmf_error_t *tmf_status_ready(const tmf_request_t *request, tmf_reply_t *reply)
{
    tmf_readiness_report_t report;
    int is_ready;

    TMF_TRY(tmf_status_check_parameters(request));
    tmf_readiness_look(request->service->readiness, &report, request->pool);
    is_ready = tmf_readiness_is_ready(&report);
    begin(request, reply, is_ready ? 200 : 503);
    tmf_text_append_format(&reply->body, "{\"status\":\"%s\",\"checks\":{",
                           is_ready ? "pass" : "fail");
    tmf_status_append_checks(&reply->body, &report);
    tmf_text_append_string(&reply->body, "}}");
    return NULL;
}
