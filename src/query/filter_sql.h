/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter as SQL. No value, name or pattern of a client is ever in the text: all are parameters.
 *
 * Equality becomes jsonpath predicates (`doc @@ '…'`), which the GIN index answers; several
 * conditions on one element stay one predicate. What jsonpath cannot say (date-times, order,
 * patterns, "differs") becomes EXISTS over the values of a path, beside the part of it that an
 * index can answer. Attributes with a column of their own are asked there.
 */
#ifndef TMF_QUERY_FILTER_SQL_H
#define TMF_QUERY_FILTER_SQL_H

#include "model/text.h"
#include "query/filter.h"

/* SQL in the making. */
typedef struct {
    tmf_text_t text;
    apr_array_header_t *parameters; /* of const char *: $1… */
    apr_array_header_t *patterns;   /* of const char *: the placeholders of regular expressions */
    int is_skewed;                  /* a skewed column is asked */
    apr_pool_t *pool;
} tmf_sql_t;

/* An attribute at the top of a document that has a column of its own. */
typedef struct {
    const char *name;
    const char
        *column; /* SQL of its text, exact for texts of less than 500 characters, NULL = none */
    const char *json; /* SQL of its value as jsonb, when the document itself lacks it; else NULL */
    const char *operand; /* replaces `%s` in json, as a parameter; NULL = no such */
    int is_skewed; /* one value of the column may select a handful, another most of all rows */
} tmf_sql_column_t;

/* A document in SQL. */
typedef struct {
    const char *json;                /* SQL of the jsonb */
    const tmf_sql_column_t *columns; /* ends with a row whose name is NULL */
} tmf_sql_document_t;

/* Arrays directly within arrays are entered this deep: all that the default of TMFCustomerMaxDepth
 * lets in. */
#define TMF_SQL_ARRAYS_MAX 64

/* Texts of this many bytes or more are not compared with a column. */
#define TMF_SQL_COLUMN_TEXT_MAX 500

void tmf_sql_init(tmf_sql_t *sql, apr_pool_t *pool);

/* Adds a parameter and returns its placeholder: "$3". */
const char *tmf_sql_parameter(tmf_sql_t *sql, const char *value);

/* Is it an equality that a column of the document can decide alone? A date-time it cannot: the
 * stored one may be written otherwise. */
int tmf_filter_is_for_column(const tmf_filter_t *filter, const tmf_sql_document_t *document);

/* Appends a condition that is true for the documents that match, and false or NULL for the others.
 * Every pattern is checked, also when no row is looked at: SQLSTATE 2201B. */
void tmf_filter_to_sql(tmf_sql_t *sql, const tmf_filter_t *filter,
                       const tmf_sql_document_t *document);

/* SQL of a jsonpath to the values of a path in the jsonb `json`. `entry` is how arrays are entered:
 * "[*]" each element, "[0]" the first alone. */
const char *tmf_sql_jsonpath(tmf_sql_t *sql, const char *json, tmf_path_t path, const char *entry);

#endif
