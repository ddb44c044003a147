/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every statement that writes a customer has in common: the events, written with the change
 * (src/api/README.md §7). Internal to store/.
 *
 * Such a statement has a CTE `written` of what it wrote (id, doc), TMF_TELL_SQL behind it, its own
 * parameters from $7 on, and the number of deliveries among its results. One that writes several
 * customers has a CTE `asked` as well (place, and what the first six parameters of the other one
 * are, as types, changed, correlation_id, href, traceparent, tracestate), `written` has a place,
 * too, and TMF_TELL_ALL_SQL stands behind them.
 */
#ifndef TMF_STORE_TELL_H
#define TMF_STORE_TELL_H

#include "store/customer_store.h"

#define TMF_TELL_PARAMETERS 6

#define TMF_TELL_EVENT_SQL                                                                         \
    ", told AS (INSERT INTO tmf_customer.event"                                                    \
    "   (customer_id, type, changed, correlation_id, href, traceparent, tracestate, customer)"     \
    "  SELECT written.id, kind.type,"
#define TMF_TELL_WANTED_SQL                                                                        \
    "   WHERE EXISTS (SELECT FROM tmf_customer.hub"                                                \
    "          WHERE hub.state = 'active' AND kind.type = ANY (hub.types)) ORDER BY "
#define TMF_TELL_DELIVERY_SQL                                                                      \
    " RETURNING id, customer_id, type),"                                                           \
    " delivery AS (INSERT INTO tmf_customer.delivery (hub_id, event_id, customer_id)"              \
    "  SELECT hub.id, told.id, told.customer_id FROM told"                                         \
    "    JOIN tmf_customer.hub ON hub.state = 'active' AND told.type = ANY (hub.types)"            \
    "  RETURNING 1)"

#define TMF_TELL_SQL                                                                               \
    TMF_TELL_EVENT_SQL                                                                             \
    " $2::text, $3::text, $4::text, $5::text, $6::text, written.doc"                               \
    "    FROM written, unnest($1::text[]) WITH ORDINALITY AS kind (type, "                         \
    "position)" TMF_TELL_WANTED_SQL "kind.position" TMF_TELL_DELIVERY_SQL
#define TMF_TELL_ALL_SQL                                                                           \
    TMF_TELL_EVENT_SQL                                                                             \
    " asked.changed, asked.correlation_id, asked.href, asked.traceparent, asked.tracestate,"       \
    " written.doc"                                                                                 \
    "    FROM written JOIN asked USING (place),"                                                   \
    "     unnest(asked.types::text[]) WITH ORDINALITY AS kind (type, "                             \
    "position)" TMF_TELL_WANTED_SQL "place, kind.position" TMF_TELL_DELIVERY_SQL
#define TMF_TELL_COUNT_SQL "(SELECT count(*) FROM delivery)"

/* A set of event types as the text of an array. */
const char *tmf_tell_types(unsigned types, apr_pool_t *result_pool);

/* Fills $1…$6. */
void tmf_tell_set(const char **parameters, const tmf_tell_t *tell, apr_pool_t *pool);

/* The statement has succeeded: wakes the notifier when this column of its first row, if it has one,
 * counts deliveries. */
void tmf_tell_done(tmf_db_t *db, const tmf_db_rows_t *rows, int column);

#endif
