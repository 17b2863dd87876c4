/* fcgi.c - one FastCGI connection as an exchange. */
#include "edge/fcgi.h"

#include <fcgiapp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/span.h"
#include "edge/cgihead.h"
#include "edge/peer.h"

#define RESPONDER 1 /* FCGI_RESPONDER; fcgiapp.h does not name it */
#define PUT_MAX_BYTES (1 << 20)

/* The body may come from a slow client; the answer goes to one. Each bounds one wait, not their
 * sum.
 */
#define REQUEST_TIMEOUT_MS 30000
#define ANSWER_TIMEOUT_MS 60000
#define OVERLOAD_TIMEOUT_MS 1000

/* How long a web server may go on sending the body of a request that is answered already. Closing
 * under its hands would reset the connection and lose the tail of the answer. */
#define LINGER_IDLE_MS 200
#define LINGER_MAX_MS 2000

struct connection {
    FCGX_Request request;
    struct peer peer;
    int64_t unread; /* bytes of the body still to come, or EXCHANGE_LENGTH_UNKNOWN */
    bool is_overload;
    bool is_over; /* nothing more is sent … */
    bool is_cut;  /* … and END_REQUEST neither */
};

int
fcgi_init(struct err *err)
{
    /* For its own lingering close. Ours is used instead; this is for what we cannot keep it from.
     */
    if (setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "200", 0))
        return err_system(err, "setenv LIBFCGI_OS_CLOSE_POLL_TIMEOUT");
    int rc = FCGX_Init();
    if (rc)
        return err_set(err, ERR_SYSTEM, "libfcgi cannot start: %d", rc);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGUSR1, SIG_DFL);
    return 0;
}

static void
set_timeout(int fd, int option, int timeout_ms)
{
    struct timeval time = {.tv_sec = timeout_ms / 1000,
                           .tv_usec = (long)(timeout_ms % 1000) * 1000};
    (void)setsockopt(fd, SOL_SOCKET, option, &time, sizeof(time));
}

/* -1: the connection is closed already. */
static int
read_params(struct connection *connection, int fd)
{
    FCGX_Request *request = &connection->request;
    (void)FCGX_InitRequest(request, -1, 0); /* -1: it never accepts by itself */
    request->ipcFd = fd;
    request->keepConnection = 1; /* makes FCGX_Accept_r take the descriptor as it is … */
    request->detached = 1;       /* … and close it without lingering when it holds no request */
    int rc = FCGX_Accept_r(request);
    if (rc) {
        /* a peer that connects and closes looks like this too, so it is no warning */
        log_write(LOG_LEVEL_DEBUG, "connection_refused reason=no_request code=%d", rc);
        return -1;
    }
    /* Whatever the peer asked for: one request a connection, closed by us. */
    request->keepConnection = 1;
    request->detached = 1;
    return 0;
}

static bool
are_params_named(char *const *params)
{
    for (; *params; params++) {
        const char *equals = strchr(*params, '=');
        if (!equals || equals == *params)
            return false; /* an empty name, or one that a NUL cut */
    }
    return true;
}

/* Why this is not a request that can be served; NULL: it can. FCGX_Accept_r is content with half.
 */
static const char *
find_fault(const FCGX_Request *request)
{
    if (FCGX_GetError(request->in) != 0)
        return "cut_params";
    if (request->role != RESPONDER)
        return "role";
    if (!are_params_named(request->envp))
        return "unnamed_param";
    if (!FCGX_GetParam("REQUEST_METHOD", request->envp))
        return "no_method";
    return NULL;
}

static int64_t
read_body(void *self, char *out, size_t room)
{
    struct connection *connection = self;
    FCGX_Stream *in = connection->request.in;
    size_t taken = 0;
    if (room == 0)
        return 0;
    if (in->rdNext ==
        in->stop) { /* nothing at hand: wait for one byte, then take what came with it */
        int byte = FCGX_GetChar(in);
        if (byte == EOF)
            return FCGX_GetError(in) != 0 ? -1 : 0;
        out[taken++] = (char)byte;
    }
    size_t at_hand = (size_t)(in->stop - in->rdNext);
    size_t more = at_hand < room - taken ? at_hand : room - taken;
    int64_t got = (int64_t)taken + FCGX_GetStr(out + taken, (int)more, in);
    if (connection->unread != EXCHANGE_LENGTH_UNKNOWN)
        connection->unread -= got;
    return got;
}

/* Was the request read to its end? When its whole body was, the record that ends it is at hand too,
 * as a rule: a web server sends it with the last of the body. */
static bool
has_read_all(struct connection *connection)
{
    FCGX_Stream *in = connection->request.in;
    bool is_at_end = FCGX_HasSeenEOF(in) || (connection->unread == 0 && FCGX_GetChar(in) == EOF);
    return is_at_end && FCGX_GetError(in) == 0;
}

/* The library tells a failed write once and forgets it; its error number stays. */
static int
note_error(struct connection *connection)
{
    if (FCGX_GetError(connection->request.out) != 0)
        connection->is_over = connection->is_cut = true;
    return connection->is_over ? -1 : 0;
}

static int
put(struct connection *connection, struct span bytes)
{
    while (bytes.len > 0 && !connection->is_over) {
        size_t part = bytes.len < PUT_MAX_BYTES ? bytes.len : PUT_MAX_BYTES;
        (void)FCGX_PutStr(bytes.ptr, (int)part, connection->request.out);
        (void)note_error(connection);
        bytes = span_of(bytes.ptr + part, bytes.len - part);
    }
    return connection->is_over ? -1 : 0;
}

