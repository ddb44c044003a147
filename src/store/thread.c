/* SPDX-License-Identifier: Apache-2.0 */
#include "store/thread.h"

#include <httpd.h>

apr_status_t tmf_thread_start(apr_thread_t **thread, apr_thread_start_t run, void *data,
                              apr_pool_t *pool)
{
    apr_status_t status;
    sigset_t before;
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = ap_thread_create(thread, NULL, run, data, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status != APR_SUCCESS) {
        *thread = NULL;
    }
    return status;
}

void tmf_thread_hold_signals(int threaded, sigset_t *before)
{
    sigset_t deadly;

    if (!threaded) {
        sigemptyset(&deadly);
        sigaddset(&deadly, SIGTERM);
        sigaddset(&deadly, SIGHUP);
        pthread_sigmask(SIG_BLOCK, &deadly, before);
    }
}

void tmf_thread_release_signals(int threaded, const sigset_t *before)
{
    if (!threaded) {
        pthread_sigmask(SIG_SETMASK, before, NULL);
    }
}
