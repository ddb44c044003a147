/* SPDX-License-Identifier: Apache-2.0 */
#include "model/customer.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "model/customer_schema.h"
#include "model/datetime.h"
#include "model/text.h"
#include "model/uri.h"
#include "model/utf8.h"

#define VIOLATIONS_SHOWN 50

/* What is wrong with one customer. */
typedef struct {
    tmf_text_t list; /* "path problem; path problem" */
    int count;
    apr_pool_t *pool;
} violations_t;

/* Where something stands; it is written out when it is wrong, which is seldom. */
typedef struct path_t {
    const struct path_t *outer; /* NULL = the customer */
    const char *name;           /* of an attribute; NULL = an element of an array */
    int index;
} path_t;

static void append_path(tmf_text_t *text, const path_t *path)
{
    if (path->outer != NULL) {
        append_path(text, path->outer);
        tmf_text_append_string(text, path->name != NULL ? "." : "");
    }
    if (path->name != NULL) {
        tmf_text_append_string(text, path->name);
    } else {
        tmf_text_append_format(text, "[%d]", path->index);
    }
}

static void report(violations_t *violations, const path_t *path, const char *problem)
{
    if (++violations->count > VIOLATIONS_SHOWN) {
        return;
    }
    tmf_text_append_string(&violations->list, violations->count > 1 ? "; " : "");
    append_path(&violations->list, path);
    tmf_text_append_string(&violations->list, problem);
}

static int is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n\f\v")] == '\0';
}

static int is_integer(const tmf_json_t *value)
{
    const char *text = tmf_json_number_text(value);

    return text != NULL && text[strcspn(text, ".eE")] == '\0';
}

static int is_datetime(const tmf_json_t *value)
{
    const char *text = tmf_json_string_text(value);
    tmf_instant_t instant;

    return text != NULL && tmf_datetime_parse(text, &instant);
}

static int is_uri(const tmf_json_t *value)
{
    const char *text = tmf_json_string_text(value);

    return text != NULL && tmf_uri_is_reference(text);
}

/* Has the value the kind's type? `*wanted` says what it is. */
static int has_kind(const tmf_json_t *value, tmf_kind_t kind, const char **wanted)
{
    tmf_json_type_t type = tmf_json_type(value);

    switch (kind) {
    case TMF_KIND_STRING:
        *wanted = "a string";
        return type == TMF_JSON_STRING;
    case TMF_KIND_URI:
        *wanted = type == TMF_JSON_STRING ? "a URI such as https://schemas.example/customer.json"
                                          : "a string";
        return is_uri(value);
    case TMF_KIND_BOOLEAN:
        *wanted = "true or false";
        return type == TMF_JSON_BOOLEAN;
    case TMF_KIND_INTEGER:
        *wanted = "an integer, without fraction and exponent";
        return is_integer(value);
    case TMF_KIND_DATETIME:
        *wanted = "a date-time such as 2018-06-12T00:00Z";
        return is_datetime(value);
    case TMF_KIND_OBJECT:
        *wanted = "an object";
        return type == TMF_JSON_OBJECT;
    case TMF_KIND_ARRAY:
        *wanted = "an array";
        return type == TMF_JSON_ARRAY;
    default:
        *wanted = "a value";
        return 1;
    }
}

static void check_object(violations_t *violations, const path_t *path, const tmf_json_t *object,
                         const tmf_attribute_t *attributes);

static void check_elements(violations_t *violations, const path_t *path, const tmf_json_t *array,
                           const tmf_attribute_t *attributes)
{
    int count = tmf_json_count(array);
    int i;

    for (i = 0; i < count; i++) {
        const path_t element_path = {path, NULL, i};
        const tmf_json_t *element = tmf_json_at(array, i);

        if (tmf_json_type(element) == TMF_JSON_OBJECT) {
            check_object(violations, &element_path, element, attributes);
        } else {
            report(violations, &element_path, " must be an object");
        }
    }
}

