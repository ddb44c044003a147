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

static int has_equal(const tmf_json_t *array, const tmf_json_t *value)
{
    int i = 0;

    while (i < count_of(array) && !tmf_json_equal(tmf_json_at(array, i), value)) {
        i++;
    }
    return i < count_of(array);
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
    tmf_json_append(profiles, tmf_json_at(tmf_json_get(stored, NAME), 0));
    return with_profiles(stored, profiles, result_pool);
}

tmf_json_t *tmf_credit_profile_keep(tmf_json_t *changed, const tmf_json_t *stored,
                                    const tmf_request_t *request, apr_pool_t *result_pool)
{
    const tmf_json_t *shown = tmf_json_get(changed, NAME);
    const tmf_json_t *before = tmf_json_get(stored, NAME);
    tmf_json_t *profiles = tmf_json_array(result_pool);
    int i;

    if (!hides(stored, request)) {
        return changed;
    }
    for (i = 0; i < count_of(shown); i++) {
        tmf_json_append(profiles, tmf_json_at(shown, i));
    }
    for (i = 1; i < count_of(before); i++) {
        if (!has_equal(shown, tmf_json_at(before, i))) {
            tmf_json_append(profiles, tmf_json_at(before, i));
        }
    }
    return with_profiles(changed, profiles, result_pool);
}
