/* body.h - the payload of an answer, out of its chunks and its coding, and whether it is whole.
 *
 * The header block, as core/head.h reads it, says what the framing is, and nothing else does: the
 * library hands on what it reads, and where it stops reading is compared with what is found here.
 */
#ifndef POSTERN_NET_BODY_H
#define POSTERN_NET_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "core/chunks.h"
#include "core/head.h"

struct unpack;

struct body {
    bool is_chunked;
    bool is_empty; /* nothing may come: the status has no content */
    struct chunks chunks;
    int64_t length; /* -1: not stated */
    uint64_t got_bytes;
    struct unpack *unpack; /* NULL: as it comes */
    bool has_no_memory;    /* this host's lack, and no fault of the answer */
    bool has_excess;       /* more came than the body was said to have */
    const char *why;       /* what is wrong with it, for the log; NULL: nothing so far */
};

void body_init(struct body *body); /* without a header block: nothing may come */
void body_fini(struct body *body);

/* The header block is complete. -1: no memory. */
int body_begin(struct body *body, const struct head *head);

/* Bytes as they came; gives out payload. -1 as soon as `give` returns
 * that, and when the body broke its rules: `why` then says how. */
int body_take(struct body *body, struct span bytes, int (*give)(void *self, struct span bytes),
              void *self);

/* Is the end here that the framing announced? Of one that only closing ends: false. */
bool body_is_over(const struct body *body);

/* The transfer ended well, as the library says. Is the body whole? Sets `why` if not. */
bool body_is_whole(struct body *body);

#endif
