/* refusals.h - connections that were refused: counted, and told at most once a second, because who
 * may connect may do so as often as he likes. */
#ifndef POSTERN_EDGE_REFUSALS_H
#define POSTERN_EDGE_REFUSALS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/log.h"

struct refusals { /* all zero at first; for all threads */
    _Atomic uint64_t told_at_ms;
    atomic_uint untold;
};

/* `reason`: one word; `detail`: " name=value" …, or "". */
void refusals_note(struct refusals *refusals, enum log_level level, const char *reason,
                   const char *detail);

#endif
