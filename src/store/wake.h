/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How whoever committed a delivery wakes the notifier, also the one in another child of this httpd:
 * a pipe that all children inherit. A byte in it means "look"; a full pipe has been heard of
 * already, so nothing ever waits here. What other hosts commit is found by polling.
 */
#ifndef TMF_STORE_WAKE_H
#define TMF_STORE_WAKE_H

#include <apr_pools.h>

typedef struct tmf_wake_t tmf_wake_t;

/* post_config, for each server: makes the pipe; `config_pool` closes it. */
apr_status_t tmf_wake_make(tmf_wake_t **wake, apr_pool_t *config_pool);

/* Any thread of any child; NULL = there is nobody to wake. */
void tmf_wake_send(const tmf_wake_t *wake);

/* The notifier: what to poll for reading; and takes all bytes: were there any? */
int tmf_wake_descriptor(const tmf_wake_t *wake);
int tmf_wake_take(const tmf_wake_t *wake);

#endif
