/* SPDX-License-Identifier: Apache-2.0 */
#include "store/schema.h"

#include <apr_strings.h>

/* The highest number in sql/. The test of rolling upgrades builds a module of a next release. */
#ifndef TMF_SCHEMA_VERSION
#define TMF_SCHEMA_VERSION 14
#endif

/* The oldest schema that has all that the statements of this module need. */
#define TMF_SCHEMA_OLDEST 13

int tmf_schema_version(void)
{
    return TMF_SCHEMA_VERSION;
}

const char *tmf_schema_fault(int version, int serves_from, apr_pool_t *result_pool)
{
    const char *has = version != 0 ? apr_psprintf(result_pool, "version %d", version)
                                   : "no version";

    if (version < TMF_SCHEMA_OLDEST) {
        return apr_psprintf(result_pool,
                            "The schema has %s, this module needs version %d: "
                            "run sql/install.sql of the module's release",
                            has, TMF_SCHEMA_OLDEST);
    }
    if (serves_from > TMF_SCHEMA_VERSION) {
        return apr_psprintf(result_pool,
                            "The schema has %s, which serves modules from version %d "
                            "on, this one is of version %d: install the release that the schema "
                            "was upgraded with, and restart httpd",
                            has, serves_from, TMF_SCHEMA_VERSION);
    }
    return NULL;
}
