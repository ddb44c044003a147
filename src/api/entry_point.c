/* SPDX-License-Identifier: Apache-2.0 */
/* GET B: where a client that knows only the base path goes on. */
#include "api/api.h"

#include <string.h>

#include <apr_strings.h>

static void append_link(tmf_text_t *text, const char *before, const char *name, const char *url)
{
    tmf_text_append_string(text, before);
    tmf_text_append_json(text, name, strlen(name));
    tmf_text_append_string(text, ":{\"href\":");
    tmf_text_append_json(text, url, strlen(url));
    tmf_text_append_string(text, "}");
}

tmf_error_t *tmf_api_entry_point(const tmf_request_t *request, tmf_reply_t *reply)
{
    const char *base = request->base_url;

    reply->status = 200;
    tmf_text_init(&reply->body, 512, request->pool);
    append_link(&reply->body, "{\"_links\":{", "self", base);
    append_link(&reply->body, ",", "customer", apr_pstrcat(request->pool, base, "/customer", NULL));
    append_link(&reply->body, ",", "hub", apr_pstrcat(request->pool, base, "/hub", NULL));
    append_link(&reply->body, ",", "service-desc", /* RFC 8631 */
                apr_pstrcat(request->pool, base, "/openapi.json", NULL));
    tmf_text_append_string(&reply->body, "}}");
    return NULL;
}
