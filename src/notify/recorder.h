/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * A thread of the notifier that leads, for what takes long in the database and nobody waits for: it
 * carries out one record (record.h) at a time. There are two of them, one for each kind of record:
 * reading and sweeping may take seconds, and what is delivered has to be recorded meanwhile, or
 * hands fill up (TMF_IN_HAND_BESIDE) and nothing more is read.
 *
 * `lock` guards the state. A record, with its pool and all that is in it, belongs to the notifier's
 * thread, from tmf_recorder_give on to the recorder's, and from tmf_recorder_take on to the former
 * again: each writes the state after it has written the record, and reads it before. A recorder
 * knows nothing of listeners and deliveries in hand.
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
