/* transfer.h - one HTTP exchange with one upstream, on a warm connection when there is one.
 *
 * The library behind it is known to connection.c alone. The caller's observer is called from inside
 * transfer_run(), on the caller's thread; it decides how long to wait and when to stop. The
 * library's own verdict is never trusted alone: the reply tells whether the header block ended,
 * whether length and chunking agree, and which fault there was (core/wire.h).
 */
#ifndef POSTERN_NET_TRANSFER_H
#define POSTERN_NET_TRANSFER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/wire.h"

#define TRANSFER_WAITS 2

struct transfer_observer {
    void *self;
    /* The final header block ended (1xx are swallowed). 0 to go on, -1 to stop. */
    int (*head)(void *self, const struct wire_reply *reply);
    /* Body bytes, decoded if that was asked for. 0 to go on, -1 to stop. */
    int (*bytes)(void *self, struct span bytes);
    /* Called before each wait and after each wake-up, when the `waits` hold the last poll's
     * revents. Sets `*wait_ms`, the longest the next wait may take. 0 to go on, -1 to stop. */
    int (*watch)(void *self, uint64_t *wait_ms);
    /* Polled together with the transfer. What makes one ready is for watch() to take back, else the
     * wait does not sleep. Hang-ups are not told: of events they may ask for POLLIN, POLLPRI and
     * POLLOUT. Always TRANSFER_WAITS of them; fd -1: none. */
    struct pollfd *waits;
};

struct pool;

struct pool_options {
    unsigned idle_per_origin_max; /* warm connections kept for one upstream */
    unsigned idle_max;            /* and altogether */
    uint64_t connection_life_s;   /* a connection is not reused when it is older */
    uint64_t idle_life_s;         /* nor when it was idle for longer */
    const char *ca_file;          /* NULL: the library's default */
};

/* The pool of the process, shared by its threads. SIGPIPE must be ignored or blocked in all of
 * them: TLS writes with write(2). NULL and `err` when the library cannot start. */
struct pool *pool_new(const struct pool_options *options, struct err *err);
void pool_free(struct pool *pool); /* no transfer may be running */

/* Closes the connections that were idle for longer than their life, which an exchange does as well:
 * for a process that nobody asks. True: it has closed some, and none is left. */
bool pool_sweep(struct pool *pool, uint64_t now_ms);

/* Runs the exchange to its end. The reply's spans live until transfer_end(). The reply is always
 * filled, also when the fault is that this host had no memory. A failed exchange's connection is
 * closed before this returns. A streamed body goes over a fresh connection, because it cannot be
 * sent again when a warm one turns out to be dead; while its reader blocks, nobody watches. */
struct transfer;
struct transfer *transfer_run(struct pool *pool, const struct wire_request *request,
                              const struct transfer_observer *observer, struct wire_reply *reply);

/* Puts the connection back, or closes it when it is not fit for another exchange. NULL is allowed.
 */
void transfer_end(struct pool *pool, struct transfer *transfer);

#endif
