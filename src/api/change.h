/* SPDX-License-Identifier: Apache-2.0 */
/* What the body of a PATCH or PUT makes of a customer (src/api/README.md §6). */
#ifndef TMF_API_CHANGE_H
#define TMF_API_CHANGE_H

#include "api/api.h"
#include "model/json.h"
#include "store/customer_store.h"

typedef struct tmf_change_t tmf_change_t;

/* Reads the body of a PATCH in the format that its media type says. All that can be wrong without
 * regard to the customer: TMF_ERROR_MALFORMED_JSON, TMF_ERROR_INVALID_BODY,
 * TMF_ERROR_NOT_IMPLEMENTED (patch_query.h). */
tmf_error_t *tmf_change_read_patch(tmf_change_t **change, const tmf_request_t *request);

/* Reads the body of a PUT, a whole customer: TMF_ERROR_MALFORMED_JSON, TMF_ERROR_INVALID_BODY. */
tmf_error_t *tmf_change_read_replacement(tmf_change_t **change, const tmf_request_t *request);

/* What the history calls it: patch or replace. */
const char *tmf_change_operation(const tmf_change_t *change);

/* Computes the new document, normalised, from the stored one, which keeps its value; the two may
 * share members, where both have lost what was null (src/api/README.md §1). A patch is applied to
 * what the client sees, so with id and href, which must come out as they were, and with the credit
 * profiles that are shown; hidden ones stay, whatever the change. The patterns of a JSON Patch
 * Query are matched by `matching`. TMF_ERROR_INVALID_BODY: the result is no customer, too large or
 * too deep; TMF_ERROR_PATCH_CONFLICT: the patch does not fit; TMF_ERROR_STATEMENT_TIMEOUT: its
 * conditions take too long. */
tmf_error_t *tmf_change_apply(tmf_json_t **computed, const tmf_change_t *change,
                              const tmf_json_t *stored, const tmf_matching_t *matching,
                              apr_pool_t *result_pool);

#endif
