/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creates and changes of single customers by the threads of a child: those that come at the same
 * time are one statement, and so one commit; customer_writes.c has the design.
 *
 * The caller must hold no connection. Errors are tmf_db_borrow's and tmf_db_execute's, and come in
 * twice the time that these two take at most, and TMF_COMBINER_PATIENCE. `*customer` lives in
 * `result_pool`.
 */
#ifndef TMF_STORE_CUSTOMER_WRITES_H
#define TMF_STORE_CUSTOMER_WRITES_H

#include "store/customer_store.h"

/* One for each way to the database. */
typedef struct tmf_customer_writes_t tmf_customer_writes_t;

/* child_init; lives in `child_pool`. `keeps_history` (0 or 1): all that is written has a record of
 * the change, which is kept for the same time; or nothing has one. */
apr_status_t tmf_customer_writes_make(tmf_customer_writes_t **writes, tmf_db_pool_t *database,
                                      int keeps_history, apr_pool_t *child_pool);

/* Inserts one whose id no other request can have chosen; the rest as tmf_customer_store_create. */
tmf_error_t *tmf_customer_writes_create(tmf_customer_writes_t *writes, const char *id,
                                        const char *doc, const tmf_tell_t *tell,
                                        const tmf_customer_t **customer, apr_pool_t *result_pool);

/* As tmf_customer_store_update, but `*customer` may be NULL as well because somebody has the
 * customer locked, or changes it in the same statement. */
tmf_error_t *tmf_customer_writes_update(tmf_customer_writes_t *writes, const char *id,
                                        apr_int64_t revision, const char *doc,
                                        const tmf_tell_t *tell, const tmf_customer_t **customer,
                                        apr_pool_t *result_pool);

#endif
