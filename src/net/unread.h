/* unread.h - does a connection hold bytes that nobody has asked for?
 *
 * Between two exchanges an upstream has nothing to say. What came nevertheless (the rest of a body
 * that was longer than stated, a second answer, a "408" for having been idle) would be read as the
 * answer to the next request, which may be another client's.
 */
#ifndef POSTERN_NET_UNREAD_H
#define POSTERN_NET_UNREAD_H

#include <stdbool.h>

/* Are there bytes, or its end, in the kernel? */
bool unread_on_socket(int fd);

/* Are there bytes that TLS has taken from the socket and not given out? `ssl` is an SSL of
 * OpenSSL's. */
bool unread_in_tls(const void *ssl);

#endif
