/* logfile.c - opens the log's file, and opens it again after it was rotated. */
#include "report/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/trust.h"

#define LOOK_MS 1000
#define LOG_MODE 0640

static struct {
    pthread_mutex_t lock;
    uint64_t looked_ms;
    int fd;         /* -1: standard error is used */
    bool is_broken; /* the failure was told */
} logfile = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

/* A path that means a descriptor we have; -1: it is none of them. Standard output is a descriptor
 * like that, too: in CGI, where it is the answer, it was taken away (prog/process.h). */
static int
standard_fd(const char *path)
{
    static const char *const names[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
        if (strcmp(path, names[fd]) == 0)
            return fd;
    }
    return -1;
}

/* Is the open file still the one at the path? */
static bool
is_current(const char *path)
{
    struct stat open_file, named;
    return logfile.fd >= 0 && fstat(logfile.fd, &open_file) == 0 && lstat(path, &named) == 0 &&
           open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

/* Is it ours to write to? Somebody else may have put it there, under a name that we were known to
 * open. */
static int
check_open(const struct config *config, int fd, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_system(err, "it cannot be looked at");
    if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
        return err_set(err, ERR_DENIED, "it is neither a file nor a pipe");
    if (st.st_nlink != 1)
        return err_set(err, ERR_DENIED, "it has another name, too, or none any more");
    st.st_mode &= ~(mode_t)S_IWGRP; /* a group may share the log */
    return trust_check_file(&st, config->log_path, config->program_owner, err);
}

static int
open_file(const struct config *config, struct err *err)
{
    const char *path = config->log_path;
    if (trust_check_parents(path, config->program_owner, true, err) != 0)
        return -1;
    /* O_NONBLOCK: a FIFO that nobody reads must not stop a request */
    const int flags =
        O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = open(path, flags, LOG_MODE);
    if (fd < 0 && errno == ELOOP)
        return err_set(err, ERR_DENIED, "it is a symbolic link: name the file that is meant");
    if (fd < 0 && trust_is_kept_out(path, W_OK))
        return err_set(err, ERR_DENIED, TRUST_KEPT_OUT);
    if (fd < 0)
        return err_system(err, "it cannot be opened");
    if (check_open(config, fd, err) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static void
open_again(const struct config *config)
{
    struct err err;
    int fd = open_file(config, &err);
    if (fd < 0) {
        char quoted[LOG_QUOTE_MAX];
        if (!logfile.is_broken)
            log_write(LOG_LEVEL_ERROR, "log_failed path=%s reason=\"%s\"",
                      log_quote(quoted, span_from(config->log_path)), err.msg);
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

/* Where lines go now. */
static int
find_fd(const struct config *config)
{
    if (!config->log_path)
        return STDERR_FILENO;
    int fd = standard_fd(config->log_path);
    if (fd >= 0)
        return fd;
    if (!is_current(config->log_path))
        open_again(config);
    return logfile.fd >= 0 ? logfile.fd : STDERR_FILENO;
}

void
logfile_follow(const struct config *config, uint64_t now_ms)
{
    if (pthread_mutex_trylock(&logfile.lock) != 0)
        return; /* somebody is looking */
    if (logfile.looked_ms == 0 || now_ms - logfile.looked_ms >= LOOK_MS) {
        logfile.looked_ms = now_ms;
        log_open(find_fd(config), config->log_level);
    }
    pthread_mutex_unlock(&logfile.lock);
}
