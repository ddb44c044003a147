/* SPDX-License-Identifier: Apache-2.0 */
/* Where our handlers are set: the base paths of a server's APIs, and of its status pages. */
#ifndef TMF_CONFIG_BASES_H
#define TMF_CONFIG_BASES_H

#include <httpd.h>
#include <apr_tables.h>

/* Finds every <Location> of a server with a handler of ours, its own and those of the main server,
 * and checks them: `bases` is an array of tmf_base_t in `pool`, longest path first. Returns the
 * number of mistakes, each of which has got a line in the log of `server`; a <Location> that can be
 * no base is left out. */
int tmf_bases_find(apr_array_header_t **bases, server_rec *server, const server_rec *main_server,
                   apr_pool_t *pool);

#endif
