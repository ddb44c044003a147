/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The query string of a request (src/api/README.md §3–§5). `&` separates before percent-decoding;
 * what is not `fields`, `limit`, `offset`, `sort`, `cursor` or `filter` is a condition
 * (conditions.h): nothing is ignored.
 */
#ifndef TMF_QUERY_PARAMETERS_H
#define TMF_QUERY_PARAMETERS_H

#include "query/fields.h"
#include "query/filter.h"

#define TMF_SORT_KEYS_MAX 8

typedef struct {
    tmf_path_t path;
    int descending;
} tmf_sort_key_t;

typedef struct {
    tmf_fields_t *fields; /* NULL = everything */
    int has_limit;
    apr_int64_t limit; /* capped at APR_INT64_MAX */
    int has_offset;
    apr_int64_t offset;       /* likewise */
    apr_array_header_t *sort; /* of tmf_sort_key_t, the most significant first; may be empty */
    const char *cursor;       /* decoded; NULL = none */
    tmf_filter_t *filter;     /* an AND of all conditions and filters; no children = everything */
    const char *other; /* the first parameter that is not fields, limit or offset; NULL = none */
} tmf_parameters_t;

/* Reads a raw query string (NULL = none) about documents of `schema` (NULL = untyped).
 * TMF_ERROR_INVALID_PARAMETER says what is wrong: bad percent-encoding, UTF-8 or NUL, numbers that
 * are none, a parameter that is given twice and may be once, and what conditions.h, jsonpath.h and
 * fields.h refuse; TMF_ERROR_NOT_IMPLEMENTED: jsonpath.h. */
tmf_error_t *tmf_parameters_parse(tmf_parameters_t **parameters, const char *raw,
                                  const tmf_attribute_t *schema, apr_pool_t *result_pool);

/* The same of a text that stands elsewhere: the code of errors is the reading's. */
tmf_error_t *tmf_parameters_read(tmf_parameters_t **parameters, const char *raw,
                                 tmf_reading_t *reading);

/* Is this raw `name=value` one of the reserved parameters, by its decoded name? */
int tmf_parameter_is(const char *raw, apr_size_t length, const char *name,
                     apr_pool_t *scratch_pool);

#endif
