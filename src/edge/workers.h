/* workers.h - threads that serve one connection each, and one that is kept back to say "too busy".
 *
 * The threads accept for themselves (gate.h):
 *
 *      waits at the gate ── woken ──> accepts, leaves the watch to another ──> serves ──┐
 *        ▲                                                                       ▲      │
 *        └── others wait there, or nobody came <── accepts the next at once ─────┘ <────┘
 *
 * The rule is that somebody watches the listening socket at any time: a thread at the gate, the one
 * that was just woken there, or the acceptor. Who takes a connection leaves the watch to the others
 * at the gate. Where there are none it starts one, and where none may be started it calls the
 * acceptor, who turns away what comes until a thread is free again. An idle thread is one at the
 * gate; as the kernel wakes the one that is there longest since its start, the younger ones that
 * are not needed end by themselves, and the last one to end calls the acceptor too.
 *
 * What is turned away goes to the reserved thread, whose queue is short; while that is full whoever
 * comes waits in the kernel's, and the reserved thread calls the acceptor when it has room again.
 * Neither thread nor acceptor ever waits for a client before it accepts.
 *
 * A thread whose connection is kept and silent rests, and is as good as an idle one: where
 * somebody connects and there is no other thread, the acceptor recalls one, which closes its
 * connection and goes to the gate. It counts as idle from the moment it is recalled.
 */
#ifndef POSTERN_EDGE_WORKERS_H
#define POSTERN_EDGE_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "edge/gate.h"

#define WORKERS_SHED_QUEUE_MAX 64

/* A whole request, with an exchange over TLS, fallback and a reload of the configuration, touched
 * 28 KiB of stack (measured; libcurl and OpenSSL take 13 of them). What is not touched costs no
 * memory; below it is a guard page. */
#define WORKERS_STACK_BYTES ((size_t)256 * 1024)

struct workers_options {
    int listen_fd;        /* borrowed until gate_close(); non-blocking */
    unsigned threads_max; /* at least 1; the reserved thread is not counted */
    uint64_t idle_ms;     /* an idle thread ends after this */
    /* Serves one connection and closes it. `is_overload`: on the reserved thread. */
    void (*run)(void *self, int fd, bool is_overload);
    void *self;
};

struct workers;
/* No thread watches yet: it is the acceptor's turn. */
struct workers *workers_new(const struct workers_options *options, struct err *err);
void workers_free(struct workers *workers); /* only after workers_stop() was true */

/* In run(): rests on the connection `fd` until it is readable, and then true; or until the thread
 * is recalled, `wake_fd` (-1: none) is readable or `idle_ms` have passed: then it is to be closed.
 */
bool workers_rest(struct workers *workers, int fd, int wake_fd, int idle_ms);

struct gate *workers_gate(struct workers *workers); /* borrowed */

/* For the acceptor, who watches the listening socket and would rather not. */
enum workers_watch {
    WORKERS_WATCH,   /* a thread watches from here on, an idle or a new one */
    WORKERS_RESTING, /* none, but one that rests could be recalled for a connection */
    WORKERS_SPENT,   /* one found no descriptor or memory for who is there; said once */
    WORKERS_BUSY,    /* all serve, and no more may be started */
    WORKERS_FULL     /* and the reserved thread has no room either: it calls when it has */
};
enum workers_watch workers_take_watch(struct workers *workers);

/* Has one that rests close its connection and watch from here on. False: none does any more. */
bool workers_recall(struct workers *workers);

/* Takes `fd`, to the reserved thread. False: its queue is full and the connection was closed. */
bool workers_shed(struct workers *workers, int fd);

/* Nobody accepts any more. Waits up to `wait_ms` for all threads to finish what they have; true:
 * all have ended. */
bool workers_stop(struct workers *workers, uint64_t wait_ms);

struct workers_view {
    unsigned threads; /* without the reserved one */
    unsigned idle;
    unsigned resting;
    unsigned shed_waiting;
};
struct workers_view workers_view(struct workers *workers);

#endif
