/* SPDX-License-Identifier: Apache-2.0 */
/* What db.c, which lends connections, and statement.c, which runs statements on them, share.
 * Internal to store/. */
#ifndef TMF_STORE_DB_INTERNAL_H
#define TMF_STORE_DB_INTERNAL_H

#include <signal.h>
#include <stdatomic.h>

#include "store/customer_cache.h"
#include "store/db.h"
#include "store/outage.h"
#include "store/semaphore.h"
#include "store/session.h"

struct tmf_db_pool_t {
    struct server_rec *server;
    const tmf_wake_t *wake;
    tmf_metrics_t *metrics;
    tmf_semaphore_t door;
    tmf_outage_t *outage;
    apr_interval_time_t statement_timeout;
    apr_interval_time_t pool_timeout;
    apr_uint32_t options_seen; /* atomic */
    tmf_customer_caching_t caching;
    _Atomic apr_uint64_t identity; /* of the last connection; 0 = there was none yet */
    atomic_int schema_version;     /* that was seen last; 0 = none */
    atomic_int schema_serves_from; /* likewise */
    int threaded;                  /* the MPM has threads, and keeps signals away from them */
};

struct tmf_db_t {
    tmf_db_pool_t *pool;
    void *dbd; /* mod_dbd's ap_dbd_t */
    PGconn *connection;
    tmf_session_t *session;
    apr_uint64_t identity; /* of its database */
    int wake_at_commit;
    int changes[TMF_EVENT_TYPES]; /* that were made in the transaction */
    apr_interval_time_t limit;    /* of tmf_db_limit; 0 = none */
    apr_array_header_t *writes; /* of const char *: whom tmf_db_begin_write named; NULL = nobody */
    apr_pool_t *result_pool;    /* of the borrower */
    sigset_t signals;           /* to restore; prefork only */
};

/* Counts the error, if there is one, and returns it. Every error of the database passes here once.
 */
tmf_error_t *tmf_db_counted(const tmf_db_pool_t *pool, tmf_error_t *error);

/* One look at the schema, and all the settings of a session. */
tmf_error_t *tmf_db_set_up_session(tmf_db_t *db, apr_pool_t *result_pool);

#endif
