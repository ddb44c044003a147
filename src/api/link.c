/* SPDX-License-Identifier: Apache-2.0 */
#include "api/link.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* Bytes of the header's value, so that with its name it stays below 2 kB: nginx by default takes
 * 4 kB for all headers of a reply, mod_proxy 8 kB for each. */
#define HEADER_MAX 1990
/* A cursor of so many bytes keeps its key, whatever the header's length is. */
#define CURSOR_SHORT 200
/* Bytes of a link besides its parameters and its cursor. */
#define LINK_REST 40

/* In the order in which they stand in the header. */
typedef enum { SELF, FIRST, PREV, NEXT, LAST, RELATIONS } relation_t;

static const char *const names[] = {"self", "first", "prev", "next", "last"};

/* What a header that would be too long goes without, one after the other; next is all that a client
 * needs to see the whole list. */
static const relation_t dispensable[] = {LAST, FIRST, SELF, PREV};

/* The links in the making. */
typedef struct {
    const tmf_request_t *request;
    const tmf_parameters_t *parameters;
    const tmf_place_t *place;
    int key_length;
    const char *kept;               /* the parameters that are not about the place; "" = none */
    const char *targets[RELATIONS]; /* references relative to the request's URL; NULL = no link */
} links_t;

/* As written, but what would end the link, or is no character of a URL (RFC 3986 §2), encoded. */
static void append_safe(tmf_text_t *text, const char *data, apr_size_t length)
{
    for (; length > 0; data++, length--) {
        unsigned char byte = (unsigned char)*data;

        if (byte > 0x20 && byte < 0x7F && strchr("<>\"\\^`{|}", byte) == NULL) {
            tmf_text_append(text, data, 1);
        } else {
            tmf_text_append_format(text, "%%%02X", byte);
        }
    }
}

static int is_place(const char *parameter, apr_size_t length, apr_pool_t *pool)
{
    return tmf_parameter_is(parameter, length, "cursor", pool) ||
           tmf_parameter_is(parameter, length, "offset", pool);
}

/* The request's own parameters, all of them or those that are not about the place: "a=1&b=2". */
static const char *own_parameters(const tmf_request_t *request, int with_place)
{
    const char *rest = request->query != NULL ? request->query : "";
    tmf_text_t text;

    tmf_text_init(&text, 512, request->pool);
    while (*rest != '\0') {
        apr_size_t length = strcspn(rest, "&");

        if (length > 0 && (with_place || !is_place(rest, length, request->pool))) {
            tmf_text_append(&text, "&", text.length > 0);
            append_safe(&text, rest, length);
        }
        rest += length + (rest[length] == '&');
    }
    return tmf_text_string(&text);
}

/* `place`: "offset=20", "cursor=…", NULL = the beginning. A reference without a query would mean
 * the query of the request (RFC 3986 §5.2.2). */
static const char *target(const links_t *links, const char *place)
{
    if (place == NULL) {
        place = *links->kept != '\0' ? "" : "offset=0";
    }
    return apr_pstrcat(links->request->pool, "?", links->kept,
                       *links->kept != '\0' && *place != '\0' ? "&" : "", place, NULL);
}

static const char *offset_text(const links_t *links, apr_int64_t offset)
{
    return offset > 0 ? apr_psprintf(links->request->pool, "offset=%" APR_INT64_T_FMT, offset)
                      : NULL;
}

/* A key that would make the header too long stays out of the cursor: its position has to do. That
 * of prev leaves room for next. */
static const char *cursor_text(const links_t *links, int backward)
{
    const tmf_place_t *place = links->place;
    tmf_cursor_t cursor = {backward, place->position + (backward ? 0 : place->page->count),
                           links->key_length,
                           backward ? place->page->first_key : place->page->last_key};
    apr_pool_t *pool = links->request->pool;
    const char *text = tmf_cursor_write(&cursor, links->parameters->sort, pool);
    apr_size_t length = strlen(text);
    apr_size_t room = backward ? HEADER_MAX / 2 : HEADER_MAX;

    if (length > CURSOR_SHORT && strlen(links->kept) + length + LINK_REST > room) {
        cursor.count = 0;
        text = tmf_cursor_write(&cursor, links->parameters->sort, pool);
    }
    return apr_pstrcat(pool, "cursor=", text, NULL);
}

static apr_int64_t last_offset(const tmf_place_t *place)
{
    return place->page->total > 0 ? (place->page->total - 1) / place->size * place->size : 0;
}

static void find_neighbours(links_t *links)
{
    const tmf_place_t *place = links->place;

    if (place->page->count == 0) {
        /* Past the end: the page before it is the last one. */
        if (place->has_previous && place->page->total > 0) {
            links->targets[PREV] = target(links, offset_text(links, last_offset(place)));
        }
        return;
    }
    if (place->has_previous) {
        links->targets[PREV] = target(links, cursor_text(links, 1));
    }
    if (place->has_next) {
        links->targets[NEXT] = target(links, cursor_text(links, 0));
    }
}

static void find_targets(links_t *links)
{
    const char *all = own_parameters(links->request, 1);

    links->targets[SELF] = *all != '\0' ? apr_pstrcat(links->request->pool, "?", all, NULL) : "";
    if (links->place->size > 0) {
        links->targets[FIRST] = target(links, NULL);
        find_neighbours(links);
        if (links->place->page->total >= 0) {
            links->targets[LAST] = target(links, offset_text(links, last_offset(links->place)));
        }
    }
}

static const char *write_links(const links_t *links)
{
    tmf_text_t text;
    int i;

    tmf_text_init(&text, 512, links->request->pool);
    for (i = 0; i < RELATIONS; i++) {
        if (links->targets[i] != NULL) {
            tmf_text_append_format(&text, "%s<%s>; rel=\"%s\"", text.length > 0 ? ", " : "",
                                   links->targets[i], names[i]);
        }
    }
    return tmf_text_string(&text);
}

const char *tmf_link_header(const tmf_request_t *request, const tmf_parameters_t *parameters,
                            const tmf_place_t *place, int key_length)
{
    links_t links = {request, parameters, place, key_length, own_parameters(request, 0), {NULL}};
    const char *header;
    apr_size_t i;

    find_targets(&links);
    header = write_links(&links);
    for (i = 0; strlen(header) > HEADER_MAX && i < sizeof(dispensable) / sizeof(dispensable[0]);
         i++) {
        links.targets[dispensable[i]] = NULL;
        header = write_links(&links);
    }
    return header;
}
