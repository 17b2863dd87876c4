/* workers.h - threads that serve one connection each, and one that is kept back to say "too busy".
 *
 * A thread is started when none is idle, up to a limit; the one that was idle for the shortest time
 * is taken first, so what is not needed ends by itself. At the limit a connection goes to the
 * reserved thread, whose queue is short; when that is full too the connection is closed. Giving a
 * connection never waits for a client.
 */
#ifndef POSTERN_EDGE_WORKERS_H
#define POSTERN_EDGE_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define WORKERS_SHED_QUEUE_MAX 64

/* A whole request, with an exchange over TLS, fallback and a reload of the configuration, touched
 * 28 KiB of stack (measured; libcurl and OpenSSL take 13 of them). What is not touched costs no
 * memory; below it is a guard page. */
#define WORKERS_STACK_BYTES ((size_t)256 * 1024)

struct workers_options {
    unsigned threads_max; /* at least 1; the reserved thread is not counted */
    uint64_t idle_ms;     /* an idle thread ends after this */
    /* Serves one connection and closes it. `is_overload`: on the reserved thread. */
    void (*run)(void *self, int fd, bool is_overload);
    void *self;
};

struct workers;
struct workers *workers_new(const struct workers_options *options, struct err *err);
void workers_free(struct workers *workers); /* only after workers_stop() was true */

/* Both take `fd`. To a thread that serves it, or else like workers_shed(). */
bool workers_give(struct workers *workers, int fd);
/* To the reserved thread. False: its queue is full and the connection was closed. */
bool workers_shed(struct workers *workers, int fd);

/* No connection may be given any more. Waits up to `wait_ms` for all threads to finish what they
 * have; true: all have ended. */
bool workers_stop(struct workers *workers, uint64_t wait_ms);

struct workers_view {
    unsigned threads; /* without the reserved one */
    unsigned idle;
    unsigned shed_waiting;
};
struct workers_view workers_view(struct workers *workers);

#endif
