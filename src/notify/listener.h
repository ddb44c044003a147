/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One leased listener: what is in hand for it, what may be sent next, and what its answers mean
 * (design: "Outcomes"). Knows neither the database nor curl. The notifier's thread only.
 *
 * Order: of one customer, an event is sent when all before it have been delivered or given up.
 * Events of different customers are sent side by side: one at first, one more with each success, up
 * to TMFCustomerNotifyConcurrency; so a listener that does not answer holds one place until it
 * does.
 *
 * A listener that has refused TMF_REFUSALS_MAX events in a row is ill, too, and pauses for
 * TMF_REFUSALS_PAUSE, again and again until it accepts one. It is hardly the events that are at
 * fault then: rather a wrong path, or a token that has run out. So fewer become dead letters before
 * somebody sees to it, and the work that refusals make is bounded, however much is changed; and if
 * the events are at fault all the same, the others do not wait for long.
 */
#ifndef TMF_NOTIFY_LISTENER_H
#define TMF_NOTIFY_LISTENER_H

#include "notify/deliver.h"
#include "notify/event_cache.h"
#include "query/subscription.h"
#include "store/outbox.h"

/* Deliveries in hand for one listener at most, beside those that may be on their way: what was
 * answered and is still to be recorded, what is next, and what waits for another try. */
#define TMF_IN_HAND_BESIDE 376

#define TMF_REFUSALS_MAX   20
#define TMF_REFUSALS_PAUSE (1 * APR_USEC_PER_SEC)

typedef enum {
    TMF_HAND_READ,    /* its event is still to be read */
    TMF_HAND_WAITING, /* may be sent, from not_before on */
    TMF_HAND_SENT,
    TMF_HAND_DONE,   /* delivered, or not wanted: to be recorded */
    TMF_HAND_REFUSED /* to be recorded; then it waits, or is a dead letter */
} tmf_hand_state_t;

struct tmf_listener_t;

/* A delivery in hand. */
typedef struct {
    struct tmf_listener_t *listener;
    tmf_hand_state_t state;
    apr_int64_t id;            /* of the event */
    tmf_cached_event_t *event; /* a reference; NULL as long as it is not read */
    const char *customer_id;
    unsigned customer_hash;
    int attempts;  /* refused so often */
    int checked;   /* the listener's query wants it: not before is it sent */
    int recording; /* DONE or REFUSED, and a recorder is at it */
    int is_out;    /* for a moment: it leaves the hand */
    apr_time_t not_before;
    char *error;      /* REFUSED: why */
    apr_pool_t *pool; /* owns this */
} tmf_in_hand_t;

/* What all listeners of a notifier have in common. */
typedef struct {
    const apr_array_header_t *schedule; /* of apr_interval_time_t: pauses after failures */
    int concurrency;                    /* requests at a time to one listener */
    int refused_tries;                  /* then a refused event is a dead letter */
} tmf_listener_rules_t;

typedef struct tmf_listener_t {
    const tmf_listener_rules_t *rules;
    const char *hub_id;
    const char *callback; /* never in the log: its path, query and user information can be secret */
    const char *origin;   /* what the log may show of it: scheme, host and port */
    const char *host;
    tmf_subscription_t subscription;
    apr_time_t leased_until; /* on our clock, and never later than on the database's */

    tmf_in_hand_t **hand; /* oldest first */
    int count;
    int capacity;                      /* of the hand */
    struct tmf_customers_t *customers; /* scratch of whoever looks through the hand */
    int sent;                          /* of them, on their way */
    int settled;                       /* of them, to be recorded */
    int unread;                        /* of them, TMF_HAND_READ */
    int delayed;                       /* of them, refused before: they wait for their time */
    int allowed;                       /* on their way at most */
    int more;                          /* the database may have more than is in hand */
    int reading;        /* the recorder reads for it; 0 before it answers: that comes too late */
    apr_time_t read_at; /* while it is refusing, nothing is read for it before */

    int refusals;  /* in a row, in this lease */
    int failures;  /* in a row, before this lease and in it */
    int recovered; /* a success after failures is to be recorded */
    int is_costly; /* its query has taken longer than others wait for */
    int leaving;   /* nothing more is sent; goes when nothing is on its way */
    int pausing;   /* …and a pause is recorded then */
    int disabling; /* …for good */
    apr_interval_time_t pause;
    char error[TMF_ANSWER_ERROR_MAX];

    apr_pool_t *pool; /* owns this, and sub-pools with what is in hand */
} tmf_listener_t;

