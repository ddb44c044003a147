/* SPDX-License-Identifier: Apache-2.0 */
#include "config/handlers.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>

APLOG_USE_MODULE(tmf_customer);

#define NAME_BYTES       32 /* longer names do not look like ours */
#define MISSPELT_LETTERS 3

/* The handler that a directive names; NULL when it is an expression, or no directive of handlers.
 */
static const char *literal_handler(const ap_directive_t *node, apr_pool_t *pool)
{
    const char *arguments = node->args;

    if ((strcasecmp(node->directive, "SetHandler") != 0 &&
         strcasecmp(node->directive, "AddHandler") != 0) ||
        strchr(arguments, '%') != NULL) {
        return NULL;
    }
    return ap_getword_conf(pool, &arguments);
}

static int is_origin(const ap_directive_t *node, const ap_expr_info_t *expression)
{
    return strcasecmp(node->directive, "SetHandler") == 0 &&
           node->line_num == (int)expression->line_number && node->filename != NULL &&
           strcmp(node->filename, expression->filename) == 0;
}

static const ap_directive_t *find_origin(const ap_directive_t *node,
                                         const ap_expr_info_t *expression)
{
    const ap_directive_t *found = NULL;

    for (; node != NULL && found == NULL; node = node->next) {
        found = is_origin(node, expression) ? node : find_origin(node->first_child, expression);
    }
    return found;
}

tmf_handler_t tmf_handler_of_expression(const ap_expr_info_t *expression, apr_pool_t *pool)
{
    const ap_directive_t *origin = expression->filename != NULL
                                       ? find_origin(ap_conftree, expression)
                                       : NULL;
    const char *handler = origin != NULL ? literal_handler(origin, pool) : NULL;

    return handler != NULL ? tmf_handler_named(handler) : TMF_HANDLER_NONE;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* How many letters have to be put in, left out or replaced, whatever their case (Levenshtein). */
static int difference(const char *name, const char *other)
{
    int row[NAME_BYTES + 1]; /* of the letters of `name` so far, to each beginning of `other` */
    int length = (int)strlen(other);
    int diagonal;
    int above;
    int i;
    int j;

    for (j = 0; j <= length; j++) {
        row[j] = j;
    }
    for (i = 1; name[i - 1] != '\0'; i++) {
        diagonal = row[0];
        row[0] = i;
        for (j = 1; j <= length; j++) {
            above = row[j];
            row[j] = least(least(above, row[j - 1]) + 1,
                           diagonal + (apr_tolower(name[i - 1]) != apr_tolower(other[j - 1])));
            diagonal = above;
        }
    }
    return row[length];
}

/* The handler of ours that a misspelt name may mean; TMF_HANDLER_NONE: it looks like none. */
static tmf_handler_t looks_like(const char *name)
{
    int to_api;
    int to_status;

    if (strlen(name) > NAME_BYTES) {
        return TMF_HANDLER_NONE;
    }
    to_api = difference(name, TMF_HANDLER_NAME);
    to_status = difference(name, TMF_STATUS_HANDLER_NAME);
    if (least(to_api, to_status) > MISSPELT_LETTERS) {
        return TMF_HANDLER_NONE;
    }
    return to_api < to_status ? TMF_HANDLER_API : TMF_HANDLER_STATUS;
}

/* <LocationMatch> and <Location ~> are looked at with all other <Location>s, by their server. */
static int is_in_location(const ap_directive_t *node)
{
    return strcasecmp(node->directive, "SetHandler") == 0 && node->parent != NULL &&
           strncasecmp(node->parent->directive, "<Location", strlen("<Location")) == 0;
}

static int check(const ap_directive_t *node, const server_rec *server, apr_pool_t *pool)
{
    const char *handler = literal_handler(node, pool);
    tmf_handler_t meant;

    if (handler == NULL) {
        return 0;
    }
    if (tmf_handler_named(handler) == TMF_HANDLER_NONE) {
        meant = looks_like(handler);
        if (meant != TMF_HANDLER_NONE) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                         "TMF0160: %s, line %d: no module is known to have a handler \"%s\"; is "
                         "\"%s\" meant?",
                         node->filename, node->line_num, handler, tmf_handler_name(meant));
        }
        return 0;
    }
    if (is_in_location(node)) {
        return 0;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                 "TMF0003: %s, line %d: %s %s stands outside a <Location>: put SetHandler %s into "
                 "one, whose path is then the base path of %s",
                 node->filename, node->line_num, node->directive, handler, handler,
                 tmf_handler_named(handler) == TMF_HANDLER_API ? "the API" : "the status page");
    return 1;
}

static int check_below(const ap_directive_t *node, const server_rec *server, apr_pool_t *pool)
{
    int mistakes = 0;

    for (; node != NULL; node = node->next) {
        mistakes += check(node, server, pool) + check_below(node->first_child, server, pool);
    }
    return mistakes;
}

int tmf_handlers_check(server_rec *server, apr_pool_t *pool)
{
    return check_below(ap_conftree, server, pool);
}
