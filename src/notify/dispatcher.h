/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DESIGN
 *
 * Every child of an httpd has a thread for each server with the API, and one of them leads
 * (leader.h). The leading one goes round in a loop (notify.c):
 *
 * - exchange with the database, when there is a reason to (exchange.c): read what is due for the
 *   listeners that are leased, decide what their queries leave out of it, as far as time allows
 * (match.h), start the rest, and only then take and renew leases of those that have something
 *   pending: what is due for a new one is read the next time;
 * - start what may be sent, as far as the limits allow;
 * - give two threads, the recorders (recorder.h), what can wait (record.h): to record what has
 *   become of deliveries, every RECORD_GAP (notify.c) or when it is much; to read for listeners
 * that have refused some, to look for backlogs, and to sweep. No listener's next event waits for
 * that, unless what was delivered cannot be recorded and has filled all its places;
 * - wait for listeners, for a commit (wake.h), for the recorders, for the time of the next
 *   exchange. This thread holds no connection to the database meanwhile.
 *
 * Who owns what: everything here belongs to the leading thread alone, there is no lock. Others
 * reach it in four ways: a byte in the wake pipe, the atomic `stop`, the interrupt of the sender,
 * and a record that a recorder is done with.
 *
 * What may be lost: nothing. A delivery is in the database until its listener has answered 2xx and
 * that is recorded; whoever dies in between leaves it to the next one, which sends it again.
 *
 * Two notifiers never work one listener at a time as long as clocks run at one speed: a lease lasts
 * LEASE_TIME from the database's view, and here from before it was asked for; nothing is begun
 * after it has run out. (What had begun may still be under way: at least once, after all.)
 *
 * Bounds: TMFCustomerNotifyConcurrency + TMF_IN_HAND_BESIDE deliveries in hand for a listener,
 * TMF_DOCUMENTS_MAX bytes of events in all, and a quarter of that in each of two answers of the
 * database.
 */
#ifndef TMF_NOTIFY_DISPATCHER_H
#define TMF_NOTIFY_DISPATCHER_H

#include "notify/listener.h"
#include "notify/notices.h"
#include "notify/notify.h"

#define TMF_LEASE_TIME    (5 * APR_USEC_PER_SEC)
#define TMF_DOCUMENTS_MAX (64 * 1024 * 1024)
#define TMF_RELEASE_TIME  (1 * APR_USEC_PER_SEC) /* that a statement may take: httpd is stopping */

typedef struct {
    const tmf_notify_settings_t *settings;
    apr_uint32_t *stop; /* atomic: not 0 = the thread is to end, and the database not waited for */
    tmf_listener_rules_t rules;
    apr_array_header_t *listeners; /* of tmf_listener_t *: those that are leased */
    tmf_event_cache_t *events;
    tmf_notices_t *notices;
    int sent;        /* on their way, to all listeners */
    int first;       /* index of the listener whose turn is first */
    int woken;       /* something was committed, or the time to look has come */
    int unchecked;   /* events wait that listeners' queries have not been asked about yet */
    int costly_left; /* …of listeners whose queries are costly: from costly_at on */
    apr_time_t costly_at;
    apr_time_t look_at; /* when to look for new work if nothing wakes us */
    apr_time_t sweep_at;
    apr_int64_t sweep_position;
    apr_time_t backlogs_at; /* when to look for listeners that are behind */
    apr_pool_t *pool;       /* for the thread's life as leader */
} tmf_dispatcher_t;

/* One of those that are leased, by its place. */
tmf_listener_t *tmf_listener_at(const tmf_dispatcher_t *dispatcher, int index);

/* Is there room for more deliveries of the listener, and may there be any? */
int tmf_listener_has_room(const tmf_dispatcher_t *dispatcher, const tmf_listener_t *listener);

/* Is more to be read for the listener by an exchange? */
int tmf_exchange_wants_more(const tmf_dispatcher_t *dispatcher, const tmf_listener_t *listener);

/* Is to be recorded that it is well again, or pauses? The latter not while anything of it is on its
 * way, or to be recorded: others may have its lease after. */
int tmf_exchange_has_news(const tmf_listener_t *listener);

/* Reads what is due, but not for listeners that are refusing. */
tmf_error_t *tmf_exchange_read(tmf_dispatcher_t *dispatcher, apr_pool_t *scratch_pool);

/* Takes and renews leases, records which listeners pause or are well again, and lets go of those
 * that are left. What was not recorded on an error is recorded the next time. */
tmf_error_t *tmf_exchange_leases(tmf_dispatcher_t *dispatcher, apr_pool_t *scratch_pool);

/* Gives back the leases of whoever led this httpd before, or of this one at its end; takes little
 * time. */
tmf_error_t *tmf_exchange_release(tmf_dispatcher_t *dispatcher, apr_pool_t *scratch_pool);

#endif
