// SPDX-License-Identifier: Apache-2.0
// Listeners fast enough not to be what is measured, on 127.0.0.1, each on a port of its own.
//
//   listener LOG BEHAVIOUR…   prints their ports, a line each; LOG gets a line
//                             "nanoseconds-since-1970 target correlationId" for each request
//
// A behaviour is what a listener does with each request: answers a STATUS; "never" answers;
// answers "endless"ly, as fast as is read; "drip"s a head that never ends; "reset"s the connection.
// One thread, until it is killed. Requests need a Content-Length and at most BUFFER bytes.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 65536, SEND_BUFFER = 32768, EVENTS = 256, DRIP_PAUSE = 50 /* milliseconds */ };

typedef struct {
    int fd;
    int is_listening;
    int is_sending; // endlessly
    const char *behaviour;
    size_t length;
    char data[BUFFER + 1];
} connection_t;

static FILE *log_file;
static int queue;
static int *dripping; // descriptors, `drips` of them
static size_t drips;

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

// ---- answers; what the peer no longer takes is its own affair ----

static void say(const connection_t *connection, const char *text)
{
    if (write(connection->fd, text, strlen(text)) < 0 && errno != EPIPE && errno != ECONNRESET) {
        err(1, "write");
    }
}

static void watch(connection_t *connection, int operation, unsigned events)
{
    struct epoll_event wanted = {.events = events, .data.ptr = connection};
    epoll_ctl(queue, operation, connection->fd, &wanted);
}

static void answer_status(const connection_t *connection)
{
    char text[128];
    snprintf(text, sizeof(text), "HTTP/1.1 %s Scripted\r\n%s%s\r\n", connection->behaviour,
             *connection->behaviour == '3' ? "Location: http://127.0.0.1:1/\r\n" : "",
             strcmp(connection->behaviour, "204") != 0 ? "Content-Length: 0\r\n" : "");
    say(connection, text);
}

static void begin_drip(const connection_t *connection)
{
    say(connection, "HTTP/1.1 200 OK\r\nX: ");
    dripping = realloc(dripping, (drips + 1) * sizeof(*dripping));
    if (dripping == NULL) {
        err(1, "realloc");
    }
    dripping[drips++] = connection->fd;
}

static void drip(void)
{
    static long long last;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long time = now.tv_sec * 1000LL + now.tv_nsec / 1000000;
    if (time < last + DRIP_PAUSE) {
        return;
    }
    last = time;
    for (size_t i = 0; i < drips; i++) {
        (void)!write(dripping[i], "x", 1);
    }
}

static void begin_endless(connection_t *connection)
{
    say(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000\r\n");
    connection->is_sending = 1;
    watch(connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

static void reset(const connection_t *connection)
{
    struct linger at_once = {.l_onoff = 1};
    setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

// 0: the connection is to be closed.
static int behave(connection_t *connection)
{
    switch (*connection->behaviour) {
    case 'n':
        return 1;
    case 'e':
        begin_endless(connection);
        return 1;
    case 'd':
        begin_drip(connection);
        return 1;
    case 'r':
        reset(connection);
        return 0;
    default:
        answer_status(connection);
        return 1;
    }
}

// ---- connections ----

static void forget(connection_t *connection)
{
    for (size_t i = 0; i < drips; i++) {
        if (dripping[i] == connection->fd) {
            dripping[i--] = dripping[--drips];
        }
    }
    close(connection->fd);
    free(connection);
}

// The size of the first request of the buffer when it is complete, or 0.
static size_t take_request(connection_t *connection)
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
    return head + body;
}

static int receive(connection_t *connection)
{
    ssize_t got = read(connection->fd, connection->data + connection->length,
                       BUFFER - connection->length);
    if (got <= 0) {
        return 0;
    }
    connection->length += (size_t)got;
    size_t used;
    while ((used = take_request(connection)) > 0) {
        connection->length -= used;
        memmove(connection->data, connection->data + used, connection->length);
        if (!behave(connection)) {
            return 0;
        }
    }
    return 1;
}

static int send_more(const connection_t *connection)
{
    static const char piece[16384];
    return write(connection->fd, piece, sizeof(piece)) >= 0 || errno == EAGAIN;
}

static void serve(connection_t *connection, unsigned events)
{
    int goes_on = (events & EPOLLOUT) == 0 || !connection->is_sending || send_more(connection);
    if (goes_on && (events & ~(unsigned)EPOLLOUT) != 0) {
        goes_on = receive(connection);
    }
    if (!goes_on) {
        forget(connection);
    }
}

static void make_connection(int fd, const char *behaviour, int is_listening)
{
    connection_t *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        err(1, "calloc");
    }
    connection->fd = fd;
    connection->behaviour = behaviour;
    connection->is_listening = is_listening;
    watch(connection, EPOLL_CTL_ADD, EPOLLIN);
}

static void listen_on_loopback(const char *behaviour)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        err(1, "listen");
    }
    make_connection(fd, behaviour, 1);
    printf("%d\n", ntohs(address.sin_port));
}

static void take(const connection_t *listening)
{
    int fd = accept4(listening->fd, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) {
        err(1, "accept");
    }
    // Or an endless answer fills megabytes here before it is cut there, at the cost of whoever is
    // measured on the same machine.
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BUFFER}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    make_connection(fd, listening->behaviour, 0);
}

int main(int count, char **arguments)
{
    if (count < 3 || (log_file = fopen(arguments[1], "w")) == NULL) {
        errx(2, "usage: listener LOG BEHAVIOUR...");
    }
    signal(SIGPIPE, SIG_IGN);
    queue = epoll_create1(0);
    for (int i = 2; i < count; i++) {
        listen_on_loopback(arguments[i]);
    }
    fflush(stdout);
    struct epoll_event events[EVENTS];
    for (;;) {
        int ready = epoll_wait(queue, events, EVENTS, 0);
        if (ready == 0) {
            fflush(log_file); // nothing to do: the time it takes delays nobody
            ready = epoll_wait(queue, events, EVENTS, drips > 0 ? DRIP_PAUSE : -1);
        }
        drip();
        for (int i = 0; i < ready; i++) {
            connection_t *connection = events[i].data.ptr;
            if (connection->is_listening) {
                take(connection);
            } else {
                serve(connection, events[i].events);
            }
        }
    }
}
