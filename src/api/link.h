/* SPDX-License-Identifier: Apache-2.0 */
/* The `Link` header of a list (RFC 8288). */
#ifndef TMF_API_LINK_H
#define TMF_API_LINK_H

#include "api/api.h"
#include "query/cursor.h"
#include "query/parameters.h"
#include "store/customer_store.h"

/* Where a page stands in its list. */
typedef struct {
    const tmf_customer_page_t *page;
    apr_int64_t size;     /* of a page */
    apr_int64_t position; /* customers before the page */
    int has_next;
    int has_previous;
} tmf_place_t;

/* self, first, prev, next and last, as far as there are such pages, as references relative to the
 * request's URL (RFC 3986 §5), with every parameter of the request but cursor and offset kept as it
 * was written. Below 2 kB, for which last, first, self and prev are left out in this order; next
 * never is, so a query of that length makes a longer header. In the request's pool. */
const char *tmf_link_header(const tmf_request_t *request, const tmf_parameters_t *parameters,
                            const tmf_place_t *place, int key_length);

#endif
