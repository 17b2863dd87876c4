/* peer.c - an epoll instance for each running request. */
#include "edge/peer.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

enum meaning { MEANS_GONE, MEANS_LOOK };

static int
add(struct peer *peer, int fd, uint32_t events, enum meaning meaning)
{
    struct epoll_event event = {.events = events, .data = {.u32 = meaning}};
    return epoll_ctl(peer->wait_fd, EPOLL_CTL_ADD, fd, &event);
}

int
peer_open(struct peer *peer, int fd, uint32_t events)
{
    *peer = (struct peer){.wait_fd = -1};
    peer->wait_fd = epoll_create1(EPOLL_CLOEXEC);
    if (peer->wait_fd < 0)
        return -1;
    if (add(peer, fd, events, MEANS_GONE) && errno != EPERM) { /* EPERM: a plain file */
        peer_close(peer);
        return -1;
    }
    return 0;
}

int
peer_add_wake(struct peer *peer, int fd)
{
    return add(peer, fd, EPOLLIN | EPOLLET, MEANS_LOOK);
}

int
peer_add_end(struct peer *peer, int fd)
{
    return add(peer, fd, EPOLLIN, MEANS_GONE);
}

bool
peer_is_gone(struct peer *peer)
{
    struct epoll_event events[4];
    if (peer->is_gone || peer->wait_fd < 0)
        return peer->is_gone;
    int count = epoll_wait(peer->wait_fd, events, 4, 0);
    for (int i = 0; i < count; i++)
        if (events[i].data.u32 == MEANS_GONE)
            peer->is_gone = true;
    if (!peer->is_gone)
        peer->is_gone = probe_look(&peer->probe, clock_boot_ms());
    return peer->is_gone;
}

void
peer_close(struct peer *peer)
{
    if (peer->wait_fd >= 0)
        (void)close(peer->wait_fd);
    peer->wait_fd = -1;
}
