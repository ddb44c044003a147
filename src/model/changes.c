/* SPDX-License-Identifier: Apache-2.0 */
#include "model/changes.h"

#include <stdlib.h>
#include <string.h>

/* One object is walked, the other is asked. */
typedef struct {
    tmf_changes_t *changes;
    const tmf_json_t *other;
    int only_missing; /* what both have was compared before */
} comparison_t;

static int compare_member(void *context, const char *name, tmf_json_t *value)
{
    const comparison_t *comparison = context;
    const tmf_json_t *other = tmf_json_get(comparison->other, name);

    if (other == NULL || (!comparison->only_missing && !tmf_json_equal(value, other))) {
        APR_ARRAY_PUSH(comparison->changes->names, const char *) = name;
        comparison->changes->has_status |= strcmp(name, "status") == 0;
    }
    return 1;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

tmf_changes_t *tmf_changes_find(const tmf_json_t *before, const tmf_json_t *after,
                                apr_pool_t *result_pool)
{
    tmf_changes_t *changes = apr_pcalloc(result_pool, sizeof(*changes));
    comparison_t of_old = {changes, after, 0};
    comparison_t of_new = {changes, before, 1};

    changes->names = apr_array_make(result_pool, 4, sizeof(const char *));
    tmf_json_each(before, compare_member, &of_old);
    tmf_json_each(after, compare_member, &of_new);
    qsort(changes->names->elts, (size_t)changes->names->nelts, sizeof(const char *), compare_names);
    return changes;
}
