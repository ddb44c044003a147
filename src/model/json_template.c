/* SPDX-License-Identifier: Apache-2.0 */
#include "model/json_template.h"

#include <string.h>

#include "model/text.h"

#define CONDITION "x-when"

typedef struct {
    const apr_array_header_t *settings;
    apr_pool_t *pool;
    tmf_json_t *object; /* that is being filled */
} filling_t;

static tmf_json_t *fill(const tmf_json_t *template, const filling_t *filling);

static const tmf_setting_t *find(const filling_t *filling, const char *name, apr_size_t length)
{
    int i;

    for (i = 0; i < filling->settings->nelts; i++) {
        const tmf_setting_t *setting = &APR_ARRAY_IDX(filling->settings, i, tmf_setting_t);

        if (strlen(setting->name) == length && memcmp(setting->name, name, length) == 0) {
            return setting;
        }
    }
    return NULL;
}

/* Does it stand here? Anything but an object with a condition that does not hold. */
static int is_wanted(const tmf_json_t *template, const filling_t *filling)
{
    const char *name = tmf_json_string_text(tmf_json_get(template, CONDITION));
    const tmf_setting_t *setting;

    if (name == NULL) {
        return 1;
    }
    setting = find(filling, name, strlen(name));
    return setting != NULL && strcmp(setting->text, "On") == 0;
}

static tmf_json_t *fill_string(const char *text, const filling_t *filling)
{
    tmf_text_t filled;
    const char *open;
    const char *end;

    tmf_text_init(&filled, strlen(text) + 64, filling->pool);
    while ((open = strstr(text, "{{")) != NULL && (end = strstr(open, "}}")) != NULL) {
        const tmf_setting_t *setting = find(filling, open + 2, (apr_size_t)(end - open) - 2);
        const int is_all = filled.length == 0 && open == text && end[2] == '\0';

        if (setting != NULL && setting->is_number && is_all) {
            return tmf_json_number(setting->text, strlen(setting->text), filling->pool);
        }
        end += 2;
        tmf_text_append(&filled, text, (apr_size_t)((setting != NULL ? open : end) - text));
        tmf_text_append_string(&filled, setting != NULL ? setting->text : "");
        text = end;
    }
    tmf_text_append_string(&filled, text);
    return tmf_json_string(filled.data, filled.length, filling->pool);
}

static int fill_member(void *context, const char *name, tmf_json_t *value)
{
    const filling_t *filling = context;

    if (strcmp(name, CONDITION) != 0 && is_wanted(value, filling)) {
        tmf_json_set(filling->object, name, fill(value, filling));
    }
    return 1;
}

static tmf_json_t *fill_object(const tmf_json_t *template, const filling_t *filling)
{
    filling_t inside = {filling->settings, filling->pool, tmf_json_object(filling->pool)};

    tmf_json_each(template, fill_member, &inside);
    return inside.object;
}

static tmf_json_t *fill_array(const tmf_json_t *template, const filling_t *filling)
{
    tmf_json_t *array = tmf_json_array(filling->pool);
    int i;

    for (i = 0; i < tmf_json_count(template); i++) {
        tmf_json_t *element = tmf_json_at(template, i);

        if (is_wanted(element, filling)) {
            tmf_json_append(array, fill(element, filling));
        }
    }
    return array;
}

static tmf_json_t *fill(const tmf_json_t *template, const filling_t *filling)
{
    switch (tmf_json_type(template)) {
    case TMF_JSON_OBJECT:
        return fill_object(template, filling);
    case TMF_JSON_ARRAY:
        return fill_array(template, filling);
    case TMF_JSON_STRING:
        return fill_string(tmf_json_string_text(template), filling);
    default:
        return tmf_json_copy(template, filling->pool);
    }
}

tmf_json_t *tmf_json_template_fill(const tmf_json_t *template, const apr_array_header_t *settings,
                                   apr_pool_t *result_pool)
{
    const filling_t filling = {settings, result_pool, NULL};

    return fill(template, &filling);
}
