/* SPDX-License-Identifier: Apache-2.0 */
#include "model/merge_patch.h"

typedef struct {
    tmf_json_t *result;
    apr_pool_t *pool;
} merge_t;

static int share_member(void *context, const char *name, tmf_json_t *value)
{
    tmf_json_set(context, name, value);
    return 1;
}

static int merge_member(void *context, const char *name, tmf_json_t *value)
{
    merge_t *merge = context;

    if (tmf_json_type(value) == TMF_JSON_NULL) {
        tmf_json_unset(merge->result, name);
    } else {
        tmf_json_set(merge->result, name,
                     tmf_merge_patch(tmf_json_get(merge->result, name), value, merge->pool));
    }
    return 1;
}

tmf_json_t *tmf_merge_patch(const tmf_json_t *target, const tmf_json_t *patch,
                            apr_pool_t *result_pool)
{
    merge_t merge = {NULL, result_pool};

    if (tmf_json_type(patch) != TMF_JSON_OBJECT) {
        return (tmf_json_t *)patch;
    }
    merge.result = tmf_json_object(result_pool);
    if (target != NULL && tmf_json_type(target) == TMF_JSON_OBJECT) {
        tmf_json_each(target, share_member, merge.result);
    }
    tmf_json_each(patch, merge_member, &merge);
    return merge.result;
}
