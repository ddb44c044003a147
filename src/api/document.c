/* SPDX-License-Identifier: Apache-2.0 */
#include "api/document.h"

static apr_size_t size_of(const tmf_json_t *document, apr_pool_t *pool)
{
    apr_size_t size;

    tmf_json_write(document, &size, pool);
    return size;
}

tmf_error_t *tmf_document_write(const char **text, const tmf_json_t *document,
                                const tmf_json_t *stored, const tmf_request_t *request)
{
    const apr_size_t most = (apr_size_t)tmf_space_document_max(request->config);
    apr_size_t size;

    *text = tmf_json_write(document, &size, request->pool);
    if (size <= most || (stored != NULL && size <= size_of(stored, request->pool))) {
        return NULL;
    }
    return tmf_error_make(request->pool, TMF_ERROR_DOCUMENT_TOO_LARGE,
                          "The customer would have %" APR_SIZE_T_FMT
                          " bytes, and this server accepts %" APR_SIZE_T_FMT " at most",
                          size, most);
}
