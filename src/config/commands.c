/* SPDX-License-Identifier: Apache-2.0 */
/* The directives: nothing but their table and what puts an argument into its place.
 * tests/checks/directives.sh keeps conf/tmf_customer.conf equal to this table. */
#include "config/config.h"
#include "config/parse.h"

#include <string.h>

#include <apr_strings.h>

#define BODY_DEPTH_MAX_LIMIT 1000 /* json-c and jsonb recurse once a level */
#define PAGE_SIZE_LIMIT      100000
#define CACHE_SIZE_LIMIT     (64 * 1024) /* MiB */

static const tmf_duration_range_t timeouts = {100 * 1000, 3600 * APR_USEC_PER_SEC,
                                              "from 100ms to 1h"};
static const tmf_duration_range_t lifetimes = {APR_USEC_PER_SEC, 365 * 24 * 3600 * APR_USEC_PER_SEC,
                                               "from 1s to 365d"};

/* Names the directive in a parser's message; httpd adds file and line. */
static const char *named(const cmd_parms *cmd, const char *problem)
{
    return problem == NULL ? NULL : apr_pstrcat(cmd->pool, cmd->cmd->name, " ", problem, NULL);
}

static const char *set_base_url(cmd_parms *cmd, void *config, const char *text)
{
    tmf_space_config_t *space = config;

    return named(cmd,
                 tmf_parse_base_url(cmd->pool, text, &space->base_url, &space->base_url_is_whole));
}

static const char *set_page_size(cmd_parms *cmd, void *config, const char *text)
{
    tmf_space_config_t *space = config;

    return named(cmd, tmf_parse_number(cmd->pool, text, 1, PAGE_SIZE_LIMIT, &space->page_size));
}

static const char *set_page_size_max(cmd_parms *cmd, void *config, const char *text)
{
    tmf_space_config_t *space = config;

    return named(cmd, tmf_parse_number(cmd->pool, text, 1, PAGE_SIZE_LIMIT, &space->page_size_max));
}

static const char *set_credit_profile(cmd_parms *cmd, void *config, const char *text)
{
    tmf_space_config_t *space = config;

    if (strcasecmp(text, "all") == 0) {
        space->credit_profile = TMF_CREDIT_PROFILE_ALL;
        return NULL;
    }
    if (strcasecmp(text, "current") == 0) {
        space->credit_profile = TMF_CREDIT_PROFILE_CURRENT;
        return NULL;
    }
    return named(cmd, apr_psprintf(cmd->pool, "takes 'all' or 'current', not '%s'", text));
}

static const char *set_body_max(cmd_parms *cmd, void *config, const char *text)
{
    tmf_space_config_t *space = config;

    return named(cmd,
                 tmf_parse_number(cmd->pool, text, 1, TMF_DOCUMENT_MAX_LIMIT, &space->body_max));
}

static const char *set_body_depth_max(cmd_parms *cmd, void *config, const char *text)
{
    tmf_space_config_t *space = config;

    return named(
        cmd, tmf_parse_number(cmd->pool, text, 4, BODY_DEPTH_MAX_LIMIT, &space->body_depth_max));
}

static const char *set_document_max(cmd_parms *cmd, void *config, const char *text)
{
    tmf_space_config_t *space = config;

    return named(
        cmd, tmf_parse_number(cmd->pool, text, 1, TMF_DOCUMENT_MAX_LIMIT, &space->document_max));
}

static const char *set_idempotency_ttl(cmd_parms *cmd, void *config, const char *text)
{
    tmf_space_config_t *space = config;

    return named(cmd, tmf_parse_duration(cmd->pool, text, &lifetimes, &space->idempotency_ttl));
}

static tmf_server_config_t *server_config(cmd_parms *cmd)
{
    return ap_get_module_config(cmd->server->module_config, &tmf_customer_module);
}

