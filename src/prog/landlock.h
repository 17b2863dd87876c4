/* landlock.h - the files this process may reach from here on, by directories; the rest of the file
 * system is shut, and no file anywhere may be executed.
 *
 * Places are given one by one to a ruleset, which is then put in force for this thread and those it
 * starts, for good. Descriptors and mappings that are open stay as they are. A kernel without it
 * (before 5.13) is no error: the ruleset is empty then and nothing is in force.
 */
#ifndef POSTERN_PROG_LANDLOCK_H
#define POSTERN_PROG_LANDLOCK_H

#include <stdbool.h>

enum landlock_use {
    LANDLOCK_READ,  /* the file, or all below the directory */
    LANDLOCK_WRITE, /* and make, rename and remove files there */
    LANDLOCK_REMOVE /* entries of the directory, nothing else */
};

/* The version the kernel has; 0: none. */
int landlock_version(void);

/* A ruleset to be: its descriptor (-1: none can be made) and the kernel's version. */
struct landlock {
    int fd, version;
};
struct landlock landlock_new(void);

/* A place that is not there is passed over. */
void landlock_allow(const struct landlock *landlock, const char *path, enum landlock_use use);

/* Closes the ruleset. no_new_privs must be set. False: not in force. */
bool landlock_enter(struct landlock *landlock);

#endif
