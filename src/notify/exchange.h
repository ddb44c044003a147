/* SPDX-License-Identifier: Apache-2.0 */
/* What the two sides of an exchange share: record.c records, exchange.c does the rest. */
#ifndef TMF_NOTIFY_EXCHANGE_H
#define TMF_NOTIFY_EXCHANGE_H

#include "notify/dispatcher.h"

/* One exchange at work. */
typedef struct {
    tmf_dispatcher_t *dispatcher;
    tmf_db_t *db;
    const char *owner;
    apr_pool_t *pool;
} tmf_exchange_t;

/* Records what has been delivered, what was refused, and which listeners pause or are well again.
 * On an error, what was not recorded is still to be. */
tmf_error_t *tmf_record(tmf_exchange_t *exchange);

#endif
