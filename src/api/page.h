/* SPDX-License-Identifier: Apache-2.0 */
/* What every list that is read page by page has in common (src/api/README.md §5). */
#ifndef TMF_API_PAGE_H
#define TMF_API_PAGE_H

#include "api/link.h"

/* How many there are on a page: what the request says, within what the configuration does. */
apr_int64_t tmf_page_size(const tmf_space_config_t *config, const tmf_parameters_t *parameters);

/* TMF_ERROR_INVALID_PARAMETER when the request says in two ways where its page begins. */
tmf_error_t *tmf_page_check(const tmf_parameters_t *parameters, apr_pool_t *pool);

/* How a page was asked for. */
typedef struct {
    int by_key; /* from the key of a cursor; 0: at an offset */
    int backward;
    apr_int64_t offset;   /* without a key */
    apr_int64_t position; /* of the cursor, or the offset */
    apr_int64_t size;
} tmf_page_start_t;

/* Where the page stands. */
tmf_place_t tmf_page_place(const tmf_customer_page_t *page, const tmf_page_start_t *start);

/* Sets the status, 200 or 206, and the headers of a page. */
void tmf_page_describe(tmf_reply_t *reply, const tmf_request_t *request,
                       const tmf_parameters_t *parameters, const tmf_place_t *place,
                       int key_length);

#endif
