/* SPDX-License-Identifier: Apache-2.0 */
/* The ids that the server gives. */
#ifndef TMF_MODEL_IDENTIFIER_H
#define TMF_MODEL_IDENTIFIER_H

#include <apr_time.h>

#include "error.h"

/* Makes a UUID version 7 (RFC 9562 §5.7) for the moment `now`, in lower case: 48 bits of
 * milliseconds, then 74 random bits. Ids of one time lie together in the primary key's index, which
 * keeps inserts into a large table cheap. TMF_ERROR_INTERNAL when the system gives no random bytes.
 */
tmf_error_t *tmf_identifier_make(const char **id, apr_time_t now, apr_pool_t *result_pool);

#endif
