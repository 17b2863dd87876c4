/* fcgi.c - one FastCGI connection as a row of exchanges. */
#include "edge/fcgi.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge/cgihead.h"
#include "edge/fcgilink.h"
#include "edge/front.h"
#include "edge/peer.h"
#include "relay/params.h"
#include "relay/request.h"

/* The body may come from a slow client; the answer goes to one. REQUEST_TIMEOUT_MS bounds all
 * parameters together, and each wait for more of the body; ANSWER_TIMEOUT_MS each wait for room. */
#define REQUEST_TIMEOUT_MS 30000
#define ANSWER_TIMEOUT_MS 60000
#define OVERLOAD_TIMEOUT_MS 1000

struct connection {
    const struct fcgi_server *server;
    bool is_overload;
    struct fcgilink link;
    const char *const *params; /* of the request; borrowed: from the reader */
    bool ends_short;           /* front.h */
    struct peer peer;
};

static uint64_t
deadline_of(const struct connection *connection)
{
    return clock_boot_ms() + (connection->is_overload ? OVERLOAD_TIMEOUT_MS : REQUEST_TIMEOUT_MS);
}

/* --- what goes ------------------------------------------------------------ */

static int
send_head(void *self, int status, const struct wire_headers *headers)
{
    struct connection *connection = self;
    struct buf head;
    buf_init(&head, CGIHEAD_MAX_BYTES);
    int rc = cgihead_format(&head, status, headers);
    if (rc == 0)
        rc = fcgilink_put(&connection->link, buf_span(&head));
    else
        connection->link.is_over = connection->link.is_cut =
            true; /* an answer without its head is none */
    buf_fini(&head);
    return rc;
}

static int
send_bytes(void *self, struct span bytes)
{
    struct connection *connection = self;
    return fcgilink_put(&connection->link, bytes);
}

static int
flush_out(void *self)
{
    struct connection *connection = self;
    return fcgilink_flush(&connection->link);
}

static int
end_answer(void *self)
{
    struct connection *connection = self;
    return fcgilink_end(&connection->link);
}

/* Breaks the connection at once, without END_REQUEST: most web servers then break theirs. */
static void
abort_answer(void *self)
{
    struct connection *connection = self;
    if (connection->link.is_ended)
        return;
    if (connection->ends_short)
        connection->link.is_over = true;
    else
        fcgilink_break(&connection->link);
}

/* --- what comes ----------------------------------------------------------- */

static int64_t
read_body(void *self, char *out, size_t room)
{
    struct connection *connection = self;
    if (room == 0)
        return 0;
    uint64_t deadline_ms = 0;
    while (connection->link.body.len == 0) {
        if (connection->link.is_whole)
            return 0;
        if (connection->link.is_unusable || connection->link.is_aborted)
            return -1;
        if (deadline_ms == 0)
            deadline_ms = deadline_of(connection);
        if (fcgilink_await(&connection->link, deadline_ms).kind == FCGI_EVENT_NONE)
            return -1;
    }
    size_t part = connection->link.body.len < room ? connection->link.body.len : room;
    memcpy(out, connection->link.body.ptr, part);
    connection->link.body =
        span_of(connection->link.body.ptr + part, connection->link.body.len - part);
    return (int64_t)part;
}

/* The connection became readable. What comes after the end of a request is the end of the
 * connection, the wish that the request ends, or, where connections are kept, the next one. */
static bool
has_hung_up(struct connection *connection)
{
    struct fcgilink *link = &connection->link;
    bool has_received = false;
    while (link->body.len == 0) {
        struct fcgi_event event = fcgilink_next(link);
        if (link->is_aborted || link->is_unusable)
            return true;
        if (event.kind == FCGI_EVENT_NEXT)
            break;
        if (event.kind != FCGI_EVENT_NONE)
            continue;
        if (has_received)
            return false; /* there may be more, and then we are asked again */
        int came = fcgilink_receive(link, 0);
        if (came <= 0)
            return came < 0;
        has_received = true;
    }
    /* what came has to wait, and would go on waking us */
    (void)peer_watch_hangup(&connection->peer, link->fd, EPOLLRDHUP);
    return false;
}

