/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TMF_STORE_THREAD_H
#define TMF_STORE_THREAD_H

#include <signal.h>

#include <apr_pools.h>
#include <apr_thread_proc.h>

/* Starts a thread of a child that runs `run` with `data`, and takes none of the signals by which
 * the MPM ends the child. It lives in `pool`; after an error, APR's, `*thread` is NULL. */
apr_status_t tmf_thread_start(apr_thread_t **thread, apr_thread_start_t run, void *data,
                              apr_pool_t *pool);

/* prefork (not `threaded`) ends a child within the handler of SIGTERM or SIGHUP, whatever the
 * thread is doing: between these two the signals wait. `before` is what was blocked already. */
void tmf_thread_hold_signals(int threaded, sigset_t *before);
void tmf_thread_release_signals(int threaded, const sigset_t *before);

#endif