static void check_attribute(violations_t *violations, const path_t *path, const tmf_json_t *value,
                            const tmf_attribute_t *attribute)
{
    const char *wanted;

    if (value == NULL) {
        if (attribute->mandatory) {
            report(violations, path, " is mandatory");
        }
    } else if (!has_kind(value, attribute->kind, &wanted)) {
        report(violations, path, apr_pstrcat(violations->pool, " must be ", wanted, NULL));
    } else if (attribute->kind == TMF_KIND_STRING && attribute->mandatory &&
               is_blank(tmf_json_string_text(value))) {
        report(violations, path, " is mandatory and may not be blank");
    } else if (attribute->kind == TMF_KIND_OBJECT) {
        check_object(violations, path, value, attribute->inside);
    } else if (attribute->kind == TMF_KIND_ARRAY) {
        check_elements(violations, path, value, attribute->inside);
    }
}

static int read_instant(const tmf_json_t *period, const char *name, tmf_instant_t *instant)
{
    const char *text = tmf_json_string_text(tmf_json_get(period, name));

    return text != NULL && tmf_datetime_parse(text, instant);
}

static void check_order(violations_t *violations, const path_t *path, const tmf_json_t *period)
{
    tmf_instant_t start;
    tmf_instant_t end;

    if (read_instant(period, "startDateTime", &start) &&
        read_instant(period, "endDateTime", &end) && tmf_instant_compare(&end, &start) < 0) {
        report(violations, path, ".endDateTime may not be before startDateTime");
    }
}

static void check_object(violations_t *violations, const path_t *path, const tmf_json_t *object,
                         const tmf_attribute_t *attributes)
{
    const tmf_attribute_t *attribute;

    for (attribute = attributes; attribute->name != NULL; attribute++) {
        const path_t attribute_path = {path, attribute->name, 0};

        check_attribute(violations, &attribute_path, tmf_json_get(object, attribute->name),
                        attribute);
    }
    if (attributes == tmf_time_period_attributes) {
        check_order(violations, path, object);
    }
}

static int collect_null(void *names, const char *name, tmf_json_t *value)
{
    if (tmf_json_type(value) == TMF_JSON_NULL) {
        *(const char **)apr_array_push(names) = name;
    }
    return 1;
}

/* null for an attribute is the same as its absence (src/api/README.md §1). */
static void drop_nulls(tmf_json_t *object, const tmf_attribute_t *attributes, apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 1, sizeof(const char *));
    const tmf_attribute_t *attribute;
    int i;

    if (object == NULL || tmf_json_type(object) != TMF_JSON_OBJECT) {
        return;
    }
    tmf_json_each(object, collect_null, names);
    for (i = 0; i < names->nelts; i++) {
        tmf_json_unset(object, APR_ARRAY_IDX(names, i, const char *));
    }
    for (attribute = attributes; attribute->name != NULL; attribute++) {
        tmf_json_t *value = tmf_json_get(object, attribute->name);

        if (value != NULL && attribute->inside != NULL && tmf_json_type(value) == TMF_JSON_ARRAY) {
            for (i = 0; i < tmf_json_count(value); i++) {
                drop_nulls(tmf_json_at(value, i), attribute->inside, pool);
            }
        } else if (attribute->inside != NULL) {
            drop_nulls(value, attribute->inside, pool);
        }
    }
}

static int equal_trimmed(const char *a, const char *b)
{
    apr_size_t length_a;
    apr_size_t length_b;

    a += strspn(a, " \t\r\n\f\v");
    b += strspn(b, " \t\r\n\f\v");
    length_a = strlen(a);
    length_b = strlen(b);
    while (length_a > 0 && apr_isspace(a[length_a - 1])) {
        length_a--;
    }
    while (length_b > 0 && apr_isspace(b[length_b - 1])) {
        length_b--;
    }
    return length_a == length_b && memcmp(a, b, length_a) == 0;
}

