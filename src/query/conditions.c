/* SPDX-License-Identifier: Apache-2.0 */
#include "query/conditions.h"

#include <string.h>

#include <apr_strings.h>

typedef struct {
    const char *text;
    tmf_operator_t comparator;
} symbol_t;

/* Longer ones first. */
static const symbol_t symbols[] = {
    {"==", TMF_EQUAL},         {"!=", TMF_NOT_EQUAL}, {">=", TMF_GREATER_OR_EQUAL},
    {"<=", TMF_LESS_OR_EQUAL}, {"*=", TMF_REGEX},     {"=~", TMF_REGEX},
    {">", TMF_GREATER},        {"<", TMF_LESS},
};

static const symbol_t suffixes[] = {
    {".eq", TMF_EQUAL},    {".ne", TMF_NOT_EQUAL},
    {".gt", TMF_GREATER},  {".gte", TMF_GREATER_OR_EQUAL},
    {".lt", TMF_LESS},     {".lte", TMF_LESS_OR_EQUAL},
    {".regex", TMF_REGEX},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void skip(tmf_raw_t *raw, apr_size_t length)
{
    raw->data += length;
    raw->length -= length;
}

/* The bytes of `raw` that spell the symbol; 0 when they do not. */
static apr_size_t spells(tmf_raw_t raw, const char *symbol)
{
    int only_raw = *symbol == '=' && *raw.data == '=';
    const char *start = raw.data;

    for (; *symbol != '\0'; symbol++) {
        apr_size_t length;

        if (raw.length == 0 || tmf_raw_byte(&raw, &length) != *symbol ||
            (only_raw && length != 1)) {
            return 0;
        }
        skip(&raw, length);
    }
    return (apr_size_t)(raw.data - start);
}

/* The symbol or "=" that stands at `raw`: its length, or 0. */
static apr_size_t read_operator(tmf_condition_t *condition, tmf_raw_t raw)
{
    apr_size_t i;

    for (i = 0; i < COUNT(symbols); i++) {
        apr_size_t length = spells(raw, symbols[i].text);

        if (length > 0) {
            condition->comparator = symbols[i].comparator;
            return length;
        }
    }
    condition->is_plain = *raw.data == '=';
    condition->comparator = TMF_EQUAL;
    return condition->is_plain ? 1 : 0;
}

tmf_condition_t tmf_condition_split(tmf_raw_t raw)
{
    tmf_condition_t condition = {raw, {raw.data + raw.length, 0}, 0, 0, TMF_EQUAL};
    tmf_raw_t rest = raw;

    while (rest.length > 0) {
        apr_size_t length = read_operator(&condition, rest);

        if (length > 0) {
            condition.name.length = (apr_size_t)(rest.data - raw.data);
            condition.has_operator = 1;
            skip(&rest, length);
            condition.value = rest;
            return condition;
        }
        tmf_raw_byte(&rest, &length);
        skip(&rest, length);
    }
    return condition;
}

/* Takes a suffix off the name, when there is one and something is left. */
static tmf_operator_t cut_suffix(char *name)
{
    apr_size_t length = strlen(name);
    apr_size_t i;

    for (i = 0; i < COUNT(suffixes); i++) {
        apr_size_t cut = strlen(suffixes[i].text);

        if (length > cut && strcmp(name + length - cut, suffixes[i].text) == 0) {
            name[length - cut] = '\0';
            return suffixes[i].comparator;
        }
    }
    return TMF_EQUAL;
}

static tmf_error_t *add_values(tmf_filter_t *compare, tmf_raw_t values, tmf_reading_t *reading)
{
    int more;

    do {
        const char *value;
        tmf_raw_t piece;

        more = memchr(values.data, ',', values.length) != NULL;
        piece = tmf_raw_cut(&values, ',');
        TMF_TRY(tmf_raw_decode_value(&value, piece, reading));
        TMF_TRY(tmf_filter_add_operand(compare, value, reading));
    } while (more);
    return NULL;
}

static tmf_error_t *read_condition(tmf_filter_t **compare, const tmf_condition_t *condition,
                                   tmf_reading_t *reading)
{
    tmf_operator_t comparator = condition->comparator;
    const char *decoded;
    tmf_path_t path;
    char *name;

    TMF_TRY(tmf_filter_count(reading));
    TMF_TRY(tmf_raw_decode_name(&decoded, condition->name, reading));
    name = apr_pstrdup(reading->pool, decoded);
    if (condition->is_plain) {
        comparator = cut_suffix(name);
    }
    TMF_TRY(tmf_path_parse(&path, name, reading));
    *compare = tmf_filter_compare(path, comparator, reading->pool);
    return add_values(*compare, condition->value, reading);
}

static int is_equality(const tmf_filter_t *filter, tmf_path_t path)
{
    return filter->kind == TMF_FILTER_COMPARE && filter->comparator == TMF_EQUAL &&
           tmf_path_equal(filter->path, path);
}

/* The equality of this path among the children, to which operands can be added; or NULL. */
static tmf_filter_t *find_equality(const tmf_filter_t *filter, tmf_path_t path)
{
    int i;

    for (i = 0; i < filter->children->nelts; i++) {
        tmf_filter_t *child = APR_ARRAY_IDX(filter->children, i, tmf_filter_t *);

        if (is_equality(child, path)) {
            return child;
        }
    }
    return NULL;
}

/* Adds a comparison to AND or OR: where both are equalities of one attribute, to that which is
 * there. */
static void add_compare(tmf_filter_t *parent, tmf_filter_t *compare)
{
    tmf_filter_t *same = compare->comparator == TMF_EQUAL ? find_equality(parent, compare->path)
                                                          : NULL;

    if (same != NULL) {
        apr_array_cat(same->operands, compare->operands);
    } else {
        tmf_filter_add(parent, compare);
    }
}

static tmf_error_t *belongs_to_nothing(tmf_raw_t piece, const tmf_reading_t *reading)
{
    const char *text;

    TMF_TRY(tmf_raw_decode_value(&text, piece, reading));
    return tmf_reading_refuse(reading,
                              "\"%s\" is no condition: a name, an operator and a value are", text);
}

/* Reads the alternatives of a group into an OR. */
static tmf_error_t *read_group(tmf_filter_t *alternatives, tmf_raw_t group, tmf_reading_t *reading)
{
    tmf_filter_t *last = NULL;

    while (group.length > 0) {
        tmf_raw_t piece = tmf_raw_cut(&group, ';');
        tmf_condition_t condition = tmf_condition_split(piece);

        if (piece.length == 0) {
            continue;
        }
        if (condition.has_operator) {
            TMF_TRY(read_condition(&last, &condition, reading));
        } else if (last != NULL && last->comparator == TMF_EQUAL) {
            last = tmf_filter_compare(last->path, TMF_EQUAL, reading->pool);
            TMF_TRY(add_values(last, piece, reading));
        } else {
            return belongs_to_nothing(piece, reading);
        }
        add_compare(alternatives, last);
    }
    return NULL;
}

tmf_error_t *tmf_conditions_add(tmf_filter_t *filter, tmf_raw_t group, tmf_reading_t *reading)
{
    tmf_filter_t *alternatives = tmf_filter_make(TMF_FILTER_OR, reading->pool);

    TMF_TRY(read_group(alternatives, group, reading));
    if (alternatives->children->nelts == 1) {
        add_compare(filter, APR_ARRAY_IDX(alternatives->children, 0, tmf_filter_t *));
    } else if (alternatives->children->nelts > 1) {
        tmf_filter_add(filter, alternatives);
    }
    return NULL;
}
