/* acceptor.c - the loop of poll and accept. */
#include "edge/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/signals.h"

#define ACCEPTS_PER_LOOK 64 /* then signals are looked at again */
#define EXHAUSTED_PAUSE_MS 50
#define COMPLAINT_EVERY_MS 1000

struct watch {
    const struct acceptor *acceptor;
    int spare_fd; /* given up to accept one connection when no descriptor is left; -1: is gone */
    uint64_t complained_at_ms;
};

/* What accept(2) failed with, by what to do about it. */
enum trouble {
    TROUBLE_NONE,  /* nobody there, or this connection is broken: go on */
    TROUBLE_SPENT, /* the host has no descriptor or memory left */
    TROUBLE_FATAL  /* our own socket */
};

static enum trouble
judge_accept(int accept_errno)
{
    static const struct {
        int number;
        enum trouble trouble;
    } known[] = {
        {EMFILE, TROUBLE_SPENT}, {ENFILE, TROUBLE_SPENT},   {ENOBUFS, TROUBLE_SPENT},
        {ENOMEM, TROUBLE_SPENT}, {EBADF, TROUBLE_FATAL},    {EINVAL, TROUBLE_FATAL},
        {EFAULT, TROUBLE_FATAL}, {ENOTSOCK, TROUBLE_FATAL}, {EOPNOTSUPP, TROUBLE_FATAL},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].number == accept_errno)
            return known[i].trouble;
    return TROUBLE_NONE;
}

/* At most once a second: overload must not fill the disk. */
static void
complain(struct watch *watch, const char *event)
{
    uint64_t now_ms = clock_boot_ms();
    if (watch->complained_at_ms != 0 && now_ms - watch->complained_at_ms < COMPLAINT_EVERY_MS)
        return;
    watch->complained_at_ms = now_ms;
    log_write(LOG_LEVEL_WARN, "%s", event);
}

static int
accept_one(const struct acceptor *acceptor)
{
    return accept4(acceptor->listen_fd, NULL, NULL, SOCK_CLOEXEC);
}

static void
give(struct watch *watch, int fd, bool must_shed)
{
    if (!watch->acceptor->give(watch->acceptor->self, fd, must_shed))
        complain(watch, "connection_closed reason=too_many_waiting");
}

/* Gives up the spare descriptor, so that the connection is answered "too busy" and not left
 * hanging. Where that is no help, waits a little, as poll(2) would call again at once. */
static void
accept_with_spare(struct watch *watch)
{
    complain(watch, "connection_refused reason=no_descriptor_or_memory_left");
    int fd = -1;
    if (watch->spare_fd >= 0) {
        (void)close(watch->spare_fd);
        watch->spare_fd = -1;
        fd = accept_one(watch->acceptor);
    }
    if (fd >= 0) {
        give(watch, fd, true);
        return;
    }
    struct pollfd signals = {.fd = watch->acceptor->signal_fd, .events = POLLIN};
    (void)poll(&signals, 1, EXHAUSTED_PAUSE_MS);
}

static void
keep_spare(struct watch *watch)
{
    if (watch->spare_fd < 0)
        watch->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int
accept_waiting(struct watch *watch, struct err *err)
{
    for (int i = 0; i < ACCEPTS_PER_LOOK; i++) {
        int fd = accept_one(watch->acceptor);
        if (fd >= 0) {
            give(watch, fd, false);
            continue;
        }
        switch (judge_accept(errno)) {
        case TROUBLE_NONE:
            return 0;
        case TROUBLE_SPENT:
            accept_with_spare(watch);
            return 0;
        case TROUBLE_FATAL:
            return err_system(err, "accept");
        }
    }
    return 0;
}

int
acceptor_run(const struct acceptor *acceptor, struct err *err)
{
    struct watch watch = {.acceptor = acceptor, .spare_fd = -1};
    int rc = 0;
    for (;;) {
        struct pollfd waiting[2] = {{.fd = acceptor->signal_fd, .events = POLLIN},
                                    {.fd = acceptor->listen_fd, .events = POLLIN}};
        keep_spare(&watch);
        if (poll(waiting, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            rc = err_system(err, "poll");
            break;
        }
        int number = waiting[0].revents ? signals_read(acceptor->signal_fd) : 0;
        if (number > 0) {
            log_write(LOG_LEVEL_INFO, "process_ending signal=%s", strsignal(number));
            break;
        }
        if (waiting[1].revents) {
            rc = accept_waiting(&watch, err);
            if (rc)
                break;
        }
    }
    if (watch.spare_fd >= 0)
        (void)close(watch.spare_fd);
    return rc;
}
