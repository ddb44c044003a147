/* SPDX-License-Identifier: Apache-2.0 */
#include "config/bases.h"

#include <string.h>

#include <apr_fnmatch.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>

#include "config/config.h"
#include "config/handlers.h"

APLOG_USE_MODULE(tmf_customer);

static const core_dir_config *core_config_of(const ap_conf_vector_t *section)
{
    return ap_get_core_module_config(section);
}

static tmf_handler_t handler_of(const core_dir_config *section, apr_pool_t *pool)
{
    return section != NULL && section->expr_handler != NULL
               ? tmf_handler_of_expression(section->expr_handler, pool)
               : TMF_HANDLER_NONE;
}

/* A path in plain text: the base path of every href is made of it. */
static int is_plain_path(const server_rec *server, const core_dir_config *section,
                         tmf_handler_t handler)
{
    if (section->d == NULL || section->r != NULL || section->d_is_fnmatch || section->d[0] != '/') {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "TMF0001: SetHandler %s in <Location \"%s\">: the handler needs a <Location> "
                     "with a plain path that starts with \"/\", without wildcards or a regular "
                     "expression",
                     tmf_handler_name(handler), section->d != NULL ? section->d : "");
        return 0;
    }
    return 1;
}

static void add_base(apr_pool_t *pool, apr_array_header_t *bases, const char *path,
                     tmf_handler_t handler, int is_own)
{
    tmf_base_t *base = apr_array_push(bases);
    apr_size_t length = strlen(path);

    while (length > 0 && path[length - 1] == '/') {
        length--;
    }
    base->handler = handler;
    base->path = apr_pstrmemdup(pool, path, length);
    base->length = length;
    base->is_own = is_own;
    base->escaped = ap_os_escape_path(pool, base->path, 1);
}

static int longest_first(const void *a, const void *b)
{
    const tmf_base_t *left = a;
    const tmf_base_t *right = b;

    return (left->length < right->length) - (left->length > right->length);
}

/* How many sections of the main server stand before a server's own. */
static int inherited_sections(const server_rec *server, const server_rec *main_server)
{
    const core_server_config *core = ap_get_core_module_config(main_server->module_config);

    return server == main_server ? 0 : core->sec_url->nelts;
}

/* Finds every <Location> of a server with a handler of ours. Returns the number of mistakes; what
 * they concern is no base. */
static int find_bases(apr_pool_t *pool, server_rec *server, const server_rec *main_server,
                      apr_array_header_t *bases)
{
    const core_server_config *core = ap_get_core_module_config(server->module_config);
    ap_conf_vector_t **sections = (ap_conf_vector_t **)core->sec_url->elts;
    int inherited = inherited_sections(server, main_server);
    int mistakes = 0;
    int i;

    for (i = 0; i < core->sec_url->nelts; i++) {
        const core_dir_config *section = core_config_of(sections[i]);
        tmf_handler_t handler = handler_of(section, pool);

        if (handler != TMF_HANDLER_NONE) {
            if (is_plain_path(server, section, handler)) {
                add_base(pool, bases, section->d, handler, i >= inherited);
            } else {
                mistakes++;
            }
        }
    }
    qsort(bases->elts, (size_t)bases->nelts, sizeof(tmf_base_t), longest_first);
    return mistakes;
}

/* Does httpd apply this section to requests for the path? */
static int applies_to(const core_dir_config *section, const char *path)
{
    apr_size_t length = section->d != NULL ? strlen(section->d) : 0;

    if (section->r != NULL) {
        return ap_regexec(section->r, path, 0, NULL, 0) == 0;
    }
    if (section->d_is_fnmatch) {
        return apr_fnmatch(section->d, path, APR_FNM_PATHNAME) == APR_SUCCESS;
    }
    while (length > 0 && section->d[length - 1] == '/') {
        length--;
    }
    return section->d != NULL && strncmp(section->d, path, length) == 0 &&
           (path[length] == '/' || path[length] == '\0');
}

/* The settings in force at a base, where they were given. */
static const tmf_space_config_t *space_of(apr_pool_t *pool, server_rec *server,
                                          const tmf_base_t *base)
{
    const core_server_config *core = ap_get_core_module_config(server->module_config);
    ap_conf_vector_t **sections = (ap_conf_vector_t **)core->sec_url->elts;
    void *space = ap_get_module_config(server->lookup_defaults, &tmf_customer_module);
    int i;

    for (i = 0; i < core->sec_url->nelts; i++) {
        void *given = ap_get_module_config(sections[i], &tmf_customer_module);

        if (given != NULL && applies_to(core_config_of(sections[i]), base->path)) {
            space = tmf_config_merge_space(pool, space, given);
        }
    }
    return space;
}

