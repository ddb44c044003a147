/* SPDX-License-Identifier: Apache-2.0 */
/* The events that are in hand, each once, however many listeners want it. The notifier's thread
 * only. */
#ifndef TMF_NOTIFY_EVENT_CACHE_H
#define TMF_NOTIFY_EVENT_CACHE_H

#include <apr_time.h>

#include "model/event.h"
#include "model/json.h"

typedef struct {
    apr_int64_t id;
    const char *event_id;
    tmf_trace_t trace;
    apr_time_t time;      /* of the event; 0 = it is not known */
    const char *document; /* what a listener without fields= receives */
    apr_size_t length;
    tmf_json_t *tree; /* of document, while queries are asked about it; match.c owns it */
    int references;   /* deliveries in hand */
    apr_pool_t *pool; /* owns all of this */
} tmf_cached_event_t;

typedef struct tmf_event_cache_t tmf_event_cache_t;

/* An empty cache; what is in it is in sub-pools of `pool`. */
tmf_event_cache_t *tmf_event_cache_make(apr_pool_t *pool);

/* The event with that id, with one reference more; NULL when it is not there. */
tmf_cached_event_t *tmf_event_cache_get(tmf_event_cache_t *cache, apr_int64_t id);

/* Puts an event in, unless it is there, without a reference yet: take one with tmf_event_cache_get.
 */
void tmf_event_cache_put(tmf_event_cache_t *cache, apr_int64_t id, const tmf_event_t *event);

/* Gives a reference back; the event goes with the last one. */
void tmf_event_cache_release(tmf_event_cache_t *cache, tmf_cached_event_t *event);

/* Bytes of all documents. */
apr_size_t tmf_event_cache_size(const tmf_event_cache_t *cache);

#endif
