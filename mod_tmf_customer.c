/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_tmf_customer: TM Forum's Customer Management API (TMF629 v4) in Apache httpd, on PostgreSQL.
 *
 * The module record and its hooks; everything else is in src/.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "config/config.h"
#include "http/http.h"
#include "store/db.h"

APLOG_USE_MODULE(tmf_customer);

/* httpd runs this twice at start, and again at every restart; it keeps nothing from an earlier run.
 */
static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *server)
{
    (void)plog;
    (void)ptemp;
    if (!tmf_db_find_mod_dbd()) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "TMF0005: mod_dbd is not loaded: add LoadModule dbd_module modules/mod_dbd.so "
                     "(on Debian: a2enmod dbd)");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return tmf_config_check(pconf, server);
}

static void make_way_to_database(apr_pool_t *pchild, server_rec *server)
{
    tmf_server_config_t *config = tmf_config_of_server(server);
    apr_status_t status;

    if (config->bases->nelts == 0) {
        return;
    }
    status = tmf_db_pool_make(&config->database, server, config->statement_timeout,
                              config->pool_timeout, pchild);
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, status, server,
                     "TMF0006: this child cannot serve: no locks for its database connections");
        exit(APEXIT_CHILDSICK);
    }
}

static void child_init(apr_pool_t *pchild, server_rec *main_server)
{
    server_rec *server;

    for (server = main_server; server != NULL; server = server->next) {
        make_way_to_database(pchild, server);
    }
}

static void register_hooks(apr_pool_t *pool)
{
    static const char *const after_mod_dbd[] = {"mod_dbd.c", NULL};

    (void)pool;
    tmf_error_filter_register();
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, after_mod_dbd, NULL, APR_HOOK_MIDDLE);
    /* Last, so that mod_rewrite, mod_alias and mod_proxy may send a request elsewhere before. */
    ap_hook_translate_name(tmf_space_translate_name, NULL, NULL, APR_HOOK_LAST);
    ap_hook_map_to_storage(tmf_space_map_to_storage, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_type_checker(tmf_space_check_type, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(tmf_http_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_error_filter(tmf_error_filter_insert, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_filter(tmf_error_filter_insert_for_document, NULL, NULL, APR_HOOK_LAST);
}

module AP_MODULE_DECLARE_DATA tmf_customer_module = {
    STANDARD20_MODULE_STUFF,  tmf_config_create_space, tmf_config_merge_space,
    tmf_config_create_server, tmf_config_merge_server, tmf_config_commands,
    register_hooks,           AP_MODULE_FLAG_NONE,
};
