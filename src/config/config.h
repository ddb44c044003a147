/* SPDX-License-Identifier: Apache-2.0 */
/* What the directives say. conf/tmf_customer.conf describes each of them. */
#ifndef TMF_CONFIG_H
#define TMF_CONFIG_H

#include <httpd.h>
#include <http_config.h>
#include <apr_tables.h>

#include "model/target.h"

extern module AP_MODULE_DECLARE_DATA tmf_customer_module;

/* The names for SetHandler: of the API, and of what tells how it is. */
#define TMF_HANDLER_NAME        "tmf-customer"
#define TMF_STATUS_HANDLER_NAME "tmf-customer-status"

typedef enum { TMF_HANDLER_NONE, TMF_HANDLER_API, TMF_HANDLER_STATUS } tmf_handler_t;

/* Bytes of the largest document that PostgreSQL can keep as jsonb. */
#define TMF_DOCUMENT_MAX_LIMIT (256 * 1024 * 1024)

/* A directive that was not given: no directive may yield this value. */
#define TMF_UNSET (-1)

typedef enum { TMF_CREDIT_PROFILE_ALL, TMF_CREDIT_PROFILE_CURRENT } tmf_credit_profile_t;

/* Settings of one URL space, from <Location> (per-directory configuration). */
typedef struct {
    const char *base_url;  /* TMFCustomerBaseURL without a trailing "/"; NULL = unset */
    int base_url_is_whole; /* it has a path of its own, so the Location's is not appended */
    int page_size;         /* customers in a list when the request sets no limit */
    int page_size_max;     /* a larger limit is cut to this */
    int partial_content;   /* answer 206 for a page that is not the whole result */
    int client_id;         /* honour `id` in POST */
    int credit_profile;    /* tmf_credit_profile_t */
    int body_max;          /* bytes of a request body */
    int body_depth_max;    /* levels of nesting of a request body */
    int document_max;      /* bytes of a customer as JSON without blanks */
    apr_interval_time_t idempotency_ttl; /* how long the reply to an Idempotency-Key is kept */
} tmf_space_config_t;

/* One <Location> with one of our handlers. */
typedef struct {
    tmf_handler_t handler;
    const char
        *path; /* "/tmf-api/customerManagement/v4", never with a trailing "/"; "" for the root */
    apr_size_t length;   /* bytes of path */
    const char *escaped; /* path as it stands in a URL */
    int is_own;          /* stands in this server; a virtual host inherits those of the main one */
} tmf_base_t;

struct tmf_db_pool_t;
struct tmf_customer_reads_t;
struct tmf_customer_writes_t;

/* Settings of a server's notifier (src/notify). TMF_UNSET or NULL until tmf_config_check. */
typedef struct {
    int wanted;                          /* what TMFCustomerNotify says; set by tmf_config_check */
    int enabled;                         /* wanted, and no mistake or fault stands against it */
    apr_interval_time_t connect_timeout; /* to a listener */
    apr_interval_time_t timeout;         /* of a whole request */
    int concurrency;                     /* requests at a time to one listener */
    int concurrency_all;                 /* to all */
    apr_array_header_t *schedule;      /* of apr_interval_time_t: pauses of a listener that fails */
    int refused_tries;                 /* then a refused event is a dead letter */
    apr_interval_time_t disable_after; /* ill for so long */
    apr_interval_time_t retention;     /* of dead letters */
    apr_interval_time_t poll;
    const char *secrets_file; /* full path; NULL = notifications are not signed */
} tmf_notify_config_t;

/* Whether and how long a server keeps the history of customers. TMF_UNSET until tmf_config_check.
 */
typedef struct {
    int enabled;
    apr_interval_time_t kept_for; /* 0 = for ever */
} tmf_history_config_t;

/* Settings of one server or virtual host. After tmf_config_check each server_rec has one of its
 * own. */
typedef struct {
    apr_interval_time_t statement_timeout; /* TMF_UNSET until tmf_config_check */
    apr_interval_time_t pool_timeout;      /* likewise */
    int cache_size;                        /* MiB, 0 = no cache; the main server's counts */
    apr_interval_time_t cache_age;         /* of what the cache gives */
    int hubs_max;                          /* hubs that are accepted; likewise */
    tmf_targets_t *targets;                /* whom notifications may reach; likewise */
    tmf_notify_config_t notify;
    tmf_history_config_t history;
    apr_array_header_t *bases;      /* of tmf_base_t, longest path first; set by tmf_config_check */
    int has_api;                    /* one of them is the API's; likewise */
    int has_status;                 /* one of them is of the status handler; likewise */
    int has_database;               /* mod_dbd was told of one; likewise */
    struct tmf_db_pool_t *database; /* set in child_init, NULL without bases or has_database */
    struct tmf_customer_store_t *customers; /* likewise */

    /* What mod_tmf_customer.c makes for a server with the API; metrics also for one with the status
     * handler alone. */
    struct tmf_metrics_t *metrics;      /* in post_config; NULL = there is no memory for them */
    struct tmf_customer_board_t *board; /* likewise; NULL = nothing is cached */
    struct tmf_customer_cache_t *cache; /* in child_init; NULL = none */
    struct tmf_wake_t *wake;            /* in post_config */
    struct tmf_leader_t *leader;        /* likewise */
    struct tmf_secrets_t *secrets;      /* likewise; NULL = none */
    struct tmf_notifier_t *notifier;    /* in child_init; NULL = none runs here */

    /* …and for one with a status handler, in child_init; NULL without a database. */
    struct tmf_readiness_t *readiness;
} tmf_server_config_t;

extern const command_rec tmf_config_commands[];

void *tmf_config_create_space(apr_pool_t *pool, char *path);
void *tmf_config_merge_space(apr_pool_t *pool, void *base, void *add);
void *tmf_config_create_server(apr_pool_t *pool, server_rec *server);
void *tmf_config_merge_server(apr_pool_t *pool, void *base, void *add);

/* Gives a server's settings that were not given their defaults. */
void tmf_config_set_defaults(tmf_server_config_t *config, apr_pool_t *pool);

/* The settings in force for a request, with defaults filled in; its pool owns them. */
const tmf_space_config_t *tmf_config_of_request(request_rec *r);
tmf_server_config_t *tmf_config_of_server(server_rec *server);

/* Those of `given` (or their defaults, where it has none) in `result_pool`. */
const tmf_space_config_t *tmf_config_with_defaults(apr_pool_t *result_pool,
                                                   const tmf_space_config_t *given);

/* The handler of this name; TMF_HANDLER_NONE when it is none of ours. */
tmf_handler_t tmf_handler_named(const char *name);
/* The name of a handler of ours. */
const char *tmf_handler_name(tmf_handler_t handler);

/* check_config and post_config: finds every <Location> with a handler of ours, gives each
 * server_rec its own configuration, and checks what single directives cannot see. Returns the
 * number of mistakes, each of which has got a log line that names the directive and the place. What
 * they concern is left out, so that the rest can be served. Without mod_dbd no server has a
 * database. */
int tmf_config_check(apr_pool_t *pconf, server_rec *main_server, int has_mod_dbd);

/* The base path that `uri` (decoded path of a request) lies under on this server, of this handler,
 * or of any (TMF_HANDLER_NONE); NULL = none. */
const tmf_base_t *tmf_config_base_of(server_rec *server, const char *uri, tmf_handler_t handler);

#endif
