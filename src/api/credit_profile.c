/* SPDX-License-Identifier: Apache-2.0 */
#include "api/credit_profile.h"

#include "model/merge_patch.h"

#define NAME "creditProfile"

/* Of an array; 0 for anything else. */
static int count_of(const tmf_json_t *profiles)
{
    return tmf_json_type(profiles) == TMF_JSON_ARRAY ? tmf_json_count(profiles) : 0;
}

/* Are some of the stored credit profiles hidden? Those behind the first. */
static int hides(const tmf_json_t *stored, const tmf_request_t *request)
{
    return request->config->credit_profile == TMF_CREDIT_PROFILE_CURRENT &&
           count_of(tmf_json_get(stored, NAME)) > 1;
}

static void append_from(tmf_json_t *array, const tmf_json_t *profiles, int first, int end)
{
    int i;

    for (i = first; i < end; i++) {
        tmf_json_append(array, tmf_json_at(profiles, i));
    }
}

static tmf_json_t *with_profiles(const tmf_json_t *document, tmf_json_t *profiles, apr_pool_t *pool)
{
    tmf_json_t *patch = tmf_json_object(pool);

    tmf_json_set(patch, NAME, profiles);
    return tmf_merge_patch(document, patch, pool);
}

const tmf_json_t *tmf_credit_profile_shown(const tmf_json_t *stored, const tmf_request_t *request,
                                           apr_pool_t *result_pool)
{
    tmf_json_t *profiles = tmf_json_array(result_pool);

    if (!hides(stored, request)) {
        return stored;
    }
    append_from(profiles, tmf_json_get(stored, NAME), 0, 1);
    return with_profiles(stored, profiles, result_pool);
}

tmf_json_t *tmf_credit_profile_keep(tmf_json_t *changed, const tmf_json_t *stored,
                                    const tmf_request_t *request, apr_pool_t *result_pool)
{
    const tmf_json_t *shown = tmf_json_get(changed, NAME);
    const tmf_json_t *before = tmf_json_get(stored, NAME);
    tmf_json_t *profiles = tmf_json_array(result_pool);

    if (!hides(stored, request)) {
        return changed;
    }
    append_from(profiles, shown, 0, count_of(shown));
    append_from(profiles, before, 1, count_of(before));
    return with_profiles(changed, profiles, result_pool);
}
