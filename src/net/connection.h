/* connection.h - libcurl behind a few functions: one connection and the exchange that runs on it.
 *
 * connection.c and easy.c alone know libcurl. They set every option and check that it was taken,
 * move bytes and wait; what the bytes mean and when to stop is transfer.c's business. A connection
 * carries one exchange at a time and stays for the next; when it has died meanwhile, another takes
 * its place unseen. Nothing else of an exchange is there in the next.
 */
#ifndef POSTERN_NET_CONNECTION_H
#define POSTERN_NET_CONNECTION_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "core/wire.h"
#include "net/transfer.h"

/* What all connections of the process have in common: DNS answers and TLS sessions. Making it
 * starts the library, freeing it ends that; every connection must be closed before. */
struct connection_share;
struct connection_share *connection_share_new(struct err *err);
void connection_share_free(struct connection_share *share);

struct connection;
struct connection *connection_open(void); /* NULL: no memory */
void connection_close(struct connection *connection);

/* Called from inside connection_run(). Each returns -1 to end the exchange. */
struct connection_calls {
    void *self;
    int (*line)(void *self, struct span line);   /* of a header block, with its line end */
    int (*bytes)(void *self, struct span bytes); /* of a body, chunked and coded as they came */
    /* Of a body that framing_is_read(): its next bytes, 0 at its end; and that it is to go on at
     * `offset`: at 0 when a warm connection was dead and all is sent again on a fresh one. */
    int64_t (*body)(void *self, char *out, size_t room);
    int (*seek)(void *self, int64_t offset);
};

/* Begins an exchange. `request` and `calls` are borrowed until connection_rest() or
 * connection_close(). -1: the library took not all of it, for connection_why() to tell; nothing was
 * sent. */
int connection_start(struct connection *connection, struct connection_share *share,
                     const struct pool_options *options, const struct wire_request *request,
                     const struct connection_calls *calls);

/* Moves what can be moved; false when the exchange is over. */
bool connection_run(struct connection *connection);

/* Sleeps until there is something to move, one of the TRANSFER_WAITS `waits` is ready (its revents
 * say so) or the time is over. Of their events the library knows POLLIN, POLLPRI and POLLOUT alone.
 * -1: this host cannot wait. */
int connection_wait(struct connection *connection, struct pollfd *waits, uint64_t wait_ms);

/* Did bytes wait on the warm connection just before the request would have been written? Then the
 * exchange is over before it began, and is to go over another connection. */
bool connection_was_noisy(const struct connection *connection);

/* Was HTTP/2 agreed on? Known from the first line of an answer on. */
bool connection_speaks_h2(struct connection *connection);

/* When the first line of an answer is there: how much of the request could the upstream have read?
 * ALL also where nobody can tell. Asked once an exchange. */
enum connection_asked { CONNECTION_ASKED_NOTHING, CONNECTION_ASKED_PART, CONNECTION_ASKED_ALL };
enum connection_asked connection_asked(struct connection *connection);

/* After an answer: do bytes wait that are not of it? And does the connection live still? */
bool connection_has_more(const struct connection *connection);
bool connection_is_open(const struct connection *connection);

/* How far the exchange came. */
struct connection_facts {
    bool was_connected; /* the connection was ready, so a part of the request may have left */
    bool was_reused;
    uint64_t sent_bytes; /* of the body */
    uint64_t connect_us; /* of a fresh connection: DNS, TCP and TLS */
    int os_errno; /* of a failed connect, or why this host could make no socket; 0: unknown */
};
struct connection_facts connection_facts(const struct connection *connection);

/* What the library's verdict means, given how much of the answer had come; its own words for it. */
enum connection_phase { CONNECTION_BEFORE_REPLY, CONNECTION_IN_HEAD, CONNECTION_IN_BODY };
enum wire_fault connection_fault(const struct connection *connection, enum connection_phase phase);
const char *
connection_why(const struct connection *connection); /* borrowed: until the next exchange */

/* Ends an exchange that went well, and forgets it: keys, pointers, all. False when the connection
 * was closed, so that there is nothing warm to keep, or is not fit to be kept. */
bool connection_rest(struct connection *connection);

#endif
