/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <string.h>

#include <http_core.h>

static const tmf_space_config_t space_defaults = {
    .page_size = 100,
    .page_size_max = 1000,
    .partial_content = 1,
    .client_id = 0,
    .credit_profile = TMF_CREDIT_PROFILE_ALL,
    .body_max = 1024 * 1024,
    .body_depth_max = 64,
    .document_max = TMF_UNSET, /* 4 times body_max */
    .idempotency_ttl = 24 * 3600 * APR_USEC_PER_SEC,
};

void *tmf_config_create_space(apr_pool_t *pool, char *path)
{
    tmf_space_config_t *space = apr_pcalloc(pool, sizeof(*space));

    (void)path; /* tmf_config_check finds the paths: a Location may have no directive of ours */
    space->page_size = TMF_UNSET;
    space->page_size_max = TMF_UNSET;
    space->partial_content = TMF_UNSET;
    space->client_id = TMF_UNSET;
    space->credit_profile = TMF_UNSET;
    space->body_max = TMF_UNSET;
    space->body_depth_max = TMF_UNSET;
    space->document_max = TMF_UNSET;
    space->idempotency_ttl = TMF_UNSET;
    return space;
}

static int merged(int base, int add)
{
    return add == TMF_UNSET ? base : add;
}

static apr_interval_time_t merged_duration(apr_interval_time_t base, apr_interval_time_t add)
{
    return add == TMF_UNSET ? base : add;
}

void *tmf_config_merge_space(apr_pool_t *pool, void *base_config, void *add_config)
{
    const tmf_space_config_t *base = base_config;
    const tmf_space_config_t *add = add_config;
    tmf_space_config_t *space = apr_pcalloc(pool, sizeof(*space));
    const tmf_space_config_t *url = add->base_url != NULL ? add : base;

    space->base_url = url->base_url;
    space->base_url_is_whole = url->base_url_is_whole;
    space->page_size = merged(base->page_size, add->page_size);
    space->page_size_max = merged(base->page_size_max, add->page_size_max);
    space->partial_content = merged(base->partial_content, add->partial_content);
    space->client_id = merged(base->client_id, add->client_id);
    space->credit_profile = merged(base->credit_profile, add->credit_profile);
    space->body_max = merged(base->body_max, add->body_max);
    space->body_depth_max = merged(base->body_depth_max, add->body_depth_max);
    space->document_max = merged(base->document_max, add->document_max);
    space->idempotency_ttl = merged_duration(base->idempotency_ttl, add->idempotency_ttl);
    return space;
}

const tmf_space_config_t *tmf_config_with_defaults(apr_pool_t *result_pool,
                                                   const tmf_space_config_t *given)
{
    tmf_space_config_t *space = tmf_config_merge_space(result_pool, (void *)&space_defaults,
                                                       (void *)given);

    if (space->document_max == TMF_UNSET) {
        space->document_max = space->body_max <= TMF_DOCUMENT_MAX_LIMIT / 4
                                  ? 4 * space->body_max
                                  : TMF_DOCUMENT_MAX_LIMIT;
    }
    return space;
}

const tmf_space_config_t *tmf_config_of_request(request_rec *r)
{
    return tmf_config_with_defaults(r->pool,
                                    ap_get_module_config(r->per_dir_config, &tmf_customer_module));
}

void *tmf_config_create_server(apr_pool_t *pool, server_rec *server)
{
    tmf_server_config_t *config = apr_pcalloc(pool, sizeof(*config));

    (void)server;
    config->statement_timeout = TMF_UNSET;
    config->pool_timeout = TMF_UNSET;
    config->cache_size = TMF_UNSET;
    config->cache_age = TMF_UNSET;
    config->hubs_max = TMF_UNSET;
    config->notify.enabled = TMF_UNSET;
    config->notify.connect_timeout = TMF_UNSET;
    config->notify.timeout = TMF_UNSET;
    config->notify.concurrency = TMF_UNSET;
    config->notify.concurrency_all = TMF_UNSET;
    config->notify.refused_tries = TMF_UNSET;
    config->notify.disable_after = TMF_UNSET;
    config->notify.retention = TMF_UNSET;
    config->notify.poll = TMF_UNSET;
    config->history.enabled = TMF_UNSET;
    config->history.kept_for = TMF_UNSET;
    return config;
}

static void merge_notify(tmf_notify_config_t *notify, const tmf_notify_config_t *base,
                         const tmf_notify_config_t *add)
{
    notify->enabled = merged(base->enabled, add->enabled);
    notify->connect_timeout = merged_duration(base->connect_timeout, add->connect_timeout);
    notify->timeout = merged_duration(base->timeout, add->timeout);
    notify->concurrency = merged(base->concurrency, add->concurrency);
    notify->concurrency_all = merged(base->concurrency_all, add->concurrency_all);
    notify->schedule = add->schedule != NULL ? add->schedule : base->schedule;
    notify->refused_tries = merged(base->refused_tries, add->refused_tries);
    notify->disable_after = merged_duration(base->disable_after, add->disable_after);
    notify->retention = merged_duration(base->retention, add->retention);
    notify->poll = merged_duration(base->poll, add->poll);
    notify->secrets_file = add->secrets_file != NULL ? add->secrets_file : base->secrets_file;
}

void *tmf_config_merge_server(apr_pool_t *pool, void *base_config, void *add_config)
{
    const tmf_server_config_t *base = base_config;
    const tmf_server_config_t *add = add_config;
    tmf_server_config_t *config = apr_pcalloc(pool, sizeof(*config));

    config->statement_timeout = merged_duration(base->statement_timeout, add->statement_timeout);
    config->pool_timeout = merged_duration(base->pool_timeout, add->pool_timeout);
    config->cache_size = merged(base->cache_size, add->cache_size);
    config->cache_age = merged_duration(base->cache_age, add->cache_age);
    config->hubs_max = merged(base->hubs_max, add->hubs_max);
    config->targets = add->targets != NULL ? add->targets : base->targets;
    merge_notify(&config->notify, &base->notify, &add->notify);
    config->history.enabled = merged(base->history.enabled, add->history.enabled);
    config->history.kept_for = merged_duration(base->history.kept_for, add->history.kept_for);
    return config;
}

tmf_handler_t tmf_handler_named(const char *name)
{
    if (strcmp(name, TMF_HANDLER_NAME) == 0) {
        return TMF_HANDLER_API;
    }
    return strcmp(name, TMF_STATUS_HANDLER_NAME) == 0 ? TMF_HANDLER_STATUS : TMF_HANDLER_NONE;
}

const char *tmf_handler_name(tmf_handler_t handler)
{
    return handler == TMF_HANDLER_STATUS ? TMF_STATUS_HANDLER_NAME : TMF_HANDLER_NAME;
}

tmf_server_config_t *tmf_config_of_server(server_rec *server)
{
    return ap_get_module_config(server->module_config, &tmf_customer_module);
}
