/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Merge Patch, RFC 7386. */
#ifndef TMF_MODEL_MERGE_PATCH_H
#define TMF_MODEL_MERGE_PATCH_H

#include "model/json.h"

/* The result of MergePatch(target, patch), RFC 7386 §2: a new value; `target` (NULL = absent) and
 * `patch` stay as they are, and the result may share parts with both. */
tmf_json_t *tmf_merge_patch(const tmf_json_t *target, const tmf_json_t *patch,
                            apr_pool_t *result_pool);

#endif
