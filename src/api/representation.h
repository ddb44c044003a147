/* SPDX-License-Identifier: Apache-2.0 */
/* How replies show a customer. */
#ifndef TMF_API_REPRESENTATION_H
#define TMF_API_REPRESENTATION_H

#include "api/api.h"
#include "query/parameters.h"
#include "store/customer_store.h"

/* The absolute URL of a customer: `{base_url}/customer/{id}`, the id percent-encoded. */
const char *tmf_representation_href(const tmf_request_t *request, const char *id);

/* Appends a customer: id and href spliced before the stored text, and of that what the request's
 * parameters and configuration show. */
void tmf_representation_append(tmf_text_t *text, const tmf_request_t *request,
                               const tmf_customer_t *customer, const tmf_parameters_t *parameters);

/* Makes the whole reply about one customer, with its ETag when all of it is shown. */
void tmf_representation_reply(tmf_reply_t *reply, int status, const tmf_request_t *request,
                              const tmf_customer_t *customer, const tmf_parameters_t *parameters);

/* Reads the parameters of a request that takes fields= and nothing else:
 * TMF_ERROR_INVALID_PARAMETER. */
tmf_error_t *tmf_representation_parameters(tmf_parameters_t **parameters,
                                           const tmf_request_t *request);

/* TMF_ERROR_NOT_FOUND for the {id} of the request. */
tmf_error_t *tmf_representation_not_found(const tmf_request_t *request);

/* TMF_ERROR_NOT_FOUND when no customer can have the {id} of the request: it is too long, or no
 * text. */
tmf_error_t *tmf_representation_check_id(const tmf_request_t *request);

#endif
