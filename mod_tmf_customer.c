/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_tmf_customer: TM Forum's Customer Management API (TMF629 v4) in Apache httpd, on PostgreSQL.
 *
 * The module record and its hooks; everything else is in src/.
 */
#include <httpd.h>

#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_main.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mpm_common.h>
#include <apr_strings.h>

#include "config/config.h"
#include "http/http.h"
#include "notify/deliver.h"
#include "notify/notify.h"
#include "service.h"
#include "status/server_status.h"
#include "status/status.h"
#include "store/customer_cache.h"
#include "store/customer_store.h"
#include "store/db.h"

APLOG_USE_MODULE(tmf_customer);

/* A mistake ends a start, as httpd does it. It must not end a server that runs, with all its other
 * sites: at a restart, what a mistake concerns is left out. */
static int is_restart(void)
{
    return ap_state_query(AP_SQ_CONFIG_GEN) > 1; /* the configuration is read twice at start */
}

/* Returns the number of mistakes. Without the secrets nothing is notified: not signing would be
 * worse. */
static int read_secrets(apr_pool_t *pconf, const server_rec *server)
{
    tmf_notify_config_t *notify = &tmf_config_in_the_making(server)->notify;
    const char *file = notify->secrets_file;
    const char *problem = file != NULL ? tmf_secrets_read(&notify->secrets, file, pconf) : NULL;

    if (problem == NULL) {
        return 0;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, server, "TMF0007: TMFCustomerNotifySecrets: %s",
                 problem);
    notify->is_refused = 1;
    return 1;
}

static int find_mod_dbd(const server_rec *server)
{
    int found = tmf_db_find_mod_dbd();

    if (!found) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "TMF0005: mod_dbd is not loaded: add LoadModule dbd_module modules/mod_dbd.so "
                     "(on Debian: a2enmod dbd)");
    }
    return found;
}

static int check(apr_pool_t *pconf, server_rec *main_server)
{
    int has_mod_dbd = find_mod_dbd(main_server);
    int mistakes = !has_mod_dbd + tmf_config_check(pconf, main_server, has_mod_dbd);
    server_rec *server;

    for (server = main_server; server != NULL; server = server->next) {
        mistakes += read_secrets(pconf, server);
    }
    if (mistakes > 0 && is_restart()) {
        ap_log_error(
            APLOG_MARK, APLOG_CRIT, 0, main_server,
            "TMF0168: restarted in spite of the mistakes above, without what they concern: "
            "mend them, try with `apachectl configtest`, and restart again");
        return OK;
    }
    return mistakes == 0 ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

/* Is this the first reading of the configuration by a command: a configtest, a start, or one that
 * is about to send a signal to the server that runs? Its words go to the terminal. */
static int is_first_reading(void)
{
    return ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG;
}

/* The only hook that configtest calls. Later readings are checked when the log is open. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *server)
{
    (void)plog;
    (void)ptemp;
    return is_first_reading() ? check(pconf, server) : OK;
}

/* What the children of this generation share for notifications; without it nobody notifies. */
static int prepare_notifier(tmf_service_t *service, apr_pool_t *pconf, const server_rec *server)
{
    apr_status_t status = tmf_wake_make(&service->wake, pconf);

    status = status == APR_SUCCESS ? tmf_leader_make(&service->leader, pconf) : status;
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, server,
                     "TMF0008: no pipe or no temporary file for the notifier: nothing is notified");
        service->leader = NULL;
    }
    return status == APR_SUCCESS;
}

/* One for all servers and all generations of children: a child of the one before may still write
 * while those of the next read, also when only the next has a cache. NULL when there is no memory
 * for it: then nothing is cached. */
static tmf_customer_board_t *find_board(const server_rec *main_server)
{
    static const char key[] = "tmf_customer_board " TMF_CUSTOMER_BOARD_LAYOUT;
    tmf_customer_board_t **kept = ap_retained_data_get(key);
    apr_status_t status = APR_SUCCESS;

    if (kept == NULL) {
        kept = ap_retained_data_create(key, sizeof(*kept));
    }
    if (*kept == NULL) {
        status = tmf_customer_board_make(kept, main_server->process->pool);
    }
    if (status != APR_SUCCESS && tmf_config_of_server(main_server)->cache_size > 0) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, main_server,
                     "TMF0012: TMFCustomerCache: no shared memory: nothing is cached");
    }
    return *kept;
}

/* Makes the services, with what the children of this generation share. */
static int prepare_services(apr_pool_t *pconf, server_rec *main_server)
{
    int has_curl = tmf_sender_set_up(pconf);
    tmf_customer_board_t *board = find_board(main_server);
    int is_prepared = has_curl &&
                      (board != NULL || tmf_config_of_server(main_server)->cache_size == 0);
    server_rec *server;

    if (!has_curl) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, main_server,
                     "TMF0009: libcurl cannot be used: nothing is notified");
    }
    for (server = main_server; server != NULL; server = server->next) {
        tmf_server_config_t *config = tmf_config_in_the_making(server);

        if (config->bases->nelts > 0) {
            config->service = apr_pcalloc(pconf, sizeof(*config->service));
            config->service->config = config;
            config->service->board = board;
            if (config->has_api && has_curl) {
                is_prepared = prepare_notifier(config->service, pconf, server) && is_prepared;
            }
        }
    }
    return is_prepared;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *server)
{
    int status;
    int is_prepared;

    (void)plog;
    if (is_first_reading()) {
        return OK;
    }
    status = check(pconf, server);
    if (status != OK) {
        return status;
    }
    is_prepared = prepare_services(pconf, server);
    tmf_kept_metrics_prepare(server, ptemp);
    return is_prepared || is_restart() ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

static void end_sick_child(apr_status_t status, server_rec *server)
{
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, status, server,
                     "TMF0006: this child cannot serve: no locks for its database connections");
        exit(APEXIT_CHILDSICK);
    }
}

