/* SPDX-License-Identifier: Apache-2.0 */
/* What tmf_db_text and its like read (db.h). Internal to store/. */
#ifndef TMF_STORE_ROWS_H
#define TMF_STORE_ROWS_H

#include "store/session.h"

/* Rows that all stand in one result; or, when `all` is NULL, each in one of its own: `single`, of
 * PGresult *. Lives in `result_pool`, and belongs to neither. */
tmf_db_rows_t *tmf_rows_make(const PGresult *all, const apr_array_header_t *single,
                             apr_pool_t *result_pool);

#endif
