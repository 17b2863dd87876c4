/* transfer.c - one exchange: who is asked what and when, and what it came to. */
#include "net/transfer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/head.h"
#include "net/body.h"
#include "net/connection.h"
#include "net/framing.h"
#include "net/pool.h"

#define WAIT_MAX_MS 60000 /* also when the observer would wait longer */

struct transfer {
    struct pool_item *item; /* the connection; NULL once it is closed */
    const struct wire_request *request;
    const struct transfer_observer *observer;
    struct wire_reply *reply;
    struct connection_calls calls;
    struct head head;
    struct body body;
    const char *broken; /* how it is no exchange of one request and one answer; NULL: it is */
    uint64_t started_us;
    int64_t body_given; /* to the library, of a body that it reads */
    bool has_given_all;
    bool is_asked;   /* the final status line was looked at */
    bool is_early;   /* it came before all of the request had left */
    bool is_stopped; /* by the observer or by the body's reader */
    char why[256];
};

/* --- the process's pool ----------------------------------------------------------------------- */

static void
close_item(struct pool_item *item)
{
    connection_close(item->connection);
    mem_free(item->origin);
    mem_free(item->scope);
    mem_free(item);
}

static struct pool_item *
open_item(const struct wire_request *request)
{
    struct pool_item *item = mem_new(sizeof *item);
    if (!item)
        return NULL;
    const char *scope = request->scope ? request->scope : "";
    item->origin = mem_copy_text(request->origin, strlen(request->origin));
    item->scope = mem_copy_text(scope, strlen(scope));
    item->connection = connection_open();
    if (item->origin && item->scope && item->connection)
        return item;
    close_item(item);
    return NULL;
}

struct pool *
pool_new(const struct pool_options *options, struct err *err)
{
    struct pool *pool = mem_new(sizeof *pool);
    if (!pool) {
        err_set(err, ERR_MEMORY, "no memory for the pool of connections");
        return NULL;
    }
    struct connection_share *share = connection_share_new(err);
    if (!share) {
        mem_free(pool);
        return NULL;
    }
    pool_init(pool, options, close_item);
    pool->share = share;
    return pool;
}

void
pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pool_fini(pool);
    connection_share_free(pool->share);
    mem_free(pool);
}

/* --- called while it runs --------------------------------------------------------------------- */

static int
stop(struct transfer *t)
{
    t->is_stopped = true;
    return -1;
}

/* Has all of the request left? Of a body of unknown length: what its reader gave, to its end. */
static bool
has_left(const struct transfer *t, uint64_t sent_bytes)
{
    int64_t length = framing_has_body(t->request) ? framing_length(&t->request->body) : 0;
    if (length < 0)
        return t->has_given_all && sent_bytes >= (uint64_t)t->body_given;
    return sent_bytes >= (uint64_t)length;
}

static void
fill_connection(struct transfer *t)
{
    struct connection_facts facts = connection_facts(t->item->connection);
    t->reply->has_all = has_left(t, facts.sent_bytes);
    t->reply->reused_connection = facts.was_reused;
    t->reply->connect_us = facts.connect_us;
}

/* An answer may come before all of the request was sent when it refuses that (a 413). What came
 * before the upstream had any of it is no answer to it, and a good one needs all. */
static int
check_order(struct transfer *t)
{
    t->is_asked = true;
    if (t->head.speaks_h2)
        return 0; /* an answer says there whose it is */
    enum connection_asked asked = connection_asked(t->item->connection);
    bool has_all = has_left(t, connection_facts(t->item->connection).sent_bytes);
    t->is_early = !has_all || asked != CONNECTION_ASKED_ALL;
    if (asked == CONNECTION_ASKED_NOTHING || (t->is_early && t->head.status < 400))
        t->broken = "answered before it was asked";
    return t->broken ? -1 : 0;
}

static int
on_line(void *self, struct span line)
{
    struct transfer *t = self;
    if (t->reply->first_byte_us == 0) {
        t->reply->first_byte_us = clock_boot_us() - t->started_us + 1; /* 0 is "never" */
        t->head.speaks_h2 = connection_speaks_h2(t->item->connection);
    }
    enum head_progress progress = head_line(&t->head, line);
    if (progress != HEAD_IS_BAD && !t->is_asked && t->head.status >= 200 && check_order(t) != 0)
        return -1;
    switch (progress) {
    case HEAD_GOES_ON:
        return 0;
    case HEAD_IS_BAD:
        return -1;
    case HEAD_ENDED:
        break;
    }
    head_fill(&t->head, t->reply);
    fill_connection(t);
    if (body_begin(&t->body, &t->head) != 0)
        return -1;
    t->reply->fault = WIRE_NO_FAULT; /* so far: the observer reads the reply */
    return t->observer->head(t->observer->self, t->reply) == 0 ? 0 : stop(t);
}

