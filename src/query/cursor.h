/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `cursor=`: a place in a sorted list (src/api/README.md §5). It holds the values that the order's
 * columns have there, so it means the same place whatever is created, changed or deleted around it;
 * to the client it is an opaque word.
 */
#ifndef TMF_QUERY_CURSOR_H
#define TMF_QUERY_CURSOR_H

#include <apr_tables.h>

#include "error.h"

typedef struct {
    int backward;           /* the page ends before the place, instead of beginning behind it */
    apr_int64_t position;   /* customers before the place, when the cursor was made */
    int count;              /* values of the key; 0: they were too long, `position` has to do */
    const char *const *key; /* a NULL stands for a missing value */
} tmf_cursor_t;

/* `sort` (of tmf_sort_key_t) is the order that the cursor belongs to. URL-safe (RFC 4648 §5). */
const char *tmf_cursor_write(const tmf_cursor_t *cursor, const apr_array_header_t *sort,
                             apr_pool_t *result_pool);

/* TMF_ERROR_INVALID_PARAMETER when the text is no cursor, or belongs to another order. What the
 * key's values are is for the caller to check. */
tmf_error_t *tmf_cursor_read(tmf_cursor_t *cursor, const char *text, const apr_array_header_t *sort,
                             apr_pool_t *result_pool);

#endif
