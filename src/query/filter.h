/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter: the one tree that the simple form (conditions.h) and JSONPath (jsonpath.h) yield, that
 * filter_sql.h compiles and filter_match.h evaluates. It is about any JSON document.
 *
 * A path goes through objects by name and through arrays without a word, also where their elements
 * are arrays again: it stands for every value that can be reached.
 *
 * - compare: holds when the operator holds for one value of the path and one operand. NOT_EQUAL:
 *   when a value differs from all operands, or is missing: an object on the path lacks the member,
 *   or an array there is empty.
 * - exists: the path reaches a value, null included.
 * - any: the one child holds for one of the values of the path; its own paths begin there. The
 *   value is an element where the path leads to an array, and no array itself.
 * - and, or, not: as their names say.
 *
 * How a value and an operand compare (src/api/README.md §4, "Values"): the value's type decides. A
 * number compares with an operand that is one, exactly; true and false equal themselves; a string
 * that is a date-time, or a date (its midnight UTC), compares as an instant with an operand that is
 * one, and any other string by code points. null equals the operand null of JSONPath. Nothing is
 * less or greater than the words true, false and null of JSONPath. Nothing else compares: not
 * equal, nor greater or less.
 */
#ifndef TMF_QUERY_FILTER_H
#define TMF_QUERY_FILTER_H

#include <apr_tables.h>

#include "model/datetime.h"
#include "query/reading.h"

/* What one request may ask for. */
#define TMF_FILTER_CONDITIONS_MAX 64   /* comparisons and tests of existence */
#define TMF_FILTER_OPERANDS_MAX   256  /* values of all comparisons together */
#define TMF_FILTER_VALUE_MAX      4096 /* bytes of a value, decoded */
#define TMF_FILTER_PATTERN_MAX    512  /* bytes of a regular expression */
#define TMF_FILTER_PATH_MAX       16   /* names in a path */
#define TMF_FILTER_NESTING_MAX    16   /* parentheses, ! and [?()] within each other */
#define TMF_FILTER_NAME_MAX       1024 /* bytes of a name, dots included */

typedef enum {
    TMF_EQUAL,
    TMF_NOT_EQUAL,
    TMF_GREATER,
    TMF_GREATER_OR_EQUAL,
    TMF_LESS,
    TMF_LESS_OR_EQUAL,
    TMF_REGEX
} tmf_operator_t;

/* All that an operand can be read as. */
typedef struct {
    const char *text;   /* as written: UTF-8, NUL-terminated */
    const char *number; /* a JSON number, NULL = it is none */
    int is_boolean;     /* "true" or "false" */
    int is_instant;
    tmf_instant_t instant;
    int is_null;      /* JSONPath's null, and nothing else */
    int is_unordered; /* JSONPath's true, false and null: nothing is less or greater */
} tmf_operand_t;

typedef struct {
    const char *const *names;
    int count;                     /* 0 = the value itself */
    const tmf_attribute_t *schema; /* of what the path begins in; NULL = nothing is typed */
} tmf_path_t;

typedef enum {
    TMF_FILTER_AND,
    TMF_FILTER_OR,
    TMF_FILTER_NOT,
    TMF_FILTER_ANY,
    TMF_FILTER_EXISTS,
    TMF_FILTER_COMPARE
} tmf_filter_kind_t;

typedef struct tmf_filter_t {
    tmf_filter_kind_t kind;
    apr_array_header_t *children; /* of tmf_filter_t *: AND, OR 0 or more; NOT, ANY exactly one */
    tmf_path_t path;              /* ANY, EXISTS, COMPARE */
    tmf_operator_t comparator;    /* COMPARE */
    apr_array_header_t *operands; /* of tmf_operand_t: COMPARE, 1 or more */
} tmf_filter_t;

/* Makes nodes; everything lives in `pool`. */
tmf_filter_t *tmf_filter_make(tmf_filter_kind_t kind, apr_pool_t *pool);
void tmf_filter_add(tmf_filter_t *parent, tmf_filter_t *child);
tmf_filter_t *tmf_filter_compare(tmf_path_t path, tmf_operator_t comparator, apr_pool_t *pool);

/* An AND or OR of one child is that child. */
tmf_filter_t *tmf_filter_simplify(tmf_filter_t *filter);

/* The operator with its sides exchanged; not for TMF_REGEX. */
tmf_operator_t tmf_operator_mirror(tmf_operator_t comparator);

/* Counts one more condition: the reading's fault past the limit. */
tmf_error_t *tmf_filter_count(tmf_reading_t *reading);

/* Cuts a decoded name at its dots. The reading's fault: an empty part, or too many. */
tmf_error_t *tmf_path_parse(tmf_path_t *path, const char *name, const tmf_reading_t *reading);

/* The first `count` names of a path. */
tmf_path_t tmf_path_begin(tmf_path_t path, int count);
/* The path without its first `cut` names; nothing is typed in it. */
tmf_path_t tmf_path_rest(tmf_path_t path, int cut);

/* Its text again, for messages. */
const char *tmf_path_text(tmf_path_t path, apr_pool_t *result_pool);

int tmf_path_equal(tmf_path_t a, tmf_path_t b);

/* The row of its schema that a path leads to; NULL when there is none. */
const tmf_attribute_t *tmf_path_attribute(tmf_path_t path);

/* Adds an operand to a comparison. The reading's fault: too many, too long, or no value of the type
 * that the path's schema gives the attribute. */
tmf_error_t *tmf_filter_add_operand(tmf_filter_t *compare, const char *text,
                                    tmf_reading_t *reading);
/* The same for `true`, `false` and `null` as JSONPath has them. */
tmf_error_t *tmf_filter_add_word(tmf_filter_t *compare, const char *word, tmf_reading_t *reading);

/* A JSON number (RFC 8259 §6) that PostgreSQL keeps. */
int tmf_filter_is_number(const char *text);

/* The instant of a date-time, or of a date alone: its midnight UTC. 0 when `text` is neither. */
int tmf_filter_read_instant(const char *text, tmf_instant_t *instant);

/* A subject for TMF_ERROR_INVALID_PATTERN, which does not say which pattern of the filter is none:
 * the attributes of all of them. NULL, and any other error, stays what it is. */
tmf_error_t *tmf_filter_about_patterns(tmf_error_t *error, const tmf_filter_t *filter,
                                       apr_pool_t *result_pool);

#endif