static int
on_payload(void *self, struct span bytes)
{
    struct transfer *t = self;
    return t->observer->bytes(t->observer->self, bytes) == 0 ? 0 : stop(t);
}

static int
on_bytes(void *self, struct span bytes)
{
    struct transfer *t = self;
    return body_take(&t->body, bytes, on_payload, t);
}

static int64_t
on_body(void *self, char *out, size_t room)
{
    struct transfer *t = self;
    int64_t got = framing_read(&t->request->body, t->body_given, out, room);
    if (got < 0)
        return stop(t);
    t->body_given += got;
    t->has_given_all = got == 0;
    return got;
}

static int
on_seek(void *self, int64_t offset)
{
    struct transfer *t = self;
    if (offset < 0 || framing_is_streamed(t->request))
        return -1;
    t->body_given = offset;
    t->has_given_all = false;
    return 0;
}

/* --- the exchange ----------------------------------------------------------------------------- */

static int
prepare(struct transfer *t, struct pool *pool)
{
    const struct wire_request *request = t->request;
    /* A body that is streamed cannot be sent again when a warm connection turns out to be dead, so
     * it gets a fresh one at once. */
    if (!framing_is_streamed(request))
        t->item = pool_take(pool, request->origin, request->scope, clock_boot_ms());
    if (!t->item)
        t->item = open_item(request);
    if (!t->item)
        return -1;
    return connection_start(t->item->connection, pool->share, &pool->options, request, &t->calls);
}

static int
ask_observer(struct transfer *t, uint64_t *wait_ms)
{
    *wait_ms = WAIT_MAX_MS;
    if (t->observer->watch(t->observer->self, wait_ms) != 0)
        return stop(t);
    if (*wait_ms > WAIT_MAX_MS)
        *wait_ms = WAIT_MAX_MS;
    return 0;
}

static void
drive(struct transfer *t)
{
    const struct transfer_observer *observer = t->observer;
    uint64_t wait_ms;
    while (connection_run(t->item->connection)) {
        if (body_is_over(&t->body) && !t->is_early && !t->head.speaks_h2) {
            t->broken = "two readings of where it ends"; /* the library waits for more */
            return;
        }
        if (ask_observer(t, &wait_ms) != 0 ||
            connection_wait(t->item->connection, observer->waits, wait_ms) != 0 ||
            ask_observer(t, &wait_ms) != 0)
            return;
    }
}

/* --- the verdict ------------------------------------------------------------------------------ */

static enum wire_fault
judge(const struct transfer *t)
{
    if (t->is_stopped)
        return WIRE_STOPPED;
    if (t->body.has_no_memory)
        return WIRE_LOCAL;
    if (t->head.stage == HEAD_BAD || t->broken)
        return WIRE_BAD_REPLY;
    if (t->body.why)
        return WIRE_CUT;
    enum connection_phase phase = CONNECTION_BEFORE_REPLY;
    if (t->head.seen_bytes > 0)
        phase = t->reply->head_complete ? CONNECTION_IN_BODY : CONNECTION_IN_HEAD;
    return connection_fault(t->item->connection, phase);
}

static bool
is_limit_of_this_host(int os_errno)
{
    static const int limits[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (os_errno == limits[i])
            return true;
    }
    return false;
}

/* A resolver wants two descriptors for its thread, one for a file and one for its socket. */
static bool
is_out_of_descriptors(void)
{
    int taken[4];
    size_t count = 0;
    while (count < 4 && (taken[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0)
        count++;
    bool is_out = count < 4;
    while (count > 0)
        close(taken[--count]);
    return is_out;
}

static void *
end_at_once(void *self)
{
    return self;
}

/* A resolver wants a thread of its own. */
static bool
is_out_of_threads(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, end_at_once, NULL) != 0)
        return true;
    (void)pthread_join(thread, NULL);
    return false;
}

/* Did this host lack something, so that no upstream must be blamed? Without descriptors names are
 * not found and certificates not read, which looks like a fault of theirs. */
