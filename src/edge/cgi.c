/* cgi.c - standard input and output as an exchange. */
#include "edge/cgi.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "edge/cgihead.h"
#include "edge/front.h"
#include "edge/peer.h"
#include "relay/params.h"

/* Room that poll(2) promises in a pipe (PIPE_BUF) and in a socket: such a write never blocks. */
#define WRITE_BYTES 4096

#define CHUNK_SIZE_MAX (2 * sizeof(size_t) + 3) /* its line */

/* Each bounds one wait, not their sum; UNREAD_MAX_MS bounds the sum where nobody wants the bytes.
 */
#define BODY_TIMEOUT_MS 30000
#define ANSWER_TIMEOUT_MS 60000
#define UNREAD_MAX_MS 30000

struct conversation {
    int in_fd, out_fd, end_fd;
    int64_t
        unread; /* bytes of the body still to come, or EXCHANGE_LENGTH_UNKNOWN: read to the end */
    bool is_drained;
    bool is_broken;
    bool takes_chunks; /* front.h; and this answer goes out in them: */
    bool is_chunked;
    struct peer peer;
    size_t held;
    char out[8192];
};

/* Waits until `fd` is ready. -1: not in time, or it is not and the web server wants the end. */
static int
wait_for(const struct conversation *conversation, int fd, short events, int timeout_ms)
{
    struct pollfd waiting[2] = {{.fd = fd, .events = events},
                                {.fd = conversation->end_fd, .events = POLLIN}};
    int ready;
    do
        ready = poll(waiting, 2, timeout_ms);
    while (ready < 0 && errno == EINTR);
    return ready > 0 && waiting[0].revents != 0 ? 0 : -1;
}

static int64_t
read_body(void *self, char *out, size_t room)
{
    struct conversation *conversation = self;
    if (conversation->unread != EXCHANGE_LENGTH_UNKNOWN && (uint64_t)conversation->unread < room)
        room = (size_t)conversation->unread;
    if (room == 0)
        return 0;
    ssize_t got;
    do {
        if (wait_for(conversation, conversation->in_fd, POLLIN, BODY_TIMEOUT_MS))
            return -1;
        got = read(conversation->in_fd, out, room);
    } while (got < 0 && errno == EINTR);
    if (got == 0)
        conversation->unread = 0;
    else if (got > 0 && conversation->unread != EXCHANGE_LENGTH_UNKNOWN)
        conversation->unread -= got;
    return got;
}

static void
drain_input(struct conversation *conversation)
{
    char unwanted[4096];
    uint64_t end_ms = clock_boot_ms() + UNREAD_MAX_MS;
    conversation->is_drained = true;
    while (read_body(conversation, unwanted, sizeof(unwanted)) > 0)
        if (clock_boot_ms() >= end_ms)
            return;
}

