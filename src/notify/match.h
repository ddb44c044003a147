/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the events that wait to be sent a listener's query wants.
 *
 * A query may be as costly as its author likes, and an event as large as a customer may be, so time
 * and memory have bounds, and nobody pays for a costly query but its own listener:
 *
 * - first come the queries that have not been costly so far. Who takes longer than TMF_MATCH_CHEAP
 *   for an event is costly from then on;
 * - those come after all others, and have a quarter of the notifier's time: after some of them have
 *   taken it for a moment, there are three such moments without;
 * - an event for which one query takes longer than TMF_MATCH_TIME, in the notifier or in the
 *   database, or which would take more memory than TMF_MATCH_TREES_MAX once it is parsed, counts as
 *   refused, and the listener pauses: so it is tried TMFCustomerNotifyRefusedTries times, is a dead
 *   letter then, and the rest goes on.
 */
#ifndef TMF_NOTIFY_MATCH_H
#define TMF_NOTIFY_MATCH_H

#include "notify/dispatcher.h"
#include "store/db.h"

/* Microseconds. */
#define TMF_MATCH_CHEAP (10 * 1000)
#define TMF_MATCH_TIME  (300 * 1000)

/* Bytes of parsed events at a time, as far as they can be estimated. */
#define TMF_MATCH_TREES_MAX (64 * 1024 * 1024)

/* Looks at what waits and was not checked yet: it may be sent, or is settled as not wanted, or
 * counts as refused. `dispatcher->unchecked`, `costly_left` and `costly_at` say what is left for
 * the next exchange. Errors are those of the database. */
tmf_error_t *tmf_match_waiting(tmf_dispatcher_t *dispatcher, tmf_db_t *db,
                               apr_pool_t *scratch_pool);

#endif
