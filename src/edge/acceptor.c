/* acceptor.c - the loop of poll, and the answer to overload. */
#include "edge/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/signals.h"

#define ACCEPTS_PER_LOOK 64 /* then signals are looked at again */
#define EXHAUSTED_PAUSE_MS 50
#define COMPLAINT_EVERY_MS 1000

struct watch {
    const struct acceptor *acceptor;
    struct workers *workers;
    struct gate *gate;
    int signal_fd;
    bool is_on;   /* neither does a worker watch the listening socket, nor must it wait */
    int spare_fd; /* given up to accept one connection when no descriptor is left; -1: is gone */
    uint64_t complained_at_ms;
    uint64_t tidied_at_ms;
};

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

static void
shed(struct watch *watch, int fd)
{
    if (!workers_shed(watch->workers, fd))
        complain(watch, "connection_closed reason=too_many_waiting");
}

static void
keep_spare(struct watch *watch)
{
    if (watch->spare_fd < 0)
        watch->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
drop_spare(struct watch *watch)
{
    if (watch->spare_fd >= 0)
        (void)close(watch->spare_fd);
    watch->spare_fd = -1;
}

/* Gives up the spare descriptor, so that the connection is answered "too busy" and not left
 * hanging. Where that is no help, waits a little, as poll(2) would call again at once. */
static int
shed_with_spare(struct watch *watch, struct err *err)
{
    enum gate_trouble why;
    complain(watch, "connection_refused reason=no_descriptor_or_memory_left");
    drop_spare(watch);
    int fd = gate_accept(watch->gate, &why);
    if (fd >= 0) {
        shed(watch, fd);
        return 0;
    }
    if (why == GATE_FATAL)
        return err_system(err, "accept");
    if (why == GATE_NOBODY)
        return 0;
    struct pollfd signals = {.fd = watch->signal_fd, .events = POLLIN};
    (void)poll(&signals, 1, EXHAUSTED_PAUSE_MS);
    return 0;
}

/* While all workers are busy. */
static int
shed_one(struct watch *watch, bool *is_somebody_there, struct err *err)
{
    enum gate_trouble why;
    int fd = gate_accept(watch->gate, &why);
    if (fd >= 0) {
        shed(watch, fd);
        return 0;
    }
    *is_somebody_there = false;
    switch (why) {
    case GATE_NOBODY:
        return 0;
    case GATE_SPENT:
        return shed_with_spare(watch, err);
    case GATE_FATAL:
        return err_system(err, "accept");
    }
    return 0;
}

/* Somebody waits, or a worker called. A worker is asked before each connection, so that none is
 * turned away while one is free. */
static int
attend(struct watch *watch, struct err *err)
{
    bool is_somebody_there = true;
    int rc = 0;
    for (int i = 0; i < ACCEPTS_PER_LOOK && is_somebody_there && rc == 0; i++) {
        switch (workers_take_watch(watch->workers)) {
        case WORKERS_WATCH:
        case WORKERS_FULL:
            watch->is_on = false;
            return 0;
        case WORKERS_SPENT:
            rc = shed_with_spare(watch, err);
            break;
        case WORKERS_BUSY:
            rc = shed_one(watch, &is_somebody_there, err);
            break;
        }
    }
    return rc;
}

/* How long the acceptor may sleep until it has to tidy up; poll(2)'s -1 where it never has to. What
 * is due is done first. */
static int
tidy(struct watch *watch)
{
    const struct acceptor *acceptor = watch->acceptor;
    if (!acceptor->tidy)
        return -1;
    uint64_t now_ms = clock_boot_ms();
    if (now_ms - watch->tidied_at_ms >= acceptor->tidy_every_ms) {
        acceptor->tidy(acceptor->self);
        watch->tidied_at_ms = now_ms;
    }
    return (int)(watch->tidied_at_ms + acceptor->tidy_every_ms - now_ms);
}

/* Waits once. 1: go on; 0: a signal asked for the end; -1: an error. */
static int
look(struct watch *watch, struct err *err)
{
    struct pollfd waiting[3] = {
        {.fd = watch->signal_fd, .events = POLLIN},
        {.fd = watch->gate->call_fd, .events = POLLIN},
        {.fd = watch->is_on ? watch->gate->listen_fd : -1, .events = POLLIN}};
    keep_spare(watch);
    if (poll(waiting, 3, tidy(watch)) < 0)
        return errno == EINTR ? 1 : err_system(err, "poll");
    int number = waiting[0].revents ? signals_read(watch->signal_fd) : 0;
    if (number > 0) {
        log_write(LOG_LEVEL_INFO, "process_ending signal=%s", strsignal(number));
        return 0;
    }
    if (waiting[1].revents) {
        gate_clear_call(watch->gate);
        watch->is_on = true;
    }
    if (!waiting[1].revents && !waiting[2].revents)
        return 1;
    return attend(watch, err) ? -1 : 1;
}

int
acceptor_run(const struct acceptor *acceptor, struct err *err)
{
    struct watch watch = {.acceptor = acceptor,
                          .workers = acceptor->workers,
                          .gate = workers_gate(acceptor->workers),
                          .signal_fd = acceptor->signal_fd,
                          .is_on = true,
                          .spare_fd = -1,
                          .tidied_at_ms = clock_boot_ms()};
    int rc;
    do
        rc = look(&watch, err);
    while (rc > 0);
    gate_close(watch.gate);
    drop_spare(&watch);
    return rc;
}
