/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * A second thread of the notifier that leads, for what takes long in the database and nobody waits
 * for: it carries out one record (record.h) at a time, so that no listener's next event waits for
 * what was delivered or refused before to be written down.
 *
 * `lock` guards the state and the record's place. A record, with its pool and all that is in it,
 * belongs to the notifier's thread, from tmf_recorder_give on to the recorder's, and from
 * tmf_recorder_take on to the former again; the lock makes what one has written visible to the
 * other. The recorder knows nothing of listeners and deliveries in hand.
 */
#ifndef TMF_NOTIFY_RECORDER_H
#define TMF_NOTIFY_RECORDER_H

#include "notify/deliver.h"
#include "notify/record.h"

typedef struct tmf_recorder_t tmf_recorder_t;

/* Starts the thread, which lives until tmf_recorder_end; it interrupts the waiting of `sender` when
 * it is done with a record. For the thread of `pool`, like all below. */
apr_status_t tmf_recorder_start(tmf_recorder_t **recorder, tmf_sender_t *sender, apr_pool_t *pool);

/* It has no record: one may be given. */
int tmf_recorder_is_free(tmf_recorder_t *recorder);

/* Lets a free recorder carry out a record. */
void tmf_recorder_give(tmf_recorder_t *recorder, tmf_record_t *record);

/* The record that it is done with, or NULL when there is none or it is still at it. */
tmf_record_t *tmf_recorder_take(tmf_recorder_t *recorder);

/* Waits until it is done with what it has, and ends the thread; tmf_recorder_take may follow. */
void tmf_recorder_end(tmf_recorder_t *recorder);

#endif
