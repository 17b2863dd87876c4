/* seccomp.h - system calls that this process never makes, refused by the kernel from here on.
 *
 * A list of what is refused and not of what is allowed: a library that was updated calls something
 * new, and must not break for it. What is refused fails with an error (EPERM, ENOSYS), nothing is
 * killed: no program is started and no other process made; nobody else's memory is reached; no
 * other user is become; nothing of the kernel is changed. Sockets are of four families.
 */
#ifndef POSTERN_PROG_SECCOMP_H
#define POSTERN_PROG_SECCOMP_H

#include <stdbool.h>

bool seccomp_is_offered(void);

/* For this thread and those it starts, for good. no_new_privs must be set. False: not in force. */
bool seccomp_enter(void);

#endif
