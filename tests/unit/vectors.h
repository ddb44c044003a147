/* SPDX-License-Identifier: Apache-2.0 */
/* What tests/vectors/ has: questions with their answers, one set for C, SQL and the tests' model.
 */
#ifndef TMF_TESTS_VECTORS_H
#define TMF_TESTS_VECTORS_H

#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "model/json.h"
#include "unit.h"

/* The lines of a file of vectors, each a JSON object: an array of tmf_json_t *. */
static inline apr_array_header_t *read_vectors(const char *name)
{
    static const tmf_json_limits_t limits = {100, 1000};
    apr_array_header_t *vectors = apr_array_make(pool, 100, sizeof(tmf_json_t *));
    const apr_size_t size = 1024 * 1024;
    char *text = apr_pcalloc(pool, size);
    apr_size_t length;
    apr_file_t *file;
    char *line;
    char *last;

    ck_assert_int_eq(apr_file_open(&file, apr_pstrcat(pool, TMF_VECTORS "/", name, NULL),
                                   APR_FOPEN_READ, 0, pool),
                     APR_SUCCESS);
    ck_assert_int_eq(apr_file_read_full(file, text, size, &length), APR_EOF);
    for (line = apr_strtok(text, "\n", &last); line != NULL; line = apr_strtok(NULL, "\n", &last)) {
        ck_assert_ok(tmf_json_parse(apr_array_push(vectors), line, strlen(line), &limits, pool));
    }
    return vectors;
}

#endif
