/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <string.h>

/* The most that TMFCustomerMaxDocument takes: of a larger document PostgreSQL can make no jsonb. */
#define DOCUMENT_MAX_LIMIT (256 * 1024 * 1024)

int tmf_space_document_max(const tmf_space_config_t *space)
{
    if (space->document_max != TMF_UNSET) {
        return space->document_max;
    }
    return space->body_max <= DOCUMENT_MAX_LIMIT / 4 ? 4 * space->body_max : DOCUMENT_MAX_LIMIT;
}

const tmf_space_config_t *tmf_config_of_request(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &tmf_customer_module);
}

tmf_server_config_t *tmf_config_in_the_making(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &tmf_customer_module);
}

const tmf_server_config_t *tmf_config_of_server(const server_rec *server)
{
    return tmf_config_in_the_making(server);
}

tmf_handler_t tmf_handler_named(const char *name)
{
    if (strcmp(name, TMF_HANDLER_NAME) == 0) {
        return TMF_HANDLER_API;
    }
    return strcmp(name, TMF_STATUS_HANDLER_NAME) == 0 ? TMF_HANDLER_STATUS : TMF_HANDLER_NONE;
}

const char *tmf_handler_name(tmf_handler_t handler)
{
    return handler == TMF_HANDLER_STATUS ? TMF_STATUS_HANDLER_NAME : TMF_HANDLER_NAME;
}

const tmf_base_t *tmf_config_base_of(const server_rec *server, const char *uri,
                                     tmf_handler_t handler)
{
    const tmf_server_config_t *config = tmf_config_of_server(server);
    const tmf_base_t *bases;
    int i;

    if (config == NULL || config->bases == NULL || uri == NULL) {
        return NULL;
    }
    bases = (const tmf_base_t *)config->bases->elts;
    for (i = 0; i < config->bases->nelts; i++) {
        if ((handler == TMF_HANDLER_NONE || handler == bases[i].handler) &&
            strncmp(uri, bases[i].path, bases[i].length) == 0 &&
            (uri[bases[i].length] == '/' || uri[bases[i].length] == '\0')) {
            return &bases[i];
        }
    }
    return NULL;
}
