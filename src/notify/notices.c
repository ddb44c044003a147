/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/notices.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#define DIGITS       "0123456789"
#define ALPHANUMERIC "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" DIGITS

#define HUB_ID_SIZE 64

/* A backlog that was not met for so long is over. */
#define BACKLOG_OVER (3 * TMF_NOTICES_GAP)

/* What was said of a listener, and what is still to be said. Times are 0 for never. */
typedef struct {
    char hub_id[HUB_ID_SIZE]; /* its beginning, where it is longer */
    apr_time_t heard_at;
    apr_time_t pause_logged_at;
    int is_failing; /* its pause was logged, its recovery not yet */
    int is_quiet;   /* it fails, but its pause was left out */
    apr_time_t dead_logged_at;
    int dead; /* not logged yet; the last one: */
    char event_id[40];
    char error[80];
    char origin[288];
    apr_time_t backlog_at;              /* when there was one last */
    apr_interval_time_t backlog_logged; /* its age when it was logged */
} notice_t;

struct tmf_notices_t {
    apr_array_header_t *all; /* of notice_t */
    int dead;                /* of all */
};

tmf_notices_t *tmf_notices_make(apr_pool_t *result_pool)
{
    tmf_notices_t *notices = apr_pcalloc(result_pool, sizeof(*notices));

    notices->all = apr_array_make(result_pool, 8, sizeof(notice_t));
    return notices;
}

static notice_t *at(const tmf_notices_t *notices, int index)
{
    return &APR_ARRAY_IDX(notices->all, index, notice_t);
}

/* A place for another one. */
static notice_t *make_room(tmf_notices_t *notices)
{
    notice_t *oldest;
    int i;

    if (notices->all->nelts < TMF_NOTICES_MAX) {
        return apr_array_push(notices->all);
    }
    oldest = at(notices, 0);
    for (i = 1; i < notices->all->nelts; i++) {
        oldest = at(notices, i)->heard_at < oldest->heard_at ? at(notices, i) : oldest;
    }
    notices->dead -= oldest->dead;
    return oldest;
}

static notice_t *find(tmf_notices_t *notices, const char *hub_id, apr_time_t now)
{
    notice_t *notice;
    int i;

    for (i = 0; i < notices->all->nelts; i++) {
        if (strncmp(at(notices, i)->hub_id, hub_id, HUB_ID_SIZE - 1) == 0) {
            at(notices, i)->heard_at = now;
            return at(notices, i);
        }
    }
    notice = make_room(notices);
    memset(notice, 0, sizeof(*notice));
    apr_cpystrn(notice->hub_id, hub_id, sizeof(notice->hub_id));
    notice->heard_at = now;
    return notice;
}

static int is_time(apr_time_t logged_at, apr_time_t now)
{
    return logged_at == 0 || now >= logged_at + TMF_NOTICES_GAP;
}

int tmf_notices_pause(tmf_notices_t *notices, const char *hub_id, int is_first, apr_time_t now)
{
    notice_t *notice = find(notices, hub_id, now);

    if (is_first) {
        notice->is_failing = 0;
    }
    if (notice->is_failing) {
        return 0;
    }
    notice->is_failing = is_time(notice->pause_logged_at, now);
    notice->is_quiet = !notice->is_failing;
    if (notice->is_failing) {
        notice->pause_logged_at = now;
    }
    return notice->is_failing;
}

int tmf_notices_recovery(tmf_notices_t *notices, const char *hub_id, apr_time_t now)
{
    notice_t *notice = find(notices, hub_id, now);
    int is_quiet = notice->is_quiet;

    notice->is_failing = 0;
    notice->is_quiet = 0;
    return !is_quiet;
}

void tmf_notices_dead(tmf_notices_t *notices, const tmf_dead_letters_t *letter, apr_time_t now)
{
    notice_t *notice = find(notices, letter->hub_id, now);

    notice->dead += letter->count;
    notices->dead += letter->count;
    apr_cpystrn(notice->event_id, letter->event_id, sizeof(notice->event_id));
    apr_cpystrn(notice->error, letter->error, sizeof(notice->error));
    apr_cpystrn(notice->origin, letter->origin, sizeof(notice->origin));
}

int tmf_notices_next_dead(tmf_notices_t *notices, apr_time_t now, int all,
                          tmf_dead_letters_t *letters)
{
    int i;

    for (i = 0; i < notices->all->nelts && notices->dead > 0; i++) {
        notice_t *notice = at(notices, i);

        if (notice->dead > 0 && (all || is_time(notice->dead_logged_at, now))) {
            tmf_dead_letters_t of_this = {notice->hub_id, notice->origin, notice->event_id,
                                          notice->error, notice->dead};

            *letters = of_this;
            notices->dead -= notice->dead;
            notice->dead = 0;
            notice->dead_logged_at = now;
            return 1;
        }
    }
    return 0;
}

int tmf_notices_backlog(tmf_notices_t *notices, const char *hub_id, apr_interval_time_t age,
                        apr_time_t now)
{
    notice_t *notice = find(notices, hub_id, now);
    int is_new = notice->backlog_at == 0 || now > notice->backlog_at + BACKLOG_OVER;

    notice->backlog_at = now;
    if (!is_new && age < 2 * notice->backlog_logged) {
        return 0;
    }
    notice->backlog_logged = age;
    return 1;
}

/* Bytes of `host` or `host:port` at the beginning of the text. */
static apr_size_t host_and_port(const char *text)
{
    apr_size_t host = *text == '[' ? strspn(text, ALPHANUMERIC "[]:.%")
                                   : strspn(text, ALPHANUMERIC "-._");

    return text[host] == ':' ? host + 1 + strspn(text + host + 1, DIGITS) : host;
}

/* One that was written past the API can be anything. */
const char *tmf_notices_origin(const char *callback, apr_pool_t *result_pool)
{
    const char *scheme = strncasecmp(callback, "https://", 8) == 0 ? "https://" : "http://";
    const char *host;
    const char *end;
    const char *from;

    if (strncasecmp(callback, scheme, strlen(scheme)) != 0) {
        return "no http URL";
    }
    host = callback + strlen(scheme);
    end = host + strcspn(host, "/?#\\");
    for (from = host; from < end; from++) {
        host = *from == '@' ? from + 1 : host;
    }
    return end > host && host + host_and_port(host) == end
               ? apr_pstrcat(result_pool, scheme,
                             apr_pstrmemdup(result_pool, host, (apr_size_t)(end - host)), NULL)
               : "no http URL";
}
