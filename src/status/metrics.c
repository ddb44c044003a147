/* SPDX-License-Identifier: Apache-2.0 */
/* GET S/metrics */
#include "status/status.h"

#include <http_log.h>

#include "store/overview.h"
#include "store/schema.h"

APLOG_USE_MODULE(tmf_customer);

#define MOST APR_USEC_PER_SEC /* that the database may take */

/* That the database does not answer is one of the things to be measured: no error of ours. */
static tmf_error_t *read_overview(const tmf_request_t *request, const tmf_overview_t **overview)
{
    tmf_error_t *error;

    *overview = NULL;
    if (request->service->database == NULL) {
        return tmf_error_make(request->pool, TMF_ERROR_DATABASE_UNAVAILABLE, "There is none");
    }
    error = tmf_overview_read(request->service->database, MOST, overview, request->pool);
    if (error != NULL && error->cause != NULL) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, tmf_db_server(request->service->database),
                     "%s: metrics: %s", error->tag, error->cause);
    }
    return error;
}

tmf_error_t *tmf_status_metrics(const tmf_request_t *request, tmf_reply_t *reply)
{
    const tmf_build_t build = {TMF_VERSION, tmf_schema_version()};
    const tmf_overview_t *overview;
    const tmf_error_t *error;

    TMF_TRY(tmf_status_check_parameters(request));
    error = read_overview(request, &overview);
    reply->status = 200;
    tmf_text_init(&reply->body, 16384, request->pool);
    tmf_metrics_render(&reply->body, tmf_metrics_snapshot(request->service->metrics, request->pool),
                       error == NULL || tmf_error_is(error, TMF_ERROR_STATEMENT_TIMEOUT), overview,
                       &build, request->offer != 0);
    return NULL;
}
