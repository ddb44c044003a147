/* SPDX-License-Identifier: Apache-2.0 */
#include "api/change.h"

#include "api/body.h"
#include "api/credit_profile.h"
#include "api/database_matcher.h"
#include "api/representation.h"
#include "model/customer.h"
#include "model/json_patch.h"
#include "model/merge_patch.h"
#include "query/patch_query.h"

/* Makes the new document of the one that the client sees, whose members are those of the stored
 * one: who changes them copies them first. What it is to be is checked afterwards. */
typedef tmf_error_t *compute_fn(tmf_json_t **document, const tmf_change_t *change,
                                const tmf_matching_t *matching, apr_pool_t *result_pool);

struct tmf_change_t {
    const tmf_request_t *request;
    compute_fn *compute;            /* NULL: `body` is the new document */
    tmf_json_t *body;               /* of a merge patch and a replacement */
    apr_array_header_t *operations; /* of a JSON Patch */
    tmf_patch_query_t *query;       /* of a JSON Patch Query */
};

/* ---- the three formats of a patch ---- */

static tmf_error_t *merge(tmf_json_t **document, const tmf_change_t *change,
                          const tmf_matching_t *matching, apr_pool_t *pool)
{
    (void)matching;
    *document = tmf_merge_patch(*document, change->body, pool);
    return NULL;
}

static tmf_error_t *read_merge_patch(tmf_change_t *change)
{
    const tmf_request_t *request = change->request;

    change->compute = merge;
    TMF_TRY(tmf_body_parse(&change->body, request));
    if (tmf_json_type(change->body) == TMF_JSON_ARRAY) {
        return tmf_error_make(
            request->pool, TMF_ERROR_INVALID_BODY,
            "A merge patch must be an object; a JSON Patch, which is an array, has "
            "the Content-Type application/json-patch+json");
    }
    TMF_TRY(tmf_body_require_object(change->body, request));
    return tmf_body_check_identity(change->body, request);
}

static tmf_patch_room_t room_of(const tmf_change_t *change)
{
    const tmf_space_config_t *config = change->request->config;
    tmf_patch_room_t room = {config->body_depth_max, (apr_size_t)config->body_max};

    return room;
}

static tmf_error_t *apply_operations(tmf_json_t **document, const tmf_change_t *change,
                                     const tmf_matching_t *matching, apr_pool_t *pool)
{
    tmf_patch_room_t room = room_of(change);
    int i;

    (void)matching;
    *document = tmf_json_copy(*document, pool);
    for (i = 0; i < change->operations->nelts; i++) {
        TMF_TRY(tmf_patch_apply(
            document, &APR_ARRAY_IDX(change->operations, i, tmf_patch_operation_t), &room, pool));
    }
    return NULL;
}

static tmf_error_t *read_json_patch(tmf_change_t *change)
{
    apr_pool_t *pool = change->request->pool;
    int i;

    change->compute = apply_operations;
    TMF_TRY(tmf_body_parse(&change->body, change->request));
    TMF_TRY(tmf_patch_read(&change->operations, change->body, pool));
    for (i = 0; i < change->operations->nelts; i++) {
        TMF_TRY(tmf_patch_read_pointers(
            &APR_ARRAY_IDX(change->operations, i, tmf_patch_operation_t), pool));
    }
    return NULL;
}

static tmf_error_t *apply_query(tmf_json_t **document, const tmf_change_t *change,
                                const tmf_matching_t *matching, apr_pool_t *pool)
{
    const tmf_matcher_t *matcher = tmf_database_matcher_make(matching, TMF_ERROR_INVALID_BODY,
                                                             pool);
    tmf_patch_room_t room = room_of(change);

    *document = tmf_json_copy(*document, pool);
    return tmf_patch_query_apply(document, change->query, matcher, &room, pool);
}

static tmf_error_t *read_json_patch_query(tmf_change_t *change)
{
    apr_pool_t *pool = change->request->pool;

    change->compute = apply_query;
    TMF_TRY(tmf_body_parse(&change->body, change->request));
    TMF_TRY(tmf_patch_read(&change->operations, change->body, pool));
    return tmf_patch_query_read(&change->query, change->operations, pool);
}

const char *tmf_change_operation(const tmf_change_t *change)
{
    return change->compute != NULL ? "patch" : "replace";
}

/* ---- reading and applying ---- */

static tmf_change_t *make_change(const tmf_request_t *request)
{
    tmf_change_t *change = apr_pcalloc(request->pool, sizeof(*change));

    change->request = request;
    return change;
}

tmf_error_t *tmf_change_read_patch(tmf_change_t **change, const tmf_request_t *request)
{
    *change = make_change(request);
    switch (request->patch_format) {
    case TMF_FORMAT_JSON_PATCH:
        return read_json_patch(*change);
    case TMF_FORMAT_JSON_PATCH_QUERY:
        return read_json_patch_query(*change);
    default:
        return read_merge_patch(*change);
    }
}

tmf_error_t *tmf_change_read_replacement(tmf_change_t **change, const tmf_request_t *request)
{
    *change = make_change(request);
    TMF_TRY(tmf_body_parse_object(&(*change)->body, request));
    TMF_TRY(tmf_body_check_identity((*change)->body, request));
    return tmf_customer_normalise((*change)->body, request->pool);
}

/* id and href may be written over with what they are; taking them away would change them, too. */
static tmf_error_t *check_identity(tmf_json_t *document, const tmf_request_t *request)
{
    static const char *const names[] = {"id", "href"};
    int i;

    if (tmf_json_type(document) != TMF_JSON_OBJECT) {
        return NULL; /* tmf_customer_normalise says so */
    }
    for (i = 0; i < 2; i++) {
        if (tmf_json_get(document, names[i]) == NULL) {
            return tmf_error_make(request->pool, TMF_ERROR_INVALID_BODY, "%s cannot be removed",
                                  names[i]);
        }
    }
    return tmf_body_check_identity(document, request);
}

tmf_error_t *tmf_change_apply(tmf_json_t **computed, const tmf_change_t *change,
                              const tmf_json_t *stored, const tmf_matching_t *matching,
                              apr_pool_t *result_pool)
{
    tmf_json_t *identity;

    if (change->compute == NULL) {
        *computed = tmf_credit_profile_keep(change->body, stored, change->request, result_pool);
        return NULL;
    }
    identity = tmf_json_object(result_pool);
    tmf_representation_add_identity(identity, change->request, change->request->id, result_pool);
    *computed = tmf_merge_patch(tmf_credit_profile_shown(stored, change->request, result_pool),
                                identity, result_pool);
    TMF_TRY(change->compute(computed, change, matching, result_pool));
    TMF_TRY(check_identity(*computed, change->request));
    TMF_TRY(tmf_customer_normalise(*computed, result_pool));
    *computed = tmf_credit_profile_keep(*computed, stored, change->request, result_pool);
    return NULL;
}
