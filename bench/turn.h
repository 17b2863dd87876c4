/* turn.h - one request and its answer in the upstream of the bench: what is asked, what is sent.
 *
 * What is asked for stands in the body, in members that gateways pass on:
 *   "stream":true    events of chat/completions; else one JSON answer
 *   "max_tokens":N   events of the stream; of a JSON answer, bytes of its text (default 20)
 *   "seed":MS        how long it thinks before it answers
 * Each event says its number and when it was sent, on the clock that the client of the bench reads.
 * No function waits: each does what the socket allows.
 */
#ifndef POSTERN_BENCH_TURN_H
#define POSTERN_BENCH_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TURN_HEAD_MAX_BYTES 8192
#define TURN_ASK_MAX_BYTES 1024 /* where the members that we know must stand */
#define TURN_OUT_MAX_BYTES 1024

enum turn_stage { TURN_HEAD, TURN_BODY, TURN_READY, TURN_ANSWER };

struct turn {
    int fd;
    enum turn_stage stage;
    char head[TURN_HEAD_MAX_BYTES];
    size_t head_len;
    char ask[TURN_ASK_MAX_BYTES + 1]; /* the beginning of the body */
    size_t ask_len;
    uint64_t body_left;
    bool is_stream, is_http10;
    uint64_t tokens, think_ms; /* as asked for */
    uint64_t sent;             /* events, or bytes of the JSON body behind its opening */
    char out[TURN_OUT_MAX_BYTES];
    size_t out_len, out_at;
};

enum turn_result {
    TURN_GONE,    /* closed, broken, or nothing that we can take */
    TURN_BLOCKED, /* the socket has to become readable or writable first */
    TURN_DONE     /* read: the request is there; send: what was to be sent is out */
};

void turn_begin(struct turn *turn); /* the next request of a connection */

enum turn_result turn_read(struct turn *turn);

/* The head, and the whole of a JSON answer. TURN_BLOCKED: call again, it goes on. */
enum turn_result turn_send(struct turn *turn);

/* The next event of a stream, or what is left of the one that was blocked. */
enum turn_result turn_send_event(struct turn *turn);

bool turn_is_over(const struct turn *turn);

#endif
