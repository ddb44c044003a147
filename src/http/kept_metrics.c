/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include <http_config.h>
#include <http_log.h>
#include <http_main.h>
#include <apr_hash.h>
#include <apr_strings.h>

APLOG_USE_MODULE(tmf_customer);

typedef struct {
    tmf_metrics_hosts_t *hosts;
} kept_metrics_t;

/* Of all servers and all generations of children since httpd was started; NULL before the first. */
static tmf_metrics_hosts_t *kept_metrics(void)
{
    static const char key[] = "tmf_customer_metrics " TMF_METRICS_LAYOUT;
    kept_metrics_t *kept = ap_retained_data_get(key);
    int processes = 0;

    if (kept == NULL) {
        kept = ap_retained_data_create(key, sizeof(*kept));
        ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &processes);
        kept->hosts = tmf_metrics_hosts_make(processes > 0 ? processes : 1, ap_pglobal);
    }
    return kept->hosts;
}

/* What a virtual host is known by when the configuration is read again: name and addresses. */
static const char *identity_of(const server_rec *server, apr_pool_t *pool)
{
    const char *identity = server->is_virtual ? server->server_hostname : "main server";
    const server_addr_rec *address;

    for (address = server->addrs; address != NULL; address = address->next) {
        identity = apr_psprintf(pool, "%s %s:%d", identity, address->virthost,
                                (int)address->host_port);
    }
    return identity;
}

/* Two hosts with the same name and addresses are told apart by their order. */
static apr_status_t find_metrics(const server_rec *server, apr_hash_t *seen, apr_pool_t *pool)
{
    const char *identity = identity_of(server, pool);
    int *times = apr_hash_get(seen, identity, APR_HASH_KEY_STRING);

    if (times == NULL) {
        times = apr_pcalloc(pool, sizeof(*times));
        apr_hash_set(seen, identity, APR_HASH_KEY_STRING, times);
    }
    identity = apr_psprintf(pool, "%d %s", ++*times, identity);
    return tmf_metrics_of_host(&tmf_config_of_server(server)->service->metrics, kept_metrics(),
                               identity);
}

void tmf_kept_metrics_prepare(server_rec *main_server, apr_pool_t *ptemp)
{
    apr_hash_t *seen = apr_hash_make(ptemp);
    server_rec *server;

    for (server = main_server; server != NULL; server = server->next) {
        if (tmf_config_of_server(server)->service != NULL) {
            apr_status_t status = find_metrics(server, seen, ptemp);

            if (status != APR_SUCCESS) {
                ap_log_error(APLOG_MARK, APLOG_WARNING, status, server,
                             "TMF0200: no shared memory for metrics: nothing is counted");
            }
        }
    }
}

int tmf_kept_metrics_tick(apr_pool_t *pool, server_rec *server)
{
    (void)pool;
    (void)server;
    tmf_metrics_tick(kept_metrics(), apr_time_now());
    return DECLINED;
}

void tmf_kept_metrics_child_status(server_rec *server, pid_t process, ap_generation_t generation,
                                   int slot, mpm_child_status status)
{
    (void)server;
    (void)generation;
    (void)slot;
    if (status == MPM_CHILD_EXITED) {
        tmf_metrics_left(kept_metrics(), process);
    }
}
