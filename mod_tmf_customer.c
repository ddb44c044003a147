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

#include "config/config.h"
#include "http/http.h"
#include "notify/deliver.h"
#include "notify/notify.h"
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
static int read_secrets(apr_pool_t *pconf, server_rec *server)
{
    tmf_server_config_t *config = tmf_config_of_server(server);
    const char *file = config->notify.secrets_file;
    const char *problem = file != NULL ? tmf_secrets_read(&config->secrets, file, pconf) : NULL;

    if (problem == NULL) {
        return 0;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, server, "TMF0007: TMFCustomerNotifySecrets: %s",
                 problem);
    config->notify.enabled = 0;
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

/* What the children of this generation share for notifications. */
static int prepare_notifier(apr_pool_t *pconf, server_rec *server)
{
    tmf_server_config_t *config = tmf_config_of_server(server);
    apr_status_t status = APR_SUCCESS;

    if (config->has_api) {
        status = tmf_wake_make(&config->wake, pconf);
        status = status == APR_SUCCESS ? tmf_leader_make(&config->leader, pconf) : status;
    }
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, server,
                     "TMF0008: no pipe or no temporary file for the notifier: nothing is notified");
        config->notify.enabled = 0;
    }
    return status == APR_SUCCESS;
}

static int prepare_notifiers(apr_pool_t *pconf, server_rec *main_server)
{
    int has_curl = tmf_sender_set_up(pconf);
    int prepared = has_curl;
    server_rec *server;

    if (!has_curl) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, main_server,
                     "TMF0009: libcurl cannot be used: nothing is notified");
    }
    for (server = main_server; server != NULL; server = server->next) {
        prepared = prepare_notifier(pconf, server) && prepared;
        tmf_config_of_server(server)->notify.enabled &= has_curl;
    }
    return prepared;
}

/* One for all servers and all generations of children: a child of the one before may still write
 * while those of the next read, also when only the next has a cache. Without memory for it nothing
 * is cached. */
static int prepare_board(server_rec *main_server)
{
    static const char key[] = "tmf_customer_board " TMF_CUSTOMER_BOARD_LAYOUT;
    tmf_customer_board_t **kept = ap_retained_data_get(key);
    apr_status_t status = APR_SUCCESS;
    server_rec *server;

    if (kept == NULL) {
        kept = ap_retained_data_create(key, sizeof(*kept));
    }
    if (*kept == NULL) {
        status = tmf_customer_board_make(kept, main_server->process->pool);
    }
    if (status != APR_SUCCESS && tmf_config_of_server(main_server)->cache_size > 0) {
        ap_log_error(APLOG_MARK, APLOG_ERR, status, main_server,
                     "TMF0012: TMFCustomerCache: no shared memory: nothing is cached");
        return 0;
    }
    for (server = main_server; server != NULL; server = server->next) {
        tmf_config_of_server(server)->board = *kept;
    }
    return 1;
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
    is_prepared = prepare_notifiers(pconf, server);
    is_prepared = prepare_board(server) && is_prepared;
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

/* One for all virtual hosts of a child: they may use the same database. */
static apr_status_t make_cache(apr_pool_t *pchild, server_rec *main_server)
{
    const tmf_server_config_t *config = tmf_config_of_server(main_server);
    tmf_customer_cache_t *cache;
    apr_status_t status;
    server_rec *server;

    if (config->cache_size == 0 || config->board == NULL) {
        return APR_SUCCESS;
    }
    status = tmf_customer_cache_make(&cache, (apr_size_t)config->cache_size * 1024 * 1024, pchild);
    for (server = main_server; server != NULL && status == APR_SUCCESS; server = server->next) {
        tmf_config_of_server(server)->cache = cache;
    }
    return status;
}

static void make_way_to_database(apr_pool_t *pchild, server_rec *server)
{
    tmf_server_config_t *config = tmf_config_of_server(server);
    const tmf_db_settings_t settings = {
        server,        config->statement_timeout, config->pool_timeout, config->wake, config->board,
        config->cache, config->cache_age,         config->metrics};
    apr_status_t status = tmf_db_pool_make(&config->database, &settings, pchild);

    if (status == APR_SUCCESS) {
        status = tmf_customer_store_make(&config->customers, config->database, pchild);
    }
    if (status == APR_SUCCESS && config->has_status) {
        status = tmf_readiness_make(&config->readiness, config, pchild);
    }
    end_sick_child(status, server);
}

static void start_notifier(apr_pool_t *pchild, server_rec *server)
{
    tmf_server_config_t *config = tmf_config_of_server(server);
    const tmf_notify_config_t *notify = &config->notify;
    tmf_notify_settings_t *settings = apr_pcalloc(pchild, sizeof(*settings));
    apr_status_t status;

    settings->server = server;
    settings->database = config->database;
    settings->wake = config->wake;
    settings->metrics = config->metrics;
    settings->leader = config->leader;
    settings->targets = config->targets;
    settings->secrets = config->secrets;
    settings->connect_timeout = notify->connect_timeout;
    settings->timeout = notify->timeout;
    settings->concurrency = notify->concurrency;
    settings->concurrency_all = notify->concurrency_all;
    settings->schedule = notify->schedule;
    settings->refused_tries = notify->refused_tries;
    settings->disable_after = notify->disable_after;
    settings->retention = notify->retention;
    settings->poll = notify->poll;
    status = tmf_notify_start(&config->notifier, settings, pchild);
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, status, server,
                     "TMF0011: this child has no thread for notifications; others may");
    }
}

static void child_init(apr_pool_t *pchild, server_rec *main_server)
{
    server_rec *server;

    end_sick_child(make_cache(pchild, main_server), main_server);
    for (server = main_server; server != NULL; server = server->next) {
        const tmf_server_config_t *config = tmf_config_of_server(server);

        tmf_metrics_enter(config->metrics);
        if (config->bases->nelts > 0 && config->has_database) {
            make_way_to_database(pchild, server);
            if (config->has_api && config->notify.enabled) {
                start_notifier(pchild, server);
            }
        }
    }
}

/* event and worker: early, while requests are still served; prefork: on its way out. */
static void child_stopping(apr_pool_t *pchild, int graceful)
{
    server_rec *server;

    (void)pchild;
    for (server = ap_server_conf; server != NULL; server = server->next) {
        const tmf_server_config_t *config = tmf_config_of_server(server);

        if (config->notifier != NULL) {
            tmf_notify_stop(config->notifier, graceful);
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
