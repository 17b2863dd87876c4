/* watch.c - one descriptor that is readable once for each change of another. */
#include "net/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

_Static_assert(EPOLLIN == POLLIN && EPOLLPRI == POLLPRI && EPOLLOUT == POLLOUT,
               "poll's events are handed to epoll as they are");
_Static_assert(EPOLLRDHUP == POLLRDHUP, "poll's events are handed to epoll as they are");

int
watch_open(struct watch *watch, int target, short events)
{
    *watch = (struct watch){.fd = -1, .target = target, .events = events};
    if (target < 0)
        return 0;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return -1;
    struct epoll_event event = {.events = (uint32_t)(unsigned short)events | EPOLLET};
    if (epoll_ctl(fd, EPOLL_CTL_ADD, target, &event) == 0) {
        watch->fd = fd;
        return 0;
    }
    int reason = errno;
    close(fd);
    errno = reason;
    return reason == EPERM ? 0 : -1;
}

void
watch_close(struct watch *watch)
{
    if (watch->fd >= 0)
        close(watch->fd);
    watch->fd = -1;
}

short
watch_take(struct watch *watch)
{
    if (watch->fd < 0)
        return 0;
    struct epoll_event event;
    (void)epoll_wait(watch->fd, &event, 1, 0);
    struct pollfd now = {.fd = watch->target, .events = watch->events};
    return poll(&now, 1, 0) > 0 ? now.revents : 0;
}
