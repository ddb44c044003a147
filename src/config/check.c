/* SPDX-License-Identifier: Apache-2.0 */
/* Start-up: where is our handler set, and do the directives fit together? */
#include "config/config.h"

#include <string.h>
#include <sys/resource.h>

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>

#include "config/bases.h"
#include "config/dbd_directives.h"
#include "config/handlers.h"

APLOG_USE_MODULE(tmf_customer);

/* Connections that the notifier of a child uses at most, and one for requests. */
#define CONNECTIONS_BESIDE_NOTIFIER 4
/* Open files for logs, clients and the database at the least. */
#define OPEN_FILES_BESIDE 128

/* Gives the server a configuration of its own, with the defaults, of which requests then start. */
static int prepare_server(apr_pool_t *pool, server_rec *server, const server_rec *main_server,
                          int has_mod_dbd)
{
    tmf_server_config_t *own = tmf_config_complete_server(tmf_config_of_server(server), pool);
    const tmf_space_config_t *space = ap_get_module_config(server->lookup_defaults,
                                                           &tmf_customer_module);
    tmf_dbd_directives_t dbd;
    int mistakes = tmf_bases_find(&own->bases, server, main_server, pool);
    int i;

    ap_set_module_config(server->module_config, &tmf_customer_module, own);
    ap_set_module_config(server->lookup_defaults, &tmf_customer_module,
                         tmf_config_complete_space(space, pool));
    tmf_dbd_directives_read(&dbd, server, pool);
    own->has_database = has_mod_dbd && dbd.driver != NULL && dbd.parameters != NULL;
    for (i = 0; i < own->bases->nelts; i++) {
        const tmf_base_t *base = &APR_ARRAY_IDX(own->bases, i, tmf_base_t);

        own->has_api |= base->handler == TMF_HANDLER_API;
        own->has_status |= base->handler == TMF_HANDLER_STATUS;
    }
    return mistakes;
}

static const char *place_of(const server_rec *server, apr_pool_t *pool)
{
    return server->is_virtual ? apr_psprintf(pool, "the virtual host at %s, line %u",
                                             server->defn_name, server->defn_line_number)
                              : "the main server";
}

static int has_base_of_its_own(const tmf_server_config_t *config)
{
    int found = 0;
    int i;

    for (i = 0; i < config->bases->nelts; i++) {
        found |= APR_ARRAY_IDX(config->bases, i, tmf_base_t).is_own;
    }
    return found;
}

/* A <Location> of the main server is in every virtual host as well: where one of them can serve it,
 * the others, and the main server, may be meant to serve nothing. */
static int missing_database(const server_rec *server, const tmf_dbd_directives_t *dbd,
                            int others_have_one, apr_pool_t *pool)
{
    const tmf_server_config_t *config = tmf_config_of_server(server);
    const tmf_base_t *base = &APR_ARRAY_IDX(config->bases, 0, tmf_base_t);
    int is_warning = !config->has_api ||
                     (others_have_one && (!server->is_virtual || !has_base_of_its_own(config)));

    ap_log_error(
        APLOG_MARK, is_warning ? APLOG_WARNING : APLOG_ERR, 0, server,
        "TMF0165: no %s is in force in %s%s: <Location \"%s\"> can reach no database there "
        "and answers 503. It needs DBDriver pgsql and DBDParams \"host=... dbname=... user=...\" "
        "in the same virtual host, or in the main server",
        dbd->driver == NULL ? "DBDriver" : "DBDParams", place_of(server, pool),
        others_have_one ? ", only in another one" : "", base->path);
    return !is_warning;
}

/* The notifier of a child has taken all connections: requests wait for it. */
static void check_connections(const server_rec *server, const server_rec *main_server,
                              const tmf_dbd_directives_t *dbd, apr_pool_t *pool)
{
    const tmf_server_config_t *main_config = tmf_config_of_server(main_server);
    tmf_dbd_directives_t main_dbd;

    tmf_dbd_directives_read(&main_dbd, main_server, pool);
    if (dbd->most >= CONNECTIONS_BESIDE_NOTIFIER ||
        (server != main_server && main_config->has_api && main_dbd.most == dbd->most)) {
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                 "TMF0166: %s has DBDMax %d: the child that notifies uses up to %d connections for "
                 "that, and needs at least one more for requests",
                 place_of(server, pool), dbd->most, CONNECTIONS_BESIDE_NOTIFIER - 1);
}

/* Each notification on its way needs an open file. */
static int check_open_files(const server_rec *server, int notifications)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur >= (rlim_t)notifications + OPEN_FILES_BESIDE) {
        return 0;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                 "TMF0169: TMFCustomerNotifyConcurrency: %d notifications at a time need as many "
                 "open files, and a process may have %lu in all (ulimit -n): at most %lu "
                 "notifications",
                 notifications, (unsigned long)limit.rlim_cur,
                 limit.rlim_cur > OPEN_FILES_BESIDE
                     ? (unsigned long)limit.rlim_cur - OPEN_FILES_BESIDE
                     : 1UL);
    return 1;
}

static int check_database(const server_rec *server, const server_rec *main_server,
                          int others_have_one, apr_pool_t *pool)
{
    tmf_server_config_t *config = tmf_config_in_the_making(server);
    tmf_dbd_directives_t dbd;

    tmf_dbd_directives_read(&dbd, server, pool);
    if (!config->has_database) {
        return missing_database(server, &dbd, others_have_one, pool);
    }
    config->has_database = tmf_dbd_directives_are_usable(&dbd, server, place_of(server, pool));
    if (config->has_database && config->has_api && config->notify.wanted) {
        check_connections(server, main_server, &dbd, pool);
        config->notify.is_refused = check_open_files(server, config->notify.concurrency_all);
        return config->notify.is_refused;
    }
    return !config->has_database;
}

static int check_databases(apr_pool_t *pool, server_rec *main_server)
{
    server_rec *server;
    int somebody_has_one = 0;
    int mistakes = 0;

    for (server = main_server; server != NULL; server = server->next) {
        somebody_has_one |= tmf_config_of_server(server)->has_database;
    }
    for (server = main_server; server != NULL; server = server->next) {
        if (tmf_config_of_server(server)->bases->nelts > 0) {
            mistakes += check_database(server, main_server, somebody_has_one, pool);
        }
    }
    return mistakes;
}

int tmf_config_check(apr_pool_t *pconf, server_rec *main_server, int has_mod_dbd)
{
    int mistakes = tmf_handlers_check(main_server, pconf);
    int bases = 0;
    server_rec *server;

    for (server = main_server; server != NULL; server = server->next) {
        mistakes += prepare_server(pconf, server, main_server, has_mod_dbd);
        bases += tmf_config_of_server(server)->bases->nelts;
    }
    if (bases == 0 && mistakes == 0) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, main_server,
                     "TMF0167: mod_tmf_customer is loaded, but no <Location> has "
                     "SetHandler " TMF_HANDLER_NAME ": it serves nothing");
    }
    return mistakes + (has_mod_dbd ? check_databases(pconf, main_server) : 0);
}
