/* signals.c - which signals are blocked, and which of them mean the end. */
#include "edge/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int left_alone[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                 SIGABRT, SIGTRAP, SIGSYS, SIGQUIT};
static const int meaning_end[] = {SIGTERM, SIGUSR1, SIGINT, SIGURG};
#define TO_A_SERVICE 3 /* of them; the rest mean it to a script alone */

void
signals_block(void)
{
    sigset_t set;
    (void)sigfillset(&set);
    for (size_t i = 0; i < sizeof(left_alone) / sizeof(left_alone[0]); i++)
        (void)sigdelset(&set, left_alone[i]);
    (void)pthread_sigmask(SIG_SETMASK, &set, NULL); /* fails for a wrong first argument only */
}

static int
open_fd(size_t count, struct err *err)
{
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < count; i++)
        (void)sigaddset(&set, meaning_end[i]);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_system(err, "signalfd");
    return fd;
}

int
signals_open(struct err *err)
{
    return open_fd(TO_A_SERVICE, err);
}

int
signals_open_script(struct err *err)
{
    return open_fd(sizeof(meaning_end) / sizeof(meaning_end[0]), err);
}

int
signals_read(int signal_fd)
{
    struct signalfd_siginfo told;
    ssize_t got = read(signal_fd, &told, sizeof(told));
    return got == (ssize_t)sizeof(told) ? (int)told.ssi_signo : 0;
}
