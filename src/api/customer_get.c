/* SPDX-License-Identifier: Apache-2.0 */
/* GET B/customer/{id} */
#include "api/api.h"
#include "api/customer_reduce.h"
#include "api/precondition.h"
#include "api/representation.h"
#include "model/customer_schema.h"
#include "store/customer_reads.h"

static tmf_error_t *read_parameters(tmf_parameters_t **parameters, const tmf_request_t *request)
{
    TMF_TRY(
        tmf_parameters_parse(parameters, request->query, tmf_customer_attributes, request->pool));
    if ((*parameters)->has_limit || (*parameters)->has_offset || (*parameters)->cursor != NULL ||
        (*parameters)->sort->nelts > 0) {
        return tmf_error_make(request->pool, TMF_ERROR_INVALID_PARAMETER,
                              "limit, offset, sort and cursor belong to the list, not to one "
                              "customer");
    }
    return NULL;
}

/* Reads it; what the conditions leave of it. `*customer` is NULL when there is none. */
static tmf_error_t *reduce_from(tmf_db_t *db, const tmf_customer_t **customer,
                                const tmf_request_t *request, const tmf_parameters_t *parameters)
{
    TMF_TRY(tmf_customer_store_get(db, request->id, customer, request->pool));
    return *customer != NULL ? tmf_customer_reduce(customer, parameters->filter, request, db)
                             : NULL;
}

static tmf_error_t *read_reduced(const tmf_customer_t **customer, const tmf_request_t *request,
                                 const tmf_parameters_t *parameters)
{
    tmf_error_t *error;
    tmf_db_t *db;

    TMF_TRY(tmf_db_borrow(&db, request->database, request->pool));
    error = reduce_from(db, customer, request, parameters);
    tmf_db_give_back(db);
    return tmf_filter_name_pattern(error, parameters->filter, request->pool);
}

/* `*customer` is NULL when there is none. */
static tmf_error_t *read_customer(const tmf_customer_t **customer, const tmf_request_t *request,
                                  const tmf_parameters_t *parameters)
{
    return parameters->filter->children->nelts > 0
               ? read_reduced(customer, request, parameters)
               : tmf_customer_reads_get(request->reads, request->id, customer, request->pool);
}

static int is_known_to_client(const tmf_request_t *request, const tmf_customer_t *customer,
                              const tmf_parameters_t *parameters)
{
    return tmf_representation_is_full(parameters) && request->if_none_match != NULL &&
           tmf_etag_matches(request->if_none_match, customer->revision, 1);
}

tmf_error_t *tmf_api_customer_get(const tmf_request_t *request, tmf_reply_t *reply)
{
    const tmf_customer_t *customer;
    tmf_parameters_t *parameters;

    TMF_TRY(tmf_representation_check_id(request));
    TMF_TRY(read_parameters(&parameters, request));
    TMF_TRY(read_customer(&customer, request, parameters));
    if (customer == NULL) {
        return tmf_representation_not_found(request);
    }
    if (request->if_match != NULL) {
        TMF_TRY(tmf_precondition_check(request->if_match, NULL, customer->revision, request->pool));
    }
    tmf_representation_reply(reply, 200, request, customer, parameters);
    if (is_known_to_client(request, customer, parameters)) {
        reply->status = 304;
        reply->body.length = 0;
    }
    return NULL;
}
