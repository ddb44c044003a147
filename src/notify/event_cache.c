/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/event_cache.h"

#include <apr_hash.h>
#include <apr_strings.h>

#include "model/datetime.h"

struct tmf_event_cache_t {
    apr_hash_t *events; /* apr_int64_t → tmf_cached_event_t */
    apr_size_t size;
    apr_pool_t *pool;
};

tmf_event_cache_t *tmf_event_cache_make(apr_pool_t *pool)
{
    tmf_event_cache_t *cache = apr_pcalloc(pool, sizeof(*cache));

    cache->events = apr_hash_make(pool);
    cache->pool = pool;
    return cache;
}

tmf_cached_event_t *tmf_event_cache_get(tmf_event_cache_t *cache, apr_int64_t id)
{
    tmf_cached_event_t *event = apr_hash_get(cache->events, &id, sizeof(id));

    if (event != NULL) {
        event->references++;
    }
    return event;
}

/* To the microsecond; 0 when the text is no date-time. */
static apr_time_t time_of(const char *text)
{
    tmf_instant_t instant;
    apr_time_t time;
    apr_time_t unit = APR_USEC_PER_SEC;
    apr_size_t i;

    if (!tmf_datetime_parse(text, &instant)) {
        return 0;
    }
    time = apr_time_from_sec(instant.seconds);
    for (i = 0; i < instant.fraction_length && unit > 1; i++) {
        unit /= 10;
        time += (instant.fraction[i] - '0') * unit;
    }
    return time;
}

void tmf_event_cache_put(tmf_event_cache_t *cache, apr_int64_t id, const tmf_event_t *event)
{
    tmf_cached_event_t *cached;
    apr_pool_t *pool;
    tmf_text_t text;

    if (apr_hash_get(cache->events, &id, sizeof(id)) != NULL) {
        return;
    }
    apr_pool_create(&pool, cache->pool);
    cached = apr_pcalloc(pool, sizeof(*cached));
    cached->pool = pool;
    cached->id = id;
    cached->event_id = apr_pstrdup(pool, event->event_id);
    cached->trace.parent = apr_pstrdup(pool, event->trace.parent); /* NULL stays NULL */
    cached->trace.state = apr_pstrdup(pool, event->trace.state);
    cached->time = time_of(event->time);
    tmf_text_init(&text, event->customer_length + 1024, pool);
    tmf_event_write(&text, event);
    cached->document = tmf_text_string(&text);
    cached->length = text.length;
    cache->size += cached->length;
    apr_hash_set(cache->events, &cached->id, sizeof(cached->id), cached);
}

void tmf_event_cache_release(tmf_event_cache_t *cache, tmf_cached_event_t *event)
{
    if (--event->references == 0) {
        cache->size -= event->length;
        apr_hash_set(cache->events, &event->id, sizeof(event->id), NULL);
        apr_pool_destroy(event->pool);
    }
}

apr_size_t tmf_event_cache_size(const tmf_event_cache_t *cache)
{
    return cache->size;
}
