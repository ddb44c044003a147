/* SPDX-License-Identifier: Apache-2.0 */
#include "api/link.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* The links in the making. */
typedef struct {
    tmf_text_t text;
    const tmf_request_t *request;
    const tmf_parameters_t *parameters;
    const tmf_place_t *place;
    int key_length;
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

/* The request's own parameters, `keep_place` or without cursor and offset. Returns what separates
 * the next one. */
static char append_parameters(links_t *links, int keep_place)
{
    const char *rest = links->request->query != NULL ? links->request->query : "";
    char separator = '?';

    while (*rest != '\0') {
        apr_size_t length = strcspn(rest, "&");

        if (length > 0 && (keep_place || !is_place(rest, length, links->request->pool))) {
            tmf_text_append(&links->text, &separator, 1);
            append_safe(&links->text, rest, length);
            separator = '&';
        }
        rest += length + (rest[length] == '&');
    }
    return separator;
}

static void open_link(links_t *links)
{
    tmf_text_append_string(&links->text, links->text.length > 0 ? ", <" : "<");
    append_safe(&links->text, links->request->base_url, strlen(links->request->base_url));
    tmf_text_append_string(&links->text, "/customer");
}

static void close_link(links_t *links, const char *relation)
{
    tmf_text_append_format(&links->text, ">; rel=\"%s\"", relation);
}

static void add_link(links_t *links, const char *relation, const char *place)
{
    char separator;

    open_link(links);
    separator = append_parameters(links, 0);
    if (place != NULL) {
        tmf_text_append(&links->text, &separator, 1);
        tmf_text_append_string(&links->text, place);
    }
    close_link(links, relation);
}

static const char *offset_text(const links_t *links, apr_int64_t offset)
{
    return offset > 0 ? apr_psprintf(links->request->pool, "offset=%" APR_INT64_T_FMT, offset)
                      : NULL;
}

static const char *cursor_text(const links_t *links, int backward)
{
    const tmf_place_t *place = links->place;
    const tmf_cursor_t cursor = {backward, place->position + (backward ? 0 : place->page->count),
                                 links->key_length,
                                 backward ? place->page->first_key : place->page->last_key};

    return apr_pstrcat(
        links->request->pool,
        "cursor=", tmf_cursor_write(&cursor, links->parameters->sort, links->request->pool), NULL);
}

static apr_int64_t last_offset(const tmf_place_t *place)
{
    return place->page->total > 0 ? (place->page->total - 1) / place->size * place->size : 0;
}

static void add_neighbours(links_t *links)
{
    const tmf_place_t *place = links->place;

    if (place->page->count == 0) {
        /* Past the end: the page before it is the last one. */
        if (place->has_previous && place->page->total > 0) {
            add_link(links, "prev", offset_text(links, last_offset(place)));
        }
        return;
    }
    if (place->has_previous) {
        add_link(links, "prev", cursor_text(links, 1));
    }
    if (place->has_next) {
        add_link(links, "next", cursor_text(links, 0));
    }
}

const char *tmf_link_header(const tmf_request_t *request, const tmf_parameters_t *parameters,
                            const tmf_place_t *place, int key_length)
{
    links_t links = {{NULL, 0, 0, NULL}, request, parameters, place, key_length};

    tmf_text_init(&links.text, 512, request->pool);
    open_link(&links);
    append_parameters(&links, 1);
    close_link(&links, "self");
    if (place->size > 0) {
        add_link(&links, "first", NULL);
        add_neighbours(&links);
        add_link(&links, "last", offset_text(&links, last_offset(place)));
    }
    return tmf_text_string(&links.text);
}
