/* SPDX-License-Identifier: Apache-2.0 */
#include "query/subscription.h"

#include <string.h>

#include <apr_strings.h>

static const tmf_attribute_t payload[] = {
    {"customer", TMF_KIND_OBJECT, 0, tmf_customer_attributes},
    {NULL, TMF_KIND_ANY, 0, NULL},
};

/* As the official swagger types them; what is missing here is a string. */
static const tmf_attribute_t event_attributes[] = {
    {"eventTime", TMF_KIND_DATETIME, 0, NULL},
    {"timeOcurred", TMF_KIND_DATETIME, 0, NULL},
    {"event", TMF_KIND_OBJECT, 0, payload},
    {NULL, TMF_KIND_ANY, 0, NULL},
};

static unsigned types_of(const tmf_filter_t *filter);

static unsigned types_of_children(const tmf_filter_t *filter)
{
    int is_or = filter->kind == TMF_FILTER_OR;
    unsigned types = is_or ? 0 : TMF_EVENT_TYPES_ALL;
    int i;

    for (i = 0; i < filter->children->nelts; i++) {
        unsigned child = types_of(APR_ARRAY_IDX(filter->children, i, tmf_filter_t *));

        types = is_or ? types | child : types & child;
    }
    return types;
}

/* The types that can meet the filter: those that `eventType=` names, all where nothing says so. */
static unsigned types_of(const tmf_filter_t *filter)
{
    unsigned types = 0;
    int i;

    if (filter->kind == TMF_FILTER_AND || filter->kind == TMF_FILTER_OR) {
        return types_of_children(filter);
    }
    if (filter->kind != TMF_FILTER_COMPARE || filter->comparator != TMF_EQUAL ||
        filter->path.count != 1 || strcmp(filter->path.names[0], "eventType") != 0) {
        return TMF_EVENT_TYPES_ALL;
    }
    for (i = 0; i < filter->operands->nelts; i++) {
        tmf_event_type_t type;

        if (tmf_event_type_find(&type, APR_ARRAY_IDX(filter->operands, i, tmf_operand_t).text)) {
            types |= 1u << type;
        }
    }
    return types;
}

static tmf_error_t *check(const tmf_parameters_t *parameters, const tmf_reading_t *reading)
{
    if (parameters->has_limit || parameters->has_offset || parameters->cursor != NULL ||
        parameters->sort->nelts > 0) {
        return tmf_reading_refuse(reading,
                                  "limit, offset, sort and cursor belong to lists, not to events");
    }
    return NULL;
}

static tmf_error_t *parse(tmf_subscription_t *subscription, const char *query, apr_pool_t *pool)
{
    static const char *const always[] = {"eventId", "eventTime", "eventType"};
    tmf_reading_t reading = {TMF_ERROR_INVALID_BODY, event_attributes, 0, 0, pool};
    tmf_parameters_t *parameters;
    int i;

    if (strlen(query) > TMF_SUBSCRIPTION_MAX) {
        return tmf_reading_refuse(&reading, "it is longer than %d bytes", TMF_SUBSCRIPTION_MAX);
    }
    TMF_TRY(tmf_parameters_read(&parameters, query, &reading));
    TMF_TRY(check(parameters, &reading));
    for (i = 0; i < 3 && parameters->fields != NULL; i++) {
        TMF_TRY(tmf_fields_add(parameters->fields, always[i], &reading));
    }
    subscription->filter = parameters->filter;
    subscription->fields = parameters->fields;
    subscription->types = types_of(parameters->filter);
    return NULL;
}

const char *tmf_subscription_text(const char *query)
{
    return query == NULL ? "" : query + (*query == '?');
}

tmf_error_t *tmf_subscription_parse(tmf_subscription_t *subscription, const char *query,
                                    apr_pool_t *result_pool)
{
    return tmf_error_about(parse(subscription, tmf_subscription_text(query), result_pool),
                           result_pool, "query");
}

void tmf_subscription_project(tmf_text_t *text, const tmf_subscription_t *subscription,
                              const char *document, apr_size_t length)
{
    const tmf_projection_t projection = {subscription->fields, NULL};
    apr_size_t start = text->length;

    if (subscription->fields == NULL) {
        tmf_text_append(text, document, length);
        return;
    }
    tmf_fields_project(text, document, &projection);
    text->data[start] = '{'; /* instead of the first member's comma: eventId is always there */
    tmf_text_append(text, "}", 1);
}