static bool
is_gone(void *self)
{
    struct connection *connection = self;
    if (peer_take_readable(&connection->peer) && has_hung_up(connection))
        connection->peer.is_gone = true;
    return connection->link.is_over || connection->link.is_aborted ||
           peer_is_gone(&connection->peer);
}

/* --- one request ---------------------------------------------------------- */

/* Who is in front, and what follows for the connection. */
static struct front
meet_front(struct connection *connection)
{
    const struct front front = front_read(connection->params, false);
    atomic_bool *believes_close = connection->server->believes_close;
    connection->ends_short = front.ends_short;
    if (front.believes_close && believes_close && !atomic_load(believes_close))
        atomic_store(believes_close, true);
    return front;
}

static void
serve(struct connection *connection, const struct request_fault *fault)
{
    const struct fcgi_server *server = connection->server;
    const struct front front = meet_front(connection);
    peer_open(&connection->peer, connection->link.fd, server->drain->wake_fd);
    if (connection->link.keeps_one) /* the connection is readable all the time */
        (void)peer_watch_hangup(&connection->peer, connection->link.fd, EPOLLRDHUP);
    struct exchange exchange = {
        .params = connection->params,
        .fault = fault,
        .source = {.self = connection, .read = read_body},
        .sink = {.self = connection,
                 .cut = front.cut,
                 .cut_is_late = front.cut_is_late,
                 .head = send_head,
                 .bytes = send_bytes,
                 .flush = flush_out,
                 .end = end_answer,
                 .abort = abort_answer,
                 .is_gone = is_gone,
                 .waits = connection->peer.waits},
        .drain_deadline_ms = &server->drain->deadline_ms,
        .probe = &connection->peer.probe,
        .is_overload = connection->is_overload,
    };
    server->serve(server->self, &exchange);
    peer_close(&connection->peer);
    if (!connection->link.is_cut && !connection->link.is_ended) {
        connection->link.is_over = false; /* under mod_fcgid: ended all the same */
        (void)fcgilink_end(&connection->link);
    }
}

static void
refuse(const struct connection *connection, const char *reason)
{
    refusals_note(connection->server->refusals, LOG_LEVEL_INFO, reason, "");
}

/* What the client is told of parameters that cannot be a request's; the log has the reason. */
static const struct request_fault *
find_fault(enum fcgiparams_fault fault)
{
    static const struct request_fault bad = {FAILURE_INVALID_HEADER,
                                             "a parameter of the web server is not text"};
    static const struct request_fault large = {FAILURE_HEADERS_TOO_LARGE, NULL};
    if (fault == FCGIPARAMS_GOOD)
        return NULL;
    return fault == FCGIPARAMS_LIMIT ? &large : &bad;
}

/* Reads the parameters of the next request. False: there is none. */
static bool
begin_request(struct connection *connection, bool is_first)
{
    uint64_t deadline_ms = deadline_of(connection);
    struct fcgi_event event;
    connection->link.is_whole = connection->link.is_aborted = connection->link.is_ended = false;
    do
        event = fcgilink_await(&connection->link, deadline_ms);
    while (event.kind != FCGI_EVENT_REQUEST && event.kind != FCGI_EVENT_NONE &&
           event.kind != FCGI_EVENT_BROKEN);
    if (event.kind == FCGI_EVENT_REQUEST)
        return true;
    if (event.kind == FCGI_EVENT_BROKEN)
        refuse(connection, event.why);
    else if (!fcgi_is_idle(&connection->link.reader))
        refuse(connection, connection->link.is_unusable ? "cut_request" : "slow_request");
    else if (is_first) /* a web server that looks whether we are there does so, too */
        log_write(LOG_LEVEL_DEBUG, "connection_refused reason=no_request");
    return false;
}

