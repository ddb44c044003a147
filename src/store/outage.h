/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the threads of one child know of a database that cannot be used: when it may be tried again,
 * and what the log has been told. Internal to store/.
 *
 * mod_dbd logs two lines for each connection that it cannot open, and a host that does not answer
 * takes its connect_timeout. So one thread tries at a time, and after a failure nobody for a pause:
 * 1 s, 2 s, 4 s, then 5 s each time. A success ends the pause at once.
 *
 * Any thread may call any of these functions.
 */
#ifndef TMF_STORE_OUTAGE_H
#define TMF_STORE_OUTAGE_H

#include <apr_pools.h>
#include <apr_time.h>

typedef struct tmf_outage_t tmf_outage_t;

/* Lives in `child_pool`; the database is taken to be there. */
apr_status_t tmf_outage_make(tmf_outage_t **outage, apr_pool_t *child_pool);

/* May the caller try to get a connection? Of several who ask after a failure one may. */
int tmf_outage_may_try(tmf_outage_t *outage);

/* The caller got no connection. */
void tmf_outage_pause(tmf_outage_t *outage);

/* Seconds until it is of use to ask again, at least 1: for Retry-After. */
int tmf_outage_retry_after(tmf_outage_t *outage);

/* The database cannot be used. Is that to be logged? Once a minute, and again after it was back. */
int tmf_outage_begin(tmf_outage_t *outage);

/* There is a database, but it is none for this module: others need not wait to find that out. Is
 * that to be logged? Once a minute, and again after it could be used. */
int tmf_outage_unfit(tmf_outage_t *outage);

/* It can be used: a connection works that `is_new`, or was opened long ago. How long it could not,
 * if that was logged, else 0. */
apr_interval_time_t tmf_outage_end(tmf_outage_t *outage, int is_new);

/* Every connection is in use. Is that to be logged? */
int tmf_outage_is_busy(tmf_outage_t *outage);

#endif
