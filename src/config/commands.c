/* SPDX-License-Identifier: Apache-2.0 */
/* The directives: nothing but their table and what puts an argument into its place.
 * tests/checks/directives.sh keeps conf/tmf_customer.conf equal to this table. */
#include "config/config.h"
#include "config/parse.h"

#include <string.h>

#include <apr_strings.h>

#define BODY_MAX_LIMIT       (256 * 1024 * 1024) /* what a jsonb string can hold */
#define BODY_DEPTH_MAX_LIMIT 1000                /* json-c and jsonb recurse once a level */
#define PAGE_SIZE_LIMIT      100000

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

    return named(cmd, tmf_parse_number(cmd->pool, text, 1, BODY_MAX_LIMIT, &space->body_max));
}

static const char *set_body_depth_max(cmd_parms *cmd, void *config, const char *text)
{
    tmf_space_config_t *space = config;

    return named(
        cmd, tmf_parse_number(cmd->pool, text, 4, BODY_DEPTH_MAX_LIMIT, &space->body_depth_max));
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
    AP_INIT_TAKE1("TMFCustomerIdempotencyTTL", set_idempotency_ttl, NULL, IN_SPACE,
        "how long the reply to a POST with an Idempotency-Key is kept, to be given again"),
    AP_INIT_TAKE1("TMFCustomerStatementTimeout", set_statement_timeout, NULL, IN_SERVER,
        "how long the database may work on one statement"),
    AP_INIT_TAKE1("TMFCustomerPoolTimeout", set_pool_timeout, NULL, IN_SERVER,
        "how long a request waits for a usable database connection"),
    {NULL}
};
/* clang-format on */
