/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * A table of buckets, each with a few slots; a customer has its place in one bucket, by a hash of
 * its database and id. Any process may be killed at any moment, so nothing here ever waits for
 * another.
 *
 * The version of a bucket counts beginnings and ends of writes to customers in it. A read notes it
 * before it asks the database (the ticket), and what it read is put in with that version. It is
 * given out only as long as the bucket has still that version: so a write that begins or ends after
 * the ticket makes all that was read before it worthless.
 *
 * Its writers are the writes that are being carried out, until busy_until: meanwhile the bucket
 * gives nothing and takes nothing. Who died in a write is no longer counted after that time.
 *
 * The sequence of a slot is odd while somebody fills it. A reader copies, and looks whether it is
 * still the same and even (a seqlock); who wants to fill it makes it odd by compare-and-swap, or
 * leaves it alone. One that was left odd by a death is taken over after a second.
 *
 * All words are atomic, those of the contents too (relaxed): a reader may see some that are being
 * written, and then throws them away. Times are those of model/clock.h.
 */
#include "store/customer_cache.h"

#include <stdatomic.h>
#include <string.h>

#include <apr_shm.h>

#include "model/clock.h"

#define SLOTS      4 /* of a bucket */
#define SLOT_WORDS 504
#define ABANDONED  APR_USEC_PER_SEC
#define HEAD_WORDS 3 /* database, revision, lengths */

typedef struct {
    _Atomic apr_uint32_t sequence;
    _Atomic apr_uint32_t version;  /* of the bucket, when what is here began to be read */
    _Atomic apr_int64_t stored_at; /* 0 = empty */
    _Atomic apr_int64_t filling_since;
    _Atomic apr_uint64_t words[SLOT_WORDS]; /* head, id, document */
} slot_t;

typedef struct {
    _Atomic apr_uint32_t version;
    _Atomic apr_uint32_t writers;
    _Atomic apr_int64_t busy_until;
    _Atomic apr_uint32_t next; /* slot to be replaced */
    slot_t slots[SLOTS];
} bucket_t;

struct tmf_customer_cache_t {
    bucket_t *buckets; /* shared */
    apr_size_t count;
};

/* What a slot holds, as a reader has copied it. */
typedef struct {
    apr_uint64_t words[SLOT_WORDS];
} copy_t;

apr_status_t tmf_customer_cache_make(tmf_customer_cache_t **cache, apr_size_t bytes,
                                     apr_pool_t *process_pool)
{
    tmf_customer_cache_t *made = apr_palloc(process_pool, sizeof(*made));
    apr_shm_t *memory;
    apr_status_t status;

    made->count = bytes / sizeof(bucket_t) > 0 ? bytes / sizeof(bucket_t) : 1;
    status = apr_shm_create(&memory, made->count * sizeof(bucket_t), NULL, process_pool);
    if (status == APR_SUCCESS) {
        made->buckets = apr_shm_baseaddr_get(memory); /* zeros, which are empty buckets */
        *cache = made;
    }
    return status;
}

static bucket_t *bucket_of(const tmf_customer_caching_t *caching, const tmf_cache_key_t *key)
{
    apr_uint64_t hash = 14695981039346656037u ^ key->database; /* FNV-1a */
    const char *at;

    if (caching->memory == NULL || key->database == 0) {
        return NULL;
    }
    for (at = key->id; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    }
    return &caching->memory->buckets[hash % caching->memory->count];
}

static int is_busy(bucket_t *bucket)
{
    return atomic_load(&bucket->writers) > 0 && tmf_clock_now() < atomic_load(&bucket->busy_until);
}

/* ---- contents ---- */

static apr_size_t words_for(apr_size_t bytes)
{
    return (bytes + 7) / 8;
}

static apr_uint64_t lengths_of(apr_size_t id_length, apr_size_t doc_length)
{
    return (apr_uint64_t)id_length << 32 | doc_length;
}

static void store_bytes(_Atomic apr_uint64_t *words, const char *data, apr_size_t length)
{
    for (; length > 0; words++) {
        apr_size_t part = length < 8 ? length : 8;
        apr_uint64_t word = 0;

        memcpy(&word, data, part);
        atomic_store_explicit(words, word, memory_order_relaxed);
        data += part;
        length -= part;
    }
}

