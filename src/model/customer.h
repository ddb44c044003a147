/* SPDX-License-Identifier: Apache-2.0 */
/* What a customer is (src/api/README.md §1): normalising and validating the resource. */
#ifndef TMF_MODEL_CUSTOMER_H
#define TMF_MODEL_CUSTOMER_H

#include "error.h"
#include "model/json.h"

/* The longest id we accept or look up, in bytes. */
#define TMF_CUSTOMER_ID_MAX 255

/* Brings `customer` (changed in place; without id and href, which are never part of the stored
 * document: they are removed) into the form we keep, and checks it by the rules of create:
 *   - null members disappear from the customer and from every sub-resource the schema knows; inside
 *     extensions and characteristic values they stay;
 *   - an engagedParty array of exactly one becomes that object; when it is absent, the one
 * relatedParty with the customer's name (blanks trimmed) is copied into it;
 *   - @type becomes "Customer" when absent.
 * TMF_ERROR_INVALID_BODY lists every violation, each with its path (`contactMedium[1].mediumType`),
 * separated by "; ", the first 50 of them and a count of the rest. */
tmf_error_t *tmf_customer_normalise(tmf_json_t *customer, apr_pool_t *result_pool);

/* May a client choose this id (TMFCustomerClientId On)? 1…255 bytes of UTF-8, no blank at either
 * end, no control characters, no "/", and neither "." nor "..": it must survive a URL path segment.
 * TMF_ERROR_INVALID_BODY otherwise. */
tmf_error_t *tmf_customer_check_id(const tmf_json_t *id, apr_pool_t *result_pool);

#endif
