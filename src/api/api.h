/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The endpoints. Each is one function in a file of its own that reads as the story of one request;
 * it knows nothing of httpd: http/ gives it a tmf_request_t and sends the tmf_reply_t.
 *
 * Order within each: what can be refused without the database is refused; then the database is
 * asked, of customers through store/customer_store.h alone; then the reply is put together.
 */
#ifndef TMF_API_API_H
#define TMF_API_API_H

#include <apr_tables.h>

#include "config/settings.h"
#include "error.h"
#include "model/text.h"
#include "model/trace.h"
#include "service.h"

/* What the body of a PATCH is. */
typedef enum {
    TMF_FORMAT_MERGE_PATCH,
    TMF_FORMAT_JSON_PATCH,
    TMF_FORMAT_JSON_PATCH_QUERY
} tmf_patch_format_t;

/* What a client wants. Strings live in `pool`, which is the request's. */
typedef struct {
    apr_pool_t *pool;
    const tmf_space_config_t *config; /* of the <Location> */
    const tmf_service_t *service;     /* of the virtual host */
    const char *base_url;             /* of B, as clients see it, without a trailing "/" */
    const char *base_path;            /* the decoded path of B, likewise */
    const char *user;  /* who was authenticated, as the bytes that httpd has; NULL = nobody */
    const char *id;    /* the decoded {id} of the path; NULL when the route has none */
    const char *query; /* the raw query string, NULL = none */
    const char *body;  /* NUL-terminated; NULL when the route takes none */
    apr_size_t body_length;
    tmf_patch_format_t patch_format;
    const char *if_match; /* the header's text, NULL = absent */
    const char *if_none_match;
    const char *idempotency_key;
    const char *correlation_id; /* X-Correlation-ID, else X-Request-ID; NULL = neither */
    tmf_trace_t trace;          /* of traceparent and tracestate */
    int offer;                  /* which of the route's media types the reply is to be */
    int is_cross_site; /* of a POST to the status handler: a browser says that a page of another
                          site has sent it */
} tmf_request_t;

/* A piece of a body that was long enough not to be copied into it. */
typedef struct {
    apr_size_t at;    /* it belongs before this byte of the body's text */
    const char *data; /* lives as long as the request's pool */
    apr_size_t length;
} tmf_insert_t;

/* What it gets. */
typedef struct {
    int status;                  /* HTTP status */
    apr_table_t *headers;        /* besides Content-Length; they replace what every reply has */
    const char *content_type;    /* NULL = that of JSON */
    tmf_text_t body;             /* length 0 = no body */
    apr_array_header_t *inserts; /* of tmf_insert_t, in their order; NULL = none */
} tmf_reply_t;

typedef tmf_error_t *tmf_api_fn(const tmf_request_t *request, tmf_reply_t *reply);

tmf_api_fn tmf_api_entry_point;      /* GET B */
tmf_api_fn tmf_api_customer_list;    /* GET B/customer */
tmf_api_fn tmf_api_customer_create;  /* POST B/customer */
tmf_api_fn tmf_api_customer_get;     /* GET B/customer/{id} */
tmf_api_fn tmf_api_customer_patch;   /* PATCH B/customer/{id} */
tmf_api_fn tmf_api_customer_replace; /* PUT B/customer/{id} */
tmf_api_fn tmf_api_customer_delete;  /* DELETE B/customer/{id} */
tmf_api_fn tmf_api_customer_history; /* GET B/customer/{id}/history */
tmf_api_fn tmf_api_hub_list;         /* GET B/hub */
tmf_api_fn tmf_api_hub_create;       /* POST B/hub */
tmf_api_fn tmf_api_hub_get;          /* GET B/hub/{id} */
tmf_api_fn tmf_api_hub_delete;       /* DELETE B/hub/{id} */
tmf_api_fn tmf_api_openapi;          /* GET B/openapi.json */

#endif
