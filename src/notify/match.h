/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the events that wait to be sent a listener's query wants.
 *
 * A query may be as costly as its author likes, and an event as large as a customer may be, so time
 * and memory have bounds: one event may take TMF_MATCH_TIME for one listener, in the notifier or in
 * the database; a listener with one that takes longer pauses, alone. Once all together have taken
 * TMF_MATCH_TIME, what is left waits for the next exchange, and the listeners' turns go on. Events
 * are parsed for this alone, up to TMF_MATCH_TREES_MAX bytes of them at a time.
 */
#ifndef TMF_NOTIFY_MATCH_H
#define TMF_NOTIFY_MATCH_H

#include "notify/dispatcher.h"
#include "store/db.h"

#define TMF_MATCH_TIME      (300 * 1000)       /* microseconds */
#define TMF_MATCH_TREES_MAX (16 * 1024 * 1024) /* bytes, as far as they can be estimated */

/* Looks at what waits and was not checked yet: it may be sent, or is settled as not wanted, or its
 * listener pauses. `dispatcher->unchecked` says whether something is left for the next exchange.
 * Errors are those of the database. */
tmf_error_t *tmf_match_waiting(tmf_dispatcher_t *dispatcher, tmf_db_t *db,
                               apr_pool_t *scratch_pool);

#endif