/* False: what came is no request, and there is nobody to tell. */
static bool
answer_request(struct connection *connection)
{
    enum fcgiparams_fault fault;
    connection->params = fcgi_params(&connection->link.reader, &fault);
    bool has_method = fault != FCGIPARAMS_GOOD || params_find(connection->params, "REQUEST_METHOD");
    if (fault != FCGIPARAMS_GOOD)
        refuse(connection, fcgiparams_fault_name(fault));
    else if (!has_method)
        refuse(connection, "no_method");
    if (fault == FCGIPARAMS_CUT || !has_method)
        return false;
    serve(connection, find_fault(fault));
    return true;
}

/* --- the end of a request, and of the connection -------------------------- */

static bool
is_kept(const struct connection *connection)
{
    const struct fcgi_server *server = connection->server;
    return connection->link.reader.keeps_conn && server->rest && !connection->is_overload &&
           connection->link.is_ended && !connection->link.is_over &&
           !connection->link.is_unusable && atomic_load(&server->drain->deadline_ms) == 0;
}

/* Is there another request on this connection? Its thread rests until then. */
static bool
await_request(struct connection *connection)
{
    const struct fcgi_server *server = connection->server;
    if (!is_kept(connection))
        return false;
    if (!fcgilink_has_read_all(&connection->link))
        fcgilink_linger(&connection->link);
    if (!fcgilink_has_read_all(&connection->link) || connection->link.is_unusable)
        return false;
    fcgi_finish(&connection->link.reader);
    return connection->link.input.len > 0 || !fcgi_is_idle(&connection->link.reader) ||
           server->rest(server->rest_self, connection->link.fd);
}

/* An answer that is on its way would be lost if the connection closed on unread bytes. */
static void
hang_up(struct connection *connection)
{
    if (connection->link.has_sent && !connection->link.is_cut) {
        fcgilink_drop(&connection->link);
        if (!fcgilink_has_read_all(&connection->link) &&
            shutdown(connection->link.fd, SHUT_WR) == 0)
            fcgilink_linger(&connection->link);
    }
    (void)close(connection->link.fd);
}

static bool
may_ask(const struct fcgi_server *server, int fd)
{
    int64_t uid;
    char detail[32];
    if (!server->lets_in || server->lets_in(server->self, fd, &uid))
        return true;
    (void)snprintf(detail, sizeof(detail), " uid=%lld", (long long)uid);
    refusals_note(server->refusals, LOG_LEVEL_WARN, "user", detail);
    return false;
}

/* One request after another, until the connection is not kept. */
static void
answer_all(struct connection *connection)
{
    bool is_first = true;
    while (begin_request(connection, is_first) && answer_request(connection) &&
           await_request(connection))
        is_first = false;
    hang_up(connection);
    fcgi_fini(&connection->link.reader);
}

void
fcgi_answer(const struct fcgi_server *server, int fd, bool is_overload)
{
    /* Not of the stack, which is touched whole: what no byte came to costs no page. */
    bool is_let_in = may_ask(server, fd);
    char *memory = is_let_in ? mem_raw(FCGILINK_IN_BYTES + FCGILINK_OUT_BYTES) : NULL;
    if (is_let_in && !memory)
        refusals_note(server->refusals, LOG_LEVEL_WARN, "no_memory", "");
    if (!memory) {
        (void)close(fd);
        return;
    }
    struct connection connection = {
        .server = server,
        .is_overload = is_overload,
        .link = {.fd = fd,
                 .send_timeout_ms = is_overload ? OVERLOAD_TIMEOUT_MS : ANSWER_TIMEOUT_MS,
                 .keeps_one = server->believes_close && atomic_load(server->believes_close),
                 .input = {memory, 0},
                 .body = {memory, 0},
                 .in = memory,
                 .out = memory + FCGILINK_IN_BYTES}};
    fcgi_init(&connection.link.reader, server->connections_max);
    answer_all(&connection);
    mem_free(memory);
}