/* A listener without anything in hand, in a pool of its own below `parent`. A query that cannot be
 * read any more makes it `leaving` and `pausing`. */
tmf_listener_t *tmf_listener_make(const tmf_lease_t *lease, const tmf_targets_t *targets,
                                  const tmf_listener_rules_t *rules, apr_pool_t *parent);

/* Puts a delivery in hand, without its event, and returns it; there must be room. */
tmf_in_hand_t *tmf_listener_add(tmf_listener_t *listener, const tmf_due_t *due, apr_time_t now);

/* Takes the deliveries out for which `is_out` says so, in the states that are not on their way. */
typedef int tmf_is_out_fn(const tmf_in_hand_t *delivery);
tmf_is_out_fn tmf_in_hand_is_unsent; /* READ or WAITING */
tmf_is_out_fn tmf_in_hand_is_out;    /* marked so */
void tmf_listener_drop(tmf_listener_t *listener, tmf_is_out_fn *is_out, tmf_event_cache_t *cache);

/* Takes out what has to wait for a delayed one of the same customer: it would be in the way of
 * other customers. */
void tmf_listener_withhold(tmf_listener_t *listener, tmf_event_cache_t *cache);

/* Everything in hand that is neither on its way nor delivered, and in the end the listener itself.
 */
void tmf_listener_drop_all(tmf_listener_t *listener, tmf_event_cache_t *cache);
void tmf_listener_destroy(tmf_listener_t *listener, tmf_event_cache_t *cache);

/* The next delivery that may be sent now; NULL = none. `*wake_at` is lowered to the time at which
 * one may be, if only time is in its way. */
tmf_in_hand_t *tmf_listener_next(tmf_listener_t *listener, apr_time_t now, apr_time_t *wake_at);

/* It is on its way. */
void tmf_listener_sent(tmf_in_hand_t *delivery);

/* It need not be sent: it is done, which is to be recorded. */
void tmf_listener_skip(tmf_in_hand_t *delivery);

/* It was refused, which is recorded: it waits until its not_before. */
void tmf_listener_delay(tmf_in_hand_t *delivery);

/* The listener's answer to one that was on its way. */
void tmf_listener_answered(tmf_in_hand_t *delivery, const tmf_answer_t *answer, apr_time_t now);

/* It waits, and cannot be sent for what `error` says: as if the listener had refused it. */
void tmf_listener_refuse(tmf_in_hand_t *delivery, const char *error, apr_time_t now);

/* Nothing can be sent to the listener now: it leaves, and pauses. */
void tmf_listener_fail(tmf_listener_t *listener, const char *error, apr_interval_time_t pause);

/* Does it hold refused events that wait for their next try? Later ones of the same customers are
 * left in the database then, customer by customer, which makes reading for it slow. */
int tmf_listener_is_refusing(const tmf_listener_t *listener);

/* Something left the hand that is to be sent all the same: it is read again, and an answer that is
 * on its way to the recorder knows nothing of that. */
void tmf_listener_read_again(tmf_listener_t *listener);

/* Does its query want but some of the events? */
int tmf_listener_has_conditions(const tmf_listener_t *listener);

/* How many are still to be sent, but for those that are delayed: these keep nobody from reading
 * more. */
int tmf_listener_waiting(const tmf_listener_t *listener);

#endif
