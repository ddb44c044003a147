/* SPDX-License-Identifier: Apache-2.0 */
/* What the statements on customers have in common: a customer, and the events and the row of the
 * history that its change leaves. */
#ifndef TMF_STORE_CUSTOMER_H
#define TMF_STORE_CUSTOMER_H

#include "model/event.h"
#include "model/trace.h"
#include "store/db.h"

/* Bytes of a document that is read or written among others; a larger one goes alone: it keeps
 * nobody waiting, and a batch has a bound, which libpq keeps the memory of for each connection. */
#define TMF_SHARED_DOC_MOST 8192

/* A customer as it is stored. */
typedef struct {
    const char *id;
    apr_int64_t revision;
    const char *doc; /* jsonb's text of an object without id and href; NUL-terminated */
    apr_size_t doc_length;
} tmf_customer_t;

/* What is kept of a write: a row of the history, written by the same statement. */
typedef struct {
    const char *operation;        /* create, patch, replace or delete; NULL = no history is kept */
    const char *user;             /* who asked for it, in UTF-8; NULL = nobody in particular */
    apr_interval_time_t kept_for; /* how old rows may become; 0 = as old as they like */
} tmf_record_of_change_t;

/* The events of a write (src/api/README.md §7): they, and a delivery for each listener that may
 * want one, are written by the statement that changes the customer. */
typedef struct {
    unsigned types;             /* as a set (model/event.h) */
    const char *changed;        /* top-level names, comma-separated; NULL = none are given */
    const char *correlation_id; /* of the request; NULL = none */
    const char *href;           /* of the customer, as the reply has it */
    tmf_trace_t trace;          /* of the request */
    tmf_record_of_change_t record;
} tmf_customer_event_t;

#endif