static bool
is_local(enum wire_fault fault, int os_errno)
{
    if (fault == WIRE_CONNECT && os_errno != 0)
        return is_limit_of_this_host(os_errno);
    return is_limit_of_this_host(os_errno) || is_out_of_descriptors() ||
           (fault == WIRE_RESOLVE && is_out_of_threads());
}

static const char *
fault_words(const struct transfer *t)
{
    if (t->is_stopped)
        return "stopped";
    const char *ours = t->head.why ? t->head.why : t->broken ? t->broken : t->body.why;
    return ours ? ours : connection_why(t->item->connection);
}

/* On a connection that had carried others, did more come than one answer? Then nobody knows which
 * of them is this request's. Where the library closed it without being told to, it had seen more.
 */
static bool
has_second_answer(const struct transfer *t)
{
    const struct connection *connection = t->item->connection;
    if (!t->reply->reused_connection || t->head.speaks_h2)
        return false;
    bool is_shut = !connection_is_open(connection) && head_lets_reuse(&t->head) && !t->is_early;
    return t->body.has_excess || is_shut || connection_has_more(connection);
}

/* The library is content. Are we? */
static enum wire_fault
check_end(struct transfer *t)
{
    if (!body_is_whole(&t->body))
        return WIRE_CUT;
    if (!t->reply->has_all && t->reply->status < 400)
        t->broken = "answered without the whole request";
    if (has_second_answer(t))
        t->broken = "more than one answer";
    return t->broken ? WIRE_BAD_REPLY : WIRE_NO_FAULT;
}

static void
conclude(struct transfer *t)
{
    struct wire_reply *reply = t->reply;
    struct connection_facts facts = connection_facts(t->item->connection);
    fill_connection(t);
    reply->fault = judge(t);
    if (reply->fault == WIRE_NO_FAULT)
        reply->fault = check_end(t);
    reply->os_errno = facts.was_connected ? 0 : facts.os_errno;
    if (!facts.was_connected && !t->is_stopped && is_local(reply->fault, facts.os_errno))
        reply->fault = WIRE_LOCAL;
    reply->body_complete = reply->fault == WIRE_NO_FAULT;
}

/* Over warm connections as long as one has something to say before it was asked, and then over a
 * fresh one. */
static void
exchange(struct transfer *t, struct pool *pool)
{
    while (prepare(t, pool) == 0) {
        drive(t);
        if (!connection_was_noisy(t->item->connection)) {
            conclude(t);
            return;
        }
        close_item(t->item);
        t->item = NULL;
    }
}

/* Of a failed exchange nothing is kept: the connection closes at once, so that the upstream stops
 * as well. Its words outlive it. */
static void
discard(struct transfer *t)
{
    if (!t->item)
        return;
    (void)snprintf(t->why, sizeof t->why, "%s", fault_words(t));
    t->reply->why = t->why;
    close_item(t->item);
    t->item = NULL;
}

/* --- the two doors ---------------------------------------------------------------------------- */

struct transfer *
transfer_run(struct pool *pool, const struct wire_request *request,
             const struct transfer_observer *observer, struct wire_reply *reply)
{
    *reply = (struct wire_reply){.fault = WIRE_LOCAL, .content_length = -1};
    reply->why = framing_refusal(request);
    if (reply->why) {
        log_write(LOG_LEVEL_ERROR, "request_refused origin=%s reason=\"%s\"", request->origin,
                  reply->why);
        return NULL;
    }
    reply->why = "no memory or descriptors";
    struct transfer *t = mem_new(sizeof *t);
    if (!t)
        return NULL;
    t->request = request;
    t->observer = observer;
    t->reply = reply;
    t->calls = (struct connection_calls){t, on_line, on_bytes, on_body, on_seek};
    t->started_us = clock_boot_us();
    head_init(&t->head, request->decode, framing_is_head(request));
    body_init(&t->body);
    exchange(t, pool);
    if (reply->fault == WIRE_NO_FAULT)
        reply->why = NULL;
    else
        discard(t);
    return t;
}

void
transfer_end(struct pool *pool, struct transfer *transfer)
{
    if (!transfer)
        return;
    struct pool_item *item = transfer->item;
    bool is_known = head_lets_reuse(&transfer->head) || transfer->head.speaks_h2;
    bool is_fit = is_known && !transfer->is_early && !transfer->body.has_excess;
    if (item && connection_rest(item->connection) && is_fit)
        pool_give(pool, item, clock_boot_ms());
    else if (item)
        close_item(item);
    body_fini(&transfer->body);
    head_fini(&transfer->head);
    mem_free(transfer);
}
