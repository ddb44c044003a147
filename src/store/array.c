/* SPDX-License-Identifier: Apache-2.0 */
#include "store/array.h"

#include <string.h>

#include "model/event.h"

void tmf_array_init(tmf_text_t *array, apr_pool_t *pool)
{
    tmf_text_init(array, 64, pool);
    tmf_text_append(array, "{", 1);
}

static void separate(tmf_text_t *array)
{
    if (array->length > 1) {
        tmf_text_append(array, ",", 1);
    }
}

void tmf_array_add(tmf_text_t *array, const char *element)
{
    separate(array);
    if (element == NULL) {
        tmf_text_append(array, "NULL", 4);
        return;
    }
    tmf_text_append(array, "\"", 1);
    while (*element != '\0') {
        apr_size_t plain = strcspn(element, "\"\\");

        tmf_text_append(array, element, plain);
        element += plain;
        if (*element != '\0') {
            tmf_text_append(array, "\\", 1);
            tmf_text_append(array, element++, 1);
        }
    }
    tmf_text_append(array, "\"", 1);
}

void tmf_array_add_number(tmf_text_t *array, apr_int64_t element)
{
    separate(array);
    tmf_text_append_format(array, "%" APR_INT64_T_FMT, element);
}

const char *tmf_array_text(tmf_text_t *array)
{
    tmf_text_append(array, "}", 1);
    return tmf_text_string(array);
}

const char *tmf_array_of_events(unsigned types, apr_pool_t *result_pool)
{
    tmf_text_t names;
    int type;

    tmf_array_init(&names, result_pool);
    for (type = 0; type < TMF_EVENT_TYPES; type++) {
        if ((types & (1u << type)) != 0) {
            tmf_array_add(&names, tmf_event_type_name((tmf_event_type_t)type));
        }
    }
    return tmf_array_text(&names);
}
