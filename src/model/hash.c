/* SPDX-License-Identifier: Apache-2.0 */
#include "model/hash.h"

#include <pthread.h>
#include <string.h>

#include <apr_general.h>
#include <apr_siphash.h>

static unsigned char key[APR_SIPHASH_KSIZE];

static void draw_key(void)
{
    apr_generate_random_bytes(key, sizeof(key));
}

static unsigned int hash(const char *text, apr_ssize_t *length)
{
    if (*length == APR_HASH_KEY_STRING) {
        *length = (apr_ssize_t)strlen(text);
    }
    return (unsigned int)apr_siphash24(text, (apr_size_t)*length, key);
}

apr_hash_t *tmf_hash_make(apr_pool_t *result_pool)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, draw_key);
    return apr_hash_make_custom(result_pool, hash);
}
