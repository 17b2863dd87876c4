/* scratch.h - a directory of its own for each test, and what was logged meanwhile. */
#ifndef POSTERN_TESTS_SCRATCH_H
#define POSTERN_TESTS_SCRATCH_H

#include <stddef.h>

#include "state/state.h"

struct scratch {
    char directory[128];
    char path[192]; /* of a state file in it, not made yet */
    struct state_options options;
    int log_fd;
};

void scratch_init(struct scratch *scratch);
void scratch_fini(struct scratch *scratch);

/* A path below the directory; overwritten by the next call. */
const char *scratch_path(const struct scratch *scratch, const char *name);
/* How many files of that prefix the directory holds. */
size_t scratch_count(const struct scratch *scratch, const char *prefix);
/* How often the text was logged. */
size_t scratch_logged(const struct scratch *scratch, const char *text);

void scratch_write(const char *path, const void *bytes, size_t len);
size_t scratch_read(const char *path, void *bytes, size_t room);

/* Runs `child` in `count` processes that start it at once; returns how many returned 0. */
size_t scratch_race(size_t count, int (*child)(void *self), void *self);

#endif
