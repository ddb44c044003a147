/* SPDX-License-Identifier: Apache-2.0 */
/* How replies show a customer, and what is stored of it. */
#ifndef TMF_API_REPRESENTATION_H
#define TMF_API_REPRESENTATION_H

#include "api/api.h"
#include "model/event.h"
#include "model/json.h"
#include "query/parameters.h"
#include "store/customer_store.h"

/* Percent-encodes all but the unreserved characters of RFC 3986 §2.3: the result is ASCII, whatever
 * the bytes of `text`. */
const char *tmf_representation_encode(const char *text, apr_pool_t *result_pool);

/* The absolute URL of a customer: `{base_url}/customer/{id}`, the id percent-encoded. */
const char *tmf_representation_href(const tmf_request_t *request, const char *id);

/* What listeners get to know of a write: these events (a set of model/event.h); and what the
 * history keeps of it: this operation. */
tmf_customer_event_t tmf_representation_event(const tmf_request_t *request, const char *id,
                                              unsigned types, const char *operation);

/* Appends a customer: id and href spliced before the stored text, and of that what the request's
 * parameters and configuration show. */
void tmf_representation_append(tmf_text_t *text, const tmf_request_t *request,
                               const tmf_customer_t *customer, const tmf_parameters_t *parameters);

/* Adds the two members that the stored document lacks, and the client sees. */
void tmf_representation_add_identity(tmf_json_t *document, const tmf_request_t *request,
                                     const char *id, apr_pool_t *result_pool);

/* Appends a customer to the body of a reply. One that is shown whole may be inserted instead of
 * copied: it must live as long as the request's pool. */
void tmf_representation_add(tmf_reply_t *reply, const tmf_request_t *request,
                            const tmf_customer_t *customer, const tmf_parameters_t *parameters);

/* The bytes of the body's text that tmf_representation_add takes for it, more or less, when there
 * are `length` of them already. */
apr_size_t tmf_representation_room(const tmf_request_t *request, const tmf_customer_t *customer,
                                   const tmf_parameters_t *parameters, apr_size_t length);

/* Makes the whole reply about one customer, with its ETag when all of it is shown. */
void tmf_representation_reply(tmf_reply_t *reply, int status, const tmf_request_t *request,
                              const tmf_customer_t *customer, const tmf_parameters_t *parameters);

/* Does the reply show all of a customer? Such a reply has an ETag. */
int tmf_representation_is_full(const tmf_parameters_t *parameters);

/* The stored document as a tree. What is stored was valid: else it is a fault of ours. */
tmf_error_t *tmf_representation_parse(tmf_json_t **document, const tmf_customer_t *customer,
                                      apr_pool_t *result_pool);

/* The text of a document that is to be stored, in the request's pool. TMF_ERROR_DOCUMENT_TOO_LARGE:
 * it has more bytes than TMFCustomerMaxDocument allows, and than `stored`, the one that it is to
 * replace (NULL = none): what is too large already can still shrink. */
tmf_error_t *tmf_representation_write(const char **text, const tmf_json_t *document,
                                      const tmf_json_t *stored, const tmf_request_t *request);

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
