/* SPDX-License-Identifier: Apache-2.0 */
/* Filters as PostgreSQL's jsonpath: internal to filter_sql.c. */
#ifndef TMF_QUERY_FILTER_JSONPATH_H
#define TMF_QUERY_FILTER_JSONPATH_H

#include "query/filter_sql.h"

/* How much of a filter a predicate says. */
typedef enum {
    TMF_PREDICATE_NONE,    /* nothing */
    TMF_PREDICATE_IMPLIED, /* it holds whenever the filter does, and perhaps oftener */
    TMF_PREDICATE_EXACT
} tmf_predicate_t;

/* Appends a jsonpath in lax mode to the values of a path, from `root` ("$" or "@"). Behind each
 * name whose values the schema does not type, `entry` ("[*]", "[0]") stands `entries` times, as one
 * of them enters one array and leaves alone what is none; once behind any other. */
void tmf_jsonpath_append_path(tmf_text_t *text, const char *root, tmf_path_t path,
                              const char *entry, int entries);

/* Appends a predicate that holds when an array is directly within another on the path. 0, and
 * nothing appended: what the schema says of the path rules that out. */
int tmf_jsonpath_append_nested(tmf_text_t *text, tmf_path_t path);

/* Appends a jsonpath predicate on `root` ("$" or "@"); nothing when it answers NONE. `document` is
 * that of "$", whose attributes without JSON no predicate can see; NULL for an element. */
tmf_predicate_t tmf_filter_append_predicate(tmf_text_t *text, const tmf_filter_t *filter,
                                            const char *root, const tmf_sql_document_t *document);

/* Appends a predicate that holds when a member is missing on the path. */
void tmf_filter_append_missing(tmf_text_t *text, tmf_path_t path);

/* The column of the path's attribute; NULL when it has none. */
const tmf_sql_column_t *tmf_sql_find_column(const tmf_sql_document_t *document, tmf_path_t path);

#endif