/* Copies what a slot holds, if it is whole: 1. */
static int copy_slot(slot_t *slot, apr_uint32_t *version, apr_int64_t *stored_at, copy_t *copy)
{
    apr_uint32_t sequence = atomic_load_explicit(&slot->sequence, memory_order_acquire);
    apr_uint64_t lengths;
    apr_size_t count;
    apr_size_t i;

    if (sequence % 2 != 0) {
        return 0;
    }
    *version = atomic_load_explicit(&slot->version, memory_order_relaxed);
    *stored_at = atomic_load_explicit(&slot->stored_at, memory_order_relaxed);
    lengths = atomic_load_explicit(&slot->words[2], memory_order_relaxed);
    count = HEAD_WORDS + words_for((apr_size_t)(lengths >> 32)) +
            words_for((apr_size_t)(lengths & 0xFFFFFFFFu));
    for (i = 0; i < count && i < SLOT_WORDS; i++) {
        copy->words[i] = atomic_load_explicit(&slot->words[i], memory_order_relaxed);
    }
    atomic_thread_fence(memory_order_acquire);
    return *stored_at != 0 &&
           atomic_load_explicit(&slot->sequence, memory_order_relaxed) == sequence;
}

/* Does the slot look as if it had the customer? The end of an id tells most. */
static int may_hold(const slot_t *slot, const tmf_cache_key_t *key)
{
    apr_size_t length = strlen(key->id);
    apr_size_t last = length > 0 ? (length - 1) / 8 : 0;
    apr_uint64_t word = 0;

    memcpy(&word, key->id + 8 * last, length - 8 * last);
    return HEAD_WORDS + last < SLOT_WORDS &&
           atomic_load_explicit(&slot->words[2], memory_order_relaxed) >> 32 == length &&
           atomic_load_explicit(&slot->words[HEAD_WORDS + last], memory_order_relaxed) == word;
}

static int holds(const copy_t *copy, const tmf_cache_key_t *key)
{
    apr_size_t length = (apr_size_t)(copy->words[2] >> 32);

    return copy->words[0] == key->database && strlen(key->id) == length &&
           memcmp(&copy->words[HEAD_WORDS], key->id, length) == 0;
}

static const tmf_customer_t *customer_of(const copy_t *copy, apr_pool_t *pool)
{
    apr_size_t id_length = (apr_size_t)(copy->words[2] >> 32);
    apr_size_t doc_length = (apr_size_t)(copy->words[2] & 0xFFFFFFFFu);
    tmf_customer_t *customer = apr_palloc(pool, sizeof(*customer));
    char *text = apr_palloc(pool, id_length + doc_length + 2);

    memcpy(text, &copy->words[HEAD_WORDS], id_length);
    text[id_length] = '\0';
    memcpy(text + id_length + 1, &copy->words[HEAD_WORDS + words_for(id_length)], doc_length);
    text[id_length + 1 + doc_length] = '\0';
    customer->id = text;
    customer->revision = (apr_int64_t)copy->words[1];
    customer->doc = text + id_length + 1;
    customer->doc_length = doc_length;
    return customer;
}

int tmf_customer_cache_get(const tmf_customer_caching_t *caching, const tmf_cache_key_t *key,
                           const tmf_customer_t **customer, tmf_cache_ticket_t *ticket,
                           apr_pool_t *result_pool)
{
    bucket_t *bucket = bucket_of(caching, key);
    int i;

    ticket->given = 0;
    if (bucket == NULL) {
        return 0;
    }
    ticket->version = atomic_load(&bucket->version);
    if (is_busy(bucket)) {
        return 0;
    }
    ticket->given = 1;
    for (i = 0; i < SLOTS; i++) {
        apr_uint32_t version;
        apr_int64_t stored_at;
        copy_t copy;

        if (may_hold(&bucket->slots[i], key) &&
            copy_slot(&bucket->slots[i], &version, &stored_at, &copy) && holds(&copy, key) &&
            version == ticket->version && tmf_clock_now() - stored_at < caching->age) {
            *customer = customer_of(&copy, result_pool);
            return 1;
        }
    }
    return 0;
}

/* ---- filling ---- */

