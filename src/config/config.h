/* SPDX-License-Identifier: Apache-2.0 */
/* How httpd comes to the settings: directives, and where our handlers are set. */
#ifndef TMF_CONFIG_H
#define TMF_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "config/settings.h"

extern module AP_MODULE_DECLARE_DATA tmf_customer_module;

/* The names for SetHandler: of the API, and of what tells how it is. */
#define TMF_HANDLER_NAME        "tmf-customer"
#define TMF_STATUS_HANDLER_NAME "tmf-customer-status"

typedef enum { TMF_HANDLER_NONE, TMF_HANDLER_API, TMF_HANDLER_STATUS } tmf_handler_t;

/* One <Location> with one of our handlers. */
typedef struct {
    tmf_handler_t handler;
    const char
        *path; /* "/tmf-api/customerManagement/v4", never with a trailing "/"; "" for the root */
    apr_size_t length;   /* bytes of path */
    const char *escaped; /* path as it stands in a URL */
    int is_own;          /* stands in this server; a virtual host inherits those of the main one */
} tmf_base_t;

/* The table of the directives (commands.c), and what httpd does with what they say: settings that
 * were not given stay unset. `pool` owns what is returned. */
extern const command_rec tmf_config_commands[];
void *tmf_config_create_space(apr_pool_t *pool, char *path);
void *tmf_config_merge_space(apr_pool_t *pool, void *base, void *add);
void *tmf_config_create_server(apr_pool_t *pool, server_rec *server);
void *tmf_config_merge_server(apr_pool_t *pool, void *base, void *add);

/* A copy in `pool` with defaults for what was not given. */
tmf_space_config_t *tmf_config_complete_space(const tmf_space_config_t *given, apr_pool_t *pool);
tmf_server_config_t *tmf_config_complete_server(const tmf_server_config_t *given, apr_pool_t *pool);

/* The settings in force for a request and for a server; the configuration owns them. */
const tmf_space_config_t *tmf_config_of_request(const request_rec *r);
const tmf_server_config_t *tmf_config_of_server(const server_rec *server);

/* The latter for who makes them: until post_config has ended. */
tmf_server_config_t *tmf_config_in_the_making(const server_rec *server);

/* The handler of this name; TMF_HANDLER_NONE when it is none of ours. */
tmf_handler_t tmf_handler_named(const char *name);
/* The name of a handler of ours. */
const char *tmf_handler_name(tmf_handler_t handler);

/* check_config and post_config: finds every <Location> with a handler of ours, gives each
 * server_rec its own configuration, with the defaults, and checks what single directives cannot
 * see. Returns the number of mistakes, each of which has got a log line that names the directive
 * and the place. What they concern is left out, so that the rest can be served. Without mod_dbd no
 * server has a database. */
int tmf_config_check(apr_pool_t *pconf, server_rec *main_server, int has_mod_dbd);

/* The base path that `uri` (decoded path of a request) lies under on this server, of this handler,
 * or of any (TMF_HANDLER_NONE); NULL = none. */
const tmf_base_t *tmf_config_base_of(const server_rec *server, const char *uri,
                                     tmf_handler_t handler);

#endif
