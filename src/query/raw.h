/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a query string that are still percent-encoded (RFC 3986 §2.1): what separates is looked
 * for before anything is decoded, so an encoded separator is literal. */
#ifndef TMF_QUERY_RAW_H
#define TMF_QUERY_RAW_H

#include "query/reading.h"

typedef struct {
    const char *data; /* in the query string, not NUL-terminated */
    apr_size_t length;
} tmf_raw_t;

/* Cuts what stands before `separator`, or all, off `rest`; the separator itself goes. */
tmf_raw_t tmf_raw_cut(tmf_raw_t *rest, char separator);

/* The byte that stands at `raw` and how many bytes encode it (1 or 3) in `*length`; a broken
 * encoding stands for itself. `raw->length` must not be 0. */
char tmf_raw_byte(const tmf_raw_t *raw, apr_size_t *length);

/* Decodes a name: percent-encoding alone. The reading's fault when that is broken or yields NUL or
 * no UTF-8. */
tmf_error_t *tmf_raw_decode_name(const char **name, tmf_raw_t raw, const tmf_reading_t *reading);

/* Decodes a value: `+` is a blank, too. */
tmf_error_t *tmf_raw_decode_value(const char **value, tmf_raw_t raw, const tmf_reading_t *reading);

#endif
