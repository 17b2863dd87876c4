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
    uint64_t started_us;
    int64_t body_given; /* to the library, of a body that it reads */
    bool is_stopped;    /* by the observer or by the body's reader */
    char why[256];
};

/* --- the process's pool ----------------------------------------------------------------------- */

static void
close_item(struct pool_item *item)
{
    connection_close(item->connection);
    mem_free(item->origin);
    mem_free(item);
}

static struct pool_item *
open_item(const char *origin)
{
    struct pool_item *item = mem_new(sizeof *item);
    if (!item)
        return NULL;
    item->origin = mem_copy_text(origin, strlen(origin));
    item->connection = connection_open();
    if (item->origin && item->connection)
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

static void
fill_connection(struct transfer *t)
{
    struct connection_facts facts = connection_facts(t->item->connection);
    int64_t length = framing_length(&t->request->body);
    t->reply->has_all = length >= 0 && facts.sent_bytes >= (uint64_t)length;
    t->reply->reused_connection = facts.was_reused;
    t->reply->connect_us = facts.connect_us;
}

static int
on_line(void *self, struct span line)
{
    struct transfer *t = self;
    if (t->reply->first_byte_us == 0)
        t->reply->first_byte_us = clock_boot_us() - t->started_us + 1; /* 0 is "never" */
    switch (head_line(&t->head, line)) {
    case HEAD_GOES_ON:
        return 0;
    case HEAD_IS_BAD:
        return -1;
    case HEAD_ENDED:
        break;
    }
    head_fill(&t->head, t->reply);
    fill_connection(t);
    t->reply->fault = WIRE_NO_FAULT; /* so far: the observer reads the reply */
    return t->observer->head(t->observer->self, t->reply) == 0 ? 0 : stop(t);
}

static int
on_bytes(void *self, struct span bytes)
{
    struct transfer *t = self;
    return t->observer->bytes(t->observer->self, bytes) == 0 ? 0 : stop(t);
}

static int64_t
on_body(void *self, char *out, size_t room)
{
    struct transfer *t = self;
    int64_t got = framing_read(&t->request->body, t->body_given, out, room);
    if (got < 0)
        return stop(t);
    t->body_given += got;
    return got;
}

static int
on_seek(void *self, int64_t offset)
{
    struct transfer *t = self;
    if (offset < 0 || framing_is_streamed(t->request))
        return -1;
    t->body_given = offset;
    return 0;
}

/* --- the exchange ----------------------------------------------------------------------------- */

static struct pool_item *
take_warm(struct pool *pool, const char *origin)
{
    struct pool_item *item;
    while ((item = pool_take(pool, origin, clock_boot_ms())) &&
           !connection_is_quiet(item->connection))
        close_item(item);
    return item;
}

static int
prepare(struct transfer *t, struct pool *pool)
{
    const struct wire_request *request = t->request;
    /* A body that is streamed cannot be sent again when a warm connection turns out to be dead, so
     * it gets a fresh one at once. */
    if (!framing_is_streamed(request))
        t->item = take_warm(pool, request->origin);
    if (!t->item)
        t->item = open_item(request->origin);
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
    if (t->head.stage == HEAD_BAD)
        return WIRE_BAD_REPLY;
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
    return t->head.why ? t->head.why : connection_why(t->item->connection);
}

static void
conclude(struct transfer *t)
{
    struct wire_reply *reply = t->reply;
    struct connection_facts facts = connection_facts(t->item->connection);
    fill_connection(t);
    reply->fault = judge(t);
    reply->os_errno = facts.was_connected ? 0 : facts.os_errno;
    if (!facts.was_connected && !t->is_stopped && is_local(reply->fault, facts.os_errno))
        reply->fault = WIRE_LOCAL;
    reply->body_complete = reply->fault == WIRE_NO_FAULT;
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
    if (prepare(t, pool) == 0) {
        drive(t);
        conclude(t);
    }
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
    if (item && connection_rest(item->connection))
        pool_give(pool, item, clock_boot_ms());
    else if (item)
        close_item(item);
    head_fini(&transfer->head);
    mem_free(transfer);
}
