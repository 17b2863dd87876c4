/* fcgi.c - one FastCGI connection as a row of exchanges. */
#include "edge/fcgi.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/cgihead.h"
#include "edge/channel.h"
#include "edge/peer.h"
#include "parse/fcgi.h"
#include "relay/params.h"
#include "relay/request.h"

/* The body may come from a slow client; the answer goes to one. REQUEST_TIMEOUT_MS bounds all
 * parameters together, and each wait for more of the body; ANSWER_TIMEOUT_MS each wait for room. */
#define REQUEST_TIMEOUT_MS 30000
#define ANSWER_TIMEOUT_MS 60000
#define OVERLOAD_TIMEOUT_MS 1000

/* How long a web server may go on sending the body of a request that is answered already. Closing
 * under its hands would reset the connection and lose the tail of the answer. */
#define LINGER_IDLE_MS 200
#define LINGER_MAX_MS 2000

#define IN_BYTES 16384
#define OUT_BYTES 8192

struct connection {
    const struct fcgi_server *server;
    int fd;
    struct fcgi reader;
    struct span input; /* came and is not read yet; in `in` */
    struct span body;  /* of the request: read, and not asked for yet; in `in` */
    bool is_overload;
    bool is_unusable; /* no further request can be read */
    bool has_sent;

    /* of the request */
    const char *const *params;
    bool is_whole;   /* it was read to its end */
    bool is_aborted; /* the web server does not want it any more */
    bool is_over;    /* nothing more is sent … */
    bool is_cut;     /* … and END_REQUEST neither */
    bool is_ended;   /* END_REQUEST was sent */
    struct peer peer;

    size_t held; /* of the answer, in `out` */
    char *out;   /* OUT_BYTES … */
    char *in;    /* … and IN_BYTES of memory */
};

static uint64_t
deadline_of(const struct connection *connection)
{
    return clock_boot_ms() + (connection->is_overload ? OVERLOAD_TIMEOUT_MS : REQUEST_TIMEOUT_MS);
}

/* --- what goes ------------------------------------------------------------ */

static int
send_parts(struct connection *connection, struct iovec *parts, size_t count)
{
    int timeout_ms = connection->is_overload ? OVERLOAD_TIMEOUT_MS : ANSWER_TIMEOUT_MS;
    connection->has_sent = true;
    if (!connection->is_over && channel_send(connection->fd, parts, count, timeout_ms))
        connection->is_over = connection->is_cut = true;
    return connection->is_over ? -1 : 0;
}

static struct iovec
part_of(const void *bytes, size_t len)
{
    /* house: a cast takes const away, because sendmsg() only reads what struct iovec points to */
    return (struct iovec){(void *)(uintptr_t)bytes, len};
}

/* What is held and `bytes` after it, a record a system call; END_REQUEST with the last of them. */
static int
send_records(struct connection *connection, struct span bytes, bool is_last)
{
    unsigned char last[FCGIFRAME_LAST_BYTES];
    const char *held = connection->out;
    fcgiframe_last(last, connection->reader.request_id, 0);
    while (connection->held + bytes.len > 0) {
        struct fcgiframe frame;
        fcgiframe_next(&frame, FCGIFRAME_STDOUT, connection->reader.request_id,
                       connection->held + bytes.len);
        size_t direct = frame.content_bytes - connection->held; /* more is held by no means */
        bool is_end = is_last && direct == bytes.len;
        struct iovec parts[] = {part_of(frame.head, sizeof(frame.head)),
                                part_of(held, connection->held), part_of(bytes.ptr, direct),
                                part_of(fcgiframe_padding, frame.padding_bytes),
                                part_of(last, is_end ? sizeof(last) : 0)};
        if (send_parts(connection, parts, sizeof(parts) / sizeof(parts[0])))
            return -1;
        connection->held = 0;
        connection->is_ended = is_end;
        bytes = direct > 0 ? span_of(bytes.ptr + direct, bytes.len - direct) : bytes;
    }
    if (is_last && !connection->is_ended) {
        struct iovec part = part_of(last, sizeof(last));
        connection->is_ended = send_parts(connection, &part, 1) == 0;
    }
    return connection->is_over ? -1 : 0;
}

