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
 * Its writers are the writes that are being carried out, until the latest moment that one of them
 * can end: meanwhile the bucket gives nothing and takes nothing. Who died in a write is no longer
 * counted after that time. Count and time are one word, so each change of them is one step.
 *
 * The state of a slot is one word as well: a sequence that counts its changes, and the process that
 * fills it. Only one fills a slot at a time: it is taken by compare-and-swap, from nobody, or from
 * a process that has died, which writes nothing any more. From a living one it is never taken,
 * however long that takes. A reader copies, and looks whether the state is still the same, and
 * nobody's (a seqlock).
 *
 * All words are atomic, those of the contents too (relaxed): a reader may see some that are being
 * written, and then throws them away. Times are those of model/clock.h.
 */
#include "store/customer_cache.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <apr_shm.h>

#include "model/clock.h"

#define SLOTS      4 /* of a bucket */
#define SLOT_WORDS 504
#define HEAD_WORDS 3 /* database, revision, lengths */

#define WRITERS_BITS 16
#define WRITERS_MOST ((1u << WRITERS_BITS) - 1)

typedef struct {
    _Atomic apr_uint64_t state;             /* sequence << 32 | process that fills it, 0 = nobody */
    _Atomic apr_uint32_t version;           /* of the bucket, when what is here began to be read */
    _Atomic apr_int64_t stored_at;          /* 0 = empty */
    _Atomic apr_uint64_t words[SLOT_WORDS]; /* head, id, document */
} slot_t;

typedef struct {
    _Atomic apr_uint32_t version;
    _Atomic apr_uint32_t next; /* slot to be replaced */
    _Atomic apr_uint64_t busy; /* until when, in milliseconds, << WRITERS_BITS | writers */
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

static apr_uint64_t milliseconds(apr_time_t moment)
{
    return (apr_uint64_t)(moment / 1000);
}

/* How many of a bucket's writers can still be at work. */
static unsigned writers_of(apr_uint64_t busy)
{
    return milliseconds(tmf_clock_now()) < busy >> WRITERS_BITS ? (unsigned)(busy & WRITERS_MOST)
                                                                : 0;
}

static int is_busy(bucket_t *bucket)
{
    return writers_of(atomic_load(&bucket->busy)) > 0;
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

/* The process that fills a slot; 0 = nobody. */
static pid_t filler_of(apr_uint64_t state)
{
    return (pid_t)(state & 0xFFFFFFFFu);
}

/* Copies what a slot holds, if it is whole: 1. */
static int copy_slot(slot_t *slot, apr_uint32_t *version, apr_int64_t *stored_at, copy_t *copy)
{
    apr_uint64_t state = atomic_load_explicit(&slot->state, memory_order_acquire);
    apr_uint64_t lengths;
    apr_size_t count;
    apr_size_t i;

    if (filler_of(state) != 0) {
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
    return *stored_at != 0 && atomic_load_explicit(&slot->state, memory_order_relaxed) == state;
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

/* A number that another process has got meanwhile costs the slot, until that one ends. */
static int has_died(pid_t process)
{
    return kill(process, 0) != 0 && errno == ESRCH;
}

/* Is somebody at it who can still write? */
static int is_being_filled(apr_uint64_t state)
{
    return filler_of(state) != 0 && !has_died(filler_of(state));
}

static apr_uint64_t next_state(apr_uint64_t state, pid_t filler)
{
    return ((state >> 32) + 1) << 32 | (apr_uint32_t)filler;
}

/* Takes a slot to be filled: 1; 0 when somebody else is at it. */
static int take_slot(slot_t *slot)
{
    apr_uint64_t state = atomic_load(&slot->state);
    int taken = !is_being_filled(state) &&
                atomic_compare_exchange_strong(&slot->state, &state, next_state(state, getpid()));

    atomic_thread_fence(memory_order_release);
    return taken;
}

/* It is filled. Nobody has changed its state meanwhile: it belonged to this process, which lives.
 */
static void leave_slot(slot_t *slot)
{
    const apr_uint64_t state = atomic_load_explicit(&slot->state, memory_order_relaxed);

    atomic_store_explicit(&slot->state, next_state(state, 0), memory_order_release);
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

        if (is_being_filled(atomic_load(&bucket->slots[i].state))) {
            continue;
        }
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
    slot_t *slot;

    if (bucket == NULL || !ticket->given ||
        HEAD_WORDS + words_for(id_length) + words_for(customer->doc_length) > SLOT_WORDS ||
        atomic_load(&bucket->version) != ticket->version) {
        return;
    }
    slot = choose_slot(bucket, caching, key);
    if (!take_slot(slot)) {
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
    leave_slot(slot);
}

/* ---- writes ---- */

void tmf_customer_cache_begin_write(const tmf_customer_caching_t *caching,
                                    const tmf_cache_key_t *key)
{
    const apr_uint64_t until = milliseconds(tmf_clock_now() + caching->write_time);
    bucket_t *bucket = bucket_of(caching, key);
    apr_uint64_t busy;
    apr_uint64_t busier;

    if (bucket == NULL) {
        return;
    }
    busy = atomic_load(&bucket->busy);
    do {
        unsigned writers = writers_of(busy); /* whose time is over has died */

        busier = (busy >> WRITERS_BITS > until ? busy >> WRITERS_BITS : until) << WRITERS_BITS |
                 (writers < WRITERS_MOST ? writers + 1 : writers);
    } while (!atomic_compare_exchange_weak(&bucket->busy, &busy, busier));
    atomic_fetch_add(&bucket->version, 1);
}

void tmf_customer_cache_end_write(const tmf_customer_caching_t *caching, const tmf_cache_key_t *key)
{
    bucket_t *bucket = bucket_of(caching, key);
    apr_uint64_t busy;

    if (bucket == NULL) {
        return;
    }
    atomic_fetch_add(&bucket->version, 1);
    busy = atomic_load(&bucket->busy);
    while ((busy & WRITERS_MOST) > 0 &&
           !atomic_compare_exchange_weak(&bucket->busy, &busy, busy - 1)) {
    }
}