static const char *set_statement_timeout(cmd_parms *cmd, void *config, const char *text)
{
    (void)config;
    return named(cmd, tmf_parse_duration(cmd->pool, text, &timeouts,
                                         &server_config(cmd)->statement_timeout));
}

static const char *set_pool_timeout(cmd_parms *cmd, void *config, const char *text)
{
    (void)config;
    return named(cmd,
                 tmf_parse_duration(cmd->pool, text, &timeouts, &server_config(cmd)->pool_timeout));
}

static const char *set_cache(cmd_parms *cmd, void *config, const char *size, const char *age)
{
    tmf_server_config_t *server = server_config(cmd);
    const char *problem = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)config;
    if (problem != NULL) {
        return problem;
    }
    if (strcasecmp(size, "Off") == 0) {
        server->cache_size = 0;
    } else {
        problem = tmf_parse_number(cmd->pool, size, 1, CACHE_SIZE_LIMIT, &server->cache_size);
    }
    if (problem == NULL && age != NULL) {
        problem = tmf_parse_duration(cmd->pool, age, &timeouts, &server->cache_age);
    }
    return named(cmd, problem);
}

/* ---- the notifier ---- */

static const tmf_duration_range_t pauses = {100 * 1000, 24 * 3600 * APR_USEC_PER_SEC,
                                            "from 100ms to 1d"};
static const tmf_duration_range_t polls = {10 * 1000, 2 * APR_USEC_PER_SEC, "from 10ms to 2s"};

static tmf_notify_config_t *notify_config(cmd_parms *cmd)
{
    return &server_config(cmd)->notify;
}

static const char *set_notify(cmd_parms *cmd, void *config, int flag)
{
    (void)config;
    notify_config(cmd)->enabled = flag;
    return NULL;
}

static const char *set_notify_hubs_max(cmd_parms *cmd, void *config, const char *text)
{
    (void)config;
    return named(cmd, tmf_parse_number(cmd->pool, text, 0, 100000, &server_config(cmd)->hubs_max));
}

static tmf_targets_t *targets_of(cmd_parms *cmd)
{
    tmf_server_config_t *config = server_config(cmd);

    if (config->targets == NULL) {
        config->targets = tmf_targets_make(cmd->pool);
    }
    return config->targets;
}

static const char *add_notify_allow(cmd_parms *cmd, void *config, const char *text)
{
    (void)config;
    return named(cmd, tmf_targets_allow(targets_of(cmd), text, cmd->pool));
}

static const char *add_notify_deny(cmd_parms *cmd, void *config, const char *text)
{
    (void)config;
    return named(cmd, tmf_targets_deny(targets_of(cmd), text, cmd->pool));
}

static const char *set_notify_secrets(cmd_parms *cmd, void *config, const char *text)
{
    (void)config;
    notify_config(cmd)->secrets_file = ap_server_root_relative(cmd->pool, text);
    return notify_config(cmd)->secrets_file != NULL ? NULL : named(cmd, "takes the path of a file");
}

static const char *set_notify_duration(cmd_parms *cmd, const char *text,
                                       const tmf_duration_range_t *range,
                                       apr_interval_time_t *duration)
{
    return named(cmd, tmf_parse_duration(cmd->pool, text, range, duration));
}

static const char *set_notify_connect_timeout(cmd_parms *cmd, void *config, const char *text)
{
    (void)config;
    return set_notify_duration(cmd, text, &timeouts, &notify_config(cmd)->connect_timeout);
}

static const char *set_notify_timeout(cmd_parms *cmd, void *config, const char *text)
{
    (void)config;
    return set_notify_duration(cmd, text, &timeouts, &notify_config(cmd)->timeout);
}

static const char *set_notify_disable_after(cmd_parms *cmd, void *config, const char *text)
{
    (void)config;
    return set_notify_duration(cmd, text, &lifetimes, &notify_config(cmd)->disable_after);
}

