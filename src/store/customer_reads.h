/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of single customers by the threads of a child: those that come at the same time are one
 * statement. Internal to store/. */
#ifndef TMF_STORE_CUSTOMER_READS_H
#define TMF_STORE_CUSTOMER_READS_H

#include "store/customer.h"

/* One for each way to the database. */
typedef struct tmf_customer_reads_t tmf_customer_reads_t;

/* child_init; lives in `child_pool`. */
apr_status_t tmf_customer_reads_make(tmf_customer_reads_t **reads, tmf_db_pool_t *database,
                                     apr_pool_t *child_pool);

/* Reads one as it is after this was called, perhaps from the cache: `*customer` is NULL when there
 * is none, else it lives in `result_pool`. The caller must hold no connection. Errors are
 * tmf_db_borrow's and tmf_db_run's, and come in the time that these two take, and
 * TMF_COMBINER_WAIT. */
tmf_error_t *tmf_customer_reads_get(tmf_customer_reads_t *reads, const char *id,
                                    const tmf_customer_t **customer, apr_pool_t *result_pool);

/* The same from the database in any case: what other hosts have written is there, too, and from
 * then on tmf_customer_reads_get gives nothing that is older. */
tmf_error_t *tmf_customer_reads_get_stored(tmf_customer_reads_t *reads, const char *id,
                                           const tmf_customer_t **customer,
                                           apr_pool_t *result_pool);

/* Reads one within a transaction, until whose end nobody else writes the customer. Waits for
 * whoever writes it at the moment. A transaction that stands still for longer than a statement may
 * take is ended by the database. */
tmf_error_t *tmf_customer_reads_lock(tmf_db_t *db, const char *id, const tmf_customer_t **customer,
                                     apr_pool_t *result_pool);

#endif
