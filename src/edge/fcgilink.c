/* fcgilink.c - records to and from a socket. */
#include "edge/fcgilink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "edge/channel.h"

/* How long a web server may go on sending the body of a request that is answered already. Closing
 * under its hands would reset the connection and lose the tail of the answer. */
#define LINGER_IDLE_MS 200
#define LINGER_MAX_MS 2000

_Static_assert(FCGILINK_OUT_BYTES <= FCGIFRAME_CONTENT_MAX, "what is held fits one record");

/* --- what goes ------------------------------------------------------------ */

static int
send_parts(struct fcgilink *link, struct iovec *parts, size_t count)
{
    link->has_sent = true;
    if (!link->is_over && channel_send(link->fd, parts, count, link->send_timeout_ms))
        link->is_over = link->is_cut = true;
    return link->is_over ? -1 : 0;
}

static struct iovec
part_of(const void *bytes, size_t len)
{
    /* house: a cast takes const away, because sendmsg() only reads what struct iovec points to */
    return (struct iovec){(void *)(uintptr_t)bytes, len};
}

/* What is held and `bytes` after it, a record a system call; END_REQUEST with the last of them. */
static int
send_records(struct fcgilink *link, struct span bytes, bool is_last)
{
    unsigned char last[FCGIFRAME_LAST_BYTES];
    const char *held = link->out;
    fcgiframe_last(last, link->reader.request_id, 0);
    while (link->held + bytes.len > 0) {
        struct fcgiframe frame;
        fcgiframe_next(&frame, FCGIFRAME_STDOUT, link->reader.request_id, link->held + bytes.len);
        size_t direct = frame.content_bytes - link->held; /* more is held by no means */
        bool is_end = is_last && direct == bytes.len;
        struct iovec parts[] = {part_of(frame.head, sizeof(frame.head)), part_of(held, link->held),
                                part_of(bytes.ptr, direct),
                                part_of(fcgiframe_padding, frame.padding_bytes),
                                part_of(last, is_end ? sizeof(last) : 0)};
        if (send_parts(link, parts, sizeof(parts) / sizeof(parts[0])))
            return -1;
        link->held = 0;
        link->is_ended = is_end;
        bytes = direct > 0 ? span_of(bytes.ptr + direct, bytes.len - direct) : bytes;
    }
    if (is_last && !link->is_ended) {
        struct iovec part = part_of(last, sizeof(last));
        link->is_ended = send_parts(link, &part, 1) == 0;
    }
    return link->is_over ? -1 : 0;
}

int
fcgilink_put(struct fcgilink *link, struct span bytes)
{
    if (link->is_over || link->is_ended)
        return -1;
    if (bytes.len > FCGILINK_OUT_BYTES - link->held)
        return send_records(link, bytes, false);
    if (bytes.len > 0)
        memcpy(link->out + link->held, bytes.ptr, bytes.len);
    link->held += bytes.len;
    return 0;
}

int
fcgilink_flush(struct fcgilink *link)
{
    if (link->is_over)
        return -1;
    return link->is_ended ? 0 : send_records(link, span_of(NULL, 0), false);
}

int
fcgilink_end(struct fcgilink *link)
{
    if (link->is_over)
        return -1;
    return link->is_ended ? 0 : send_records(link, span_of(NULL, 0), true);
}

/* nginx takes a connection that just closes for the end of the answer, but not what is no record,
 * for which there must be room: it goes behind what a slow client has not taken yet. Amid a record
 * it would be a part of that; then the byte that stayed unread must do, and the other end must not
 * see an end before that. */
void
fcgilink_break(struct fcgilink *link)
{
    struct iovec part = part_of(fcgiframe_break, sizeof(fcgiframe_break));
    if (!link->is_cut)
        (void)channel_send(link->fd, &part, 1, link->send_timeout_ms);
    link->is_over = link->is_cut = true;
    if (!link->keeps_one)
        (void)shutdown(link->fd, SHUT_RDWR);
}

/* --- what comes ----------------------------------------------------------- */

int
fcgilink_receive(struct fcgilink *link, uint64_t deadline_ms)
{
    ssize_t (*receive)(int fd, char *out, size_t room, uint64_t deadline_ms) =
        link->keeps_one ? channel_recv_but_one : channel_recv;
    ssize_t got = receive(link->fd, link->in, FCGILINK_IN_BYTES, deadline_ms);
    if (got > 0) {
        link->input = span_of(link->in, (size_t)got);
        return 1;
    }
    if (got < 0 && errno == EAGAIN)
        return 0;
    link->is_unusable = true;
    return -1;
}

struct fcgi_event
fcgilink_next(struct fcgilink *link)
{
    struct fcgi_event event;
    do {
        size_t taken = fcgi_feed(&link->reader, link->input, &event);
        link->input = span_of(link->input.ptr + taken, link->input.len - taken);
        if (event.kind == FCGI_EVENT_REPLY) {
            struct iovec part = part_of(event.bytes.ptr, event.bytes.len);
            if (send_parts(link, &part, 1))
                event = (struct fcgi_event){.kind = FCGI_EVENT_BROKEN, .why = "no_reader"};
        }
    } while (event.kind == FCGI_EVENT_REPLY);
    if (event.kind == FCGI_EVENT_BODY)
        link->body = event.bytes;
    if (event.kind == FCGI_EVENT_END)
        link->is_whole = true;
    if (event.kind == FCGI_EVENT_ABORT)
        link->is_aborted = true;
    if (event.kind == FCGI_EVENT_BROKEN)
        link->is_unusable = true;
    return event;
}

struct fcgi_event
fcgilink_await(struct fcgilink *link, uint64_t deadline_ms)
{
    struct fcgi_event event = fcgilink_next(link);
    while (event.kind == FCGI_EVENT_NONE && clock_boot_ms() < deadline_ms &&
           fcgilink_receive(link, deadline_ms) > 0)
        event = fcgilink_next(link);
    return event;
}

bool
fcgilink_has_read_all(const struct fcgilink *link)
{
    return link->is_whole || link->is_aborted;
}

void
fcgilink_drop(struct fcgilink *link)
{
    struct fcgi_event event;
    do {
        event = fcgilink_next(link);
        link->body.len = 0;
    } while (event.kind == FCGI_EVENT_BODY);
}

void
fcgilink_linger(struct fcgilink *link)
{
    uint64_t now_ms = clock_boot_ms();
    uint64_t end_ms = now_ms + LINGER_MAX_MS;
    fcgilink_drop(link);
    while (!fcgilink_has_read_all(link) && now_ms < end_ms) {
        uint64_t idle_ms = now_ms + LINGER_IDLE_MS;
        if (fcgilink_receive(link, idle_ms < end_ms ? idle_ms : end_ms) <= 0)
            return;
        fcgilink_drop(link);
        now_ms = clock_boot_ms();
    }
}
