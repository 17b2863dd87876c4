/* peer.h - is the other end of a request still there? One descriptor says so to poll(2).
 *
 * The connection itself cannot be polled by who waits for an upstream: an unread rest of the
 * request makes it readable too, under Apache's mod_cgid it says POLLRDHUP from the start, and
 * libcurl passes neither POLLRDHUP nor "nothing but hang-up" on to poll(2). So the descriptor is an
 * epoll instance that holds the connection with just the events that mean "gone". Where the web
 * server does not pass on that the client left, the probe finds out when peer_is_gone() is called
 * now and then.
 */
#ifndef POSTERN_EDGE_PEER_H
#define POSTERN_EDGE_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "edge/probe.h"

struct peer {
    int wait_fd; /* readable: call peer_is_gone(); -1: never opened */
    bool is_gone;
    struct probe probe; /* off until probe_start() */
};

/* `events`: EPOLLRDHUP for a socket of its own, 0 where only POLLHUP and POLLERR count. A file that
 * cannot be waited for never goes away. 0, or -1 when the host has no descriptor left. */
int peer_open(struct peer *peer, int fd, uint32_t events);

/* When `fd` becomes readable, that wakes who waits: once and with no other meaning, or for good
 * because it means that the peer is gone. */
int peer_add_wake(struct peer *peer, int fd);
int peer_add_end(struct peer *peer, int fd);

bool peer_is_gone(struct peer *peer); /* looks now; once gone, always gone */
void peer_close(struct peer *peer);   /* the connection stays open */

#endif
