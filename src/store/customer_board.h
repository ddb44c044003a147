/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the children of an httpd know together about customers that each of them keeps in memory:
 * a version for each customer, which every write through this httpd raises. Nothing else is shared,
 * so a process that is killed leaves nothing half-written.
 *
 * Customers whose keys have one hash share a version: a write to one makes the other worthless,
 * too, which costs a read.
 *
 * A write raises the version at its beginning and at its end, and counts as a writer in between. So
 * whoever reads a version while nobody writes, then asks the database, and finds the same version
 * again, has read what is still true.
 */
#ifndef TMF_STORE_CUSTOMER_BOARD_H
#define TMF_STORE_CUSTOMER_BOARD_H

#include <apr_pools.h>
#include <apr_time.h>

typedef struct tmf_customer_board_t tmf_customer_board_t;

/* Of the memory, which a module that a restart has replaced finds as the one before has made it:
 * another layout has another number, and a memory of its own. */
#define TMF_CUSTOMER_BOARD_LAYOUT "1"

/* Which customer: that with `id` in the database that `database` stands for, never 0. */
typedef struct {
    apr_uint64_t database;
    const char *id;
} tmf_customer_key_t;

/* Shared memory of 1 MiB; it belongs to `process_pool`, so that it outlives restarts. */
apr_status_t tmf_customer_board_make(tmf_customer_board_t **board, apr_pool_t *process_pool);

/* The customer's version; 0 while it is being written, and `*version` is undefined. */
int tmf_customer_board_read(tmf_customer_board_t *board, const tmf_customer_key_t *key,
                            apr_uint64_t *version);

/* Around each write, from before its statement to before its reply. A process that dies in between
 * is waited for until `longest`, which a write takes at most, is over. */
void tmf_customer_board_begin_write(tmf_customer_board_t *board, const tmf_customer_key_t *key,
                                    apr_interval_time_t longest);
void tmf_customer_board_end_write(tmf_customer_board_t *board, const tmf_customer_key_t *key);

/* Raises the version, as a write does that has happened before. */
void tmf_customer_board_raise(tmf_customer_board_t *board, const tmf_customer_key_t *key);

#endif
