/* SPDX-License-Identifier: Apache-2.0 */
#include "store/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct tmf_wake_t {
    int ends[2]; /* read, write; neither blocks */
};

static apr_status_t close_ends(void *data)
{
    tmf_wake_t *wake = data;

    close(wake->ends[0]);
    close(wake->ends[1]);
    return APR_SUCCESS;
}

static int prepare(int descriptor)
{
    return fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 &&
           fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0;
}

apr_status_t tmf_wake_make(tmf_wake_t **wake, apr_pool_t *config_pool)
{
    tmf_wake_t *made = apr_palloc(config_pool, sizeof(*made));

    if (pipe(made->ends) != 0) {
        return errno;
    }
    apr_pool_cleanup_register(config_pool, made, close_ends, apr_pool_cleanup_null);
    if (!prepare(made->ends[0]) || !prepare(made->ends[1])) {
        return errno;
    }
    *wake = made;
    return APR_SUCCESS;
}

void tmf_wake_send(const tmf_wake_t *wake)
{
    ssize_t sent = wake != NULL ? write(wake->ends[1], "", 1) : 0;

    (void)sent; /* full is as good as sent */
}

int tmf_wake_descriptor(const tmf_wake_t *wake)
{
    return wake->ends[0];
}

int tmf_wake_take(const tmf_wake_t *wake)
{
    char bytes[512];
    ssize_t count;
    int taken = 0;

    do {
        count = read(wake->ends[0], bytes, sizeof(bytes));
        taken |= count > 0;
    } while (count == (ssize_t)sizeof(bytes));
    return taken;
}
