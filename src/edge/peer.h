/* peer.h - is the other end of a request still there? Descriptors for poll(2) say when to ask.
 *
 * Once a request was read to its end, nothing comes any more but the end of the connection, so the
 * connection itself is polled: it costs no system call. Where that cannot be (a part of the request
 * is unread; under Apache's mod_cgid a half is shut from the start) an epoll instance holds the
 * connection with just the events that mean "gone", for who waits for an upstream passes neither
 * POLLRDHUP nor "nothing but hang-up" on to poll(2). Where the web server does not pass on that the
 * client left, the probe finds out when peer_is_gone() is called now and then.
 */
#ifndef POSTERN_EDGE_PEER_H
#define POSTERN_EDGE_PEER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "edge/probe.h"
#include "relay/sink.h"

struct peer {
    struct pollfd waits[SINK_WAITS]; /* the connection or its epoll; what wakes */
    int epoll_fd;                    /* -1: the connection itself is polled */
    bool is_gone;
    struct probe probe; /* off until probe_start() */
};

/* Polls the connection `fd`; whether it became readable is for peer_take_readable() to tell and for
 * the caller to judge. When `wake_fd` becomes readable, that wakes who waits: once and with no
 * other meaning. -1: there is none. */
void peer_open(struct peer *peer, int fd, int wake_fd);

/* From now on only a hang-up of `fd` counts. `events`: EPOLLRDHUP for a socket of its own, 0 where
 * only POLLHUP and POLLERR do. A file that cannot be waited for never goes away. 0, or -1 when the
 * host has no descriptor left: then nothing is noticed. */
int peer_watch_hangup(struct peer *peer, int fd, uint32_t events);

/* After peer_watch_hangup(): when `fd` becomes readable, the peer is gone. */
int peer_add_end(struct peer *peer, int fd);

/* Did the last poll find the connection itself readable? Told once. */
bool peer_take_readable(struct peer *peer);

bool peer_is_gone(struct peer *peer); /* by the last poll, and the probe; once gone, always gone */
void peer_close(struct peer *peer);   /* the connection stays open */

#endif
