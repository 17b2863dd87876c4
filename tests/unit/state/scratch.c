#include "scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

#define RACERS_MAX 64

static void
must(int holds, const char *what)
{
    if (!holds) {
        perror(what);
        abort();
    }
}

void
scratch_init(struct scratch *scratch)
{
    const char *base = getenv("TMPDIR");
    int len = snprintf(scratch->directory, sizeof(scratch->directory), "%s/postern-XXXXXX",
                       base ? base : "/tmp");
    must(len > 0 && (size_t)len < sizeof(scratch->directory), "TMPDIR is too long");
    must(mkdtemp(scratch->directory) != NULL, "mkdtemp");
    (void)snprintf(scratch->path, sizeof(scratch->path), "%s/state", scratch->directory);
    scratch->options =
        (struct state_options){.path = scratch->path, .mode = 0600, .any_filesystem = true};
    scratch->log_fd = memfd_create("log", MFD_CLOEXEC);
    must(scratch->log_fd >= 0, "memfd_create");
    log_open(scratch->log_fd, LOG_LEVEL_DEBUG);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *place)
{
    (void)st;
    (void)kind;
    (void)place;
    return remove(path);
}

void
scratch_fini(struct scratch *scratch)
{
    log_open(STDERR_FILENO, LOG_LEVEL_INFO);
    (void)close(scratch->log_fd);
    (void)nftw(scratch->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *
scratch_path(const struct scratch *scratch, const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", scratch->directory, name);
    return path;
}

size_t
scratch_count(const struct scratch *scratch, const char *prefix)
{
    DIR *directory = opendir(scratch->directory);
    must(directory != NULL, "opendir");
    size_t count = 0;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
        count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0 ? 1 : 0;
    (void)closedir(directory);
    return count;
}

size_t
scratch_logged(const struct scratch *scratch, const char *text)
{
    static char log[65536];
    ssize_t got = pread(scratch->log_fd, log, sizeof(log) - 1, 0);
    must(got >= 0, "pread");
    log[got] = '\0';
    size_t count = 0;
    for (const char *at = strstr(log, text); at; at = strstr(at + 1, text))
        count++;
    return count;
}

void
scratch_write(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, bytes, len) == (ssize_t)len, path);
    (void)close(fd);
}

size_t
scratch_read(const char *path, void *bytes, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    must(fd >= 0, path);
    ssize_t got = read(fd, bytes, room);
    must(got >= 0, path);
    (void)close(fd);
    return (size_t)got;
}

size_t
scratch_race(size_t count, int (*child)(void *self), void *self)
{
    int barrier[2];
    pid_t pids[RACERS_MAX];
    must(count <= RACERS_MAX && pipe(barrier) == 0, "pipe");
    for (size_t i = 0; i < count; i++) {
        pids[i] = fork();
        must(pids[i] >= 0, "fork");
        if (pids[i] == 0) {
            char gone;
            (void)close(barrier[1]);
            while (read(barrier[0], &gone, 1) > 0) {
            }
            _exit(child(self));
        }
    }
    /* Closing the last writing end lets all of them go at once. */
    (void)close(barrier[0]);
    (void)close(barrier[1]);
    size_t good = 0;
    for (size_t i = 0; i < count; i++) {
        int status = -1;
        must(waitpid(pids[i], &status, 0) == pids[i], "waitpid");
        good += WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 0;
    }
    return good;
}
