/* SPDX-License-Identifier: Apache-2.0 */
/* The notifier: the threads that bring events to listeners. See dispatcher.h for its design. */
#ifndef TMF_NOTIFY_NOTIFY_H
#define TMF_NOTIFY_NOTIFY_H

#include <apr_pools.h>

#include "config/settings.h"
#include "notify/leader.h"
#include "notify/signature.h"
#include "store/db.h"

struct server_rec;

/* All of it is read-only while the notifier runs. */
typedef struct {
    struct server_rec *server; /* for its log */
    tmf_db_pool_t *database;
    const tmf_wake_t *wake;
    const tmf_leader_t *leader;
    const tmf_targets_t *targets;
    tmf_metrics_t *metrics; /* NULL = nothing is counted */
    const tmf_notify_config_t *config;
} tmf_notify_settings_t;

typedef struct tmf_notifier_t tmf_notifier_t;

/* child_init, after mod_dbd's: starts the thread. It ends, and is waited for, before `child_pool`'s
 * own pools are destroyed (mod_dbd's among them): by a pre-cleanup. */
apr_status_t tmf_notify_start(tmf_notifier_t **notifier, const tmf_notify_settings_t *settings,
                              apr_pool_t *child_pool);

/* child_stopping: tells the thread to end. What is on its way gets a moment to be answered,
 * `graceful` or not; what is not delivered stays in the database. Does not wait. */
void tmf_notify_stop(tmf_notifier_t *notifier, int graceful);

#endif
