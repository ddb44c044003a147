/* SPDX-License-Identifier: Apache-2.0 */
#include "config/dbd_directives.h"

#include <stdlib.h>
#include <string.h>

#include <http_config.h>
#include <http_log.h>

#include "config/config.h"

APLOG_USE_MODULE(tmf_customer);

/* mod_dbd's defaults. */
#define DEFAULT_LEAST 1
#define DEFAULT_KEPT  2
#define DEFAULT_MOST  10

static void read_directive(tmf_dbd_directives_t *directives, const ap_directive_t *node,
                           apr_pool_t *pool)
{
    const char *arguments = node->args;
    const char *value = ap_getword_conf(pool, &arguments);

    if (strcasecmp(node->directive, "DBDriver") == 0) {
        directives->driver = value;
    } else if (strcasecmp(node->directive, "DBDParams") == 0) {
        directives->parameters = value;
    } else if (strcasecmp(node->directive, "DBDMin") == 0) {
        directives->least = atoi(value);
    } else if (strcasecmp(node->directive, "DBDKeep") == 0) {
        directives->kept = atoi(value);
    } else if (strcasecmp(node->directive, "DBDMax") == 0) {
        directives->most = atoi(value);
    }
}

static void read_level(tmf_dbd_directives_t *directives, const ap_directive_t *node,
                       apr_pool_t *pool)
{
    for (; node != NULL; node = node->next) {
        if (strncasecmp(node->directive, "DBD", 3) == 0) {
            read_directive(directives, node, pool);
        }
    }
}

static int is_section_of(const ap_directive_t *node, const server_rec *server)
{
    return strcasecmp(node->directive, "<VirtualHost") == 0 && node->filename != NULL &&
           strcmp(node->filename, server->defn_name) == 0 &&
           node->line_num == (int)server->defn_line_number;
}

void tmf_dbd_directives_read(tmf_dbd_directives_t *directives, const server_rec *server,
                             apr_pool_t *pool)
{
    const tmf_dbd_directives_t defaults = {NULL, NULL, DEFAULT_LEAST, DEFAULT_KEPT, DEFAULT_MOST};
    const ap_directive_t *node;

    *directives = defaults;
    read_level(directives, ap_conftree, pool);
    for (node = ap_conftree; server->is_virtual && node != NULL; node = node->next) {
        if (is_section_of(node, server)) {
            read_level(directives, node->first_child, pool);
        }
    }
}

int tmf_dbd_directives_are_usable(const tmf_dbd_directives_t *directives, const server_rec *server,
                                  const char *place)
{
    if (strcmp(directives->driver, "pgsql") != 0) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "TMF0161: %s has DBDriver %s, but the module needs DBDriver pgsql", place,
                     directives->driver);
        return 0;
    }
    if (directives->least > directives->kept || directives->kept > directives->most ||
        directives->most < 1) {
        ap_log_error(
            APLOG_MARK, APLOG_ERR, 0, server,
            "TMF0162: %s has DBDMin %d, DBDKeep %d, DBDMax %d (mod_dbd's defaults are %d, "
            "%d, %d): mod_dbd makes no connection unless DBDMin is at most DBDKeep, DBDKeep "
            "at most DBDMax, and DBDMax at least 1",
            place, directives->least, directives->kept, directives->most, DEFAULT_LEAST,
            DEFAULT_KEPT, DEFAULT_MOST);
        return 0;
    }
    return 1;
}
