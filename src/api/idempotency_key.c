/* SPDX-License-Identifier: Apache-2.0 */
#include "api/idempotency_key.h"

#include <apr_strings.h>

#include "api/representation.h"

tmf_error_t *tmf_idempotency_key_check(const tmf_request_t *request)
{
    const char *key = request->idempotency_key;
    apr_size_t printable = 0;

    if (key == NULL) {
        return NULL;
    }
    while (key[printable] >= 0x20 && key[printable] <= 0x7E) {
        printable++;
    }
    return printable > 0 && printable <= TMF_IDEMPOTENCY_KEY_MAX && key[printable] == '\0'
               ? NULL
               : tmf_error_make(request->pool, TMF_ERROR_BAD_REQUEST,
                                "Idempotency-Key must have 1 to " APR_STRINGIFY(
                                    TMF_IDEMPOTENCY_KEY_MAX) " characters of printable ASCII");
}

const char *tmf_idempotency_key_scoped(const tmf_request_t *request)
{
    const char *user = request->user != NULL ? request->user : "";

    return apr_pstrcat(request->pool, tmf_representation_encode(user, request->pool), " ",
                       tmf_representation_encode(request->base_path, request->pool), " ",
                       request->idempotency_key, NULL);
}

tmf_error_t *tmf_idempotency_key_reused(const tmf_request_t *request)
{
    return tmf_error_make(request->pool, TMF_ERROR_KEY_REUSED,
                          "This Idempotency-Key came with another body before: each create needs "
                          "a key of its own");
}

tmf_error_t *tmf_idempotency_key_in_use(const tmf_request_t *request)
{
    return tmf_error_make(request->pool, TMF_ERROR_KEY_IN_USE,
                          "A create with this Idempotency-Key is being carried out: its reply "
                          "will be given again");
}