/* The one relatedParty with the customer's name; NULL when there is none or several. */
static tmf_json_t *find_namesake(const tmf_json_t *customer)
{
    const char *name = tmf_json_string_text(tmf_json_get(customer, "name"));
    const tmf_json_t *parties = tmf_json_get(customer, "relatedParty");
    tmf_json_t *namesake = NULL;
    int i;

    if (name == NULL || parties == NULL || tmf_json_type(parties) != TMF_JSON_ARRAY) {
        return NULL;
    }
    for (i = 0; i < tmf_json_count(parties); i++) {
        tmf_json_t *party = tmf_json_at(parties, i);
        const char *party_name = tmf_json_string_text(tmf_json_get(party, "name"));

        if (party_name != NULL && equal_trimmed(name, party_name)) {
            if (namesake != NULL) {
                return NULL;
            }
            namesake = party;
        }
    }
    return namesake;
}

/* The specification's samples write engagedParty as an array of one, or leave it to relatedParty
 * (src/api/README.md §1). */
static void settle_engaged_party(tmf_json_t *customer, apr_pool_t *pool)
{
    tmf_json_t *engaged = tmf_json_get(customer, "engagedParty");

    if (engaged == NULL || tmf_json_type(engaged) == TMF_JSON_NULL) {
        engaged = find_namesake(customer);
        if (engaged != NULL) {
            tmf_json_set(customer, "engagedParty", tmf_json_copy(engaged, pool));
        }
    } else if (tmf_json_type(engaged) == TMF_JSON_ARRAY && tmf_json_count(engaged) == 1) {
        tmf_json_set(customer, "engagedParty", tmf_json_copy(tmf_json_at(engaged, 0), pool));
    }
}

tmf_error_t *tmf_customer_normalise(tmf_json_t *customer, apr_pool_t *result_pool)
{
    violations_t violations = {.count = 0, .pool = result_pool};

    if (tmf_json_type(customer) != TMF_JSON_OBJECT) {
        return tmf_error_make(result_pool, TMF_ERROR_INVALID_BODY,
                              "A customer is an object, not %s",
                              tmf_json_type_name(tmf_json_type(customer)));
    }
    tmf_json_unset(customer, "id");
    tmf_json_unset(customer, "href");
    settle_engaged_party(customer, result_pool);
    drop_nulls(customer, tmf_customer_attributes, result_pool);
    if (tmf_json_get(customer, "@type") == NULL) {
        tmf_json_set(customer, "@type", tmf_json_string("Customer", 8, result_pool));
    }
    tmf_text_init(&violations.list, 256, result_pool);
    check_object(&violations, NULL, customer, tmf_customer_attributes);
    if (violations.count > VIOLATIONS_SHOWN) {
        return tmf_error_make(result_pool, TMF_ERROR_INVALID_BODY, "%.*s; and %d more",
                              (int)violations.list.length, violations.list.data,
                              violations.count - VIOLATIONS_SHOWN);
    }
    return violations.count == 0
               ? NULL
               : tmf_error_make(result_pool, TMF_ERROR_INVALID_BODY, "%.*s",
                                (int)violations.list.length, violations.list.data);
}

static const char *problem_of_id(const char *id)
{
    apr_size_t length = strlen(id);
    const char *at;

    if (length == 0 || length > TMF_CUSTOMER_ID_MAX) {
        return "id must have 1 to " APR_STRINGIFY(TMF_CUSTOMER_ID_MAX) " bytes";
    }
    if (strcmp(id, ".") == 0 || strcmp(id, "..") == 0 || strchr(id, '/') != NULL) {
        return "id must be a segment of a URL's path: without \"/\", not \".\" and not \"..\"";
    }
    for (at = id; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7F) {
            return "id may have no control characters";
        }
    }
    return id[0] == ' ' || id[length - 1] == ' ' ? "id may not begin or end with a blank" : NULL;
}

tmf_error_t *tmf_customer_check_id(const tmf_json_t *id, apr_pool_t *result_pool)
{
    const char *text = tmf_json_string_text(id);
    const char *problem = text != NULL ? problem_of_id(text) : "id must be a string";

    return problem == NULL ? NULL
                           : tmf_error_make(result_pool, TMF_ERROR_INVALID_BODY, "%s", problem);
}
