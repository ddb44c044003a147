/* SPDX-License-Identifier: Apache-2.0 */
/* Start-up: where is our handler set, and do the directives fit together? */
#include "config/config.h"

#include <string.h>

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>

APLOG_USE_MODULE(tmf_customer);

static const core_dir_config *core_config_of(const ap_conf_vector_t *section)
{
    return ap_get_core_module_config(section);
}

/* The argument of the SetHandler directive that an expression came from; NULL when it is not found
 * below `node` or is no plain text. httpd keeps handlers as expressions, which only a request can
 * evaluate, but it tells where they were written. */
static const char *literal_handler(const ap_directive_t *node, const ap_expr_info_t *expression,
                                   apr_pool_t *pool)
{
    for (; node != NULL; node = node->next) {
        const char *found = literal_handler(node->first_child, expression, pool);

        if (found != NULL) {
            return found;
        }
        if (strcasecmp(node->directive, "SetHandler") == 0 &&
            node->line_num == (int)expression->line_number && node->filename != NULL &&
            strcmp(node->filename, expression->filename) == 0) {
            const char *arguments = node->args;

            return strchr(arguments, '%') == NULL ? ap_getword_conf(pool, &arguments) : NULL;
        }
    }
    return NULL;
}

static int has_our_handler(const core_dir_config *section, apr_pool_t *pool)
{
    const char *handler = NULL;

    if (section != NULL && section->expr_handler != NULL &&
        section->expr_handler->filename != NULL) {
        handler = literal_handler(ap_conftree, section->expr_handler, pool);
    }
    return handler != NULL && strcmp(handler, TMF_HANDLER_NAME) == 0;
}

/* A path in plain text: the base path of every href is made of it. */
static int check_path(const server_rec *server, const core_dir_config *section)
{
    if (section->d == NULL || section->r != NULL || section->d_is_fnmatch || section->d[0] != '/') {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "TMF0001: SetHandler " TMF_HANDLER_NAME " in <Location \"%s\">: the handler "
                     "needs a <Location> with a plain path that starts with \"/\", without "
                     "wildcards or a regular expression",
                     section->d != NULL ? section->d : "");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

static int check_page_sizes(const server_rec *server, const core_dir_config *section,
                            const tmf_space_config_t *space)
{
    if (space != NULL && space->page_size > 0 && space->page_size_max > 0 &&
        space->page_size > space->page_size_max) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "TMF0002: <Location \"%s\">: TMFCustomerPageSize %d is more than "
                     "TMFCustomerMaxPageSize %d",
                     section->d, space->page_size, space->page_size_max);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

/* `space`: the section's settings, which come before those of the server; NULL = it has none. */
static int check_document_size(apr_pool_t *pool, const server_rec *server,
                               const core_dir_config *section, void *space)
{
    void *base = ap_get_module_config(server->lookup_defaults, &tmf_customer_module);
    const tmf_space_config_t *settings = tmf_config_with_defaults(
        pool, space != NULL ? tmf_config_merge_space(pool, base, space) : base);

    if (settings->document_max < settings->body_max) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "TMF0150: <Location \"%s\">: TMFCustomerMaxDocument %d is less than "
                     "TMFCustomerMaxBody %d",
                     section->d, settings->document_max, settings->body_max);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

static void add_base(apr_pool_t *pool, apr_array_header_t *bases, const char *path)
{
    tmf_base_t *base = apr_array_push(bases);
    apr_size_t length = strlen(path);

    while (length > 0 && path[length - 1] == '/') {
        length--;
    }
    base->path = apr_pstrmemdup(pool, path, length);
    base->length = length;
    base->escaped = ap_os_escape_path(pool, base->path, 1);
}

static int longest_first(const void *a, const void *b)
{
    const tmf_base_t *left = a;
    const tmf_base_t *right = b;

    return (left->length < right->length) - (left->length > right->length);
}

/* Looks at every <Location> of a server; those of the main server are inherited by its hosts. */
static int find_bases(apr_pool_t *pool, server_rec *server, apr_array_header_t *bases)
{
    const core_server_config *core = ap_get_core_module_config(server->module_config);
    ap_conf_vector_t **sections = (ap_conf_vector_t **)core->sec_url->elts;
    int i;

    for (i = 0; i < core->sec_url->nelts; i++) {
        const core_dir_config *section = core_config_of(sections[i]);

        if (has_our_handler(section, pool)) {
            if (check_path(server, section) != OK ||
                check_page_sizes(server, section,
                                 ap_get_module_config(sections[i], &tmf_customer_module)) != OK ||
                check_document_size(pool, server, section,
                                    ap_get_module_config(sections[i], &tmf_customer_module)) !=
                    OK) {
                return HTTP_INTERNAL_SERVER_ERROR;
            }
            add_base(pool, bases, section->d);
        }
    }
    qsort(bases->elts, (size_t)bases->nelts, sizeof(tmf_base_t), longest_first);
    return OK;
}

static int check_server(apr_pool_t *pool, server_rec *server)
{
    tmf_server_config_t *own = apr_pmemdup(pool, tmf_config_of_server(server), sizeof(*own));

    tmf_config_set_defaults(own, pool);
    own->bases = apr_array_make(pool, 2, sizeof(tmf_base_t));
    ap_set_module_config(server->module_config, &tmf_customer_module, own);
    if (has_our_handler(core_config_of(server->lookup_defaults), pool)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "TMF0003: SetHandler " TMF_HANDLER_NAME " stands outside a <Location>: put it "
                     "into one, whose path is then the base path of the API");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return find_bases(pool, server, own->bases);
}

int tmf_config_check(apr_pool_t *pconf, server_rec *main_server)
{
    server_rec *server;

    for (server = main_server; server != NULL; server = server->next) {
        int status = check_server(pconf, server);

        if (status != OK) {
            return status;
        }
    }
    return OK;
}

const tmf_base_t *tmf_config_base_of(server_rec *server, const char *uri)
{
    const tmf_server_config_t *config = tmf_config_of_server(server);
    const tmf_base_t *bases;
    int i;

    if (config == NULL || config->bases == NULL || uri == NULL) {
        return NULL;
    }
    bases = (const tmf_base_t *)config->bases->elts;
    for (i = 0; i < config->bases->nelts; i++) {
        if (strncmp(uri, bases[i].path, bases[i].length) == 0 &&
            (uri[bases[i].length] == '/' || uri[bases[i].length] == '\0')) {
            return &bases[i];
        }
    }
    return NULL;
}