/* One for all virtual hosts of a child: they may use the same database. NULL = none. */
static apr_status_t make_cache(tmf_customer_cache_t **cache, apr_pool_t *pchild,
                               const server_rec *main_server)
{
    apr_size_t size = (apr_size_t)tmf_config_of_server(main_server)->cache_size;

    *cache = NULL;
    return size > 0 ? tmf_customer_cache_make(cache, size * 1024 * 1024, pchild) : APR_SUCCESS;
}

static void make_way_to_database(tmf_service_t *service, apr_pool_t *pchild, server_rec *server)
{
    const tmf_server_config_t *config = service->config;
    const tmf_db_settings_t settings = {server,
                                        config->statement_timeout,
                                        config->pool_timeout,
                                        service->wake,
                                        service->board,
                                        service->cache,
                                        config->cache_age,
                                        service->metrics};
    apr_status_t status = tmf_db_pool_make(&service->database, &settings, pchild);

    if (status == APR_SUCCESS) {
        status = tmf_customer_store_make(&service->customers, service->database, pchild);
    }
    if (status == APR_SUCCESS && config->has_status) {
        status = tmf_readiness_make(&service->readiness, service, pchild);
    }
    end_sick_child(status, server);
}

static void start_notifier(tmf_service_t *service, apr_pool_t *pchild, server_rec *server)
{
    const tmf_notify_settings_t settings = {server,
                                            service->database,
                                            service->wake,
                                            service->leader,
                                            service->config->targets,
                                            service->metrics,
                                            &service->config->notify};
    apr_status_t status = tmf_notify_start(
        &service->notifier, apr_pmemdup(pchild, &settings, sizeof(settings)), pchild);

    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, status, server,
                     "TMF0011: this child has no thread for notifications; others may");
    }
}

static void start_service(tmf_service_t *service, tmf_customer_cache_t *cache, apr_pool_t *pchild,
                          server_rec *server)
{
    const tmf_server_config_t *config = service->config;

    tmf_metrics_enter(service->metrics);
    if (!config->has_database) {
        return;
    }
    service->cache = service->board != NULL ? cache : NULL;
    make_way_to_database(service, pchild, server);
    if (config->notify.wanted && !config->notify.is_refused && service->leader != NULL) {
        start_notifier(service, pchild, server);
    }
}

static void child_init(apr_pool_t *pchild, server_rec *main_server)
{
    tmf_customer_cache_t *cache;
    server_rec *server;

    end_sick_child(make_cache(&cache, pchild, main_server), main_server);
    for (server = main_server; server != NULL; server = server->next) {
        tmf_service_t *service = tmf_config_of_server(server)->service;

        if (service != NULL) {
            start_service(service, cache, pchild, server);
        }
    }
}

/* event and worker: early, while requests are still served; prefork: on its way out. */
static void child_stopping(apr_pool_t *pchild, int graceful)
{
    server_rec *server;

    (void)pchild;
    for (server = ap_server_conf; server != NULL; server = server->next) {
        const tmf_service_t *service = tmf_config_of_server(server)->service;

        if (service != NULL && service->notifier != NULL) {
            tmf_notify_stop(service->notifier, graceful);
        }
    }
}

static void register_hooks(apr_pool_t *pool)
{
    static const char *const after_mod_dbd[] = {"mod_dbd.c", NULL};

    (void)pool;
    tmf_error_filter_register();
    tmf_server_status_register();
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, after_mod_dbd, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_status(tmf_kept_metrics_child_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_monitor(tmf_kept_metrics_tick, NULL, NULL, APR_HOOK_MIDDLE);
    /* Last, so that mod_rewrite, mod_alias and mod_proxy may send a request elsewhere before. */
    ap_hook_translate_name(tmf_space_translate_name, NULL, NULL, APR_HOOK_LAST);
    ap_hook_map_to_storage(tmf_space_map_to_storage, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_type_checker(tmf_space_check_type, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(tmf_http_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(tmf_status_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_log_transaction(tmf_count_end, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_error_filter(tmf_error_filter_insert, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_filter(tmf_error_filter_insert_for_document, NULL, NULL, APR_HOOK_LAST);
}

/* All that httpd is to find in the module: everything else is compiled with hidden names. */
__attribute__((visibility("default"))) module AP_MODULE_DECLARE_DATA tmf_customer_module = {
    STANDARD20_MODULE_STUFF,  tmf_config_create_space, tmf_config_merge_space,
    tmf_config_create_server, tmf_config_merge_server, tmf_config_commands,
    register_hooks,           AP_MODULE_FLAG_NONE,
};
