// SPDX-License-Identifier: Apache-2.0
// Preloaded into httpd by tests: its time of day is the system's and as many seconds more as stand
// in the file SECONDS, which the test changes while httpd runs. CLOCK_MONOTONIC stays as it is.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *seconds;

__attribute__((constructor)) static void map_seconds(void)
{
    int file = open(SECONDS, O_RDONLY | O_CLOEXEC);
    void *mapped = mmap(NULL, sizeof(*seconds), PROT_READ, MAP_SHARED, file, 0);

    close(file);
    seconds = mapped != MAP_FAILED ? mapped : NULL;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) &&
        seconds != NULL) {
        now->tv_sec += *seconds;
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now)
{
    struct timespec precise;

    clock_gettime(CLOCK_REALTIME, &precise);
    if (now != NULL) {
        *now = precise.tv_sec;
    }
    return precise.tv_sec;
}
