/* process.c - limits of the process and its standard descriptors. */
#include "prog/process.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"

/* One request: its thread's seat at the gate; the web server's connection, and an epoll instance
 * while a body is unread; libcurl's socket, its two to be woken by, and two more while a name is
 * resolved.
 */
#define DESCRIPTORS_PER_REQUEST 8
/* Files, warm connections that wait for the next request, and the acceptor's own. */
#define DESCRIPTORS_RESERVED 256

/* One request, without a large body: its thread's stack, and what libcurl, TLS and we have on the
 * heap (measured: 0.5 MiB with TLS). A large body that finds no room costs its request alone. */
#define ADDRESS_PER_REQUEST ((uint64_t)1 << 20)
/* The program and its libraries, which take 22 MiB, and the heap before the first request. */
#define ADDRESS_RESERVED ((uint64_t)32 << 20)

/* Heaps that threads share; more are of no use on as many processors. Each reserves 64 MiB of
 * addresses. */
#define HEAPS_MAX 4
/* Of threads that libraries start: libcurl looks up names on one. */
#define LIBRARY_STACK_BYTES ((size_t)512 * 1024)

void
process_harden(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* its leak checker attaches to the process from a child */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

static uint64_t
read_address_limit(void)
{
    struct rlimit limit;
    bool is_bounded = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return is_bounded ? limit.rlim_cur : UINT64_MAX;
}

/* One is enough where addresses are counted. */
static unsigned
choose_heaps(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (read_address_limit() != UINT64_MAX || processors < 1)
        return 1;
    return processors < HEAPS_MAX ? (unsigned)processors : HEAPS_MAX;
}

void
process_bound_memory(void)
{
    pthread_attr_t attr;
    mem_bound_heaps(choose_heaps());
    if (pthread_attr_init(&attr))
        return;
    (void)pthread_attr_setstacksize(&attr, LIBRARY_STACK_BYTES);
    (void)pthread_setattr_default_np(&attr);
    (void)pthread_attr_destroy(&attr);
}

void
process_open_standard_fds(void)
{
    /* open() gives the lowest free number: as long as that is one of the three, one was missing */
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDWR);
    if (fd >= 0)
        (void)close(fd);
}

static unsigned
raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return 1024; /* the kernel's own default */
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        limit.rlim_cur = before;
    return limit.rlim_cur < UINT_MAX ? (unsigned)limit.rlim_cur : UINT_MAX;
}

struct process_limits
process_limits(void)
{
    return (struct process_limits){raise_descriptors(), read_address_limit()};
}

unsigned
process_clamp_threads(unsigned wanted, const struct process_limits *limits)
{
    uint64_t by_memory = 1, by_descriptors = 1;
    if (limits->address_bytes > ADDRESS_RESERVED)
        by_memory = (limits->address_bytes - ADDRESS_RESERVED) / ADDRESS_PER_REQUEST;
    if (limits->descriptors > DESCRIPTORS_RESERVED)
        by_descriptors = (limits->descriptors - DESCRIPTORS_RESERVED) / DESCRIPTORS_PER_REQUEST;
    uint64_t possible = by_memory < by_descriptors ? by_memory : by_descriptors;
    uint64_t threads = wanted < possible ? wanted : possible;
    return threads > 0 ? (unsigned)threads : 1;
}
