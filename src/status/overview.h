/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is to say of a virtual host at a moment: the page (page.h) and its JSON show the same.
 * Times are times of the day, durations of requests are seconds.
 */
#ifndef TMF_STATUS_OVERVIEW_H
#define TMF_STATUS_OVERVIEW_H

#include <apr_time.h>

#include "metrics/metrics.h"
#include "model/text.h"
#include "store/attention.h"

/* Rows of a list at most; further ones are only counted. */
#define TMF_STATUS_VALUES_MAX    12
#define TMF_STATUS_LISTENERS_MAX 25

/* Deliveries of a listener are counted so far. */
#define TMF_STATUS_COUNT_MAX TMF_ATTENTION_COUNT_MAX

/* Bytes of what others chose at most: a status, an error of a listener. */
#define TMF_STATUS_TEXT_MAX 200

/* Requests, and how they ended: those that are neither kind of error were answered as asked. */
typedef struct {
    apr_uint64_t requests;
    apr_uint64_t client_errors; /* 4xx */
    apr_uint64_t server_errors; /* 5xx */
    double median;              /* of their durations; negative without requests */
    double p99;
} tmf_status_requests_t;

typedef struct {
    const char *name; /* as the label of the metrics */
    tmf_status_requests_t requests;
} tmf_status_operation_t;

/* About a minute. */
typedef struct {
    apr_time_t begin; /* 0 = httpd did not run yet, and all else is 0 */
    tmf_status_requests_t requests;
    apr_uint64_t changes;   /* of customers, by their events */
    apr_uint64_t delivered; /* notifications that a listener accepted */
    apr_uint64_t failed;    /* attempts that it did not */
} tmf_status_minute_t;

/* How many customers have a value of `status`. */
typedef struct {
    const char *value; /* NULL = they have none */
    apr_int64_t customers;
} tmf_status_value_t;

typedef struct {
    const char *id;
    const char *origin; /* scheme, host and port of the callback: the rest can be secret */
    tmf_listener_state_t state;
    apr_int64_t pending;
    apr_int64_t dead;
    apr_time_t oldest_pending; /* 0 = none; so below */
    apr_time_t ill_since;
    apr_time_t paused_until;
    const char *error; /* of its last attempt that failed; NULL = none */
} tmf_status_listener_t;

typedef struct {
    const tmf_status_value_t *rows; /* most customers first */
    int count;
    apr_int64_t left_out;           /* further values */
    int is_left_out_bounded;        /* and perhaps more than these */
    apr_int64_t customers_left_out; /* that have one of them */
} tmf_status_values_t;

typedef struct {
    const tmf_status_listener_t *rows; /* those that need attention first */
    int count;
    apr_int64_t left_out;
} tmf_status_listeners_t;

typedef struct {
    const char *server; /* name of the virtual host */
    const char *links;  /* what a reference to something below S begins with, as a URL */
    tmf_build_t build;
    int generation; /* restarts of httpd so far */
    apr_time_t now;
    apr_time_t started; /* that generation */
    apr_time_t counted_since;
    apr_int64_t connections[TMF_CONNECTIONS];
    apr_uint64_t lookups[TMF_LOOKUPS]; /* in the cache */
    apr_uint64_t changes;
    apr_uint64_t deliveries[TMF_OUTCOMES];
    tmf_status_requests_t total;
    const tmf_status_operation_t *operations; /* those that were asked for */
    int operation_count;
    tmf_status_minute_t minutes[TMF_MINUTES]; /* oldest first; the last one is not over yet */
    const char *database;                     /* what is wrong with it; NULL = nothing */
    const char *notifier;                     /* likewise */
    int is_cut;                               /* something was not read in time */
    const tmf_overview_t *counts;             /* these three are NULL when the database has not */
    const tmf_status_values_t *values;        /* told them in time */
    const tmf_status_listeners_t *listeners;
} tmf_status_overview_t;

/* Appends it as JSON; README.md of this room lists the members. */
void tmf_overview_write_json(tmf_text_t *json, const tmf_status_overview_t *overview);

#endif
