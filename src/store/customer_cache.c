/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table by key, and a ring in the order of use, both under one lock, which is held for as long as
 * a document is copied. Entries are blocks of the C heap, which takes them back one by one.
 */
#include "store/customer_cache.h"

#include <stdlib.h>
#include <string.h>

#include <apr_ring.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "model/clock.h"
#include "model/hash.h"

/* What the heap and the table take for an entry beside its own bytes, about. */
#define ENTRY_OVERHEAD 96

typedef struct entry_t {
    APR_RING_ENTRY(entry_t) link;
    apr_uint64_t version; /* of the board, when it began to be read */
    apr_time_t stored_at;
    apr_int64_t revision;
    apr_size_t key_length;
    apr_size_t doc_length;
    char text[]; /* the key as write_key writes it, the document, NUL */
} entry_t;

APR_RING_HEAD(ring_t, entry_t);

struct tmf_customer_cache_t {
    apr_thread_mutex_t *lock; /* guards what follows */
    apr_pool_t *pool;         /* of the table alone, which grows; its allocator is nobody else's */
    apr_hash_t *entries;
    struct ring_t ring; /* the one that was not asked for the longest is first */
    apr_size_t bytes;
    apr_size_t bytes_max;
};

static void forget(tmf_customer_cache_t *cache, entry_t *entry);

static apr_status_t forget_all(void *data)
{
    tmf_customer_cache_t *cache = data;

    while (!APR_RING_EMPTY(&cache->ring, entry_t, link)) {
        forget(cache, APR_RING_FIRST(&cache->ring));
    }
    apr_pool_destroy(cache->pool);
    return APR_SUCCESS;
}

apr_status_t tmf_customer_cache_make(tmf_customer_cache_t **cache, apr_size_t bytes,
                                     apr_pool_t *child_pool)
{
    tmf_customer_cache_t *made = apr_pcalloc(child_pool, sizeof(*made));
    apr_status_t status = apr_pool_create_unmanaged(&made->pool);

    if (status != APR_SUCCESS) {
        return status;
    }
    made->bytes_max = bytes;
    made->entries = tmf_hash_make(made->pool);
    APR_RING_INIT(&made->ring, entry_t, link);
    apr_pool_cleanup_register(child_pool, made, forget_all, apr_pool_cleanup_null);
    *cache = made;
    return apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, child_pool);
}

/* ---- entries; the caller has the lock ---- */

static apr_size_t size_of(apr_size_t key_length, apr_size_t doc_length)
{
    return sizeof(entry_t) + key_length + doc_length + 1 + ENTRY_OVERHEAD;
}

static void forget(tmf_customer_cache_t *cache, entry_t *entry)
{
    apr_hash_set(cache->entries, entry->text, (apr_ssize_t)entry->key_length, NULL);
    APR_RING_REMOVE(entry, link);
    cache->bytes -= size_of(entry->key_length, entry->doc_length);
    free(entry);
}

static void make_room(tmf_customer_cache_t *cache, apr_size_t bytes)
{
    while (cache->bytes + bytes > cache->bytes_max &&
           !APR_RING_EMPTY(&cache->ring, entry_t, link)) {
        forget(cache, APR_RING_FIRST(&cache->ring));
    }
}

static void keep(tmf_customer_cache_t *cache, entry_t *entry)
{
    apr_size_t bytes = size_of(entry->key_length, entry->doc_length);
    entry_t *old = apr_hash_get(cache->entries, entry->text, (apr_ssize_t)entry->key_length);

    if (old != NULL) {
        forget(cache, old);
    }
    make_room(cache, bytes);
    apr_hash_set(cache->entries, entry->text, (apr_ssize_t)entry->key_length, entry);
    APR_RING_INSERT_TAIL(&cache->ring, entry, entry_t, link);
    cache->bytes += bytes;
}

/* The entry, which has been used now; NULL when it is not there or of no use any more. */
static entry_t *find(tmf_customer_cache_t *cache, const char *key, apr_size_t key_length,
                     apr_uint64_t version, apr_interval_time_t age)
{
    entry_t *entry = apr_hash_get(cache->entries, key, (apr_ssize_t)key_length);

    if (entry == NULL) {
        return NULL;
    }
    if (entry->version != version || tmf_clock_now() - entry->stored_at >= age) {
        forget(cache, entry);
        return NULL;
    }
    APR_RING_REMOVE(entry, link);
    APR_RING_INSERT_TAIL(&cache->ring, entry, entry_t, link);
    return entry;
}

/* ---- in and out ---- */