static int
send_head(void *self, int status, const struct wire_headers *headers)
{
    struct connection *connection = self;
    struct buf head;
    buf_init(&head, CGIHEAD_MAX_BYTES);
    int rc = cgihead_format(&head, status, headers);
    if (rc == 0)
        rc = put(connection, buf_span(&head));
    else
        connection->is_over = connection->is_cut = true; /* an answer without its head is none */
    buf_fini(&head);
    return rc;
}

static int
send_bytes(void *self, struct span bytes)
{
    return put(self, bytes);
}

static int
flush_out(void *self)
{
    struct connection *connection = self;
    if (connection->is_over)
        return -1;
    (void)FCGX_FFlush(connection->request.out);
    return note_error(connection);
}

/* END_REQUEST leaves in one write with what the library still holds of the answer. */
static int
end_answer(void *self)
{
    struct connection *connection = self;
    if (connection->is_over)
        return -1;
    (void)FCGX_FClose(connection->request.err);
    (void)FCGX_FClose(connection->request.out);
    return note_error(connection);
}

/* mod_fcgid ends an answer whose connection broke with an HTML page of its own and makes it look
 * whole, up to the declared length. Told by what it is not: mod_proxy_fcgi, Apache's other way. */
static bool
is_mod_fcgid(char **params)
{
    const char *software = FCGX_GetParam("SERVER_SOFTWARE", params);
    const char *script = FCGX_GetParam("SCRIPT_FILENAME", params);
    return span_has_prefix(span_from(software), "Apache") &&
           !span_has_prefix(span_from(script), "proxy:");
}

/* nginx takes a connection that just closes for the end of the answer, but not what is no record.
 * To be called where a record ended; a connection that failed amid one is past telling. */
static void
break_connection(int fd)
{
    static const unsigned char no_record[] = {255, 255, 255, 255, 255, 255, 255, 255};
    (void)send(fd, no_record, sizeof(no_record), MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_RDWR);
}

/* Breaks the connection at once, without END_REQUEST: lighttpd, mod_proxy_fcgi and nginx then break
 * theirs. Under mod_fcgid the answer is ended short of its declared length instead. */
static void
abort_answer(void *self)
{
    struct connection *connection = self;
    bool is_broken = connection->is_cut;
    connection->is_over = true;
    if (is_broken || is_mod_fcgid(connection->request.envp))
        return;
    connection->is_cut = true;
    break_connection(connection->request.ipcFd);
}

/* What comes after the end of a request is the end of the connection, or the wish that it ends. */
static bool
has_hung_up(struct connection *connection)
{
    FCGX_Stream *in = connection->request.in;
    if (FCGX_HasSeenEOF(in))
        return true;
    int byte = FCGX_GetChar(in);
    if (byte == EOF) /* no more than the end of the body */
        return FCGX_GetError(in) != 0;
    (void)FCGX_UnGetChar(byte, in);
    (void)peer_watch_hangup(&connection->peer, connection->request.ipcFd, EPOLLRDHUP);
    return false;
}

static bool
is_gone(void *self)
{
    struct connection *connection = self;
    if (peer_take_readable(&connection->peer) && has_hung_up(connection))
        connection->peer.is_gone = true;
    return connection->is_over || peer_is_gone(&connection->peer);
}

static void
linger(int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    char unwanted[4096];
    uint64_t end_ms = clock_boot_ms() + LINGER_MAX_MS;
    if (shutdown(fd, SHUT_WR))
        return;
    while (poll(&waiting, 1, LINGER_IDLE_MS) > 0 && clock_boot_ms() < end_ms)
        if (recv(fd, unwanted, sizeof(unwanted), MSG_DONTWAIT) <= 0)
            return;
}

static void
finish(struct connection *connection)
{
    FCGX_Request *request = &connection->request;
    int fd = request->ipcFd;
    if (connection->is_cut) {
        FCGX_Free(request, 0); /* FCGX_Finish_r would try to write the rest and END_REQUEST */
        (void)close(fd);
        return;
    }
    (void)FCGX_FClose(request->err); /* again, as a rule, and then without effect */
    (void)FCGX_FClose(request->out);
    bool is_read = has_read_all(connection);
    FCGX_Free(request, 0);
    if (!is_read)
        linger(fd);
    (void)close(fd);
}

static void
serve(const struct fcgi_server *server, struct connection *connection)
{
    struct exchange exchange = {
        .params = (const char *const *)connection->request.envp,
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
}

void
fcgi_answer(const struct fcgi_server *server, int fd, bool is_overload)
{
    struct connection connection = {.is_overload = is_overload};
    set_timeout(fd, SO_RCVTIMEO, is_overload ? OVERLOAD_TIMEOUT_MS : REQUEST_TIMEOUT_MS);
    set_timeout(fd, SO_SNDTIMEO, is_overload ? OVERLOAD_TIMEOUT_MS : ANSWER_TIMEOUT_MS);
    if (read_params(&connection, fd))
        return;
    const char *fault = find_fault(&connection.request);
    if (fault) {
        log_write(LOG_LEVEL_INFO, "connection_refused reason=%s", fault);
        connection.is_cut = true;
        finish(&connection);
        return;
    }
    connection.unread = exchange_body_length((const char *const *)connection.request.envp);
    peer_open(&connection.peer, fd, server->drain->wake_fd);
    serve(server, &connection);
    peer_close(&connection.peer);
    finish(&connection);
}
