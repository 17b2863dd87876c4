/* guard.c - turns the loss of the mapped file into zero pages. */
#include "state/guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

#define RANGES_MAX 32

struct range {
    _Atomic(char *) start; /* NULL: free. Stored last and cleared first, for the handler's sake */
    size_t length;
    atomic_bool *lost;
};

/* A signal handler has no argument of ours, so the ranges have to be global. */
static struct range ranges[RANGES_MAX];
static struct sigaction previous;
static pthread_mutex_t ranges_lock = PTHREAD_MUTEX_INITIALIZER; /* of adding and removing */

static struct range *
find_range(const char *address)
{
    for (size_t i = 0; i < RANGES_MAX; i++) {
        const char *start = atomic_load(&ranges[i].start);
        if (start && address >= start && address < start + ranges[i].length)
            return &ranges[i];
    }
    return NULL;
}

static void
pass_on(int number, siginfo_t *siginfo, void *machine)
{
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(number, siginfo, machine);
        return;
    }
    if (previous.sa_handler == SIG_IGN && siginfo->si_code <= 0)
        return;
    if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(number);
        return;
    }
    /* A fault comes again by itself when the access is repeated; a sent signal is sent again. */
    (void)sigaction(number, &previous, NULL);
    if (siginfo->si_code <= 0)
        (void)raise(number);
}

static void
on_bus_error(int number, siginfo_t *siginfo, void *machine)
{
    int kept_errno = errno;
    /* si_code > 0: raised by the kernel, so si_addr is an address. */
    struct range *range = siginfo->si_code > 0 ? find_range(siginfo->si_addr) : NULL;
    if (!range) {
        pass_on(number, siginfo, machine);
        errno = kept_errno;
        return;
    }
    char *start = atomic_load(&range->start);
    void *mapped = mmap(start, range->length, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (mapped == MAP_FAILED)
        pass_on(number, siginfo, machine);
    atomic_store(range->lost, true);
    errno = kept_errno;
}

/* Each time, because whoever was there before us may have come back. */
static bool
install(void)
{
    struct sigaction now;
    if (sigaction(SIGBUS, NULL, &now) != 0)
        return false;
    if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == on_bus_error)
        return true;
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    (void)sigemptyset(&action.sa_mask);
    previous = now;
    return sigaction(SIGBUS, &action, NULL) == 0;
}

bool
guard_add(void *start, size_t length, atomic_bool *lost)
{
    bool added = false;
    (void)pthread_mutex_lock(&ranges_lock);
    bool installed = install();
    for (size_t i = 0; i < RANGES_MAX && installed && !added; i++) {
        if (atomic_load(&ranges[i].start))
            continue;
        ranges[i].length = length;
        ranges[i].lost = lost;
        atomic_store(&ranges[i].start, start);
        added = true;
    }
    (void)pthread_mutex_unlock(&ranges_lock);
    return added;
}

void
guard_remove(const void *start)
{
    (void)pthread_mutex_lock(&ranges_lock);
    for (size_t i = 0; i < RANGES_MAX; i++) {
        if (atomic_load(&ranges[i].start) == start)
            atomic_store(&ranges[i].start, NULL);
    }
    (void)pthread_mutex_unlock(&ranges_lock);
}
