/* signals.h - signals are blocked in every thread and read in one place.
 *
 * No handler of ours ever runs in a thread that serves, so no system call is interrupted there and
 * a library that would not retry one loses nothing.
 */
#ifndef POSTERN_EDGE_SIGNALS_H
#define POSTERN_EDGE_SIGNALS_H

#include <stdbool.h>

#include "base/err.h"

/* Before any thread is started: they inherit it. Faults of our own (SIGSEGV, SIGBUS …) and SIGQUIT,
 * the operator's way to end the process at once, stay as they are. */
void signals_block(void);

/* A descriptor that is readable once SIGTERM, SIGUSR1 or SIGINT was sent: all ask for the end. -1
 * and `err` on failure. Closed by close(2). */
int signals_open(struct err *err);

/* The same for a CGI script, with SIGURG: a web server sends it for a client that has left. Unlike
 * SIGTERM it does not kill a script that has not begun yet, of whose death a client that shut down
 * only its sending half would get an HTML page. */
int signals_open_script(struct err *err);

/* The number of the signal that came, taken from the descriptor; 0: none. */
int signals_read(int signal_fd);

#endif
