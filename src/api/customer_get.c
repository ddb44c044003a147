/* SPDX-License-Identifier: Apache-2.0 */
/* GET B/customer/{id} */
#include "api/api.h"
#include "api/customer_reduce.h"
#include "api/precondition.h"
#include "api/representation.h"
#include "model/customer_schema.h"
#include "store/customer_store.h"

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

/* What the conditions leave of it; `*customer` is NULL when there is none. */
static tmf_error_t *read_customer(const tmf_customer_t **customer, const tmf_request_t *request,
                                  const tmf_parameters_t *parameters)
{
    const tmf_filter_t *filter = parameters->filter;

    TMF_TRY(
        tmf_customer_store_get(request->service->customers, request->id, customer, request->pool));
    return *customer != NULL && filter->children->nelts > 0
               ? tmf_customer_reduce(customer, filter, request)
               : NULL;
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
