/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stored customers in the memory of a child (TMFCustomerCache), valid as long as the board that all
 * children share says so.
 *
 * What it gives is what the database has, as far as it is written through this httpd: a read that
 * begins when the reply to a write has been sent sees that write. What others write to the database
 * is seen after the cache's age at the latest.
 */
#ifndef TMF_STORE_CUSTOMER_CACHE_H
#define TMF_STORE_CUSTOMER_CACHE_H

#include "store/customer_board.h"
#include "store/customer.h"

/* Bytes of a document that is kept at most. */
#define TMF_CACHED_DOCUMENT_MAX 65536

/* Of one child; used by all its threads. */
typedef struct tmf_customer_cache_t tmf_customer_cache_t;

/* child_init: an empty one of at most `bytes`; lives in `child_pool`. */
apr_status_t tmf_customer_cache_make(tmf_customer_cache_t **cache, apr_size_t bytes,
                                     apr_pool_t *child_pool);

/* How one virtual host uses it. */
typedef struct tmf_customer_caching_t {
    tmf_customer_board_t *board;  /* also where there is no cache: other generations of children may
                                     have one. NULL = the functions below do nothing */
    tmf_customer_cache_t *memory; /* NULL = there is no cache: nothing is kept, nothing is given */
    apr_interval_time_t age;      /* of what it gives at most */
    apr_interval_time_t write_time; /* that a write takes at most, from begin to end */
} tmf_customer_caching_t;

/* Permission to put in what was read after it was given. */
typedef struct {
    apr_uint64_t version;
    int given;
} tmf_cache_ticket_t;

/* Looks it up: 1, and the customer in `result_pool`; 0 when it is to be read from the database, and
 * then given to tmf_customer_cache_put with the ticket. `key->database` 0 is not known yet, and has
 * no place in the cache. */
int tmf_customer_cache_get(const tmf_customer_caching_t *caching, const tmf_customer_key_t *key,
                           const tmf_customer_t **customer, tmf_cache_ticket_t *ticket,
                           apr_pool_t *result_pool);

/* Puts in what was read, unless it has been written meanwhile, or is too large. What was not asked
 * for the longest goes when there is no room. */
void tmf_customer_cache_put(const tmf_customer_caching_t *caching, const tmf_customer_key_t *key,
                            const tmf_customer_t *customer, const tmf_cache_ticket_t *ticket);

/* Makes worthless, in all children, what was read before: somebody has seen in the database that it
 * may be old. */
void tmf_customer_cache_forget(const tmf_customer_caching_t *caching,
                               const tmf_customer_key_t *key);

/* Around each write: customer_board.h. */
void tmf_customer_cache_begin_write(const tmf_customer_caching_t *caching,
                                    const tmf_customer_key_t *key);
void tmf_customer_cache_end_write(const tmf_customer_caching_t *caching,
                                  const tmf_customer_key_t *key);

#endif
