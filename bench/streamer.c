/* streamer.c - the upstream of the bench: one thread, epoll, thousands of streams at a steady pace.
 *
 * The first event goes out at once, each next one a fiftieth of a second after the one before. A
 * late event delays those that follow it, so the queue of streams is in order of time without being
 * sorted.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "turn.h"

#define EVENT_EVERY_US (1000000 / 50)
#define LONGEST_WAIT_US 1000000
#define EVENTS_AT_ONCE 256

struct client {
    struct turn turn;
    uint64_t due_us;
    struct client *next; /* in the queue of those that wait for their time */
};

struct queue {
    struct client *first, **last;
};

struct streamer {
    int epoll_fd, listen_fd;
    struct queue streams;
    struct queue thinkers; /* in order of time as long as all think equally long */
};

/* --- queues -------------------------------------------------------------------------------------
 */

static void
enqueue(struct queue *queue, struct client *client, uint64_t due_us)
{
    client->due_us = due_us;
    client->next = NULL;
    *queue->last = client;
    queue->last = &client->next;
}

static struct client *
dequeue_due(struct queue *queue, uint64_t now_us)
{
    struct client *client = queue->first;
    if (!client || client->due_us > now_us)
        return NULL;
    queue->first = client->next;
    if (!queue->first)
        queue->last = &queue->first;
    return client;
}

static void
forget(struct queue *queue, const struct client *client)
{
    struct client **at = &queue->first;
    while (*at && *at != client)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = client->next;
    if (!*at)
        queue->last = at;
}

/* --- clients ------------------------------------------------------------------------------------
 */

static void
watch(const struct streamer *streamer, struct client *client, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.ptr = client}};
    (void)epoll_ctl(streamer->epoll_fd, operation, client->turn.fd, &event);
}

static void
drop(struct streamer *streamer, struct client *client)
{
    forget(&streamer->streams, client);
    forget(&streamer->thinkers, client);
    (void)close(client->turn.fd);
    mem_free(client);
}

static void
accept_waiting(struct streamer *streamer)
{
    const int on = 1;
    int fd;
    while ((fd = accept4(streamer->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *client = mem_new(sizeof(*client));
        if (!client) {
            (void)close(fd);
            return;
        }
        client->turn.fd = fd;
        turn_begin(&client->turn);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        watch(streamer, client, EPOLL_CTL_ADD, EPOLLIN);
    }
}

/* After an answer, or a part of one. */
static void
go_on(struct streamer *streamer, struct client *client, enum turn_result result)
{
    struct turn *turn = &client->turn;
    if (result == TURN_GONE || (turn_is_over(turn) && turn->is_http10)) {
        drop(streamer, client);
    } else if (turn_is_over(turn)) {
        turn_begin(turn);
        watch(streamer, client, EPOLL_CTL_MOD, EPOLLIN);
    } else if (turn->is_stream) { /* also one whose reader is slow: it waits for its next turn */
        enqueue(&streamer->streams, client, clock_boot_us() + EVENT_EVERY_US);
    } else {
        watch(streamer, client, EPOLL_CTL_MOD, EPOLLOUT);
    }
}

static void
answer(struct streamer *streamer, struct client *client)
{
    enum turn_result result = turn_send(&client->turn);
    if (result == TURN_DONE && client->turn.is_stream)
        result = turn_send_event(&client->turn);
    go_on(streamer, client, result);
}

static void
listen_to(struct streamer *streamer, struct client *client)
{
    enum turn_result result = turn_read(&client->turn);
    if (result == TURN_GONE)
        drop(streamer, client);
    else if (result == TURN_DONE && client->turn.think_ms > 0)
        enqueue(&streamer->thinkers, client, clock_boot_us() + client->turn.think_ms * 1000);
    else if (result == TURN_DONE)
        answer(streamer, client);
}

/* --- the loop -----------------------------------------------------------------------------------
 */

static int
wait_ms(const struct streamer *streamer)
{
    uint64_t now_us = clock_boot_us();
    uint64_t due_us = now_us + LONGEST_WAIT_US;
    if (streamer->streams.first && streamer->streams.first->due_us < due_us)
        due_us = streamer->streams.first->due_us;
    if (streamer->thinkers.first && streamer->thinkers.first->due_us < due_us)
        due_us = streamer->thinkers.first->due_us;
    return due_us > now_us ? (int)((due_us - now_us + 999) / 1000) : 0;
}

static void
send_due(struct streamer *streamer)
{
    struct client *client;
    uint64_t now_us = clock_boot_us();
    while ((client = dequeue_due(&streamer->streams, now_us)) != NULL)
        go_on(streamer, client, turn_send_event(&client->turn));
    while ((client = dequeue_due(&streamer->thinkers, now_us)) != NULL)
        answer(streamer, client);
}

static void
take(struct streamer *streamer, const struct epoll_event *event)
{
    struct client *client = event->data.ptr;
    if (!client)
        accept_waiting(streamer);
    else if (event->events & EPOLLOUT)
        go_on(streamer, client, turn_send(&client->turn));
    else
        listen_to(streamer, client);
}

static int
run(struct streamer *streamer)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    struct epoll_event listening = {.events = EPOLLIN, .data = {.ptr = NULL}};
    if (epoll_ctl(streamer->epoll_fd, EPOLL_CTL_ADD, streamer->listen_fd, &listening) != 0)
        return -1;
    for (;;) {
        int count = epoll_wait(streamer->epoll_fd, events, EVENTS_AT_ONCE, wait_ms(streamer));
        if (count < 0 && errno != EINTR)
            return -1;
        for (int i = 0; i < count; i++)
            take(streamer, &events[i]);
        send_due(streamer);
    }
}

static int
open_listener(uint64_t port)
{
    const int on = 1;
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 4096) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

int
main(int argc, char **argv)
{
    uint64_t port;
    struct streamer streamer = {.streams = {.last = &streamer.streams.first},
                                .thinkers = {.last = &streamer.thinkers.first}};
    if (argc != 2 || num_parse_u64(span_from(argv[1]), 65535, &port) != 0) {
        (void)fputs("usage: streamer PORT\n", stderr);
        return EXIT_FAILURE;
    }
    streamer.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    streamer.listen_fd = open_listener(port);
    if (streamer.epoll_fd < 0 || streamer.listen_fd < 0 || run(&streamer) != 0)
        perror("streamer");
    return EXIT_FAILURE;
}
