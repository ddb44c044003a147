/* SPDX-License-Identifier: Apache-2.0 */
/* Hash tables whose keys clients choose. */
#ifndef TMF_MODEL_HASH_H
#define TMF_MODEL_HASH_H

#include <apr_hash.h>

/* A table for apr_hash_get and apr_hash_set, in `result_pool`. Its hash, SipHash, has a key that
 * this process has drawn: names that collide in APR's own hash are easily found, whatever its
 * seed, and a table of them compares each with each other. */
apr_hash_t *tmf_hash_make(apr_pool_t *result_pool);

#endif
