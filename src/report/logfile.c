/* logfile.c - opens the log's file, and opens it again after it was rotated. */
#include "report/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define LOOK_MS 1000
#define LOG_MODE 0640

static struct {
    pthread_mutex_t lock;
    uint64_t looked_ms;
    int fd;         /* -1: standard error is used */
    bool is_broken; /* the failure was told */
} logfile = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

/* Is the open file still the one at the path? */
static bool
is_current(const char *path)
{
    struct stat open_file, named;
    return logfile.fd >= 0 && fstat(logfile.fd, &open_file) == 0 && stat(path, &named) == 0 &&
           open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

static void
open_again(const char *path)
{
    /* O_NONBLOCK: a FIFO that nobody reads must not stop a request */
    int fd =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, LOG_MODE);
    if (fd < 0) {
        if (!logfile.is_broken)
            log_write(LOG_LEVEL_ERROR, "log_failed path=%s reason=\"%s\"", path, strerror(errno));
        logfile.is_broken = true;
        return;
    }
    logfile.is_broken = false;
    if (logfile.fd < 0) {
        logfile.fd = fd;
        return;
    }
    (void)dup3(fd, logfile.fd, O_CLOEXEC); /* lines under way go to the one or to the other */
    (void)close(fd);
}

void
logfile_follow(const struct config *config, uint64_t now_ms)
{
    if (pthread_mutex_trylock(&logfile.lock) != 0)
        return; /* somebody is looking */
    if (logfile.looked_ms == 0 || now_ms - logfile.looked_ms >= LOOK_MS) {
        logfile.looked_ms = now_ms;
        if (config->log_path && !is_current(config->log_path))
            open_again(config->log_path);
        bool to_file = config->log_path && logfile.fd >= 0;
        log_open(to_file ? logfile.fd : STDERR_FILENO, config->log_level);
    }
    pthread_mutex_unlock(&logfile.lock);
}