static const char *set_notify_retention(cmd_parms *cmd, void *config, const char *text)
{
    (void)config;
    return set_notify_duration(cmd, text, &lifetimes, &notify_config(cmd)->retention);
}

static const char *set_notify_poll(cmd_parms *cmd, void *config, const char *text)
{
    (void)config;
    return set_notify_duration(cmd, text, &polls, &notify_config(cmd)->poll);
}

static const char *set_notify_concurrency(cmd_parms *cmd, void *config, const char *one,
                                          const char *all)
{
    tmf_notify_config_t *notify = notify_config(cmd);
    const char *problem = tmf_parse_number(cmd->pool, one, 1, 1000, &notify->concurrency);

    (void)config;
    if (problem == NULL && all != NULL) {
        problem = tmf_parse_number(cmd->pool, all, 1, 10000, &notify->concurrency_all);
    }
    return named(cmd, problem);
}

static const char *set_notify_schedule(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    apr_array_header_t *schedule = apr_array_make(cmd->pool, 8, sizeof(apr_interval_time_t));
    const char *problem = argc > 0 ? NULL : "takes one or more durations";
    int i;

    (void)config;
    for (i = 0; i < argc && problem == NULL; i++) {
        problem = tmf_parse_duration(cmd->pool, argv[i], &pauses, apr_array_push(schedule));
    }
    notify_config(cmd)->schedule = schedule;
    return named(cmd, problem);
}

static const char *set_notify_refused_tries(cmd_parms *cmd, void *config, const char *text)
{
    (void)config;
    return named(cmd,
                 tmf_parse_number(cmd->pool, text, 1, 1000, &notify_config(cmd)->refused_tries));
}

/* ---- the history ---- */

static const tmf_duration_range_t history_lifetimes = {
    APR_USEC_PER_SEC, 36500 * (24 * 3600 * APR_USEC_PER_SEC), "from 1s to 36500d, or forever"};

static const char *set_history(cmd_parms *cmd, void *config, int flag)
{
    (void)config;
    server_config(cmd)->history.enabled = flag;
    return NULL;
}

static const char *set_history_retention(cmd_parms *cmd, void *config, const char *text)
{
    apr_interval_time_t *kept_for = &server_config(cmd)->history.kept_for;

    (void)config;
    if (strcasecmp(text, "forever") == 0) {
        *kept_for = 0;
        return NULL;
    }
    return named(cmd, tmf_parse_duration(cmd->pool, text, &history_lifetimes, kept_for));
}

#define IN_SPACE  (RSRC_CONF | ACCESS_CONF)
#define IN_SERVER RSRC_CONF

