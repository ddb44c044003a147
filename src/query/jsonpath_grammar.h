/* SPDX-License-Identifier: Apache-2.0 */
/* Is a text JSONPath at all? What jsonpath.c cannot read is either no JSONPath, or more of it than
 * filters and patches support: this tells the two apart. */
#ifndef TMF_QUERY_JSONPATH_GRAMMAR_H
#define TMF_QUERY_JSONPATH_GRAMMAR_H

#include "query/jsonpath_literal.h"

/* NULL when all of `text` is a query of RFC 9535, well-typed, or one of the dialects around it: the
 * `$` may be missing, `=~` compares with a pattern, comparisons may have more than one value at
 * their sides, and older ones calculate, `$[(@.length-1)]`, and call functions at the end of a
 * path, `@.length()`. Else the reading's fault, which says what should stand where. */
tmf_error_t *tmf_jsonpath_check(const char *text, const tmf_reading_t *reading);

#endif
