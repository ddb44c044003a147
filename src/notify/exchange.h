/* SPDX-License-Identifier: Apache-2.0 */
/* What exchange.c, which reads at once, and record.c, which does what can wait, have in
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

/* Puts what was read for `count` listeners into their hands. Events that came with it are kept in
 * `events`. */
void tmf_take_due(tmf_listener_t *const *asked, int count, const tmf_due_t *due, int due_count,
                  tmf_event_cache_t *events);

#endif