static int check_settings(apr_pool_t *pool, server_rec *server, const tmf_base_t *base)
{
    const tmf_space_config_t *given = space_of(pool, server, base);
    const tmf_space_config_t *space = tmf_config_complete_space(given, pool);
    int has_large_page = given->page_size > space->page_size_max;
    int has_small_document = tmf_space_document_max(space) < space->body_max;

    if (has_large_page) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "TMF0002: <Location \"%s\">: TMFCustomerPageSize %d is more than "
                     "TMFCustomerMaxPageSize, which is %d%s",
                     base->path, given->page_size, space->page_size_max,
                     given->page_size_max == TMF_UNSET ? " by default" : "");
    }
    if (has_small_document) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "TMF0150: <Location \"%s\">: TMFCustomerMaxDocument %d is less than "
                     "TMFCustomerMaxBody %d",
                     base->path, space->document_max, space->body_max);
    }
    return has_large_page + has_small_document;
}

/* Has the handler at `outer` a path of its own where `inner` begins? */
static int hides_path(const tmf_base_t *outer, const tmf_base_t *inner)
{
    static const char *const of_api[] = {"/customer", "/hub", "/openapi.json", NULL};
    static const char *const of_status[] = {"/live", "/ready", "/metrics", "/listeners", NULL};
    const char *const *path = outer->handler == TMF_HANDLER_API ? of_api : of_status;
    const char *rest = inner->path + outer->length;

    for (; *path != NULL; path++) {
        apr_size_t length = strlen(*path);

        if (strncmp(rest, *path, length) == 0 && (rest[length] == '/' || rest[length] == '\0')) {
            return 1;
        }
    }
    return 0;
}

static int is_nested(const tmf_base_t *inner, const tmf_base_t *outer)
{
    return outer->length < inner->length && strncmp(inner->path, outer->path, outer->length) == 0 &&
           inner->path[outer->length] == '/';
}

/* The base whose handler has a path of its own where this one begins; NULL = none. */
static const tmf_base_t *hidden_by(const tmf_base_t *base, const tmf_base_t *end)
{
    const tmf_base_t *outer = base + 1; /* shorter ones stand behind longer ones */

    while (outer < end && !(is_nested(base, outer) && hides_path(outer, base))) {
        outer++;
    }
    return outer < end ? outer : NULL;
}

/* What a virtual host has from the main server is said once, for the main server. */
static int is_news(const tmf_base_t *base, const tmf_base_t *outer)
{
    return base->is_own || outer->is_own;
}

static int drop_hiding_bases(apr_pool_t *pool, const server_rec *server, apr_array_header_t **bases)
{
    const apr_array_header_t *found = *bases;
    const tmf_base_t *base = (const tmf_base_t *)found->elts;
    const tmf_base_t *end = base + found->nelts;
    int mistakes = 0;

    *bases = apr_array_make(pool, found->nelts + 1, sizeof(tmf_base_t));
    for (; base < end; base++) {
        const tmf_base_t *outer = hidden_by(base, end);

        if (outer == NULL) {
            APR_ARRAY_PUSH(*bases, tmf_base_t) = *base;
        } else if (is_news(base, outer)) {
            ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                         "TMF0163: SetHandler %s in <Location \"%s\"> would hide what is a path of "
                         "SetHandler %s in <Location \"%s\">: %s",
                         tmf_handler_name(base->handler), base->path,
                         tmf_handler_name(outer->handler), outer->path,
                         base->handler == outer->handler
                             ? "leave SetHandler away there; it is in force below the outer path "
                               "already"
                             : "choose another path");
            mistakes++;
        }
    }
    return mistakes;
}

static void warn_of_nesting(const server_rec *server, const tmf_base_t *base, const tmf_base_t *end)
{
    const tmf_base_t *outer;

    for (outer = base + 1; outer < end; outer++) {
        if (is_nested(base, outer) && is_news(base, outer)) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                         "TMF0164: <Location \"%s\"> with SetHandler %s lies within <Location "
                         "\"%s\">, whose directives are in force there as well",
                         base->path, tmf_handler_name(base->handler),
                         outer->path[0] != '\0' ? outer->path : "/");
        }
    }
}

int tmf_bases_find(apr_array_header_t **bases, server_rec *server, const server_rec *main_server,
                   apr_pool_t *pool)
{
    const tmf_base_t *base;
    const tmf_base_t *end;
    int mistakes;

    *bases = apr_array_make(pool, 2, sizeof(tmf_base_t));
    mistakes = find_bases(pool, server, main_server, *bases);
    mistakes += drop_hiding_bases(pool, server, bases);
    base = (const tmf_base_t *)(*bases)->elts;
    for (end = base + (*bases)->nelts; base < end; base++) {
        if (base->handler == TMF_HANDLER_API) {
            mistakes += check_settings(pool, server, base);
        }
        warn_of_nesting(server, base, end);
    }
    return mistakes;
}
