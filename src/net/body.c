/* body.c - counting, dechunking, unpacking. */
#include "net/body.h"

#include <string.h>

#include "net/unpack.h"

/* Chunks of a byte or a few, of one read, go on together, or an upstream could have us work for
 * each byte. Longer ones pass as they come: an event that was good is out before the next is looked
 * at. */
#define GATHER_BYTES 2048
#define SHORT_BYTES 64

struct gather {
    char bytes[GATHER_BYTES];
    size_t len;
    int (*give)(void *self, struct span bytes);
    void *self;
};

void
body_init(struct body *body)
{
    *body = (struct body){.is_empty = true, .length = -1};
}

void
body_fini(struct body *body)
{
    unpack_free(body->unpack);
    body->unpack = NULL;
}

int
body_begin(struct body *body, const struct head *head)
{
    body->is_empty = head_has_no_content(head);
    body->is_chunked = head->is_chunked && !body->is_empty;
    /* Nothing but a length, or closing, ends a 205, empty as it is. */
    body->length = body->is_empty && head->status != 205 ? 0 : head->content_length;
    chunks_init(&body->chunks);
    if (head->coding == HEAD_PLAIN || body->is_empty)
        return 0;
    body->unpack = unpack_new();
    body->has_no_memory = !body->unpack;
    return body->unpack ? 0 : -1;
}

static int
bad(struct body *body, const char *why)
{
    if (!body->why)
        body->why = why;
    return -1;
}

static int
hand_on(struct body *body, struct span piece, int (*give)(void *self, struct span bytes),
        void *self)
{
    if (!body->unpack)
        return piece.len > 0 ? give(self, piece) : 0;
    int result = unpack_take(body->unpack, piece, give, self);
    return result != 0 && unpack_is_bad(body->unpack) ? bad(body, "does not unpack") : result;
}

static int
flush(struct body *body, struct gather *gather)
{
    struct span gathered = span_of(gather->bytes, gather->len);
    gather->len = 0;
    return hand_on(body, gathered, gather->give, gather->self);
}

static int
add(struct body *body, struct gather *gather, struct span piece)
{
    bool is_short = piece.len < SHORT_BYTES;
    if ((!is_short || gather->len + piece.len > GATHER_BYTES) && flush(body, gather) != 0)
        return -1;
    if (!is_short)
        return hand_on(body, piece, gather->give, gather->self);
    memcpy(gather->bytes + gather->len, piece.ptr, piece.len);
    gather->len += piece.len;
    return 0;
}

static int
take_chunks(struct body *body, struct span bytes, struct gather *gather)
{
    struct span piece;
    while ((piece = chunks_next(&body->chunks, &bytes)).len > 0) {
        body->got_bytes += piece.len;
        if (add(body, gather, piece) != 0)
            return -1;
    }
    if (flush(body, gather) != 0)
        return -1;
    if (body->chunks.stage == CHUNKS_BAD)
        return bad(body, body->chunks.why);
    body->has_excess = body->has_excess || bytes.len > 0;
    return 0;
}

int
body_take(struct body *body, struct span bytes, int (*give)(void *self, struct span bytes),
          void *self)
{
    if (body->why)
        return -1;
    if (body->is_chunked) {
        struct gather gather;
        gather.len = 0;
        gather.give = give;
        gather.self = self;
        return take_chunks(body, bytes, &gather);
    }
    if (body->is_empty && bytes.len > 0)
        return bad(body, "content where there is none");
    if (body->length >= 0 && bytes.len > (uint64_t)body->length - body->got_bytes) {
        body->has_excess = true;
        bytes.len = (size_t)((uint64_t)body->length - body->got_bytes);
    }
    body->got_bytes += bytes.len;
    return hand_on(body, bytes, give, self);
}

bool
body_is_over(const struct body *body)
{
    if (body->is_chunked)
        return body->chunks.stage == CHUNKS_ENDED;
    return body->length >= 0 && body->got_bytes == (uint64_t)body->length;
}

bool
body_is_whole(struct body *body)
{
    bool has_end = body->is_chunked || body->length >= 0;
    if (!body->why && has_end && !body_is_over(body))
        (void)bad(body, "ended before its end");
    if (!body->why && body->unpack && body->got_bytes > 0 && !unpack_is_over(body->unpack))
        (void)bad(body, "ended inside its coding");
    return !body->why;
}
