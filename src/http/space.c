/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include <string.h>

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>

/* What r->filename of our requests starts with; it names no file. */
#define FILENAME_PREFIX "tmf-customer:"

/* In translate_name r->handler is not set yet, but httpd has walked the <Location>s. */
static int has_handler_of_ours(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *handler = NULL;
    const char *problem = NULL;

    if (core->expr_handler != NULL) {
        handler = ap_expr_str_exec(r, core->expr_handler, &problem);
    }
    return handler != NULL && tmf_handler_named(handler) != TMF_HANDLER_NONE;
}

int tmf_space_translate_name(request_rec *r)
{
    if (!has_handler_of_ours(r)) {
        return DECLINED;
    }
    (void)tmf_http_trace(r); /* so that the log has it whoever refuses the request */
    r->filename = apr_pstrcat(r->pool, FILENAME_PREFIX, r->uri, NULL);
    return OK;
}

static int is_claimed(request_rec *r)
{
    return r->filename != NULL &&
           strncmp(r->filename, FILENAME_PREFIX, sizeof(FILENAME_PREFIX) - 1) == 0;
}

/* Saves the directory walk. TRACE is ours too: it is answered with our 405. */
int tmf_space_map_to_storage(request_rec *r)
{
    return is_claimed(r) ? OK : DECLINED;
}

/* mod_mime would take the id "a.gz" for a compressed file. */
int tmf_space_check_type(request_rec *r)
{
    return is_claimed(r) ? OK : DECLINED;
}

/* The path as the client wrote it, "" when there is none. Of a request line that was too long httpd
 * has parsed nothing. */
static const char *raw_path(request_rec *r)
{
    const char *target = r->the_request != NULL ? strchr(r->the_request, ' ') : NULL;
    apr_uri_t uri;

    if (r->unparsed_uri == NULL && target != NULL) {
        return apr_pstrmemdup(r->pool, target + 1, strcspn(target + 1, " ?"));
    }
    if (r->unparsed_uri != NULL && *r->unparsed_uri == '/') { /* "//a/b" has no host "a" here */
        return apr_pstrmemdup(r->pool, r->unparsed_uri, strcspn(r->unparsed_uri, "?#"));
    }
    return r->unparsed_uri != NULL &&
                   apr_uri_parse(r->pool, r->unparsed_uri, &uri) == APR_SUCCESS && uri.path != NULL
               ? uri.path
               : "";
}

/* The path of a request that httpd refused before it had decoded it, as far as it can be known;
 * NULL when there is none, or it leads out of the root. */
static const char *path_of_refused(request_rec *r)
{
    const int flags = AP_NORMALIZE_MERGE_SLASHES | AP_NORMALIZE_DECODE_UNRESERVED;
    char *path = apr_pstrdup(r->pool, raw_path(r));
    char *checked = apr_pstrdup(r->pool, path);
    int has_right_percents = ap_normalize_path(path, flags);

    return path[0] == '/' && (!has_right_percents ||
                              ap_normalize_path(checked, flags | AP_NORMALIZE_NOT_ABOVE_ROOT))
               ? path
               : NULL;
}

int tmf_space_has_error(request_rec *r)
{
    const char *path;

    if (tmf_config_base_of(r->server, r->uri, TMF_HANDLER_NONE) != NULL) {
        return 1;
    }
    if (r->filename != NULL && r->parsed_uri.path != NULL) {
        return 0; /* it has been decoded, and lies elsewhere */
    }
    path = path_of_refused(r);
    return path != NULL ? tmf_config_base_of(r->server, path, TMF_HANDLER_NONE) != NULL
                        : tmf_config_of_server(r->server)->bases->nelts > 0;
}

const char *tmf_space_url(request_rec *r, const tmf_base_t *base, const tmf_space_config_t *config)
{
    if (config->base_url == NULL) {
        return ap_construct_url(r->pool, base->escaped, r);
    }
    return config->base_url->is_whole
               ? config->base_url->text
               : apr_pstrcat(r->pool, config->base_url->text, base->escaped, NULL);
}
