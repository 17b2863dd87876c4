/* look.h - what the kernel and TLS know of a connection, beside the library.
 *
 * Between two exchanges an upstream has nothing to say. What came nevertheless (the rest of a body
 * that was longer than stated, a second answer, a "408" for having been idle) would be read as the
 * answer to the next request, which may be another client's. Nor can be an answer what came before
 * the request had arrived.
 */
#ifndef POSTERN_NET_LOOK_H
#define POSTERN_NET_LOOK_H

#include <stdbool.h>
#include <stdint.h>

enum look_unread { LOOK_NOTHING, LOOK_BYTES, LOOK_END };

/* What waits in the kernel to be read: bytes, or the connection's end. Takes nothing. */
enum look_unread look_unread(int fd);

/* How much of what was written has the other end's kernel acknowledged? It acknowledges a request
 * before anybody there can read it, and every later segment of its says so again: so when the first
 * byte of an answer is here, and the answer is one to this request, all of that is acknowledged. */
struct look_acks {
    bool is_known; /* false: not TCP, or the kernel does not tell */
    bool has_all;
    uint64_t bytes; /* since the connection began */
};
struct look_acks look_acks(int fd);

/* Are there bytes that TLS has taken from the socket and not given out? `ssl` is an SSL of
 * OpenSSL's. */
bool look_unread_tls(const void *ssl);

/* Did both ends agree on HTTP/2? A status line can claim it, the handshake cannot. */
bool look_speaks_h2(const void *ssl);

#endif
