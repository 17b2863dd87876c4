/* process.c - limits of the process and its standard descriptors. */
#include "prog/process.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* One request: its thread's seat at the gate; the web server's connection, and an epoll instance
 * while a body is unread; libcurl's socket, its two to be woken by, and two more while a name is
 * resolved.
 */
#define DESCRIPTORS_PER_REQUEST 8
/* Files, warm connections that wait for the next request, and the acceptor's own. */
#define DESCRIPTORS_RESERVED 256

void
process_harden(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* its leak checker attaches to the process from a child */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
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

int
process_take_stdout(void)
{
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (fd < 0)
        return STDOUT_FILENO;
    (void)dup2(STDERR_FILENO, STDOUT_FILENO);
    return fd;
}

unsigned
process_raise_descriptors(void)
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

unsigned
process_clamp_threads(unsigned wanted, unsigned descriptors)
{
    unsigned possible = 1;
    if (descriptors >= DESCRIPTORS_RESERVED + DESCRIPTORS_PER_REQUEST)
        possible = (descriptors - DESCRIPTORS_RESERVED) / DESCRIPTORS_PER_REQUEST;
    unsigned threads = wanted < possible ? wanted : possible;
    return threads > 0 ? threads : 1;
}
