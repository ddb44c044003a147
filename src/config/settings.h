/* SPDX-License-Identifier: Apache-2.0 */
/* What the directives say, as plain values; conf/tmf_customer.conf describes each of them. All of
 * it lives as long as the configuration, and nothing of it changes after post_config. */
#ifndef TMF_CONFIG_SETTINGS_H
#define TMF_CONFIG_SETTINGS_H

#include <apr_tables.h>
#include <apr_time.h>

#include "model/target.h"

/* A number or duration that was not given: no directive may yield this value. */
#define TMF_UNSET (-1)

typedef enum { TMF_CREDIT_PROFILE_ALL, TMF_CREDIT_PROFILE_CURRENT } tmf_credit_profile_t;

/* TMFCustomerBaseURL */
typedef struct {
    const char *text; /* without a trailing "/" */
    int is_whole;     /* it has a path of its own, so the Location's is not appended */
} tmf_base_url_t;

/* Settings of one URL space, from <Location> (per-directory configuration). */
typedef struct {
    const tmf_base_url_t *base_url; /* NULL = that of the request */
    int page_size;                  /* customers in a list when the request sets no limit */
    int page_size_max;              /* a larger limit is cut to this */
    int partial_content;            /* answer 206 for a page that is not the whole result */
    int client_id;                  /* honour `id` in POST */
    int credit_profile;             /* tmf_credit_profile_t */
    int body_max;                   /* bytes of a request body */
    int body_depth_max;             /* levels of nesting of a request body */
    int document_max;               /* as given; tmf_space_document_max says what is in force */
    apr_interval_time_t idempotency_ttl; /* how long the reply to an Idempotency-Key is kept */
} tmf_space_config_t;

/* Settings of a server's notifier (src/notify). */
typedef struct {
    int wanted;                          /* what TMFCustomerNotify says */
    int is_refused;                      /* a mistake in the configuration stands against it */
    apr_interval_time_t connect_timeout; /* to a listener */
    apr_interval_time_t timeout;         /* of a whole request */
    int concurrency;                     /* requests at a time to one listener */
    int concurrency_all;                 /* to all */
    apr_array_header_t *schedule;      /* of apr_interval_time_t: pauses of a listener that fails */
    int refused_tries;                 /* then a refused event is a dead letter */
    apr_interval_time_t disable_after; /* of failing without a break */
    apr_interval_time_t retention;     /* of dead letters */
    apr_interval_time_t poll;          /* between looks for commits of other hosts */
    const char *secrets_file;          /* full path; NULL = notifications are not signed */
    struct tmf_secrets_t *secrets;     /* what it holds; likewise */
} tmf_notify_config_t;

/* Whether and how long a server keeps the history of customers. */
typedef struct {
    int enabled;
    apr_interval_time_t kept_for; /* 0 = for ever */
} tmf_history_config_t;

/* Settings of one server or virtual host. After tmf_config_check each server_rec has one of its
 * own, in which every number is set. */
typedef struct {
    apr_interval_time_t statement_timeout;
    apr_interval_time_t pool_timeout;
    int cache_size;                /* MiB, 0 = no cache; the main server's counts */
    apr_interval_time_t cache_age; /* of what the cache gives */
    int hubs_max;                  /* hubs that are accepted */
    tmf_targets_t *targets;        /* whom notifications may reach */
    tmf_notify_config_t notify;
    tmf_history_config_t history;

    /* What tmf_config_check finds out. */
    apr_array_header_t *bases; /* of tmf_base_t (config.h), longest path first */
    int has_api;               /* one of them is the API's */
    int has_status;            /* one of them is of the status handler */
    int has_database;          /* mod_dbd was told of one that can be used */

    struct tmf_service_t *service; /* made in post_config; NULL without bases */
} tmf_server_config_t;

/* Bytes of a customer as JSON without blanks: TMFCustomerMaxDocument, or 4 times
 * TMFCustomerMaxBody. */
int tmf_space_document_max(const tmf_space_config_t *space);

#endif
