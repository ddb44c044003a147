/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST B/hub
 *
 * All that would make deliveries fail later and can be seen now is refused now: a callback that may
 * not be reached, a query that cannot be read, a pattern that PostgreSQL does not understand.
 *
 * With an Idempotency-Key a hub is created once, as a customer is: the same key with the same body
 * gets the first reply again, whatever became of the hub. Registrations that fail keep no key.
 */
#include "api/hub.h"

#include <string.h>

#include <apr_strings.h>

#include "api/body.h"
#include "api/database_matcher.h"
#include "api/idempotency_key.h"
#include "model/identifier.h"
#include "query/subscription.h"

/* A string of the body, `*text` NULL when it is absent or null. */
static tmf_error_t *read_string(const char **text, const tmf_json_t *body, const char *name,
                                const tmf_request_t *request)
{
    const tmf_json_t *value = tmf_json_get(body, name);

    *text = tmf_json_string_text(value);
    if (*text == NULL && value != NULL && tmf_json_type(value) != TMF_JSON_NULL) {
        return tmf_error_make(request->pool, TMF_ERROR_INVALID_BODY,
                              "%s: it must be a string, not %s", name,
                              tmf_json_type_name(tmf_json_type(value)));
    }
    return NULL;
}

static tmf_error_t *read_hub(tmf_hub_t *hub, tmf_subscription_t *subscription,
                             const tmf_request_t *request)
{
    const char *host;
    tmf_json_t *body;

    TMF_TRY(tmf_hub_check_parameters(request));
    TMF_TRY(tmf_body_parse_object(&body, request));
    TMF_TRY(read_string(&hub->callback, body, "callback", request));
    TMF_TRY(read_string(&hub->query, body, "query", request));
    if (hub->callback == NULL) {
        return tmf_error_make(request->pool, TMF_ERROR_INVALID_BODY,
                              "callback: the URL that is to be notified is missing");
    }
    TMF_TRY(
        tmf_callback_check(&host, hub->callback, request->service->config->targets, request->pool));
    TMF_TRY(tmf_subscription_parse(subscription, hub->query, request->pool));
    if (*tmf_subscription_text(hub->query) == '\0') {
        hub->query = NULL;
    }
    return tmf_identifier_make(&hub->id, apr_time_now(), request->pool);
}

static tmf_error_t *check_patterns(const tmf_filter_t *filter, const tmf_request_t *request)
{
    const tmf_matcher_t *matcher = tmf_database_matcher_make(
        tmf_customer_store_matching(request->service->customers), TMF_ERROR_INVALID_BODY,
        request->pool);

    return tmf_error_about(tmf_filter_check_patterns(filter, matcher), request->pool, "query");
}

static tmf_error_t *register_hub(tmf_hub_outcome_t *outcome, const char **id, const tmf_hub_t *hub,
                                 const tmf_subscription_t *subscription,
                                 const tmf_request_t *request)
{
    tmf_registration_t registration = {.hub = *hub,
                                       .query_text = tmf_subscription_text(hub->query),
                                       .types = subscription->types,
                                       .most = request->service->config->hubs_max};

    if (request->idempotency_key != NULL) {
        registration.creation.key = tmf_idempotency_key_scoped(request);
        registration.creation.kept_for = request->config->idempotency_ttl;
        registration.creation.id = hub->id;
        registration.creation.doc = tmf_hub_document(hub, request->pool);
    }
    TMF_TRY(check_patterns(subscription->filter, request));
    return tmf_hub_store_create(request->service->database, &registration, outcome, id,
                                request->pool);
}

/* Why there is no such hub now; NULL when there is. */
static tmf_error_t *refusal(tmf_hub_outcome_t outcome, const char *id, const tmf_request_t *request)
{
    switch (outcome) {
    case TMF_HUB_TWIN:
        return tmf_error_make(request->pool, TMF_ERROR_HUB_EXISTS,
                              "The hub %s has this callback and query already", id);
    case TMF_HUB_TOO_MANY:
        return tmf_error_make(request->pool, TMF_ERROR_TOO_MANY_HUBS,
                              "There are %d hubs already, and no more are accepted",
                              request->service->config->hubs_max);
    case TMF_HUB_OTHER_BODY:
        return tmf_idempotency_key_reused(request);
    case TMF_HUB_KEY_BUSY:
        return tmf_idempotency_key_in_use(request);
    default:
        return NULL;
    }
}

tmf_error_t *tmf_api_hub_create(const tmf_request_t *request, tmf_reply_t *reply)
{
    tmf_subscription_t subscription;
    tmf_hub_t hub = {NULL, NULL, NULL};
    tmf_hub_outcome_t outcome;

    TMF_TRY(tmf_idempotency_key_check(request));
    TMF_TRY(read_hub(&hub, &subscription, request));
    TMF_TRY(register_hub(&outcome, &hub.id, &hub, &subscription, request));
    TMF_TRY(refusal(outcome, hub.id, request));
    reply->status = 201;
    tmf_text_init(&reply->body, 256, request->pool);
    tmf_hub_append(&reply->body, &hub);
    apr_table_setn(reply->headers, "Location",
                   apr_pstrcat(request->pool, request->base_url, "/hub/", hub.id, NULL));
    return NULL;
}
