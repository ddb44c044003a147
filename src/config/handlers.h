/* SPDX-License-Identifier: Apache-2.0 */
/* SetHandler and AddHandler, as they stand in the configuration files. */
#ifndef TMF_CONFIG_HANDLERS_H
#define TMF_CONFIG_HANDLERS_H

#include <httpd.h>
#include <ap_expr.h>

#include "config/config.h"

/* The handler of ours that the SetHandler behind this expression names in plain text;
 * TMF_HANDLER_NONE when it names none. httpd keeps handlers as expressions, which only a request
 * can evaluate, but it tells where they were written. `pool` is for scratch. */
tmf_handler_t tmf_handler_of_expression(const ap_expr_info_t *expression, apr_pool_t *pool);

/* Looks at every handler that is named in plain text: ours outside of any <Location>, which is a
 * mistake, and names that look like ours, about which a warning is logged. Returns the number of
 * mistakes, each of which has got a line in the log of `server`. */
int tmf_handlers_check(server_rec *server, apr_pool_t *pool);

#endif
