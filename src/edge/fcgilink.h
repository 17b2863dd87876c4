/* fcgilink.h - the records of one FastCGI connection over its socket, each wait bounded.
 *
 * Joins the reader (parse/fcgi.h) and the frames (parse/fcgiframe.h) to a channel (channel.h).
 * Small pieces of an answer are held and leave together; large ones leave from where they are.
 */
#ifndef POSTERN_EDGE_FCGILINK_H
#define POSTERN_EDGE_FCGILINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "parse/fcgi.h"

#define FCGILINK_IN_BYTES 16384
#define FCGILINK_OUT_BYTES 8192

struct fcgilink {
    int fd;
    int send_timeout_ms; /* each wait for room */
    struct fcgi reader;
    struct span input; /* came and is not read yet; in `in` */
    struct span body;  /* of the request: read, and not asked for yet; in `in` */
    bool is_unusable;  /* no further request can be read */
    bool keeps_one;    /* a byte of the request stays unread while it can (channel.h) */
    bool has_sent;

    /* of the request */
    bool is_whole;   /* it was read to its end */
    bool is_aborted; /* the web server does not want it any more */
    bool is_over;    /* nothing more is sent … */
    bool is_cut;     /* … and END_REQUEST neither */
    bool is_ended;   /* END_REQUEST was sent */

    size_t held; /* of the answer, in `out` */
    char *out;   /* FCGILINK_OUT_BYTES … */
    char *in;    /* … and FCGILINK_IN_BYTES of the caller's memory */
};

/* Holds `bytes`, or sends them with what is held. 0, or -1 when nothing more can be sent. */
int fcgilink_put(struct fcgilink *link, struct span bytes);

/* Sends what is held. fcgilink_end(): with END_REQUEST in the same write; once. */
int fcgilink_flush(struct fcgilink *link);
int fcgilink_end(struct fcgilink *link);

/* Breaks the answer so that the web server notices, whatever it makes of a connection that ends. */
void fcgilink_break(struct fcgilink *link);

/* Takes what the socket has, once all input is read. 1: bytes came; 0: none until `deadline_ms` of
 * the boot clock (0: now); -1: none will. */
int fcgilink_receive(struct fcgilink *link, uint64_t deadline_ms);

/* The next thing that the bytes at hand say. What the protocol asks for is answered on the way.
 * fcgilink_await(): waits for bytes; FCGI_EVENT_NONE: they did not come. */
struct fcgi_event fcgilink_next(struct fcgilink *link);
struct fcgi_event fcgilink_await(struct fcgilink *link, uint64_t deadline_ms);

bool fcgilink_has_read_all(const struct fcgilink *link);

/* Drops what is at hand of the request's body. fcgilink_linger(): and what is still to come of it,
 * for as long as its sender keeps at it, but not long. */
void fcgilink_drop(struct fcgilink *link);
void fcgilink_linger(struct fcgilink *link);

#endif
