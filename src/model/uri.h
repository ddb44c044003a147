/* SPDX-License-Identifier: Apache-2.0 */
/* URIs as RFC 3986 writes them. Pure. */
#ifndef TMF_MODEL_URI_H
#define TMF_MODEL_URI_H

/* Is `text` a URI reference (RFC 3986 §4.1): a URI, or a relative reference such as `a/b?c#d`? */
int tmf_uri_is_reference(const char *text);

#endif
