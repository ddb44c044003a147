/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Can the database be used? For whoever must know within a time that the database does not keep.
 *
 * A thread of its own asks the database, as any request would: over mod_dbd's pool, whose connect
 * and whose wait for a free connection nobody can give up. One asks at a time, however many want to
 * know; they wait for its answer, but never longer than TMF_PROBE_TIME since it was asked. So a
 * database that is frozen holds one thread and one connection of a child.
 */
#ifndef TMF_STORE_PROBE_H
#define TMF_STORE_PROBE_H

#include "store/db.h"

/* So long an answer is waited for. */
#define TMF_PROBE_TIME (700 * 1000)

typedef struct tmf_probe_t tmf_probe_t;

/* What the database has answered. */
typedef struct {
    const char *database;         /* what is wrong, for clients; NULL = it can be used */
    const char *schema;           /* likewise; undefined unless `database` is NULL */
    int version;                  /* of the schema; 0 = it has none, or it is not known */
    int others_notify;            /* another httpd has leases of listeners */
    apr_interval_time_t duration; /* that the answer took */
} tmf_probe_answer_t;

/* child_init, after mod_dbd's; lives in `child_pool`, whose pre-cleanup ends its thread. That is
 * started when somebody asks for the first time. `owner`: what this httpd's own leases are called
 * (notify/leader.h); NULL = it has none. */
apr_status_t tmf_probe_make(tmf_probe_t **probe, tmf_db_pool_t *database, const char *owner,
                            apr_pool_t *child_pool);

/* Asks, or waits for the answer that somebody else has asked for. From any thread. Texts live in
 * `result_pool`. */
void tmf_probe_ask(tmf_probe_t *probe, tmf_probe_answer_t *answer, apr_pool_t *result_pool);

#endif
