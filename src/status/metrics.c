/* SPDX-License-Identifier: Apache-2.0 */
/* GET S/metrics */
#include "status/status.h"

#include <http_log.h>

#include "store/overview.h"

APLOG_USE_MODULE(tmf_customer);

#define MOST APR_USEC_PER_SEC /* that the database may take */

/* NULL when the database does not answer, which is one of the things to be measured. */
static const tmf_overview_t *overview_of(const tmf_request_t *request)
{
    const tmf_overview_t *overview = NULL;
    const tmf_error_t *error = NULL;

    if (request->database != NULL) {
        error = tmf_overview_read(request->database, MOST, &overview, request->pool);
    }
    if (error != NULL && error->cause != NULL) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, tmf_db_server(request->database), "%s: metrics: %s",
                     error->tag, error->cause);
    }
    return error == NULL ? overview : NULL;
}

tmf_error_t *tmf_status_metrics(const tmf_request_t *request, tmf_reply_t *reply)
{
    static const tmf_build_t build = {TMF_VERSION, TMF_SCHEMA_VERSION};
    const tmf_overview_t *overview;

    TMF_TRY(tmf_status_check_parameters(request));
    overview = overview_of(request);
    reply->status = 200;
    tmf_text_init(&reply->body, 16384, request->pool);
    tmf_metrics_render(&reply->body, tmf_metrics_snapshot(request->server->metrics, request->pool),
                       overview, &build, request->offer != 0);
    return NULL;
}
