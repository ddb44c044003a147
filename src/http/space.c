/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include <string.h>

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>

#include "config/config.h"

/* What r->filename of our requests starts with; it names no file. */
#define FILENAME_PREFIX TMF_HANDLER_NAME ":"

/* In translate_name r->handler is not set yet, but httpd has walked the <Location>s. */
static int has_our_handler(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *handler = NULL;
    const char *problem = NULL;

    if (core->expr_handler != NULL) {
        handler = ap_expr_str_exec(r, core->expr_handler, &problem);
    }
    return handler != NULL && strcmp(handler, TMF_HANDLER_NAME) == 0;
}

int tmf_space_translate_name(request_rec *r)
{
    if (!has_our_handler(r)) {
        return DECLINED;
    }
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

/* The path in a request line that httpd did not get to parse, such as one that was too long. */
static const char *raw_path(request_rec *r)
{
    const char *line = r->the_request != NULL ? r->the_request : "";
    const char *target = strchr(line, ' ');

    return target != NULL ? target + 1 : "";
}

const tmf_base_t *tmf_space_find(request_rec *r)
{
    const tmf_base_t *base = tmf_config_base_of(r->server, r->uri);

    if (base == NULL && (r->uri == NULL || r->uri[0] != '/')) {
        base = tmf_config_base_of(r->server, raw_path(r));
    }
    return base;
}

const char *tmf_space_url(request_rec *r, const tmf_base_t *base, const tmf_space_config_t *config)
{
    if (config->base_url == NULL) {
        return ap_construct_url(r->pool, base->escaped, r);
    }
    return config->base_url_is_whole ? config->base_url
                                     : apr_pstrcat(r->pool, config->base_url, base->escaped, NULL);
}
