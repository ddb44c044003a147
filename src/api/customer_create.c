/* SPDX-License-Identifier: Apache-2.0 */
/* POST B/customer */
#include "api/api.h"

#include <apr_strings.h>

#include "api/body.h"
#include "api/representation.h"
#include "model/customer.h"
#include "model/identifier.h"

/* The client's id where the configuration honours it, else one of ours. */
static tmf_error_t *choose_id(const char **id, const tmf_json_t *customer,
                              const tmf_request_t *request)
{
    const tmf_json_t *chosen = tmf_json_get(customer, "id");

    if (!request->config->client_id || chosen == NULL || tmf_json_type(chosen) == TMF_JSON_NULL) {
        return tmf_identifier_make(id, apr_time_now(), request->pool);
    }
    TMF_TRY(tmf_customer_check_id(chosen, request->pool));
    *id = apr_pstrdup(request->pool, tmf_json_string_text(chosen)); /* normalising removes it */
    return NULL;
}

static tmf_error_t *store(const tmf_customer_t **created, const char *id, const char *document,
                          const tmf_request_t *request)
{
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, request->database, request->pool));
    error = tmf_customer_store_create(db, id, document, created, request->pool);
    tmf_db_give_back(db);
    if (error == NULL && *created == NULL) {
        error = tmf_error_make(request->pool, TMF_ERROR_ID_IN_USE,
                               "A customer with this id exists already");
    }
    return error;
}

tmf_error_t *tmf_api_customer_create(const tmf_request_t *request, tmf_reply_t *reply)
{
    tmf_parameters_t *parameters;
    tmf_json_t *customer;
    const tmf_customer_t *created;
    const char *id;

    if (request->idempotency_key != NULL) {
        return tmf_error_make(request->pool, TMF_ERROR_NOT_IMPLEMENTED,
                              "Idempotency-Key is not supported yet");
    }
    TMF_TRY(tmf_representation_parameters(&parameters, request));
    TMF_TRY(tmf_body_parse_object(&customer, request));
    TMF_TRY(choose_id(&id, customer, request));
    TMF_TRY(tmf_customer_normalise(customer, request->pool));
    TMF_TRY(store(&created, id, tmf_json_write(customer, NULL, request->pool), request));
    tmf_representation_reply(reply, 201, request, created, parameters);
    apr_table_setn(reply->headers, "Location", tmf_representation_href(request, id));
    return NULL;
}
