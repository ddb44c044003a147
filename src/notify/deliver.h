/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending: many requests at a time through one curl multi handle. deliver.c alone knows libcurl.
 * All of it belongs to the notifier's thread, but for tmf_sender_interrupt.
 */
#ifndef TMF_NOTIFY_DELIVER_H
#define TMF_NOTIFY_DELIVER_H

#include <apr_pools.h>
#include <apr_time.h>

#include "model/target.h"
#include "model/trace.h"

/* Bytes of a listener's answer that are read, head and body each: what is beyond is cut off. */
#define TMF_ANSWER_MAX 65536

/* Bytes of a description of what went wrong. */
#define TMF_ANSWER_ERROR_MAX 256

typedef struct {
    const tmf_targets_t *targets;
    apr_interval_time_t connect_timeout; /* name lookup included */
    apr_interval_time_t timeout;         /* of all of a request */
    int requests_max;                    /* on their way at a time */
    const char *user_agent;
} tmf_sender_settings_t;

/* One notification on its way. Its strings are the sender's from start to end. */
typedef struct {
    void *context;         /* the caller's */
    const char *callback;  /* the URL, used as it is */
    const char *host;      /* of it, as tmf_callback_check told */
    const char *event_id;  /* webhook-id */
    apr_int64_t timestamp; /* webhook-timestamp */
    const char *signature; /* webhook-signature; NULL = none */
    tmf_trace_t trace;     /* to go on with */
    const char *body;
    apr_size_t length;
} tmf_message_t;

/* How it ended. */
typedef struct {
    void *context;
    int status;                       /* the answer's; 0 = there was none */
    apr_interval_time_t retry_after;  /* as tmf_backoff_retry_after; 0 = none */
    char error[TMF_ANSWER_ERROR_MAX]; /* why there was none; "" when there was */
} tmf_answer_t;

typedef struct tmf_sender_t tmf_sender_t;

/* post_config, once in a process that serves: before any thread. 0 when curl cannot work. */
int tmf_sender_set_up(apr_pool_t *process_pool);

/* A sender for one thread; closed by tmf_sender_close. NULL when there is no memory. */
tmf_sender_t *tmf_sender_open(const tmf_sender_settings_t *settings, apr_pool_t *result_pool);

/* Ends all that is on its way, unanswered. */
void tmf_sender_close(tmf_sender_t *sender);

/* Sends a message; 0 when it could not even be begun. */
int tmf_sender_start(tmf_sender_t *sender, const tmf_message_t *message);

/* Works, and waits, `most` at the longest: for a listener, for `descriptor` (-1 = none) to become
 * readable, or for tmf_sender_interrupt. */
void tmf_sender_wait(tmf_sender_t *sender, apr_interval_time_t most, int descriptor);

/* Takes the next answer: 1; 0 when there is none at the moment. */
int tmf_sender_next(tmf_sender_t *sender, tmf_answer_t *answer);

/* Ends a tmf_sender_wait; from any thread. */
void tmf_sender_interrupt(tmf_sender_t *sender);

#endif
