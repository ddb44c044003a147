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
#include "api/document.h"
#include "api/idempotency_key.h"
#include "api/representation.h"
#include "model/customer.h"
#include "model/identifier.h"
#include "store/customer_writes.h"
#include "store/idempotency.h"

/* What is to be created. */
typedef struct {
    const char *id;
    int id_is_chosen;
    const char *document;
} creation_t;

/* The client's id where the configuration honours it, else one of ours. */
static tmf_error_t *choose_id(creation_t *creation, const tmf_json_t *customer,
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

static tmf_error_t *id_in_use(const tmf_request_t *request)
{
    return tmf_error_make(request->pool, TMF_ERROR_ID_IN_USE,
                          "A customer with this id exists already");
}

static tmf_tell_t tell_create(const creation_t *creation, const tmf_request_t *request)
{
    return tmf_representation_tell(request, creation->id, 1u << TMF_EVENT_CREATE, "create");
}

static tmf_error_t *create(const tmf_customer_t **created, tmf_db_t *db, const creation_t *creation,
                           const tmf_request_t *request)
{
    const tmf_tell_t tell = tell_create(creation, request);

    TMF_TRY(tmf_customer_store_create(db, creation->id, creation->document, &tell, created,
                                      request->pool));
    return *created != NULL ? NULL : id_in_use(request);
}

static tmf_error_t *create_once(const tmf_customer_t **created, tmf_db_t *db,
                                const creation_t *creation, const tmf_request_t *request)
{
    tmf_keyed_create_t keyed = {.key = tmf_idempotency_key_scoped(request),
                                .kept_for = request->config->idempotency_ttl,
                                .id = creation->id,
                                .id_is_chosen = creation->id_is_chosen,
                                .doc = creation->document};
    const tmf_tell_t tell = tell_create(creation, request);
    tmf_keyed_outcome_t outcome;

    TMF_TRY(tmf_idempotency_create(db, &keyed, &tell, &outcome, created, request->pool));
    switch (outcome) {
    case TMF_KEYED_DONE:
        return NULL;
    case TMF_KEYED_ID_IN_USE:
        return id_in_use(request);
    case TMF_KEYED_OTHER_BODY:
        return tmf_idempotency_key_reused(request);
    default:
        return tmf_idempotency_key_in_use(request);
    }
}

/* With an id that is ours alone, and no key: nothing about it depends on others. */
static tmf_error_t *create_among_others(const tmf_customer_t **created, const creation_t *creation,
                                        const tmf_request_t *request)
{
    const tmf_tell_t tell = tell_create(creation, request);

    TMF_TRY(tmf_customer_writes_create(request->service->writes, creation->id, creation->document,
                                       &tell, created, request->pool));
    return *created != NULL ? NULL : id_in_use(request);
}

static tmf_error_t *store(const tmf_customer_t **created, const creation_t *creation,
                          const tmf_request_t *request)
{
    tmf_error_t *error;
    tmf_db_t *db;

    if (request->idempotency_key == NULL && !creation->id_is_chosen) {
        return create_among_others(created, creation, request);
    }
    TMF_TRY(tmf_db_borrow(&db, request->service->database, request->pool));
    error = request->idempotency_key != NULL ? create_once(created, db, creation, request)
                                             : create(created, db, creation, request);
    tmf_db_give_back(db);
    return error;
}

tmf_error_t *tmf_api_customer_create(const tmf_request_t *request, tmf_reply_t *reply)
{
    const tmf_customer_t *created;
    tmf_parameters_t *parameters;
    tmf_json_t *customer;
    creation_t creation;

    TMF_TRY(tmf_idempotency_key_check(request));
    TMF_TRY(tmf_representation_parameters(&parameters, request));
    TMF_TRY(tmf_body_parse_object(&customer, request));
    TMF_TRY(choose_id(&creation, customer, request));
    TMF_TRY(tmf_customer_normalise(customer, request->pool));
    TMF_TRY(tmf_document_write(&creation.document, customer, NULL, request));
    TMF_TRY(store(&created, &creation, request));
    tmf_representation_reply(reply, 201, request, created, parameters);
    apr_table_setn(reply->headers, "Location", tmf_representation_href(request, created->id));
    return NULL;
}
