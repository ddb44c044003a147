/* SPDX-License-Identifier: Apache-2.0 */
/* What mod_dbd was told for a server. mod_dbd itself tells nobody, so its directives are read in
 * the configuration files. */
#ifndef TMF_CONFIG_DBD_DIRECTIVES_H
#define TMF_CONFIG_DBD_DIRECTIVES_H

#include <httpd.h>

typedef struct {
    const char *driver;     /* DBDriver; NULL = none is in force */
    const char *parameters; /* DBDParams, which may hold a password; likewise */
    int least;              /* DBDMin */
    int kept;               /* DBDKeep */
    int most;               /* DBDMax */
} tmf_dbd_directives_t;

/* The directives in force for a server: its own, else those of the main server, else mod_dbd's
 * defaults. Their texts live in `pool`. */
void tmf_dbd_directives_read(tmf_dbd_directives_t *directives, const server_rec *server,
                             apr_pool_t *pool);

/* Can a connection be made at all with them? What is wrong is logged as an error. `place` says in
 * words which server it is. */
int tmf_dbd_directives_are_usable(const tmf_dbd_directives_t *directives, const server_rec *server,
                                  const char *place);

#endif
