/* SPDX-License-Identifier: Apache-2.0 */
#include "query/reading.h"

#include <stdarg.h>

#include <apr_strings.h>

tmf_error_t *tmf_reading_refuse(const tmf_reading_t *reading, const char *format, ...)
{
    va_list arguments;
    const char *message;

    va_start(arguments, format);
    message = apr_pvsprintf(reading->pool, format, arguments);
    va_end(arguments);
    return tmf_error_make(reading->pool, reading->fault, "%s", message);
}
