/* SPDX-License-Identifier: Apache-2.0 */
/* The document of a customer, as it goes to the database. */
#ifndef TMF_API_DOCUMENT_H
#define TMF_API_DOCUMENT_H

#include "api/api.h"
#include "model/json.h"

/* The text of a document that is to be stored, in the request's pool. TMF_ERROR_DOCUMENT_TOO_LARGE:
 * it has more bytes than TMFCustomerMaxDocument allows, and than `stored`, the one that it is to
 * replace (NULL = none): what is too large already can still shrink. */
tmf_error_t *tmf_document_write(const char **text, const tmf_json_t *document,
                                const tmf_json_t *stored, const tmf_request_t *request);

#endif
