/* SPDX-License-Identifier: Apache-2.0 */
/* The query string of a request. Filters, sort and cursor are not here yet: they are refused, never
 * ignored. */
#ifndef TMF_QUERY_PARAMETERS_H
#define TMF_QUERY_PARAMETERS_H

#include "error.h"
#include "query/fields.h"

typedef struct {
    tmf_fields_t *fields; /* NULL = everything */
    int has_limit;
    apr_int64_t limit; /* capped at APR_INT64_MAX */
    int has_offset;
    apr_int64_t offset; /* likewise */
    const char *other;  /* decoded name of the first parameter that is none of these; NULL = none */
} tmf_parameters_t;

/* Reads a raw query string (NULL = none): `&` separates before percent-decoding, `+` is a blank.
 * TMF_ERROR_INVALID_PARAMETER names the parameter: bad percent-encoding, UTF-8 or NUL, a limit or
 * offset that is no whole number or is given twice, too many fields. */
tmf_error_t *tmf_parameters_parse(tmf_parameters_t **parameters, const char *raw,
                                  apr_pool_t *result_pool);

#endif
