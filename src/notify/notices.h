/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of listeners that fail is worth a line in the log, and when: one that fails now and then, or
 * all the time, must not fill it. Pure, but for its own memory; the notifier's thread only.
 *
 * All of it is forgotten when another notifier leads: that one says again what is wrong. Of more
 * than TMF_NOTICES_MAX listeners, those that were not heard of for longest are forgotten, too.
 */
#ifndef TMF_NOTIFY_NOTICES_H
#define TMF_NOTIFY_NOTICES_H

#include <apr_pools.h>
#include <apr_time.h>

#define TMF_NOTICES_GAP (60 * APR_USEC_PER_SEC) /* between two lines of a kind for one listener */
#define TMF_NOTICES_MAX 1024

typedef struct tmf_notices_t tmf_notices_t;

/* Dead letters of a listener. Its strings live until the next call. */
typedef struct {
    const char *hub_id;
    const char *origin;
    const char *event_id; /* the last one */
    const char *error;    /* of the last one */
    int count;            /* since the last time */
} tmf_dead_letters_t;

/* Nothing said yet. */
tmf_notices_t *tmf_notices_make(apr_pool_t *result_pool);

/* A listener pauses; `is_first`: it was well before. Is that to be logged? Once as long as it
 * fails, and TMF_NOTICES_GAP after the last time at the earliest. */
int tmf_notices_pause(tmf_notices_t *notices, const char *hub_id, int is_first, apr_time_t now);

/* It is well again. Is that to be logged? Not when its pause was left out. */
int tmf_notices_recovery(tmf_notices_t *notices, const char *hub_id, apr_time_t now);

/* An event has become a dead letter: counted until tmf_notices_next_dead gives it out. */
void tmf_notices_dead(tmf_notices_t *notices, const tmf_dead_letters_t *letter, apr_time_t now);

/* Takes the dead letters of a listener that are to be logged now; `all`: also those of which there
 * was a line just now. 0 = there are none. */
int tmf_notices_next_dead(tmf_notices_t *notices, apr_time_t now, int all,
                          tmf_dead_letters_t *letters);

/* The oldest event that a listener still has to receive waits for `age`, which is long; asked every
 * TMF_NOTICES_GAP. Is that to be logged? When it is new, and each time that it has doubled. */
int tmf_notices_backlog(tmf_notices_t *notices, const char *hub_id, apr_interval_time_t age,
                        apr_time_t now);

/* What the log may show of a callback, whose path, query and user information can be secret:
 * scheme, host and port, or that it is no URL. */
const char *tmf_notices_origin(const char *callback, apr_pool_t *result_pool);

#endif
