/* SPDX-License-Identifier: Apache-2.0 */
/* The page that people look at: HTML with its own style and drawings, without scripts, complete
 * without anything from elsewhere. */
#ifndef TMF_STATUS_PAGE_H
#define TMF_STATUS_PAGE_H

#include "status/overview.h"

/* What the page may load and do: nothing but to be looked at. */
#define TMF_PAGE_POLICY                                                                            \
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "         \
    "frame-ancestors 'none'"

/* The stylesheet: style.c. */
extern const char tmf_page_style[];

/* Appends the whole page. */
void tmf_page_write(tmf_text_t *html, const tmf_status_overview_t *overview);

#endif