/* clang-format off */
const command_rec tmf_config_commands[] = {
    AP_INIT_TAKE1("TMFCustomerBaseURL", set_base_url, NULL, IN_SPACE,
        "URL that clients see: an origin, to which the Location's path is appended, or all of it"),
    AP_INIT_TAKE1("TMFCustomerPageSize", set_page_size, NULL, IN_SPACE,
        "customers in a list when the request sets no limit"),
    AP_INIT_TAKE1("TMFCustomerMaxPageSize", set_page_size_max, NULL, IN_SPACE,
        "customers in a list at most, whatever limit the request sets"),
    AP_INIT_FLAG("TMFCustomerPartialContent", ap_set_flag_slot,
        (void *)APR_OFFSETOF(tmf_space_config_t, partial_content), IN_SPACE,
        "On: a page that is not the whole result has status 206; Off: 200"),
    AP_INIT_FLAG("TMFCustomerClientId", ap_set_flag_slot,
        (void *)APR_OFFSETOF(tmf_space_config_t, client_id), IN_SPACE,
        "On: POST honours the id in the body; Off: the server chooses it"),
    AP_INIT_TAKE1("TMFCustomerCreditProfile", set_credit_profile, NULL, IN_SPACE,
        "all: replies have every credit profile; current: the first one only"),
    AP_INIT_TAKE1("TMFCustomerMaxBody", set_body_max, NULL, IN_SPACE,
        "bytes of a request body at most"),
    AP_INIT_TAKE1("TMFCustomerMaxDepth", set_body_depth_max, NULL, IN_SPACE,
        "levels of nesting in a request body at most"),
    AP_INIT_TAKE1("TMFCustomerMaxDocument", set_document_max, NULL, IN_SPACE,
        "bytes of a customer at most, whatever made it as large"),
    AP_INIT_TAKE1("TMFCustomerIdempotencyTTL", set_idempotency_ttl, NULL, IN_SPACE,
        "how long the reply to a POST with an Idempotency-Key is kept, to be given again"),
    AP_INIT_TAKE1("TMFCustomerStatementTimeout", set_statement_timeout, NULL, IN_SERVER,
        "how long the database may work on one statement"),
    AP_INIT_TAKE1("TMFCustomerPoolTimeout", set_pool_timeout, NULL, IN_SERVER,
        "how long a request waits for a usable database connection"),
    AP_INIT_TAKE12("TMFCustomerCache", set_cache, NULL, IN_SERVER,
        "MiB in each child for customers that are read by id, or Off; how old they may be"),
    AP_INIT_FLAG("TMFCustomerHistory", set_history, NULL, IN_SERVER,
        "On: each change is kept with its time, its user and the customer before"),
    AP_INIT_TAKE1("TMFCustomerHistoryRetention", set_history_retention, NULL, IN_SERVER,
        "how long changes are kept, or forever"),
    AP_INIT_FLAG("TMFCustomerNotify", set_notify, NULL, IN_SERVER,
        "On: this server delivers notifications; Off: it leaves them to others on the database"),
    AP_INIT_TAKE1("TMFCustomerNotifyMaxHubs", set_notify_hubs_max, NULL, IN_SERVER,
        "hubs that are accepted at most"),
    AP_INIT_ITERATE("TMFCustomerNotifyAllow", add_notify_allow, NULL, IN_SERVER,
        "networks and hosts that listeners may have although they are special ones"),
    AP_INIT_ITERATE("TMFCustomerNotifyDeny", add_notify_deny, NULL, IN_SERVER,
        "networks and hosts that listeners may not have; all: whatever is not allowed"),
    AP_INIT_TAKE1("TMFCustomerNotifySecrets", set_notify_secrets, NULL, IN_SERVER,
        "file of the secrets that notifications are signed with"),
    AP_INIT_TAKE1("TMFCustomerNotifyConnectTimeout", set_notify_connect_timeout, NULL, IN_SERVER,
        "how long a connection to a listener may take to be made"),
    AP_INIT_TAKE1("TMFCustomerNotifyTimeout", set_notify_timeout, NULL, IN_SERVER,
        "how long a notification may take in all"),
    AP_INIT_TAKE12("TMFCustomerNotifyConcurrency", set_notify_concurrency, NULL, IN_SERVER,
        "notifications at a time to one listener, and to all of them"),
    AP_INIT_TAKE_ARGV("TMFCustomerNotifySchedule", set_notify_schedule, NULL, IN_SERVER,
        "how long a listener that fails is left alone, after each failure in a row"),
    AP_INIT_TAKE1("TMFCustomerNotifyRefusedTries", set_notify_refused_tries, NULL, IN_SERVER,
        "how often an event is sent to a listener that refuses it"),
    AP_INIT_TAKE1("TMFCustomerNotifyDisableAfter", set_notify_disable_after, NULL, IN_SERVER,
        "how long a listener may fail before it is disabled"),
    AP_INIT_TAKE1("TMFCustomerNotifyRetention", set_notify_retention, NULL, IN_SERVER,
        "how long dead letters are kept"),
    AP_INIT_TAKE1("TMFCustomerNotifyPoll", set_notify_poll, NULL, IN_SERVER,
        "how often the database is asked for what other hosts have committed"),
    {NULL}
};
/* clang-format on */
