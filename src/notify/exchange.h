/* SPDX-License-Identifier: Apache-2.0 */
/* What exchange.c, which reads at once, and record.c, which does what is in no hurry, have in
 * common: both read what is due for listeners. */
#ifndef TMF_NOTIFY_EXCHANGE_H
#define TMF_NOTIFY_EXCHANGE_H

#include "notify/dispatcher.h"

#define TMF_EVENTS_BUDGET (TMF_DOCUMENTS_MAX / 4) /* bytes of stored documents read at a time */

/* One of those that are leased, by its hub; NULL when it is not. */
tmf_listener_t *tmf_listener_find(const tmf_dispatcher_t *dispatcher, const char *hub_id);

/* What there is to ask for a listener: more, if `wanted`, or only whether it is still ours. Lives
 * in `result_pool`, without the listener. */
void tmf_want_fill(tmf_want_t *want, const tmf_listener_t *listener, int wanted,
                   apr_pool_t *result_pool);

/* The answer for one listener. It may leave, then nothing of the answer comes into its hand. */
void tmf_listener_take_answer(tmf_listener_t *listener, const tmf_want_t *want,
                              tmf_event_cache_t *events);

/* Gives what is in hand its events: those that others have in hand, too, and `events` (`count` of
 * them, oldest first). */
void tmf_listener_attach(tmf_listener_t *listener, const tmf_outbox_event_t *events, int count,
                         tmf_event_cache_t *cache);

/* The events that could not be read: too much for one time, they are read again, and so is what
 * stands behind them, which may be of the same customers; or `are_gone`, because somebody has
 * deleted them: nothing is to be told. */
void tmf_listener_do_without(tmf_listener_t *listener, int are_gone, tmf_event_cache_t *events);

#endif
