/* fcgiparams.h - FastCGI's name-value pairs, in whatever portions they come, as "NAME=value".
 *
 * Source: the FastCGI specification 1.0, §3.4. What a peer says of lengths allocates nothing: bytes
 * are kept as they come, and a length that would pass a limit is refused before its bytes came.
 * Because the result is text, a pair that text cannot hold is a fault and never cut or renamed: one
 * with a NUL in it, and a name that is empty or holds '=', a blank, a control character or a byte
 * above 126. A name that stands twice is passed on twice. Pure.
 */
#ifndef POSTERN_PARSE_FCGIPARAMS_H
#define POSTERN_PARSE_FCGIPARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

#define FCGIPARAMS_MAX_BYTES ((size_t)1 << 20) /* of all text, two bytes a pair included */
#define FCGIPARAMS_MAX_COUNT 1024
#define FCGIPARAMS_NAME_MAX_BYTES 1024

enum fcgiparams_fault { /* in ascending order */
                        FCGIPARAMS_GOOD,
                        FCGIPARAMS_NAME,  /* is not one */
                        FCGIPARAMS_NUL,   /* in a name or a value */
                        FCGIPARAMS_LIMIT, /* one of the maxima would be passed, or no memory:
                                             nothing more is kept */
                        FCGIPARAMS_CUT    /* they ended amid a pair */
};

struct fcgiparams {
    struct buf text; /* "NAME=value\0NAME=value\0" */
    const char **list;
    size_t list_room;
    size_t count;
    enum fcgiparams_fault fault; /* the worst one so far */
    enum fcgiparams_step {
        FCGIPARAMS_IN_NAME_LENGTH,
        FCGIPARAMS_IN_VALUE_LENGTH,
        FCGIPARAMS_IN_NAME,
        FCGIPARAMS_IN_VALUE
    } step;
    unsigned length_have; /* bytes of a length of four bytes that were taken */
    uint32_t length;
    uint32_t name_left, value_left;
};

void fcgiparams_init(struct fcgiparams *params, size_t max_bytes); /* allocates nothing */
void fcgiparams_clear(struct fcgiparams *params);                  /* for the next ones */
void fcgiparams_fini(struct fcgiparams *params);

/* Takes all bytes. False: FCGIPARAMS_LIMIT, and more of them would only be dropped. */
bool fcgiparams_feed(struct fcgiparams *params, struct span bytes);

/* The pairs end here. The list ends with NULL and is empty when there is a fault; it is borrowed
 * until the next call. */
const char *const *fcgiparams_end(struct fcgiparams *params);

const char *fcgiparams_fault_name(enum fcgiparams_fault fault);

#endif
