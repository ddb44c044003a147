/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which versions of the schema and of the module serve each other, so that several httpds can be
 * upgraded one after the other. An upgrade of the schema first expands: it adds what the next
 * release needs, and still serves this one. What no release needs any more goes with a later
 * upgrade, which says in schema_version.serves_from whom it leaves behind (sql/README.md).
 */
#ifndef TMF_STORE_SCHEMA_H
#define TMF_STORE_SCHEMA_H

#include <apr_pools.h>

/* One row, without parameters: the schema's version, the oldest module that it serves; either is
 * NULL when it has none. Before version 13 there was no such column. */
#define TMF_SCHEMA_SQL                                                                             \
    "SELECT max(version), max((pg_catalog.to_jsonb(v) ->> 'serves_from')::integer)"                \
    " FROM tmf_customer.schema_version AS v"

/* The version that this module was written for: the highest number in sql/. */
int tmf_schema_version(void);

/* NULL when this module can use a schema of this version (0 = it has none), which serves modules
 * from `serves_from` on; else what is wrong, and what to do. It lives in `result_pool`. */
const char *tmf_schema_fault(int version, int serves_from, apr_pool_t *result_pool);

#endif
