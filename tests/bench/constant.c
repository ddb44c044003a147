/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests/bench alone: a handler that answers every GET with the same document. It is as close as
 * a module can come to doing nothing, and so the limit of what a customer can be served at.
 *
 *   BenchConstant FILE              the document
 *   SetHandler bench-constant       in a <Location>
 *
 * Any other method gets a 204: it serves as a listener that is no bottleneck.
 */
#include <string.h>

#include <httpd.h>

#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

#define HANDLER "bench-constant"
#define PREFIX  "/constant"

module AP_MODULE_DECLARE_DATA bench_constant_module;

/* Read once, at start. */
static char *document;
static apr_size_t document_length;

static const char *read_document(cmd_parms *cmd, void *config, const char *file)
{
    apr_file_t *opened;
    apr_finfo_t info;

    (void)config;
    if (apr_file_open(&opened, file, APR_READ, APR_OS_DEFAULT, cmd->pool) != APR_SUCCESS ||
        apr_file_info_get(&info, APR_FINFO_SIZE, opened) != APR_SUCCESS) {
        return "the file cannot be opened";
    }
    document_length = (apr_size_t)info.size;
    document = apr_palloc(cmd->pool, document_length);
    if (apr_file_read_full(opened, document, document_length, NULL) != APR_SUCCESS) {
        return "the file cannot be read";
    }
    return NULL;
}

/* Saves httpd's walk through directories, as the customer's module does. */
static int claim(request_rec *r)
{
    if (strncmp(r->uri, PREFIX, sizeof(PREFIX) - 1) != 0) {
        return DECLINED;
    }
    r->filename = apr_pstrcat(r->pool, HANDLER ":", r->uri, NULL);
    return OK;
}

static int skip(request_rec *r)
{
    return r->filename != NULL && strncmp(r->filename, HANDLER ":", sizeof(HANDLER)) == 0
               ? OK
               : DECLINED;
}

static int answer(request_rec *r)
{
    apr_bucket_alloc_t *allocator = r->connection->bucket_alloc;
    apr_bucket_brigade *brigade;

    if (r->handler == NULL || strcmp(r->handler, HANDLER) != 0) {
        return DECLINED;
    }
    if (r->method_number != M_GET) {
        ap_discard_request_body(r);
        r->status = HTTP_NO_CONTENT;
        return OK;
    }
    apr_table_setn(r->headers_out, "ETag", "\"1\"");
    ap_set_content_type(r, "application/json");
    ap_set_content_length(r, (apr_off_t)document_length);
    brigade = apr_brigade_create(r->pool, allocator);
    APR_BRIGADE_INSERT_TAIL(brigade,
                            apr_bucket_immortal_create(document, document_length, allocator));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(allocator));
    ap_pass_brigade(r->output_filters, brigade);
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_translate_name(claim, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_map_to_storage(skip, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_type_checker(skip, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(answer, NULL, NULL, APR_HOOK_MIDDLE);
}

static const command_rec commands[] = {
    AP_INIT_TAKE1("BenchConstant", read_document, NULL, RSRC_CONF, "the document"),
    {NULL, {NULL}, NULL, 0, NO_ARGS, NULL},
};

module AP_MODULE_DECLARE_DATA bench_constant_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, commands, register_hooks, AP_MODULE_FLAG_NONE,
};
