/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted and timed, for each virtual host, by all children of an httpd together, and what
 * it reads as: Prometheus' text format 0.0.4 and OpenMetrics 1.0. conf/README.md says what each of
 * them means.
 *
 * Counters only grow: over the death of children and over restarts, until httpd ends. They are
 * added to without locks. A NULL for the metrics counts nothing. README.md has the design.
 */
#ifndef TMF_METRICS_METRICS_H
#define TMF_METRICS_METRICS_H

#include <sys/types.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "model/event.h"
#include "model/text.h"

/* The metrics of one virtual host. */
typedef struct tmf_metrics_t tmf_metrics_t;

/* What a request is counted as: the operationIds of B/openapi.json. */
typedef enum {
    TMF_OPERATION_OTHER, /* no such path or method, OPTIONS, refused before its path was known */
    TMF_OPERATION_ENTRY_POINT,
    TMF_OPERATION_OPENAPI,
    TMF_OPERATION_LIST_CUSTOMER,
    TMF_OPERATION_CREATE_CUSTOMER,
    TMF_OPERATION_RETRIEVE_CUSTOMER,
    TMF_OPERATION_PATCH_CUSTOMER,
    TMF_OPERATION_REPLACE_CUSTOMER,
    TMF_OPERATION_DELETE_CUSTOMER,
    TMF_OPERATION_LIST_CUSTOMER_HISTORY,
    TMF_OPERATION_LIST_HUB,
    TMF_OPERATION_CREATE_HUB,
    TMF_OPERATION_RETRIEVE_HUB,
    TMF_OPERATION_DELETE_HUB
} tmf_operation_t;
#define TMF_OPERATIONS 14

/* How many lookups in the cache found their customer. */
typedef enum { TMF_LOOKUP_HIT, TMF_LOOKUP_MISS } tmf_lookup_t;
#define TMF_LOOKUPS 2

typedef enum { TMF_BATCH_READ, TMF_BATCH_WRITE } tmf_batch_t;
#define TMF_BATCHES 2

/* What became of an attempt to deliver an event. */
typedef enum {
    TMF_OUTCOME_DELIVERED,
    TMF_OUTCOME_REFUSED, /* the listener does not want this event; it is tried again */
    TMF_OUTCOME_FAILED,  /* no answer, or one of an overloaded listener; it is tried again */
    TMF_OUTCOME_DEAD     /* given up, after the last refusal */
} tmf_outcome_t;
#define TMF_OUTCOMES 4

/* Connections of a process to the database. */
typedef enum {
    TMF_CONNECTION_IN_USE,
    TMF_CONNECTION_IDLE,
    TMF_CONNECTION_WAITING
} tmf_connection_state_t;
#define TMF_CONNECTIONS 3

/* States of listeners, as in src/api/README.md §8. */
typedef enum {
    TMF_LISTENER_ACTIVE,
    TMF_LISTENER_PAUSED,
    TMF_LISTENER_DISABLED
} tmf_listener_state_t;
#define TMF_LISTENER_STATES 3

/* ---- recording: from any thread of any child ---- */

/* A request has been answered with this HTTP status. */
void tmf_metrics_request(tmf_metrics_t *metrics, tmf_operation_t operation, int status,
                         apr_interval_time_t duration);

/* The database refused or did not answer: `code` is PostgreSQL's SQLSTATE, or the `code` of our
 * error where it said none. */
void tmf_metrics_database_error(tmf_metrics_t *metrics, const char *code);

/* So many reads or writes shared a statement. */
void tmf_metrics_batch(tmf_metrics_t *metrics, tmf_batch_t kind, int size);

void tmf_metrics_lookup(tmf_metrics_t *metrics, tmf_lookup_t result);

/* So many changes of this kind were committed. */
void tmf_metrics_change(tmf_metrics_t *metrics, tmf_event_type_t type, int count);

void tmf_metrics_delivery(tmf_metrics_t *metrics, tmf_outcome_t outcome);

/* From the commit of an event to the listener's 2xx. */
void tmf_metrics_delivery_delay(tmf_metrics_t *metrics, apr_interval_time_t delay);

/* One connection more (1) or less (-1) of this process. TMF_CONNECTION_IDLE is not told: it is what
 * is open and not in use. */
void tmf_metrics_connection(tmf_metrics_t *metrics, tmf_connection_state_t state, int change);
void tmf_metrics_connection_open(tmf_metrics_t *metrics, int change);

/* ---- reading ---- */

#define TMF_HISTOGRAM_BUCKETS 17

/* How many observations lie in each range; `sum` in microseconds, or in what is counted. */
typedef struct {
    apr_uint64_t buckets[TMF_HISTOGRAM_BUCKETS]; /* each alone; the last one has no upper bound */
    apr_uint64_t count;                          /* of all of them */
    apr_uint64_t sum;
} tmf_histogram_t;

/* HTTP statuses that are told apart; the first stands for all others. */
#define TMF_STATUSES 40

/* Codes of database errors that are told apart; the first stands for all others. */
#define TMF_DATABASE_ERRORS 32

/* Requests, and what became of them. */
typedef struct {
    apr_uint64_t count;
    apr_uint64_t client_errors; /* of them, 4xx */
    apr_uint64_t server_errors; /* of them, 5xx */
    tmf_histogram_t durations;  /* tmf_metrics_duration_quantile reads it */
} tmf_request_sums_t;

