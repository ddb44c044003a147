/* SPDX-License-Identifier: Apache-2.0 */
#include "model/identifier.h"

#include <apr_general.h>
#include <apr_strings.h>

tmf_error_t *tmf_identifier_make(const char **id, apr_time_t now, apr_pool_t *result_pool)
{
    apr_uint64_t milliseconds = (apr_uint64_t)apr_time_as_msec(now);
    unsigned char b[16];
    apr_status_t status = apr_generate_random_bytes(b + 6, 10);
    int i;

    if (status != APR_SUCCESS) {
        return tmf_error_fault(result_pool, TMF_ERROR_INTERNAL, "TMF0010",
                               "The request could not be completed",
                               "no random bytes for an id: APR status %d", status);
    }
    for (i = 0; i < 6; i++) {
        b[i] = (unsigned char)(milliseconds >> (40 - 8 * i));
    }
    b[6] = (unsigned char)(0x70 | (b[6] & 0x0F)); /* version 7 */
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3F)); /* variant of RFC 9562 */
    *id = apr_psprintf(result_pool,
                       "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                       b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                       b[13], b[14], b[15]);
    return NULL;
}
