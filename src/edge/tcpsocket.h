/* tcpsocket.h - what the kernel of this host knows of one TCP connection: open, closed by its other
 * end, or nothing.
 *
 * Anybody may ask for any connection of the host (sock_diag(7)); one message names it by both
 * addresses, one tells its state, however many connections there are. /proc/net/tcp would tell the
 * same, but as text of them all.
 */
#ifndef POSTERN_EDGE_TCPSOCKET_H
#define POSTERN_EDGE_TCPSOCKET_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

enum tcpsocket_state {
    TCPSOCKET_UNKNOWN, /* the kernel cannot be asked */
    TCPSOCKET_MISSING, /* there is no such connection, or not any more */
    TCPSOCKET_OPEN,
    TCPSOCKET_CLOSED, /* the other end sends nothing any more, or this one does not */
};

struct tcpsocket_end {
    struct in6_addr address; /* of IPv4 in the mapped form */
    in_port_t port;          /* in network order */
};

/* Seen from the end that is asked about. */
struct tcpsocket_pair {
    struct tcpsocket_end local, remote;
};

/* "192.0.2.1" or "2001:db8::1", and "443"; NULL is allowed. -1: not an address, or no port. */
int tcpsocket_parse(struct tcpsocket_end *end, const char *address, const char *port);

/* Asks the kernel; never waits. */
enum tcpsocket_state tcpsocket_find(const struct tcpsocket_pair *pair);

/* What the kernel's reply means. */
enum tcpsocket_state tcpsocket_decode(const void *reply, size_t len);

#endif
