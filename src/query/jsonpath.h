/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `filter=`: JSONPath as TMF630 part 6 uses it (src/api/README.md §4), on decoded text.
 *
 *   filter     = [ "$" ] steps                      ; or, without "$", beginning with a bare name
 *   steps      = *( "." name / "['" name "']" / "[*]" / "[?" or "]" )
 *   or         = and *( "||" and )
 *   and        = unary *( "&&" unary )
 *   unary      = [ "!" ] ( "(" or ")" / "@" steps ) / comparison
 *   comparison = "@" steps [ symbol literal ]       ; without a symbol: it exists
 *              / literal symbol "@" steps
 *   symbol     = "==" / "!=" / ">" / ">=" / "<" / "<=" / "=~"
 *   literal    = "'" string "'" / '"' string '"' / number / "true" / "false" / "null"
 *              / "/" pattern "/" [ "i" ]            ; behind "=~"
 *
 * It holds for a document when the path selects something: `$[?(…)]` takes the document itself as
 * the element, `a.b[?(…)]` the elements of b. Blanks may stand between any two of these. Strings
 * have the escapes of RFC 9535, also as patterns; in `/…/` a backslash is the pattern's. What
 * JSONPath has beyond this (`..`, `.*`, indexes, slices, unions, functions, paths on both sides),
 * and the arithmetic of older dialects, is TMF_ERROR_NOT_IMPLEMENTED; what is no JSONPath is
 * the reading's fault, wherever in the text it stands.
 */
#ifndef TMF_QUERY_JSONPATH_H
#define TMF_QUERY_JSONPATH_H

#include "query/filter.h"

/* Reads `text` (UTF-8, NUL-terminated) and adds it to `filter`, an AND; blanks alone add nothing.
 * The reading's fault names the place of a syntax error (characters from 1), or a limit;
 * TMF_ERROR_NOT_IMPLEMENTED the construct; the subject is "filter". */
tmf_error_t *tmf_jsonpath_add(tmf_filter_t *filter, const char *text, tmf_reading_t *reading);

/* One step of a path that says where something is (JSON Patch Query): `.name`, `['name']`, `[7]`;
 * `[*]` and `[?(…)]` for elements of an array. */
typedef enum { TMF_STEP_MEMBER, TMF_STEP_INDEX, TMF_STEP_ELEMENTS } tmf_step_kind_t;

typedef struct {
    tmf_step_kind_t kind;
    const char *name;     /* MEMBER: the name; INDEX: the digits */
    tmf_filter_t *filter; /* ELEMENTS: what they must meet, NULL = all of them */
} tmf_step_t;

/* Steps of such a path at most. */
#define TMF_STEPS_MAX 64

/* Reads all of `text` into an array of tmf_step_t, with the grammar above and indexes besides.
 * Errors as above; the subject is "path". */
tmf_error_t *tmf_jsonpath_read_steps(apr_array_header_t **steps, const char *text,
                                     tmf_reading_t *reading);

#endif
