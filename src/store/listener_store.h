/* SPDX-License-Identifier: Apache-2.0 */
/* Statements on listeners, as an operator sees and governs them. Results live in `result_pool`;
 * errors are tmf_db_run's. Times are texts: RFC 3339 in UTC, NULL = none. */
#ifndef TMF_STORE_LISTENER_STORE_H
#define TMF_STORE_LISTENER_STORE_H

#include "store/db.h"

/* Deliveries of a listener are counted so far. */
#define TMF_LISTENER_COUNT_MAX 10000
/* Those that are selected for a page are counted so far. */
#define TMF_DELIVERY_COUNT_MAX 100000

typedef struct {
    const char *id;
    const char *callback;
    const char *query; /* NULL = none */
    const char *state; /* "active", "paused" or "disabled" */
    apr_int64_t failures;
    const char *ill_since;
    const char *paused_until;
    const char *error;   /* NULL = none */
    apr_int64_t pending; /* TMF_LISTENER_COUNT_MAX: so many or more */
    apr_int64_t dead;    /* likewise */
    const char *oldest_pending;
} tmf_listener_row_t;

/* Reads one (`id` given, `*count` is 0 or 1) or all of them (`id` NULL), oldest first. */
tmf_error_t *tmf_listener_store_read(tmf_db_t *db, const char *id, const tmf_listener_row_t **rows,
                                     int *count, apr_pool_t *result_pool);

/* Which of a listener's deliveries to read, in the order of their events. */
typedef struct {
    const char *hub_id;
    int pending;       /* those that are pending, */
    int dead;          /* and dead letters */
    const char *after; /* the key behind which the page begins; NULL = at the offset */
    int backward;      /* the page ends before `after` instead */
    apr_int64_t limit;
    apr_int64_t offset;
} tmf_delivery_selection_t;

typedef struct {
    const char *key;      /* of its place in the order: a whole number */
    const char *event_id; /* NULL when the event is not there any more; so the next two */
    const char *type;
    const char *at;
    const char *customer_id;
    const char *state;
    apr_int64_t attempts;
    const char *next_attempt;
    const char *error;
    const char *since; /* it is pending or dead */
} tmf_delivery_row_t;

typedef struct {
    int is_known;      /* is there such a listener? */
    apr_int64_t total; /* of what was selected; -1 = more than TMF_DELIVERY_COUNT_MAX */
    int count;         /* in this page */
    const tmf_delivery_row_t *rows;
    int more; /* are there more in the direction of reading? */
} tmf_delivery_page_t;

/* Reads a page of deliveries in the order of their events, oldest first in any direction of
 * reading; of no known listener it is empty. */
tmf_error_t *tmf_listener_store_deliveries(tmf_db_t *db, const tmf_delivery_selection_t *selection,
                                           tmf_delivery_page_t *page, apr_pool_t *result_pool);

/* What an operator does for a listener. All of them: `*count` is how many deliveries it was done
 * to, -1 when there is no such listener; TMF_ERROR_FORBIDDEN when the role of this server has not
 * been granted it. Can be repeated. */

/* Tries it again from now on, disabled or paused as it may be: `*count` is 1. */
tmf_error_t *tmf_listener_store_enable(tmf_db_t *db, const char *id, apr_int64_t *count,
                                       apr_pool_t *result_pool);

/* Sends its dead letters again: those of these events (the text of an array of uuid), or all
 * (NULL). */
tmf_error_t *tmf_listener_store_replay(tmf_db_t *db, const char *id, const char *event_ids,
                                       apr_int64_t *count, apr_pool_t *result_pool);

/* Gives up its dead letters that are older than this, and what has been waiting so long when it is
 * disabled. */
tmf_error_t *tmf_listener_store_purge(tmf_db_t *db, const char *id, apr_interval_time_t older_than,
                                      apr_int64_t *count, apr_pool_t *result_pool);

#endif
