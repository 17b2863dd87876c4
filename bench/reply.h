/* reply.h - reads one HTTP/1.1 answer from bytes as they come: its status, where its body ends, and
 * the events of the bench's upstream in it.
 */
#ifndef POSTERN_BENCH_REPLY_H
#define POSTERN_BENCH_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_LINE_MAX_BYTES 2048

enum reply_state { REPLY_HEAD, REPLY_BODY, REPLY_OVER, REPLY_BROKEN };

/* How the body says where it ends. */
enum reply_framing { REPLY_BY_CLOSE, REPLY_BY_LENGTH, REPLY_BY_CHUNKS };

struct reply {
    /* For the caller to set after reply_init(): an event of the upstream came, `seq` is its number
     * and `sent_us` its time stamp. */
    void (*event)(void *self, uint64_t seq, uint64_t sent_us);
    void *self;

    enum reply_state state;
    int status; /* 0 until the first line */
    uint64_t body_bytes;

    /* reply.c's own */
    enum reply_framing framing;
    uint64_t left;                   /* of the length, or of the chunk */
    bool is_in_chunk, is_last_chunk; /* else its size line is read */
    char line[REPLY_LINE_MAX_BYTES]; /* of the head or between chunks */
    size_t line_len;
    char text[REPLY_LINE_MAX_BYTES]; /* a line of the body */
    size_t text_len;
};

void reply_init(struct reply *reply);
void reply_feed(struct reply *reply, const char *bytes, size_t len);
void reply_close(struct reply *reply); /* the connection ended: OVER where that is a proper end */

#endif