_Static_assert(OUT_BYTES <= FCGIFRAME_CONTENT_MAX, "what is held fits one record");

static int
send_bytes(void *self, struct span bytes)
{
    struct connection *connection = self;
    if (connection->is_over || connection->is_ended)
        return -1;
    if (bytes.len > OUT_BYTES - connection->held)
        return send_records(connection, bytes, false);
    if (bytes.len > 0)
        memcpy(connection->out + connection->held, bytes.ptr, bytes.len);
    connection->held += bytes.len;
    return 0;
}

static int
send_head(void *self, int status, const struct wire_headers *headers)
{
    struct connection *connection = self;
    struct buf head;
    buf_init(&head, CGIHEAD_MAX_BYTES);
    int rc = cgihead_format(&head, status, headers);
    if (rc == 0)
        rc = send_bytes(connection, buf_span(&head));
    else
        connection->is_over = connection->is_cut = true; /* an answer without its head is none */
    buf_fini(&head);
    return rc;
}

static int
flush_out(void *self)
{
    struct connection *connection = self;
    if (connection->is_over)
        return -1;
    return connection->is_ended ? 0 : send_records(connection, span_of(NULL, 0), false);
}

/* END_REQUEST leaves in one write with what is still held of the answer. */
static int
end_answer(void *self)
{
    struct connection *connection = self;
    if (connection->is_over)
        return -1;
    return connection->is_ended ? 0 : send_records(connection, span_of(NULL, 0), true);
}

/* mod_fcgid ends an answer whose connection broke with an HTML page of its own and makes it look
 * whole, up to the declared length. Told by what it is not: mod_proxy_fcgi, Apache's other way. */
static bool
is_mod_fcgid(const char *const *params)
{
    const char *software = params_find(params, "SERVER_SOFTWARE");
    const char *script = params_find(params, "SCRIPT_FILENAME");
    return span_has_prefix(span_from(software), "Apache") &&
           !span_has_prefix(span_from(script), "proxy:");
}

/* nginx takes a connection that just closes for the end of the answer, but not what is no record.
 * Amid a record it would be a part of that: then the end of the connection must do. */
