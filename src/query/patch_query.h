/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Patch Query (TMF630 part 5): JSON Patch whose paths can also name elements of arrays by what
 * is in them.
 *
 *   path  = pointer                ; RFC 6901
 *         / pointer "?" conditions ; conditions.h, as in a URL: percent-encoded, "+" is a blank
 *         / jsonpath               ; tmf_jsonpath_read_steps: does not begin with "/"
 *
 * A pointer with conditions goes through arrays: where a name (or the end) meets an array, each of
 * its elements is one way on. A way leads to a place when all conditions hold. A condition whose
 * attribute begins with the names that led to an array (`/contactMedium/preferred?
 * contactMedium.mediumType=email`) is about the element of that array that the way goes through, of
 * the innermost such array; any other (`?mediumType=email`) about the element of the innermost
 * array at all. Without an array on the way it is about the document.
 *
 * JSONPath goes through arrays by `[*]`, `[?(…)]` and `[7]` alone; the document counts as an array
 * of one.
 *
 * An operation is carried out at every place, for all but `add` at every place that is there; the
 * last one first, so that removals do not move the others. `add` at an array appends to it; at an
 * element that was chosen by a condition or `*` it has no meaning. `from` must be one place, and
 * the path of a move leads where it leads once that is gone.
 */
#ifndef TMF_QUERY_PATCH_QUERY_H
#define TMF_QUERY_PATCH_QUERY_H

#include "model/json_patch.h"
#include "query/filter_match.h"

/* Elements that one patch may look at while it follows its paths. */
#define TMF_PATCH_ELEMENTS_MAX 1000000

/* Operations (tmf_patch_read) with paths that were understood. */
typedef struct tmf_patch_query_t tmf_patch_query_t;

/* Reads the paths. `operations` become a part of the result. TMF_ERROR_INVALID_BODY: what is none
 * of the above, or more conditions than one request may have (filter.h); TMF_ERROR_NOT_IMPLEMENTED:
 * jsonpath.h. */
tmf_error_t *tmf_patch_query_read(tmf_patch_query_t **query, apr_array_header_t *operations,
                                  apr_pool_t *result_pool);

/* Applies all of them to `*document`, as tmf_patch_apply does one. TMF_ERROR_PATCH_CONFLICT also
 * when a path leads to no place; TMF_ERROR_INVALID_BODY when all of them together lead to more than
 * TMF_PATCH_OPERATIONS_MAX, or past TMF_PATCH_ELEMENTS_MAX. Other errors are the matcher's. */
tmf_error_t *tmf_patch_query_apply(tmf_json_t **document, const tmf_patch_query_t *query,
                                   const tmf_matcher_t *matcher, tmf_patch_room_t *room,
                                   apr_pool_t *result_pool);

#endif
