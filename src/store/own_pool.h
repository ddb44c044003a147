/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TMF_STORE_OWN_POOL_H
#define TMF_STORE_OWN_POOL_H

#include <apr_pools.h>

/* A pool below `parent` with an allocator of its own: one thread at a time may use it, whatever
 * others do with `parent` meanwhile. To make and to destroy it is for the thread of `parent`. */
apr_status_t tmf_own_pool_make(apr_pool_t **pool, apr_pool_t *parent, const char *tag);

#endif
