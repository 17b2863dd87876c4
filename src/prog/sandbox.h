/* sandbox.h - what a fault in this process could still do, made little before it serves anybody.
 *
 * Three walls, each where the kernel has it: no program that is started gets more rights
 * (no_new_privs); files are reached only in the system's and the configuration's directories, and
 * written only beside the state file, beside the log and in the directories for temporary files
 * (landlock.h); calls that are never made are refused (seccomp.h). None is an error where it is
 * missing. To be called while there is one thread, with the listening socket open.
 *
 * Places are laid down at the start. A configuration that names others later is told so when they
 * are opened (TRUST_KEPT_OUT of base/trust.h). With no good configuration at the start it is not
 * known what will be needed, and the file system stays open.
 */
#ifndef POSTERN_PROG_SANDBOX_H
#define POSTERN_PROG_SANDBOX_H

#include <stdbool.h>

#include "config/config.h"

struct sandbox {
    bool no_new_privs;
    int landlock; /* its version; 0: not in force */
    bool seccomp;
};

/* What the kernel has. */
struct sandbox sandbox_offer(void);

/* Raises the walls and returns those that stand. `config` may be NULL; `socket_path` too, or is the
 * socket of our own that is removed at the end. */
struct sandbox sandbox_enter(const struct config_sources *sources, const struct config *config,
                             const char *socket_path);

#endif
