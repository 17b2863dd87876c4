/* gate.c - the epoll instances with the listening socket, and accept. */
#include "edge/gate.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

int
gate_init(struct gate *gate, int listen_fd, struct err *err)
{
    *gate = (struct gate){.listen_fd = listen_fd};
    (void)pthread_rwlock_init(&gate->lock, NULL);
    gate->closed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    gate->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (gate->closed_fd >= 0 && gate->call_fd >= 0)
        return 0;
    int rc = err_system(err, "waiting for connections");
    gate_fini(gate);
    return rc;
}

static void
close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

void
gate_fini(struct gate *gate)
{
    close_fd(gate->closed_fd);
    close_fd(gate->call_fd);
    (void)pthread_rwlock_destroy(&gate->lock);
}

static int
add(int seat_fd, int fd, uint32_t events, enum gate_event meaning)
{
    struct epoll_event event = {.events = events, .data = {.u32 = meaning}};
    return epoll_ctl(seat_fd, EPOLL_CTL_ADD, fd, &event);
}

/* Before Linux 4.5 a connection wakes all who wait, and all but one go back to it. */
static int
add_listener(int seat_fd, int listen_fd)
{
    if (add(seat_fd, listen_fd, EPOLLIN | EPOLLEXCLUSIVE, GATE_CONNECTION) == 0)
        return 0;
    return errno == EINVAL ? add(seat_fd, listen_fd, EPOLLIN, GATE_CONNECTION) : -1;
}

int
gate_open_seat(struct gate *gate)
{
    int seat_fd = epoll_create1(EPOLL_CLOEXEC);
    if (seat_fd < 0)
        return -1;
    if (add(seat_fd, gate->closed_fd, EPOLLIN, GATE_CLOSED) == 0 &&
        add_listener(seat_fd, gate->listen_fd) == 0)
        return seat_fd;
    (void)close(seat_fd);
    return -1;
}

enum gate_event
gate_wait(int seat_fd, uint64_t timeout_ms)
{
    struct epoll_event event;
    int timeout = timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX;
    int count;
    do
        count = epoll_wait(seat_fd, &event, 1, timeout);
    while (count < 0 && errno == EINTR); /* the process was stopped and goes on */
    return count > 0 ? (enum gate_event)event.data.u32 : GATE_QUIET;
}

static enum gate_trouble
judge(int accept_errno)
{
    static const struct {
        int number;
        enum gate_trouble trouble;
    } known[] = {
        {EMFILE, GATE_SPENT}, {ENFILE, GATE_SPENT},   {ENOBUFS, GATE_SPENT},
        {ENOMEM, GATE_SPENT}, {EBADF, GATE_FATAL},    {EINVAL, GATE_FATAL},
        {EFAULT, GATE_FATAL}, {ENOTSOCK, GATE_FATAL}, {EOPNOTSUPP, GATE_FATAL},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].number == accept_errno)
            return known[i].trouble;
    return GATE_NOBODY;
}

int
gate_accept(struct gate *gate, enum gate_trouble *why)
{
    int fd = -1;
    errno = EAGAIN;
    (void)pthread_rwlock_rdlock(&gate->lock);
    if (!gate->is_closed)
        fd = accept4(gate->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    int accept_errno = errno;
    (void)pthread_rwlock_unlock(&gate->lock);
    *why = fd < 0 ? judge(accept_errno) : GATE_NOBODY;
    errno = accept_errno;
    return fd;
}

void
gate_call(struct gate *gate)
{
    (void)eventfd_write(gate->call_fd, 1); /* cannot fail: the counter is far from full */
}

void
gate_clear_call(struct gate *gate)
{
    eventfd_t calls;
    (void)eventfd_read(gate->call_fd, &calls);
}

void
gate_close(struct gate *gate)
{
    (void)pthread_rwlock_wrlock(&gate->lock);
    gate->is_closed = true;
    (void)pthread_rwlock_unlock(&gate->lock);
    (void)eventfd_write(gate->closed_fd, 1);
}
