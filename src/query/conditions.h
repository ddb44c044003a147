/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simple form of filters (src/api/README.md §4). One parameter, still encoded, is one group:
 *
 *   query     = parameter *( "&" parameter )
 *   group     = condition *( ";" ( condition / values ) )      ; OR
 *   condition = name symbol values
 *             / name [ suffix ] "=" values
 *   suffix    = ".eq" / ".ne" / ".gt" / ".gte" / ".lt" / ".lte" / ".regex"
 *   symbol    = "==" / "!=" / ">" / ">=" / "<" / "<=" / "*=" / "=~"
 *   values    = value *( "," value )
 *   name      = part *( "." part )
 *
 * "&", ";", "," and "=" separate as raw bytes; the bytes of a symbol may be percent-encoded, but
 * not behind a raw "=": `a=%7Eb` compares with "~b", `a=~b` is a regular expression. The first
 * symbol or "=" ends the name, the longest symbol counts, and a suffix counts before "=" alone.
 * Values without a condition belong to the attribute before them, which must be compared for
 * equality.
 *
 * Several values: any of them; with .ne none of them. Groups are ANDed, but groups that only ask
 * for equality of one and the same attribute are one: `a=1&a=2` is `a=1,2`.
 */
#ifndef TMF_QUERY_CONDITIONS_H
#define TMF_QUERY_CONDITIONS_H

#include "query/filter.h"
#include "query/raw.h"

/* Where the name of a parameter ends, and what is behind it; `value` is all of it behind the
 * symbol. */
typedef struct {
    tmf_raw_t name;
    tmf_raw_t value;
    int has_operator; /* 0: `name` is all there is */
    int is_plain;     /* "=": a suffix may count */
    tmf_operator_t comparator;
} tmf_condition_t;

/* Splits one condition, or any other parameter. */
tmf_condition_t tmf_condition_split(tmf_raw_t raw);

/* Reads one group and adds it to `filter`, an AND. The reading's fault: a value that
 * belongs to nothing, bad encoding or names, and what tmf_filter_add_operand refuses. */
tmf_error_t *tmf_conditions_add(tmf_filter_t *filter, tmf_raw_t group, tmf_reading_t *reading);

#endif
