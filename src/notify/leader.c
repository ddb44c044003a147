/* SPDX-License-Identifier: Apache-2.0 */
#include "notify/leader.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_file_io.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <apr_uuid.h>

struct tmf_leader_t {
    int descriptor;
    apr_uint32_t *leads; /* atomic: this process does */
    char name[APR_UUID_FORMATTED_LENGTH + 1];
};

apr_status_t tmf_leader_make(tmf_leader_t **leader, apr_pool_t *config_pool)
{
    tmf_leader_t *made = apr_palloc(config_pool, sizeof(*made));
    const char *directory;
    apr_uuid_t uuid;
    apr_file_t *file;
    apr_status_t status = apr_temp_dir_get(&directory, config_pool);
    char *path;

    if (status != APR_SUCCESS) {
        return status;
    }
    path = apr_pstrcat(config_pool, directory, "/tmf_customer.XXXXXX", NULL);
    /* The pool closes it; children inherit it. */
    status = apr_file_mktemp(&file, path,
                             APR_FOPEN_CREATE | APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_EXCL,
                             config_pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    apr_file_remove(path, config_pool);
    apr_os_file_get(&made->descriptor, file);
    apr_uuid_get(&uuid);
    apr_uuid_format(made->name, &uuid);
    made->leads = apr_pcalloc(config_pool, sizeof(*made->leads));
    *leader = made;
    return APR_SUCCESS;
}

const char *tmf_leader_name(const tmf_leader_t *leader)
{
    return leader->name;
}

/* POSIX locks, not flock's: those of a descriptor that was inherited would be shared. */
static int set_lock(const tmf_leader_t *leader, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

    return fcntl(leader->descriptor, F_SETLK, &lock) == 0;
}

int tmf_leader_try(const tmf_leader_t *leader)
{
    int leads = set_lock(leader, F_WRLCK);

    apr_atomic_set32(leader->leads, leads);
    return leads;
}

void tmf_leader_resign(const tmf_leader_t *leader)
{
    set_lock(leader, F_UNLCK);
    apr_atomic_set32(leader->leads, 0);
}

/* To the process that has the lock the system says that there is none. */
int tmf_leader_is_there(const tmf_leader_t *leader)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return apr_atomic_read32(leader->leads) != 0 ||
           (fcntl(leader->descriptor, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK);
}
