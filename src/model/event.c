/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event.h"

#include <string.h>

static const struct {
    const char *name;
    const char *title;
    const char *description;
} types[TMF_EVENT_TYPES] = {
    [TMF_EVENT_CREATE] = {"CustomerCreateEvent", "Customer created",
                          "A customer has been created; event has it as it was then"},
    [TMF_EVENT_STATE_CHANGE] =
        {"CustomerStateChangeEvent", "Customer status changed",
         "The status of a customer has changed; event has the customer as it "
         "was then"},
    [TMF_EVENT_ATTRIBUTE_VALUE_CHANGE] = {"CustomerAttributeValueChangeEvent",
                                          "Customer attributes changed",
                                          "The attributes in fieldPath have changed; event has the "
                                          "customer as it was then"},
    [TMF_EVENT_DELETE] = {"CustomerDeleteEvent", "Customer deleted",
                          "A customer has been deleted; event has its last state"},
};

const char *tmf_event_type_name(tmf_event_type_t type)
{
    return types[type].name;
}

int tmf_event_type_find(tmf_event_type_t *type, const char *name)
{
    int i;

    for (i = 0; i < TMF_EVENT_TYPES; i++) {
        if (strcmp(types[i].name, name) == 0) {
            *type = (tmf_event_type_t)i;
            return 1;
        }
    }
    return 0;
}

/* NULL is no member. */
static void append_member(tmf_text_t *text, const char *before, const char *value)
{
    if (value != NULL) {
        tmf_text_append_member(text, before, value);
    }
}

static void append_customer(tmf_text_t *text, const tmf_event_t *event)
{
    append_member(text, ",\"event\":{\"customer\":{\"id\":", event->customer_id);
    append_member(text, ",\"href\":", event->href);
    if (event->customer_length > 2) {
        tmf_text_append(text, ",", 1);
    }
    tmf_text_append(text, event->customer + 1, event->customer_length - 1);
    tmf_text_append_string(text, "}");
}

void tmf_event_write(tmf_text_t *text, const tmf_event_t *event)
{
    append_member(text, "{\"eventId\":", event->event_id);
    append_member(text, ",\"eventTime\":", event->time);
    append_member(text, ",\"eventType\":", types[event->type].name);
    append_member(text, ",\"timeOcurred\":", event->time);
    append_member(text, ",\"correlationId\":", event->correlation_id);
    append_member(text, ",\"traceparent\":", event->trace.parent);
    append_member(text, ",\"domain\":", "Customer Management");
    append_member(text, ",\"title\":", types[event->type].title);
    append_member(text, ",\"description\":", types[event->type].description);
    if (event->type == TMF_EVENT_ATTRIBUTE_VALUE_CHANGE) {
        append_member(text, ",\"fieldPath\":", event->changed);
    } else {
        append_member(text, ",\"id\":", event->customer_id);
        append_member(text, ",\"href\":", event->href);
    }
    append_customer(text, event);
    tmf_text_append_string(text, "}");
}
