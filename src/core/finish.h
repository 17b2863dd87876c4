/* finish.h - what a finish reason says: that an answer ended, that it broke off, or nothing yet.
 * Pure.
 *
 * Upstreams spell more reasons than any API lists. The words that are known to end an answer are a
 * table; those of a failure are recognised by what they contain, so that "network_error" and
 * "request_aborted" are failures whoever invents them. Any other word is not a proof by itself: it
 * counts only together with the end of the stream.
 */
#ifndef POSTERN_CORE_FINISH_H
#define POSTERN_CORE_FINISH_H

#include "base/span.h"

enum finish {
    FINISH_NONE,    /* not there, null, "", a number, or a word for these ("null", "in_progress") */
    FINISH_END,     /* a reason for which answers end */
    FINISH_UNKNOWN, /* a word that is not in the table */
    FINISH_FAILURE  /* the answer was broken off */
};

/* `value` is the JSON text of a finish_reason or stop_reason. Case, "_", "-" and blanks make no
 * difference. */
enum finish finish_read(struct span value);

#endif