/* How many bytes left, 0 to try again, -1 when no more will. */
static ssize_t
write_part(const struct conversation *conversation, const char *bytes, size_t len)
{
    if (wait_for(conversation, conversation->out_fd, POLLOUT, ANSWER_TIMEOUT_MS))
        return -1;
    ssize_t wrote = write(conversation->out_fd, bytes, len < WRITE_BYTES ? len : WRITE_BYTES);
    if (wrote < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    return wrote;
}

static int
write_out(struct conversation *conversation, const char *bytes, size_t len)
{
    if (!conversation->is_drained && !conversation->is_broken)
        drain_input(conversation);
    while (len > 0 && !conversation->is_broken) {
        ssize_t wrote = write_part(conversation, bytes, len);
        if (wrote < 0) {
            conversation->is_broken = true;
        } else {
            bytes += wrote;
            len -= (size_t)wrote;
        }
    }
    return conversation->is_broken ? -1 : 0;
}

static int
flush_out(void *self)
{
    struct conversation *conversation = self;
    size_t len = conversation->held;
    conversation->held = 0;
    return write_out(conversation, conversation->out, len);
}

static int
put(struct conversation *conversation, struct span bytes)
{
    if (conversation->is_broken)
        return -1;
    if (bytes.len > sizeof(conversation->out) - conversation->held && flush_out(conversation))
        return -1;
    if (bytes.len > sizeof(conversation->out))
        return write_out(conversation, bytes.ptr, bytes.len);
    if (bytes.len > 0)
        memcpy(conversation->out + conversation->held, bytes.ptr, bytes.len);
    conversation->held += bytes.len;
    return 0;
}

/* RFC 9112 7.1 */
static int
send_bytes(void *self, struct span bytes)
{
    struct conversation *conversation = self;
    char size[CHUNK_SIZE_MAX];
    if (!conversation->is_chunked || bytes.len == 0)
        return put(conversation, bytes);
    (void)snprintf(size, sizeof(size), "%zx\r\n", bytes.len);
    if (put(conversation, span_from(size)) != 0 || put(conversation, bytes) != 0)
        return -1;
    return put(conversation, span_from("\r\n"));
}

static int
end_answer(void *self)
{
    struct conversation *conversation = self;
    if (conversation->is_chunked)
        (void)put(conversation, span_from("0\r\n\r\n"));
    conversation->is_chunked = false;
    return flush_out(conversation);
}

static int
format_head(struct conversation *conversation, struct buf *head, int status,
            const struct wire_headers *headers)
{
    bool has_body = status >= 200 && status != 204 && status != 304;
    conversation->is_chunked =
        conversation->takes_chunks && has_body && !wire_header_find(headers, "content-length");
    if (cgihead_format(head, status, headers) != 0)
        return -1;
    if (!conversation->is_chunked)
        return 0;
    head->len -= 2; /* the empty line */
    return buf_puts(head, "Transfer-Encoding: chunked\r\n\r\n");
}

static int
send_head(void *self, int status, const struct wire_headers *headers)
{
    struct conversation *conversation = self;
    struct buf head;
    buf_init(&head, CGIHEAD_MAX_BYTES);
    int rc = format_head(conversation, &head, status, headers);
    if (rc == 0)
        rc = put(conversation, buf_span(&head));
    else
        conversation->is_broken = true; /* an answer without its head is none */
    buf_fini(&head);
    return rc;
}

/* A script has no way to say "cut" but its end, before the last chunk or the stated length; what it
 * held back stays unsent. */
static void
abort_answer(void *self)
{
    struct conversation *conversation = self;
    conversation->is_broken = true;
}

static bool
is_gone(void *self)
{
    struct conversation *conversation = self;
    return conversation->is_broken || peer_is_gone(&conversation->peer);
}

/* No events but hang-up: under mod_cgid input and output are one socket whose other half is shut
 * from the start. */
static int
open_peer(struct conversation *conversation, const struct cgi_server *server)
{
    peer_open(&conversation->peer, -1, -1);
    if (peer_watch_hangup(&conversation->peer, conversation->out_fd, 0))
        return -1;
    return server->end_fd < 0 ? 0 : peer_add_end(&conversation->peer, server->end_fd);
}

/* Its answer has no body, so no end of one. */
static bool
is_head(const char *const *params)
{
    const char *method = params_find(params, "REQUEST_METHOD");
    return method && strcmp(method, "HEAD") == 0;
}

int
cgi_answer(const struct cgi_server *server, const char *const *params, int in_fd, int out_fd)
{
    const struct front front = front_read(params, true);
    struct conversation conversation = {.in_fd = in_fd,
                                        .out_fd = out_fd,
                                        .end_fd = server->end_fd,
                                        .takes_chunks = front.takes_chunks && !is_head(params),
                                        .unread = exchange_body_length(params)};
    bool has_descriptors = open_peer(&conversation, server) == 0;
    struct exchange exchange = {
        .params = params,
        .source = {.self = &conversation, .read = read_body},
        .sink = {.self = &conversation,
                 .cut = front.cut,
                 .cut_is_late = front.cut_is_late,
                 .head = send_head,
                 .bytes = send_bytes,
                 .flush = flush_out,
                 .end = end_answer,
                 .abort = abort_answer,
                 .is_gone = is_gone,
                 .waits = conversation.peer.waits},
        .drain_deadline_ms = &server->drain->deadline_ms,
        .probe = &conversation.peer.probe,
        .is_overload = !has_descriptors,
    };
    server->serve(server->self, &exchange);
    (void)flush_out(&conversation);
    peer_close(&conversation.peer);
    return conversation.is_broken ? 1 : 0;
}
