/* channel.c - recv, sendmsg, and poll where they would have to wait. */
#include "edge/channel.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/clock.h"

/* True: it is ready, or will say what is wrong. */
static bool
wait_until(int fd, short events, uint64_t deadline_ms)
{
    struct pollfd waiting = {.fd = fd, .events = events};
    for (;;) {
        uint64_t now_ms = clock_boot_ms();
        if (now_ms >= deadline_ms)
            return false;
        uint64_t left_ms = deadline_ms - now_ms;
        int ready = poll(&waiting, 1, left_ms < INT_MAX ? (int)left_ms : INT_MAX);
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return false;
    }
}

static ssize_t
receive(int fd, char *out, size_t room, uint64_t deadline_ms, int flags)
{
    for (;;) {
        ssize_t got = recv(fd, out, room, MSG_DONTWAIT | flags);
        if (got >= 0)
            return got;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return -1;
        if (deadline_ms == 0 || !wait_until(fd, POLLIN, deadline_ms)) {
            errno = EAGAIN;
            return -1;
        }
    }
}

ssize_t
channel_recv(int fd, char *out, size_t room, uint64_t deadline_ms)
{
    return receive(fd, out, room, deadline_ms, 0);
}

ssize_t
channel_recv_but_one(int fd, char *out, size_t room, uint64_t deadline_ms)
{
    ssize_t there = receive(fd, out, room, deadline_ms, MSG_PEEK);
    if (there <= 0)
        return there;
    return receive(fd, out, there > 1 ? (size_t)there - 1 : 1, deadline_ms, 0);
}

/* The parts without their first `sent` bytes. Returns how many parts have nothing left. */
static size_t
drop_sent(struct iovec *parts, size_t count, size_t sent)
{
    size_t done = 0;
    while (done < count && parts[done].iov_len <= sent)
        sent -= parts[done++].iov_len;
    if (done < count) {
        parts[done].iov_base = (char *)parts[done].iov_base + sent;
        parts[done].iov_len -= sent;
    }
    return done;
}

int
channel_send(int fd, struct iovec *parts, size_t count, int timeout_ms)
{
    while (count > 0) {
        const struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
        ssize_t sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 &&
            (errno != EAGAIN || !wait_until(fd, POLLOUT, clock_boot_ms() + (uint64_t)timeout_ms)))
            return -1;
        size_t done = drop_sent(parts, count, sent < 0 ? 0 : (size_t)sent);
        parts += done;
        count -= done;
    }
    return 0;
}