static void
break_answer(struct connection *connection)
{
    bool is_amid_record = connection->is_cut;
    connection->is_over = connection->is_cut = true;
    if (!is_amid_record)
        (void)send(connection->fd, fcgiframe_break, sizeof(fcgiframe_break),
                   MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(connection->fd, SHUT_RDWR);
}

/* Breaks the connection at once, without END_REQUEST: lighttpd, mod_proxy_fcgi and nginx then break
 * theirs. Under mod_fcgid the answer is ended short of its declared length instead. */
static void
abort_answer(void *self)
{
    struct connection *connection = self;
    if (connection->is_ended)
        return;
    if (is_mod_fcgid(connection->params))
        connection->is_over = true;
    else
        break_answer(connection);
}

/* --- what comes ----------------------------------------------------------- */

/* 1: bytes came; 0: none until then; -1: none will. */
static int
receive(struct connection *connection, uint64_t deadline_ms)
{
    ssize_t got = channel_recv(connection->fd, connection->in, IN_BYTES, deadline_ms);
    if (got > 0) {
        connection->input = span_of(connection->in, (size_t)got);
        return 1;
    }
    if (got < 0 && errno == EAGAIN)
        return 0;
    connection->is_unusable = true;
    return -1;
}

/* The next thing that the bytes at hand say. What the protocol asks for is answered on the way. */
static struct fcgi_event
read_event(struct connection *connection)
{
    struct fcgi_event event;
    do {
        size_t taken = fcgi_feed(&connection->reader, connection->input, &event);
        connection->input = span_of(connection->input.ptr + taken, connection->input.len - taken);
        if (event.kind == FCGI_EVENT_REPLY) {
            struct iovec part = part_of(event.bytes.ptr, event.bytes.len);
            if (send_parts(connection, &part, 1))
                event = (struct fcgi_event){.kind = FCGI_EVENT_BROKEN, .why = "no_reader"};
        }
    } while (event.kind == FCGI_EVENT_REPLY);
    if (event.kind == FCGI_EVENT_BODY)
        connection->body = event.bytes;
    if (event.kind == FCGI_EVENT_END)
        connection->is_whole = true;
    if (event.kind == FCGI_EVENT_ABORT)
        connection->is_aborted = true;
    if (event.kind == FCGI_EVENT_BROKEN)
        connection->is_unusable = true;
    return event;
}

/* The same, waiting for bytes. With FCGI_EVENT_NONE they did not come: `is_unusable` says whether
 * they still may. */
static struct fcgi_event
await_event(struct connection *connection, uint64_t deadline_ms)
{
    struct fcgi_event event = read_event(connection);
    while (event.kind == FCGI_EVENT_NONE && receive(connection, deadline_ms) > 0)
        event = read_event(connection);
    return event;
}

static int64_t
read_body(void *self, char *out, size_t room)
{
    struct connection *connection = self;
    if (room == 0)
        return 0;
    uint64_t deadline_ms = 0;
    while (connection->body.len == 0) {
        if (connection->is_whole)
            return 0;
        if (connection->is_unusable || connection->is_aborted)
            return -1;
        if (deadline_ms == 0)
            deadline_ms = deadline_of(connection);
        if (await_event(connection, deadline_ms).kind == FCGI_EVENT_NONE)
            return -1;
    }
    size_t part = connection->body.len < room ? connection->body.len : room;
    memcpy(out, connection->body.ptr, part);
    connection->body = span_of(connection->body.ptr + part, connection->body.len - part);
    return (int64_t)part;
}

/* The connection became readable. What comes after the end of a request is the end of the
 * connection, the wish that the request ends, or, where connections are kept, the next one. */
static bool
has_hung_up(struct connection *connection)
{
    if (connection->body.len == 0 && connection->input.len == 0) {
        int came = receive(connection, 0);
        if (came <= 0)
            return came < 0;
        while (connection->input.len > 0 && connection->body.len == 0) {
            struct fcgi_event event = read_event(connection);
            if (connection->is_aborted || connection->is_unusable)
                return true;
            if (event.kind == FCGI_EVENT_NEXT)
                break;
        }
        if (connection->input.len == 0 && connection->body.len == 0)
            return false;
    }
    /* it has to wait, and would go on waking us */
    (void)peer_watch_hangup(&connection->peer, connection->fd, EPOLLRDHUP);
    return false;
}

static bool
is_gone(void *self)
{
    struct connection *connection = self;
    if (peer_take_readable(&connection->peer) && has_hung_up(connection))
        connection->peer.is_gone = true;
    return connection->is_over || connection->is_aborted || peer_is_gone(&connection->peer);
}

/* --- one request ---------------------------------------------------------- */

static void
serve(struct connection *connection, const struct request_fault *fault)
{
    const struct fcgi_server *server = connection->server;
    peer_open(&connection->peer, connection->fd, server->drain->wake_fd);
    struct exchange exchange = {
        .params = connection->params,
        .fault = fault,
        .source = {.self = connection, .read = read_body},
        .sink = {.self = connection,
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
    if (!connection->is_cut && !connection->is_ended) {
        connection->is_over = false; /* under mod_fcgid: ended all the same */
        (void)send_records(connection, span_of(NULL, 0), true);
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
    connection->is_whole = connection->is_aborted = connection->is_ended = false;
    do
        event = await_event(connection, deadline_ms);
    while (event.kind != FCGI_EVENT_REQUEST && event.kind != FCGI_EVENT_NONE &&
           event.kind != FCGI_EVENT_BROKEN);
    if (event.kind == FCGI_EVENT_REQUEST)
        return true;
    if (event.kind == FCGI_EVENT_BROKEN)
        refuse(connection, event.why);
    else if (!fcgi_is_idle(&connection->reader))
        refuse(connection, connection->is_unusable ? "cut_request" : "slow_request");
    else if (is_first) /* a web server that looks whether we are there does so, too */
        log_write(LOG_LEVEL_DEBUG, "connection_refused reason=no_request");
    return false;
}

/* False: what came is no request, and there is nobody to tell. */
static bool
answer_request(struct connection *connection)
{
    enum fcgiparams_fault fault;
    connection->params = fcgi_params(&connection->reader, &fault);
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
has_read_all(const struct connection *connection)
{
    return connection->is_whole || connection->is_aborted;
}

/* Drops what has come of the body. */
static void
drop_body(struct connection *connection)
{
    struct fcgi_event event;
    do {
        event = read_event(connection);
        connection->body.len = 0;
    } while (event.kind == FCGI_EVENT_BODY);
}

/* Drops what is left of the body, for as long as its sender keeps at it. */
static void
linger(struct connection *connection)
{
    uint64_t now_ms = clock_boot_ms();
    uint64_t end_ms = now_ms + LINGER_MAX_MS;
    drop_body(connection);
    while (!has_read_all(connection) && now_ms < end_ms) {
        uint64_t idle_ms = now_ms + LINGER_IDLE_MS;
        if (receive(connection, idle_ms < end_ms ? idle_ms : end_ms) <= 0)
            return;
        drop_body(connection);
        now_ms = clock_boot_ms();
    }
}

static bool
is_kept(const struct connection *connection)
{
    const struct fcgi_server *server = connection->server;
    return connection->reader.keeps_conn && server->rest && !connection->is_overload &&
           connection->is_ended && !connection->is_over && !connection->is_unusable &&
           atomic_load(&server->drain->deadline_ms) == 0;
}

/* Is there another request on this connection? Its thread rests until then. */
static bool
await_request(struct connection *connection)
{
    const struct fcgi_server *server = connection->server;
    if (!is_kept(connection))
        return false;
    if (!has_read_all(connection))
        linger(connection);
    if (!has_read_all(connection) || connection->is_unusable)
        return false;
    fcgi_finish(&connection->reader);
    return connection->input.len > 0 || !fcgi_is_idle(&connection->reader) ||
           server->rest(server->rest_self, connection->fd);
}

/* An answer that is on its way would be lost if the connection closed on unread bytes. */
static void
hang_up(struct connection *connection)
{
    if (connection->has_sent && !connection->is_cut) {
        drop_body(connection);
        if (!has_read_all(connection) && shutdown(connection->fd, SHUT_WR) == 0)
            linger(connection);
    }
    (void)close(connection->fd);
}

void
fcgi_answer(const struct fcgi_server *server, int fd, bool is_overload)
{
    /* not even zeroed: what no byte came to costs no page of the stack */
    __attribute__((uninitialized)) char in[IN_BYTES], out[OUT_BYTES];
    struct connection connection = {.server = server,
                                    .fd = fd,
                                    .is_overload = is_overload,
                                    .input = {in, 0},
                                    .body = {in, 0},
                                    .in = in,
                                    .out = out};
    fcgi_init(&connection.reader, server->connections_max);
    bool is_first = true;
    if (!server->lets_in || server->lets_in(server->self, fd))
        while (begin_request(&connection, is_first) && answer_request(&connection) &&
               await_request(&connection))
            is_first = false;
    hang_up(&connection);
    fcgi_fini(&connection.reader);
}
