/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which child of an httpd notifies: whoever holds a lock on a file that all children have open. The
 * system takes the lock away from a process that ends, however it ends, so another child can take
 * over at once.
 */
#ifndef TMF_NOTIFY_LEADER_H
#define TMF_NOTIFY_LEADER_H

#include <apr_pools.h>

typedef struct tmf_leader_t tmf_leader_t;

/* post_config, for each server: makes the lock, of a file without a name. */
apr_status_t tmf_leader_make(tmf_leader_t **leader, apr_pool_t *config_pool);

/* Who holds leases for this httpd: the same text for all of its children, and for no other httpd.
 */
const char *tmf_leader_name(const tmf_leader_t *leader);

/* Does this process lead? Takes the lock when it is free. One thread of a process may call these.
 */
int tmf_leader_try(const tmf_leader_t *leader);
void tmf_leader_resign(const tmf_leader_t *leader);

/* Does any process of this httpd lead? From any thread. */
int tmf_leader_is_there(const tmf_leader_t *leader);

#endif
