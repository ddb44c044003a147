/* SPDX-License-Identifier: Apache-2.0 */
#include "store/own_pool.h"

#define MEMORY_KEPT (4 * 1024 * 1024) /* bytes of freed memory that the allocator keeps */

apr_status_t tmf_own_pool_make(apr_pool_t **pool, apr_pool_t *parent, const char *tag)
{
    apr_allocator_t *allocator;
    apr_status_t status = apr_allocator_create(&allocator);

    if (status != APR_SUCCESS) {
        return status;
    }
    apr_allocator_max_free_set(allocator, MEMORY_KEPT);
    status = apr_pool_create_ex(pool, parent, NULL, allocator);
    if (status != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return status;
    }
    apr_allocator_owner_set(allocator, *pool);
    apr_pool_tag(*pool, tag);
    return APR_SUCCESS;
}
