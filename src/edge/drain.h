/* drain.h - the end of the process, as every running request sees it.
 *
 * One time by which answers must end, and one descriptor that wakes those who wait for an upstream
 * so that they look at it.
 */
#ifndef POSTERN_EDGE_DRAIN_H
#define POSTERN_EDGE_DRAIN_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"

struct drain {
    _Atomic uint64_t deadline_ms; /* boot clock; 0: the process is not ending */
    int wake_fd;                  /* readable from drain_begin() on; nobody reads it */
};

int drain_init(struct drain *drain, struct err *err);
void drain_begin(struct drain *drain, uint64_t deadline_ms);
void drain_fini(struct drain *drain); /* no request may be running */

#endif
