/* peer.c - what is polled while a request waits, and what it means. */
#include "edge/peer.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

enum wait { WAIT_CONNECTION, WAIT_WAKE };

void
peer_open(struct peer *peer, int fd, int wake_fd)
{
    *peer = (struct peer){
        .waits = {[WAIT_CONNECTION] = {.fd = fd, .events = POLLIN},
                  [WAIT_WAKE] = {.fd = wake_fd, .events = POLLIN}},
        .epoll_fd = -1,
    };
}

static int
add(const struct peer *peer, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events};
    return epoll_ctl(peer->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

int
peer_watch_hangup(struct peer *peer, int fd, uint32_t events)
{
    peer_close(peer);
    peer->waits[WAIT_CONNECTION].fd = -1;
    peer->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (peer->epoll_fd < 0)
        return -1;
    if (add(peer, fd, events) && errno != EPERM) { /* EPERM: a plain file */
        peer_close(peer);
        return -1;
    }
    peer->waits[WAIT_CONNECTION].fd = peer->epoll_fd;
    return 0;
}

int
peer_add_end(struct peer *peer, int fd)
{
    return add(peer, fd, EPOLLIN);
}

bool
peer_take_readable(struct peer *peer)
{
    if (peer->epoll_fd >= 0 || peer->waits[WAIT_CONNECTION].revents == 0)
        return false;
    peer->waits[WAIT_CONNECTION].revents = 0;
    return true;
}

bool
peer_is_gone(struct peer *peer)
{
    if (peer->waits[WAIT_WAKE].revents != 0)
        peer->waits[WAIT_WAKE] = (struct pollfd){.fd = -1}; /* it stays readable: once is enough */
    if (peer->epoll_fd >= 0 && peer->waits[WAIT_CONNECTION].revents != 0)
        peer->is_gone = true;
    if (!peer->is_gone)
        peer->is_gone = probe_look(&peer->probe, clock_boot_ms());
    return peer->is_gone;
}

void
peer_close(struct peer *peer)
{
    if (peer->epoll_fd >= 0)
        (void)close(peer->epoll_fd);
    peer->epoll_fd = -1;
}