#define TMF_MINUTES 60

/* What happened in about a minute: httpd looks at the clock every ten seconds. */
typedef struct {
    apr_time_t begin; /* time of day */
    apr_interval_time_t length;
    tmf_request_sums_t requests;
    apr_uint64_t changes;           /* committed */
    apr_uint64_t deliveries;        /* acknowledged */
    apr_uint64_t failed_deliveries; /* refused or failed */
} tmf_minute_t;

/* All that only grows. */
typedef struct {
    apr_uint64_t requests[TMF_OPERATIONS][TMF_STATUSES];
    tmf_histogram_t durations[TMF_OPERATIONS];
    apr_uint64_t database_errors[TMF_DATABASE_ERRORS];
    tmf_histogram_t batches[TMF_BATCHES];
    apr_uint64_t lookups[TMF_LOOKUPS];
    apr_uint64_t changes[TMF_EVENT_TYPES];
    apr_uint64_t deliveries[TMF_OUTCOMES];
    tmf_histogram_t delivery_delays;
} tmf_totals_t;

/* All that is measured, as of one moment. */
typedef struct {
    apr_time_t taken_at;
    apr_time_t since; /* when counting began */
    tmf_totals_t totals;
    apr_int64_t connections[TMF_CONNECTIONS]; /* of all children that live */
    int minute_count;                         /* at least 1 */
    tmf_minute_t minutes[TMF_MINUTES];        /* oldest first; the last one is not over yet */
} tmf_metrics_snapshot_t;

/* Lives in `result_pool`. NULL for the metrics yields zeros and one empty minute. */
const tmf_metrics_snapshot_t *tmf_metrics_snapshot(tmf_metrics_t *metrics, apr_pool_t *result_pool);

/* The labels' values. */
const char *tmf_operation_name(tmf_operation_t operation);
const char *tmf_outcome_name(tmf_outcome_t outcome);
const char *tmf_connection_name(tmf_connection_state_t state);
const char *tmf_listener_state_name(tmf_listener_state_t state);
/* The HTTP status of an index of `requests`; 0 = others. */
int tmf_metrics_status(int index);
/* The code of an index of `database_errors`; "other" is the first. */
const char *tmf_metrics_database_error_code(int index);

/* Adds what there was of an operation to the sums. */
void tmf_metrics_add_requests(tmf_request_sums_t *sums, const tmf_totals_t *totals,
                              tmf_operation_t operation);

/* The time in seconds that a part of the requests (0.5, 0.99) did not pass: interpolated within a
 * bucket as Prometheus does it, and the largest bound where they passed that. 0 without requests.
 */
double tmf_metrics_duration_quantile(const tmf_histogram_t *durations, double part);

/* What the database knows; store/overview.h reads it. */
typedef struct {
    apr_int64_t customers;
    apr_int64_t listeners[TMF_LISTENER_STATES];
    apr_int64_t pending;   /* deliveries, counted up to TMF_PENDING_MAX */
    apr_int64_t dead;      /* likewise */
    double oldest_pending; /* since how many seconds the oldest of them waits; 0 = there is none */
} tmf_overview_t;
#define TMF_PENDING_MAX 100000

/* The versions of tmf_customer_build_info. */
typedef struct {
    const char *version; /* of the module */
    int schema;
} tmf_build_t;

/* Content-Type of what tmf_metrics_render writes. */
#define TMF_METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define TMF_METRICS_OPEN_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* Appends all metrics. `overview` is NULL when the database did not tell it in time, or at all:
 * what it alone knows is left out then. `is_database_up` is tmf_customer_database_up. */
void tmf_metrics_render(tmf_text_t *text, const tmf_metrics_snapshot_t *snapshot,
                        int is_database_up, const tmf_overview_t *overview,
                        const tmf_build_t *build, int is_openmetrics);

/* ---- where it is kept: mod_tmf_customer.c ---- */

/* Of the memory, which a module that a restart has replaced finds as the one before has made it:
 * another layout, or another meaning of a word, has another number, and a memory of its own. */
#define TMF_METRICS_LAYOUT "1"

/* The metrics of all virtual hosts that an httpd has had since its start. */
typedef struct tmf_metrics_hosts_t tmf_metrics_hosts_t;

/* Empty; it and all in it belong to `process_pool`, so that they outlive restarts. `processes`: how
 * many children there can be at a time. For the parent, like all below but tmf_metrics_enter. */
tmf_metrics_hosts_t *tmf_metrics_hosts_make(int processes, apr_pool_t *process_pool);

/* Those of the virtual host that `identity` names: the same as ever, or, the first time, new ones
 * in shared memory. */
apr_status_t tmf_metrics_of_host(tmf_metrics_t **metrics, tmf_metrics_hosts_t *hosts,
                                 const char *identity);

/* A child, at its beginning: from now on it counts its connections here. */
void tmf_metrics_enter(tmf_metrics_t *metrics);

/* That child has ended, however it did: it has no connections any more. */
void tmf_metrics_left(tmf_metrics_hosts_t *hosts, pid_t process);

/* Every few seconds: begins a new minute of the last hour when one is over. */
void tmf_metrics_tick(tmf_metrics_hosts_t *hosts, apr_time_t now);

#endif
