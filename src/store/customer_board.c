/* SPDX-License-Identifier: Apache-2.0 */
#include "store/customer_board.h"

#include <stdatomic.h>

#include <apr_shm.h>

#include "model/clock.h"

#define PLACES 65536

#define WRITERS_BITS 16
#define WRITERS_MOST ((1u << WRITERS_BITS) - 1)

typedef struct {
    _Atomic apr_uint64_t version;
    /* Until when the last of the writers can be at work, in milliseconds of model/clock.h, <<
     * WRITERS_BITS | how many there are: one word, so each change of both is one step. */
    _Atomic apr_uint64_t writers;
} place_t;

_Static_assert(PLACES * sizeof(place_t) == 1 << 20,
               "the memory has another layout: count up TMF_CUSTOMER_BOARD_LAYOUT");

struct tmf_customer_board_t {
    place_t *places; /* shared */
};

apr_status_t tmf_customer_board_make(tmf_customer_board_t **board, apr_pool_t *process_pool)
{
    tmf_customer_board_t *made = apr_palloc(process_pool, sizeof(*made));
    apr_shm_t *memory;
    apr_status_t status = apr_shm_create(&memory, PLACES * sizeof(place_t), NULL, process_pool);

    if (status == APR_SUCCESS) {
        made->places = apr_shm_baseaddr_get(memory); /* zeros: nobody has written yet */
        *board = made;
    }
    return status;
}

static place_t *place_of(tmf_customer_board_t *board, const tmf_customer_key_t *key)
{
    apr_uint64_t hash = 14695981039346656037u ^ key->database; /* FNV-1a */
    const char *at;

    for (at = key->id; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    }
    return &board->places[(hash ^ hash >> 32) % PLACES];
}

static apr_uint64_t milliseconds(apr_time_t moment)
{
    return (apr_uint64_t)(moment / 1000);
}

/* How many of the writers can still be at work. */
static unsigned at_work(apr_uint64_t writers)
{
    return milliseconds(tmf_clock_now()) < writers >> WRITERS_BITS
               ? (unsigned)(writers & WRITERS_MOST)
               : 0;
}

int tmf_customer_board_read(tmf_customer_board_t *board, const tmf_customer_key_t *key,
                            apr_uint64_t *version)
{
    place_t *place = place_of(board, key);

    *version = atomic_load(
        &place->version); /* before the writers, who raise it again at their end */
    return at_work(atomic_load(&place->writers)) == 0;
}

void tmf_customer_board_begin_write(tmf_customer_board_t *board, const tmf_customer_key_t *key,
                                    apr_interval_time_t longest)
{
    const apr_uint64_t until = milliseconds(tmf_clock_now() + longest);
    place_t *place = place_of(board, key);
    apr_uint64_t writers = atomic_load(&place->writers);
    apr_uint64_t more;

    do {
        unsigned count = at_work(writers); /* whose time is over has died */

        more = (writers >> WRITERS_BITS > until ? writers >> WRITERS_BITS : until) << WRITERS_BITS |
               (count < WRITERS_MOST ? count + 1 : count);
    } while (!atomic_compare_exchange_weak(&place->writers, &writers, more));
    atomic_fetch_add(&place->version, 1);
}

void tmf_customer_board_end_write(tmf_customer_board_t *board, const tmf_customer_key_t *key)
{
    place_t *place = place_of(board, key);
    apr_uint64_t writers;

    atomic_fetch_add(&place->version, 1);
    writers = atomic_load(&place->writers);
    while ((writers & WRITERS_MOST) > 0 &&
           !atomic_compare_exchange_weak(&place->writers, &writers, writers - 1)) {
    }
}

void tmf_customer_board_raise(tmf_customer_board_t *board, const tmf_customer_key_t *key)
{
    atomic_fetch_add(&place_of(board, key)->version, 1);
}
