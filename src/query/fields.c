/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document is cut on its text: no tree is built, and what is shown is copied byte for byte.
 */
#include "query/fields.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

struct tmf_fields_t {
    const char *name;    /* as it stands in a document, quotes and escapes included */
    apr_size_t length;   /* bytes of name */
    int whole;           /* the attribute with all that is in it */
    tmf_fields_t *first; /* what is selected inside */
    tmf_fields_t *next;  /* the next one on this level */
    int count;           /* of the root: names added */
};

tmf_fields_t *tmf_fields_make(apr_pool_t *result_pool)
{
    return apr_pcalloc(result_pool, sizeof(tmf_fields_t));
}

static tmf_fields_t *find(const tmf_fields_t *parent, const char *name, apr_size_t length)
{
    tmf_fields_t *field = parent->first;

    while (field != NULL && (field->length != length || memcmp(field->name, name, length) != 0)) {
        field = field->next;
    }
    return field;
}

static tmf_fields_t *find_or_add(tmf_fields_t *parent, const char *name, apr_size_t length,
                                 apr_pool_t *pool)
{
    tmf_fields_t *field;
    tmf_text_t quoted;

    tmf_text_init(&quoted, length + 2, pool);
    tmf_text_append_json(&quoted, name, length);
    field = find(parent, quoted.data, quoted.length);
    if (field == NULL) {
        field = tmf_fields_make(pool);
        field->name = quoted.data;
        field->length = quoted.length;
        field->next = parent->first;
        parent->first = field;
    }
    return field;
}

static const char *trim(const char *name, apr_pool_t *pool)
{
    apr_size_t length;

    while (apr_isspace(*name)) {
        name++;
    }
    length = strlen(name);
    while (length > 0 && apr_isspace(name[length - 1])) {
        length--;
    }
    return apr_pstrmemdup(pool, name, length);
}

tmf_error_t *tmf_fields_add(tmf_fields_t *fields, const char *name, const tmf_reading_t *reading)
{
    tmf_fields_t *field = fields;
    int depth = 0;

    name = trim(name, reading->pool);
    if (*name == '\0' || strcmp(name, "none") == 0) {
        return NULL;
    }
    if (++fields->count > TMF_FIELDS_COUNT_MAX) {
        return tmf_reading_refuse(reading, "fields: at most %d names are supported",
                                  TMF_FIELDS_COUNT_MAX);
    }
    while (*name != '\0') {
        apr_size_t length = strcspn(name, ".");

        if (++depth > TMF_FIELDS_DEPTH_MAX) {
            return tmf_reading_refuse(reading,
                                      "fields: a name may have at most %d parts separated by dots",
                                      TMF_FIELDS_DEPTH_MAX);
        }
        field = find_or_add(field, name, length, reading->pool);
        name += length;
        name += *name == '.';
    }
    field->whole = 1;
    return NULL;
}

static const char *skip_blanks(const char *at)
{
    while (*at == ' ') {
        at++;
    }
    return at;
}

static const char *skip_string(const char *at)
{
    for (at++; *at != '"'; at++) {
        at += *at == '\\';
    }
    return at + 1;
}

/* The end of the value that starts at `at`. */
static const char *skip_value(const char *at)
{
    int depth = 0;

    do {
        at += strcspn(at, depth > 0 ? "\"[]{}" : "\"[]{},");
        if (*at == '"') {
            at = skip_string(at);
        } else if (*at == '[' || *at == '{') {
            depth++;
            at++;
        } else if (depth > 0) {
            depth--;
            at++;
        } else {
            return at; /* the end of a number, true, false or null */
        }
    } while (depth > 0);
    return at;
}

/* What is shown of one value. */
typedef struct {
    const tmf_fields_t *fields; /* of what is inside; NULL or whole = all of it */
    int first_only;             /* of an array the first element only */
} view_t;

/* Does the view select all that is inside, whatever it is? */
static int is_whole(const view_t *view)
{
    return view->fields == NULL || view->fields->whole;
}

static int project_value(tmf_text_t *text, const char *value, const view_t *view);

/* Appends `,"name":value` as far as the view shows it; nothing when that is nothing. */
static void project_member(tmf_text_t *text, const char *name, apr_size_t length, const char *value,
                           const view_t *view)
{
    apr_size_t before = text->length;

    tmf_text_append(text, ",", 1);
    tmf_text_append(text, name, length);
    tmf_text_append(text, ":", 1);
    if (!project_value(text, value, view)) {
        text->length = before;
    }
}

/* The members of an object that are among `fields` (NULL = all). */
static void project_members(tmf_text_t *text, const char *object, const tmf_fields_t *fields,
                            const char *first_only)
{
    const char *name = skip_blanks(object + 1);

    while (*name != '}') {
        const char *end = skip_string(name);
        const char *value = skip_blanks(end + 1);
        apr_size_t length = (apr_size_t)(end - name);
        view_t view = {fields != NULL ? find(fields, name, length) : NULL,
                       first_only != NULL && strlen(first_only) == length - 2 &&
                           memcmp(first_only, name + 1, length - 2) == 0};

        if (fields == NULL || view.fields != NULL) {
            project_member(text, name, length, value, &view);
        }
        name = skip_value(value);
        name = skip_blanks(name + (*name == ','));
    }
}

static void project_elements(tmf_text_t *text, const char *array, const view_t *view)
{
    const view_t inside = {view->fields, 0};
    const char *element = skip_blanks(array + 1);

    while (*element != ']') {
        apr_size_t before = text->length;

        tmf_text_append(text, ",", 1);
        if (!project_value(text, element, &inside)) {
            text->length = before;
        }
        if (view->first_only) {
            return;
        }
        element = skip_value(element);
        element = skip_blanks(element + (*element == ','));
    }
}

/* Appends what the view shows of a value; 0 when that is nothing. Members and elements come with a
 * comma before each: the first comma becomes the opening bracket. */
static int project_value(tmf_text_t *text, const char *value, const view_t *view)
{
    apr_size_t start = text->length;

    if ((is_whole(view) && !view->first_only) || (*value != '{' && *value != '[')) {
        tmf_text_append(text, value, (apr_size_t)(skip_value(value) - value));
        return is_whole(view);
    }
    if (*value == '{') {
        project_members(text, value, view->fields, NULL);
    } else {
        project_elements(text, value, view);
    }
    if (text->length == start && !is_whole(view)) {
        return 0;
    }
    if (text->length == start) {
        tmf_text_append(text, ",", 1);
    }
    text->data[start] = *value;
    tmf_text_append(text, *value == '{' ? "}" : "]", 1);
    return 1;
}

void tmf_fields_project(tmf_text_t *text, const char *document, const tmf_projection_t *projection)
{
    project_members(text, document, projection->fields, projection->first_only);
}
