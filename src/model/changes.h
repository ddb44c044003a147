/* SPDX-License-Identifier: Apache-2.0 */
/* What a change of a customer changes: decides whether it is one, and what events tell about it. */
#ifndef TMF_MODEL_CHANGES_H
#define TMF_MODEL_CHANGES_H

#include <apr_tables.h>

#include "model/json.h"

typedef struct {
    apr_array_header_t *names; /* of const char *: the top-level attributes whose values differ, or
                                  that only one of the two has, in the order of their bytes */
    int has_status;            /* "status" is among them */
} tmf_changes_t;

/* Compares two objects, member by member, as tmf_json_equal does: neither the order of members nor
 * the spelling of a number is a change. The names live as long as the objects. */
tmf_changes_t *tmf_changes_find(const tmf_json_t *before, const tmf_json_t *after,
                                apr_pool_t *result_pool);

#endif
