/* SPDX-License-Identifier: Apache-2.0 */
/* The `query` of a hub (src/api/README.md §7): which events a listener wants, and what of them. */
#ifndef TMF_QUERY_SUBSCRIPTION_H
#define TMF_QUERY_SUBSCRIPTION_H

#include "model/event.h"
#include "query/filter_match.h"
#include "query/parameters.h"

/* Bytes of a query at most. */
#define TMF_SUBSCRIPTION_MAX 8192

typedef struct {
    const tmf_filter_t *filter; /* about the event document; without children = every event */
    const tmf_fields_t *fields; /* what the payload shows; NULL = everything */
    unsigned types;             /* the event types that can meet the filter at all, as a set */
} tmf_subscription_t;

/* Reads a query: conditions (src/api/README.md §4) and fields= (§3) about the event document, as
 * after the "?" of a URL; a leading "?" is accepted, NULL = everything. Whatever fields says,
 * eventId, eventTime and eventType are shown. TMF_ERROR_INVALID_BODY and TMF_ERROR_NOT_IMPLEMENTED
 * name `query`. */
tmf_error_t *tmf_subscription_parse(tmf_subscription_t *subscription, const char *query,
                                    apr_pool_t *result_pool);

/* The query without a leading "?"; "" for NULL: two hubs with the same are twins. */
const char *tmf_subscription_text(const char *query);

/* Appends what the listener is to receive of an event document. */
void tmf_subscription_project(tmf_text_t *text, const tmf_subscription_t *subscription,
                              const char *document, apr_size_t length);

#endif