/* Takes a slot to be filled: 1; 0 when somebody else is at it. */
static int take_slot(slot_t *slot, apr_uint32_t *sequence)
{
    apr_int64_t moment = tmf_clock_now();

    *sequence = atomic_load(&slot->sequence);
    if (*sequence % 2 != 0) {
        if (moment - atomic_load(&slot->filling_since) < ABANDONED) {
            return 0;
        }
        if (!atomic_compare_exchange_strong(&slot->sequence, sequence, *sequence + 2)) {
            return 0;
        }
        *sequence += 2;
    } else {
        if (!atomic_compare_exchange_strong(&slot->sequence, sequence, *sequence + 1)) {
            return 0;
        }
        *sequence += 1;
    }
    atomic_store(&slot->filling_since, moment);
    atomic_thread_fence(memory_order_release);
    return 1;
}

/* The slot that has the customer, else one that is of no use any more, else the next in turn. */
static slot_t *choose_slot(bucket_t *bucket, const tmf_customer_caching_t *caching,
                           const tmf_cache_key_t *key)
{
    apr_uint32_t current = atomic_load(&bucket->version);
    slot_t *useless = NULL;
    int i;

    for (i = 0; i < SLOTS; i++) {
        apr_uint32_t version;
        apr_int64_t stored_at;
        copy_t copy;

        if (!copy_slot(&bucket->slots[i], &version, &stored_at, &copy) || version != current ||
            tmf_clock_now() - stored_at >= caching->age) {
            useless = &bucket->slots[i];
        } else if (holds(&copy, key)) {
            return &bucket->slots[i];
        }
    }
    return useless != NULL ? useless : &bucket->slots[atomic_fetch_add(&bucket->next, 1) % SLOTS];
}

void tmf_customer_cache_put(const tmf_customer_caching_t *caching, const tmf_cache_key_t *key,
                            const tmf_customer_t *customer, const tmf_cache_ticket_t *ticket)
{
    bucket_t *bucket = bucket_of(caching, key);
    apr_size_t id_length = strlen(key->id);
    apr_uint32_t sequence;
    slot_t *slot;

    if (bucket == NULL || !ticket->given ||
        HEAD_WORDS + words_for(id_length) + words_for(customer->doc_length) > SLOT_WORDS ||
        atomic_load(&bucket->version) != ticket->version) {
        return;
    }
    slot = choose_slot(bucket, caching, key);
    if (!take_slot(slot, &sequence)) {
        return;
    }
    atomic_store_explicit(&slot->version, ticket->version, memory_order_relaxed);
    atomic_store_explicit(&slot->stored_at, tmf_clock_now(), memory_order_relaxed);
    atomic_store_explicit(&slot->words[0], key->database, memory_order_relaxed);
    atomic_store_explicit(&slot->words[1], (apr_uint64_t)customer->revision, memory_order_relaxed);
    atomic_store_explicit(&slot->words[2], lengths_of(id_length, customer->doc_length),
                          memory_order_relaxed);
    store_bytes(&slot->words[HEAD_WORDS], key->id, id_length);
    store_bytes(&slot->words[HEAD_WORDS + words_for(id_length)], customer->doc,
                customer->doc_length);
    /* Whoever took over meanwhile, because this took a second, has another sequence. */
    atomic_compare_exchange_strong(&slot->sequence, &sequence, sequence + 1);
}

/* ---- writes ---- */

void tmf_customer_cache_begin_write(const tmf_customer_caching_t *caching,
                                    const tmf_cache_key_t *key)
{
    bucket_t *bucket = bucket_of(caching, key);

    if (bucket == NULL) {
        return;
    }
    if (tmf_clock_now() >= atomic_load(&bucket->busy_until)) {
        atomic_store(&bucket->writers, 0); /* those that are still counted have died */
    }
    atomic_store(&bucket->busy_until, tmf_clock_now() + caching->write_time);
    atomic_fetch_add(&bucket->writers, 1);
    atomic_fetch_add(&bucket->version, 1);
}

void tmf_customer_cache_end_write(const tmf_customer_caching_t *caching, const tmf_cache_key_t *key)
{
    bucket_t *bucket = bucket_of(caching, key);
    apr_uint32_t writers;

    if (bucket == NULL) {
        return;
    }
    atomic_fetch_add(&bucket->version, 1);
    writers = atomic_load(&bucket->writers);
    while (writers > 0 && !atomic_compare_exchange_weak(&bucket->writers, &writers, writers - 1)) {
    }
}
