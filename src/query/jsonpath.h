/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `filter=`: JSONPath as TMF630 part 6 uses it (contract §4), on decoded text.
 *
 *   filter     = [ "$" ] steps                      ; or, without "$", beginning with a bare name
 *   steps      = *( "." name / "['" name "']" / "[*]" / "[?" or "]" )
 *   or         = and *( "||" and )
 *   and        = unary *( "&&" unary )
 *   unary      = "!" unary / "(" or ")" / comparison
 *   comparison = "@" steps [ symbol literal ]       ; without a symbol: it exists
 *              / literal symbol "@" steps
 *   symbol     = "==" / "!=" / ">" / ">=" / "<" / "<=" / "=~"
 *   literal    = "'" string "'" / '"' string '"' / number / "true" / "false" / "null"
 *              / "/" pattern "/" [ "i" ]            ; behind "=~"
 *
 * It holds for a document when the path selects something: `$[?(…)]` takes the document itself as
 * the element, `a.b[?(…)]` the elements of b. Blanks may stand between any two of these. Strings
 * have JSON's escapes and `\'`; behind "=~" a backslash is the pattern's. What JSONPath has beyond
 * this (`..`, `.*`, indexes, slices, unions, functions, paths on both sides) is
 * TMF_ERROR_NOT_IMPLEMENTED.
 */
#ifndef TMF_QUERY_JSONPATH_H
#define TMF_QUERY_JSONPATH_H

#include "query/filter.h"

/* Reads `text` (UTF-8, NUL-terminated) and adds it to `filter`, an AND; blanks alone add nothing.
 * TMF_ERROR_INVALID_PARAMETER names the place of a syntax error (characters from 1), or a limit;
 * TMF_ERROR_NOT_IMPLEMENTED the construct. */
tmf_error_t *tmf_jsonpath_add(tmf_filter_t *filter, const char *text, tmf_filter_limits_t *limits);

#endif
