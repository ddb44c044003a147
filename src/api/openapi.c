/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET B/openapi.json
 *
 * openapi.json, beside this file, describes every server; here it learns which one it describes:
 * the base URL that this client sees, and the limits and options of its configuration, under the
 * names of their directives.
 */
#include "api/openapi.h"

#include <string.h>

#include <apr_escape.h>
#include <apr_sha1.h>
#include <apr_strings.h>

#include "api/api.h"
#include "api/idempotency_key.h"
#include "api/precondition.h"
#include "model/customer.h"
#include "model/json_patch.h"
#include "model/json_template.h"
#include "model/target.h"
#include "query/parameters.h"
#include "query/subscription.h"

static void add_text(apr_array_header_t *settings, const char *name, const char *text)
{
    const tmf_setting_t setting = {name, text, 0};

    APR_ARRAY_PUSH(settings, tmf_setting_t) = setting;
}

static void add_switch(apr_array_header_t *settings, const char *name, int is_on)
{
    add_text(settings, name, is_on ? "On" : "Off");
}

static void add_number(apr_array_header_t *settings, const char *name, apr_int64_t number)
{
    const tmf_setting_t setting = {name, apr_psprintf(settings->pool, "%" APR_INT64_T_FMT, number),
                                   1};

    APR_ARRAY_PUSH(settings, tmf_setting_t) = setting;
}

/* What cannot be configured. */
static void add_constants(apr_array_header_t *settings)
{
    add_text(settings, "version", TMF_VERSION);
    add_number(settings, "idMax", TMF_CUSTOMER_ID_MAX);
    add_number(settings, "keyMax", TMF_IDEMPOTENCY_KEY_MAX);
    add_number(settings, "fieldsMax", TMF_FIELDS_COUNT_MAX);
    add_number(settings, "sortKeysMax", TMF_SORT_KEYS_MAX);
    add_number(settings, "conditionsMax", TMF_FILTER_CONDITIONS_MAX);
    add_number(settings, "operandsMax", TMF_FILTER_OPERANDS_MAX);
    add_number(settings, "valueMax", TMF_FILTER_VALUE_MAX);
    add_number(settings, "patternMax", TMF_FILTER_PATTERN_MAX);
    add_number(settings, "pathMax", TMF_FILTER_PATH_MAX);
    add_number(settings, "operationsMax", TMF_PATCH_OPERATIONS_MAX);
    add_number(settings, "callbackMax", TMF_CALLBACK_MAX);
    add_number(settings, "subscriptionMax", TMF_SUBSCRIPTION_MAX);
}

static void add_history(apr_array_header_t *settings, const tmf_history_config_t *history)
{
    const char *kept_for = "ever";

    if (history->enabled && history->kept_for > 0) {
        kept_for = apr_psprintf(settings->pool, "%" APR_TIME_T_FMT " seconds",
                                apr_time_sec(history->kept_for));
    }
    add_switch(settings, "TMFCustomerHistory", history->enabled);
    add_text(settings, "TMFCustomerHistoryRetention", kept_for);
}

static apr_array_header_t *settings_of(const tmf_request_t *request)
{
    const tmf_space_config_t *config = request->config;
    apr_array_header_t *settings = apr_array_make(request->pool, 32, sizeof(tmf_setting_t));

    add_constants(settings);
    add_text(settings, "baseUrl", request->base_url);
    add_number(settings, "TMFCustomerPageSize", config->page_size);
    add_number(settings, "TMFCustomerMaxPageSize", config->page_size_max);
    add_switch(settings, "TMFCustomerPartialContent", config->partial_content);
    add_switch(settings, "TMFCustomerClientId", config->client_id);
    add_text(settings, "TMFCustomerCreditProfile",
             config->credit_profile == TMF_CREDIT_PROFILE_CURRENT ? "the first one" : "all");
    add_number(settings, "TMFCustomerMaxBody", config->body_max);
    add_number(settings, "TMFCustomerMaxDepth", config->body_depth_max);
    add_number(settings, "TMFCustomerMaxDocument", tmf_space_document_max(config));
    add_number(settings, "TMFCustomerIdempotencyTTL", apr_time_sec(config->idempotency_ttl));
    add_number(settings, "TMFCustomerNotifyMaxHubs", request->service->config->hubs_max);
    add_history(settings, &request->service->config->history);
    return settings;
}

/* It is ours: a test reads all of it. */
static tmf_error_t *read_template(tmf_json_t **template, const tmf_request_t *request)
{
    const tmf_json_limits_t limits = {64, 0};
    tmf_error_t *error = tmf_json_parse(template, tmf_openapi_template,
                                        strlen(tmf_openapi_template), &limits, request->pool);

    if (error != NULL) {
        error = tmf_error_fault(request->pool, TMF_ERROR_INTERNAL, "TMF0250",
                                "The description of the API cannot be read", "openapi.json: %s",
                                error->message);
    }
    return error;
}

static const char *etag_of(const char *text, apr_size_t length, apr_pool_t *pool)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t context;

    apr_sha1_init(&context);
    apr_sha1_update(&context, text, (unsigned int)length);
    apr_sha1_final(digest, &context);
    return apr_pstrcat(pool, "\"", apr_pescape_hex(pool, digest, sizeof(digest), 0), "\"", NULL);
}

tmf_error_t *tmf_api_openapi(const tmf_request_t *request, tmf_reply_t *reply)
{
    tmf_json_t *template;
    const char *text;
    const char *etag;
    apr_size_t length;

    TMF_TRY(read_template(&template, request));
    text = tmf_json_write(tmf_json_template_fill(template, settings_of(request), request->pool),
                          &length, request->pool);
    etag = etag_of(text, length, request->pool);
    if (request->if_match != NULL && !tmf_etag_is_listed(request->if_match, etag, 0)) {
        return tmf_error_make(request->pool, TMF_ERROR_PRECONDITION_FAILED,
                              "If-Match does not name the current ETag: read it again");
    }
    apr_table_setn(reply->headers, "ETag", etag);
    if (request->if_none_match != NULL && tmf_etag_is_listed(request->if_none_match, etag, 1)) {
        reply->status = 304;
        return NULL;
    }
    reply->status = 200;
    tmf_text_init(&reply->body, length, request->pool);
    tmf_text_append(&reply->body, text, length);
    return NULL;
}