static int has_board(const tmf_customer_caching_t *caching, const tmf_customer_key_t *key)
{
    return caching->board != NULL && key->database != 0;
}

static int has_cache(const tmf_customer_caching_t *caching, const tmf_customer_key_t *key)
{
    return caching->memory != NULL && has_board(caching, key);
}

/* Database and id, with the NUL, at the beginning of an entry's text. */
static apr_size_t key_length_of(const tmf_customer_key_t *key)
{
    return sizeof(key->database) + strlen(key->id) + 1;
}

static void write_key(char *text, const tmf_customer_key_t *key)
{
    memcpy(text, &key->database, sizeof(key->database));
    strcpy(text + sizeof(key->database), key->id);
}

static tmf_customer_t *copy_of(const entry_t *entry, apr_pool_t *pool)
{
    tmf_customer_t *customer = apr_palloc(pool, sizeof(*customer));
    char *text = apr_pmemdup(pool, entry->text, entry->key_length + entry->doc_length + 1);

    customer->id = text + sizeof(apr_uint64_t);
    customer->revision = entry->revision;
    customer->doc = text + entry->key_length;
    customer->doc_length = entry->doc_length;
    return customer;
}

int tmf_customer_cache_get(const tmf_customer_caching_t *caching, const tmf_customer_key_t *key,
                           const tmf_customer_t **customer, tmf_cache_ticket_t *ticket,
                           apr_pool_t *result_pool)
{
    tmf_customer_cache_t *cache = caching->memory;
    const entry_t *entry;
    char *text;

    ticket->given = has_cache(caching, key) &&
                    tmf_customer_board_read(caching->board, key, &ticket->version);
    if (!ticket->given) {
        return 0;
    }
    text = apr_palloc(result_pool, key_length_of(key));
    write_key(text, key);
    apr_thread_mutex_lock(cache->lock);
    entry = find(cache, text, key_length_of(key), ticket->version, caching->age);
    if (entry != NULL) {
        *customer = copy_of(entry, result_pool);
    }
    apr_thread_mutex_unlock(cache->lock);
    return entry != NULL;
}

static int is_current(const tmf_customer_caching_t *caching, const tmf_customer_key_t *key,
                      const tmf_cache_ticket_t *ticket)
{
    apr_uint64_t version;

    return tmf_customer_board_read(caching->board, key, &version) && version == ticket->version;
}

/* NULL when there is no memory. */
static entry_t *entry_of(const tmf_customer_key_t *key, const tmf_customer_t *customer,
                         apr_uint64_t version)
{
    apr_size_t key_length = key_length_of(key);
    entry_t *entry = malloc(sizeof(*entry) + key_length + customer->doc_length + 1);

    if (entry == NULL) {
        return NULL;
    }
    entry->version = version;
    entry->stored_at = tmf_clock_now();
    entry->revision = customer->revision;
    entry->key_length = key_length;
    entry->doc_length = customer->doc_length;
    write_key(entry->text, key);
    memcpy(entry->text + key_length, customer->doc, customer->doc_length + 1);
    return entry;
}

void tmf_customer_cache_put(const tmf_customer_caching_t *caching, const tmf_customer_key_t *key,
                            const tmf_customer_t *customer, const tmf_cache_ticket_t *ticket)
{
    tmf_customer_cache_t *cache = caching->memory;
    entry_t *entry;

    if (!has_cache(caching, key) || !ticket->given || !is_current(caching, key, ticket) ||
        customer->doc_length > TMF_CACHED_DOCUMENT_MAX ||
        size_of(key_length_of(key), customer->doc_length) > cache->bytes_max) {
        return;
    }
    entry = entry_of(key, customer, ticket->version);
    if (entry == NULL) {
        return;
    }
    apr_thread_mutex_lock(cache->lock);
    keep(cache, entry);
    apr_thread_mutex_unlock(cache->lock);
}

/* ---- writes ---- */

void tmf_customer_cache_forget(const tmf_customer_caching_t *caching, const tmf_customer_key_t *key)
{
    if (has_board(caching, key)) {
        tmf_customer_board_raise(caching->board, key);
    }
}

void tmf_customer_cache_begin_write(const tmf_customer_caching_t *caching,
                                    const tmf_customer_key_t *key)
{
    if (has_board(caching, key)) {
        tmf_customer_board_begin_write(caching->board, key, caching->write_time);
    }
}

void tmf_customer_cache_end_write(const tmf_customer_caching_t *caching,
                                  const tmf_customer_key_t *key)
{
    if (has_board(caching, key)) {
        tmf_customer_board_end_write(caching->board, key);
    }
}
