/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST B/customer
 *
 * With an Idempotency-Key a create is carried out once: the same key with the same body gets the
 * first reply again, its customer as it was then. Bodies are compared by the documents that they
 * ask for, so neither the order of members nor the spelling of a number matters. Creates that fail
 * keep no key.
 */
#include "api/api.h"

#include <string.h>

#include <apr_strings.h>

#include "api/body.h"
#include "api/idempotency_key.h"
#include "api/representation.h"
#include "model/customer.h"
#include "model/identifier.h"

/* The client's id where the configuration honours it, else one of ours. */
static tmf_error_t *choose_id(tmf_creation_t *creation, const tmf_json_t *customer,
                              const tmf_request_t *request)
{
    const tmf_json_t *chosen = tmf_json_get(customer, "id");

    creation->id_is_chosen = request->config->client_id && chosen != NULL &&
                             tmf_json_type(chosen) != TMF_JSON_NULL;
    if (!creation->id_is_chosen) {
        return tmf_identifier_make(&creation->id, apr_time_now(), request->pool);
    }
    TMF_TRY(tmf_customer_check_id(chosen, request->pool));
    /* normalising removes it */
    creation->id = apr_pstrdup(request->pool, tmf_json_string_text(chosen));
    return NULL;
}

static tmf_error_t *store(const tmf_customer_t **created, const tmf_creation_t *creation,
                          const tmf_request_t *request)
{
    const tmf_customer_event_t event = tmf_representation_event(request, creation->id,
                                                                1u << TMF_EVENT_CREATE, "create");
    tmf_creation_outcome_t outcome;

    TMF_TRY(tmf_customer_store_create(request->service->customers, creation, &event, &outcome,
                                      created, request->pool));
    switch (outcome) {
    case TMF_CREATION_DONE:
        return NULL;
    case TMF_CREATION_ID_IN_USE:
        return tmf_error_make(request->pool, TMF_ERROR_ID_IN_USE,
                              "A customer with this id exists already");
    case TMF_CREATION_OTHER_BODY:
        return tmf_idempotency_key_reused(request);
    default:
        return tmf_idempotency_key_in_use(request);
    }
}

tmf_error_t *tmf_api_customer_create(const tmf_request_t *request, tmf_reply_t *reply)
{
    const tmf_customer_t *created;
    tmf_parameters_t *parameters;
    tmf_json_t *customer;
    tmf_creation_t creation = {.kept_for = request->config->idempotency_ttl};

    TMF_TRY(tmf_idempotency_key_check(request));
    TMF_TRY(tmf_representation_parameters(&parameters, request));
    TMF_TRY(tmf_body_parse_object(&customer, request));
    if (request->idempotency_key != NULL) {
        creation.key = tmf_idempotency_key_scoped(request);
    }
    TMF_TRY(choose_id(&creation, customer, request));
    TMF_TRY(tmf_customer_normalise(customer, request->pool));
    TMF_TRY(tmf_representation_write(&creation.doc, customer, NULL, request));
    TMF_TRY(store(&created, &creation, request));
    tmf_representation_reply(reply, 201, request, created, parameters);
    apr_table_setn(reply->headers, "Location", tmf_representation_href(request, created->id));
    return NULL;
}
