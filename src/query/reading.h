/* SPDX-License-Identifier: Apache-2.0 */
/* One reading of what a request asks for, in its query string or in its body. */
#ifndef TMF_QUERY_READING_H
#define TMF_QUERY_READING_H

#include "error.h"
#include "model/customer_schema.h"

/* What all texts of one request share while they are read. */
typedef struct {
    tmf_error_code_t fault;        /* of a wrong text: TMF_ERROR_INVALID_PARAMETER where it stands
                                    * in a query string, TMF_ERROR_INVALID_BODY where in a body */
    const tmf_attribute_t *schema; /* of the documents; NULL = nothing is typed */
    int conditions;                /* so far */
    int operands;                  /* so far */
    apr_pool_t *pool;              /* of all that is read, and of errors */
} tmf_reading_t;

/* The error for a text that is wrong: the code is the reading's, `format` is printf's. */
tmf_error_t *tmf_reading_refuse(const tmf_reading_t *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
