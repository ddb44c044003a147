/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stored customers in memory that all children of an httpd share (TMFCustomerCache).
 *
 * What it gives is what the database has, as far as it is written through this httpd: a read that
 * begins when the reply to a write has been sent sees that write. What others write to the database
 * is seen after the cache's age at the latest. customer_cache.c has the design.
 */
#ifndef TMF_STORE_CUSTOMER_CACHE_H
#define TMF_STORE_CUSTOMER_CACHE_H

#include <apr_pools.h>
#include <apr_time.h>

#include "store/customer_store.h"

typedef struct tmf_customer_cache_t tmf_customer_cache_t;

/* Memory for a cache of `bytes`; it belongs to `process_pool`, so that it outlives restarts. */
apr_status_t tmf_customer_cache_make(tmf_customer_cache_t **cache, apr_size_t bytes,
                                     apr_pool_t *process_pool);

/* How one process uses it. */
typedef struct tmf_customer_caching_t {
    tmf_customer_cache_t *memory; /* NULL = there is no cache, and the functions below do nothing */
    apr_interval_time_t age;      /* of what it gives at most */
    apr_interval_time_t write_time; /* that a write takes at most, from begin to end */
} tmf_customer_caching_t;

/* Which customer: that with `id` in the database that `database` stands for (0 = not known yet: it
 * has no place in the cache). */
typedef struct {
    apr_uint64_t database;
    const char *id;
} tmf_cache_key_t;

/* Permission to put in what was read after it was given. */
typedef struct {
    apr_uint32_t version;
    int given;
} tmf_cache_ticket_t;

/* Looks it up: 1, and the customer in `result_pool`; 0 when it is to be read from the database, and
 * then given to tmf_customer_cache_put with the ticket. */
int tmf_customer_cache_get(const tmf_customer_caching_t *caching, const tmf_cache_key_t *key,
                           const tmf_customer_t **customer, tmf_cache_ticket_t *ticket,
                           apr_pool_t *result_pool);

/* Puts in what was read, unless it has been written meanwhile, or is too large. */
void tmf_customer_cache_put(const tmf_customer_caching_t *caching, const tmf_cache_key_t *key,
                            const tmf_customer_t *customer, const tmf_cache_ticket_t *ticket);

/* Around each write, from before its statement to before its reply. A process that dies in between
 * is waited for until write_time is over. */
void tmf_customer_cache_begin_write(const tmf_customer_caching_t *caching,
                                    const tmf_cache_key_t *key);
void tmf_customer_cache_end_write(const tmf_customer_caching_t *caching,
                                  const tmf_cache_key_t *key);

#endif
