/* gate.h - where the threads wait for connections, and who of them hears of the next one.
 *
 * Each has a seat, an epoll instance that holds the listening socket with EPOLLEXCLUSIVE: a
 * connection wakes one thread of those that wait, the one whose seat is the oldest, and none is
 * forgotten, because who comes to wait looks at the socket first. Where no thread can wait the
 * acceptor is called and watches the socket itself (acceptor.h).
 *
 * Accepting never waits. Another process may be faster, and a thread that has just finished may
 * accept without having been woken.
 */
#ifndef POSTERN_EDGE_GATE_H
#define POSTERN_EDGE_GATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct gate {
    int listen_fd; /* borrowed: from the listener; non-blocking */
    int closed_fd; /* readable from gate_close() on; nobody reads it */
    int call_fd;   /* readable: the acceptor is called */
    pthread_rwlock_t lock;
    bool is_closed; /* under the lock, which is held for reading while somebody accepts */
};

int gate_init(struct gate *gate, int listen_fd, struct err *err);
void gate_fini(struct gate *gate); /* no thread may be at it */

/* A seat, for the thread to close; -1: this host has no descriptor or memory left. */
int gate_open_seat(struct gate *gate);

/* What a thread was woken for. */
enum gate_event {
    GATE_CONNECTION, /* perhaps */
    GATE_QUIET,      /* nothing happened for that long */
    GATE_CLOSED
};
enum gate_event gate_wait(int seat_fd, uint64_t timeout_ms);

/* Why there is no connection, by what to do about it. */
enum gate_trouble {
    GATE_NOBODY, /* nobody is there, or has gone again, or the gate is closed */
    GATE_SPENT,  /* this host has no descriptor or memory left */
    GATE_FATAL   /* the listening socket is of no use; errno says why */
};
/* A connection, blocking and close-on-exec, or -1 and `why`. */
int gate_accept(struct gate *gate, enum gate_trouble *why);

void gate_call(struct gate *gate);
void gate_clear_call(struct gate *gate); /* by the acceptor, who came */

/* When it returns nobody accepts and nobody will, and the listening socket may be closed. Who waits
 * is woken, and so is who comes later. */
void gate_close(struct gate *gate);

#endif
