/* drain.c - says once, to all threads, that the process is ending. */
#include "edge/drain.h"

#include <sys/eventfd.h>
#include <unistd.h>

int
drain_init(struct drain *drain, struct err *err)
{
    atomic_init(&drain->deadline_ms, 0);
    drain->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (drain->wake_fd < 0)
        return err_system(err, "eventfd");
    return 0;
}

void
drain_begin(struct drain *drain, uint64_t deadline_ms)
{
    /* 0 would mean that nothing is ending */
    atomic_store(&drain->deadline_ms, deadline_ms > 0 ? deadline_ms : 1);
    (void)eventfd_write(drain->wake_fd, 1); /* cannot fail: the counter is far from full */
}

void
drain_fini(struct drain *drain)
{
    if (drain->wake_fd >= 0)
        (void)close(drain->wake_fd);
    drain->wake_fd = -1;
}
