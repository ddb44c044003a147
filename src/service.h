/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What serves one virtual host that has the API or the status handler: its settings, and the
 * objects that were made by them.
 *
 * mod_tmf_customer.c makes each of them: in post_config the service itself and what the children
 * inherit, in child_init what every child has of its own. Nothing of it changes while requests are
 * served, but inside of the objects. A request finds it through its tmf_request_t.
 */
#ifndef TMF_SERVICE_H
#define TMF_SERVICE_H

#include "config/settings.h"

typedef struct tmf_service_t {
    const tmf_server_config_t *config;

    /* Since post_config, in memory, pipes and files that all children share. */
    struct tmf_metrics_t *metrics;      /* NULL = nothing is counted */
    struct tmf_customer_board_t *board; /* NULL = nobody caches anything */
    struct tmf_wake_t *wake;            /* NULL without the API, or without a notifier */
    struct tmf_leader_t *leader;        /* likewise */

    /* Since child_init; NULL where there is no database. */
    struct tmf_db_pool_t *database;
    struct tmf_customer_store_t *customers; /* those of `database` */
    struct tmf_customer_cache_t *cache;     /* NULL also without TMFCustomerCache */
    struct tmf_readiness_t *readiness;      /* NULL also without a status handler */
    struct tmf_notifier_t *notifier;        /* NULL also where this server does not notify */
} tmf_service_t;

#endif
