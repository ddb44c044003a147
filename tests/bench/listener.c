// SPDX-License-Identifier: Apache-2.0
// A listener fast enough not to be what is measured: answers every POST on 127.0.0.1 with 204, and
// notes when it came.
//
//   listener LOG       prints its port; LOG gets a line "nanoseconds-since-1970 target
//   correlationId"
//                      for each request
//
// One thread, until it is killed. Requests need a Content-Length and at most BUFFER bytes.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 65536, EVENTS = 256 };

typedef struct {
    int fd;
    size_t length;
    char data[BUFFER + 1];
} connection_t;

static FILE *log_file;
static const char ANSWER[] = "HTTP/1.1 204 No Content\r\n\r\n";

static void note(const char *head, const char *body, size_t length)
{
    static const char MEMBER[] = "\"correlationId\":\"";
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const char *target = strchr(head, ' ') + 1;
    const char *found = memmem(body, length, MEMBER, sizeof(MEMBER) - 1);
    const char *id = found != NULL ? found + sizeof(MEMBER) - 1 : "-\"";
    fprintf(log_file, "%lld%09ld %.*s %.*s\n", (long long)now.tv_sec, now.tv_nsec,
            (int)strcspn(target, " "), target, (int)strcspn(id, "\""), id);
}

// Answers the first request of the buffer when it is complete; returns its size, or 0.
static size_t answer(connection_t *connection)
{
    connection->data[connection->length] = '\0';
    const char *end = strstr(connection->data, "\r\n\r\n");
    const char *header = end != NULL ? strcasestr(connection->data, "\r\nContent-Length:") : NULL;
    if (header == NULL) {
        return 0;
    }
    size_t head = (size_t)(end - connection->data) + 4;
    size_t body = strtoul(header + strlen("\r\nContent-Length:"), NULL, 10);
    if (connection->length < head + body) {
        return 0;
    }
    note(connection->data, end + 4, body);
    if (write(connection->fd, ANSWER, sizeof(ANSWER) - 1) < 0 && errno != EPIPE &&
        errno != ECONNRESET) {
        err(1, "write");
    }
    return head + body;
}

static void serve(connection_t *connection)
{
    ssize_t got = read(connection->fd, connection->data + connection->length,
                       BUFFER - connection->length);
    if (got <= 0) {
        close(connection->fd);
        free(connection);
        return;
    }
    connection->length += (size_t)got;
    size_t used;
    while ((used = answer(connection)) > 0) {
        connection->length -= used;
        memmove(connection->data, connection->data + used, connection->length);
    }
}

static int listen_on_loopback(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        err(1, "listen");
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void take(int queue, int listening)
{
    connection_t *connection = calloc(1, sizeof(*connection));
    if (connection == NULL || (connection->fd = accept(listening, NULL, NULL)) < 0) {
        err(1, "accept");
    }
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(queue, EPOLL_CTL_ADD, connection->fd, &wanted);
}

int main(int count, char **arguments)
{
    if (count != 2 || (log_file = fopen(arguments[1], "w")) == NULL) {
        errx(2, "usage: listener LOG");
    }
    int listening = listen_on_loopback(), queue = epoll_create1(0);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    epoll_ctl(queue, EPOLL_CTL_ADD, listening, &wanted);
    for (;;) {
        int ready = epoll_wait(queue, events, EVENTS, 0);
        if (ready == 0) {
            fflush(log_file); // nothing to do: the time it takes delays nobody
            ready = epoll_wait(queue, events, EVENTS, -1);
        }
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == NULL) {
                take(queue, listening);
            } else {
                serve(events[i].data.ptr);
            }
        }
    }
}
