/* SPDX-License-Identifier: Apache-2.0 */
/* What a server's settings are when nobody says anything; conf/tmf_customer.conf describes each. */
#include "config/config.h"

#define SECOND APR_USEC_PER_SEC
#define DAY    (24 * 3600 * SECOND)

/* Pauses of a listener that fails: its owner's mistake of a moment costs a second, a night out of
 * service some requests. */
static const apr_interval_time_t schedule[] = {1 * SECOND,      5 * SECOND,       30 * SECOND,
                                               2 * 60 * SECOND, 10 * 60 * SECOND, 30 * 60 * SECOND,
                                               3600 * SECOND};

static void set_default(int *setting, int value)
{
    if (*setting == TMF_UNSET) {
        *setting = value;
    }
}

static void set_default_duration(apr_interval_time_t *setting, apr_interval_time_t value)
{
    if (*setting == TMF_UNSET) {
        *setting = value;
    }
}

static void set_notify_defaults(tmf_notify_config_t *notify, apr_pool_t *pool)
{
    apr_size_t i;

    set_default(&notify->enabled, 1);
    set_default_duration(&notify->connect_timeout, 3 * SECOND);
    set_default_duration(&notify->timeout, 10 * SECOND);
    set_default(&notify->concurrency, 8);
    set_default(&notify->concurrency_all, notify->concurrency > 256 ? notify->concurrency : 256);
    set_default(&notify->refused_tries, 3);
    set_default_duration(&notify->disable_after, 3 * DAY);
    set_default_duration(&notify->retention, 30 * DAY);
    set_default_duration(&notify->poll, SECOND / 2);
    if (notify->schedule == NULL) {
        notify->schedule = apr_array_make(pool, 8, sizeof(apr_interval_time_t));
        for (i = 0; i < sizeof(schedule) / sizeof(schedule[0]); i++) {
            APR_ARRAY_PUSH(notify->schedule, apr_interval_time_t) = schedule[i];
        }
    }
}

void tmf_config_set_defaults(tmf_server_config_t *config, apr_pool_t *pool)
{
    set_default_duration(&config->statement_timeout, 5 * SECOND);
    set_default_duration(&config->pool_timeout, 2 * SECOND);
    set_default(&config->cache_size, 0);
    set_default_duration(&config->cache_age, 2 * SECOND);
    set_default(&config->hubs_max, 1000);
    if (config->targets == NULL) {
        config->targets = tmf_targets_make(pool);
    }
    set_notify_defaults(&config->notify, pool);
    set_default(&config->history.enabled, 0);
    set_default_duration(&config->history.kept_for, 90 * DAY);
}
