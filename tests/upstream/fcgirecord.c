/* fcgirecord.c - encodes FastCGI records and reads answers. */
#include "fcgirecord.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"

#define HEADER_BYTES 8
#define CONTENT_MAX_BYTES 65535
#define REPLY_MAX_BYTES (64 << 20)

static int
connect_unix(struct span path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path.len >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path.ptr, path.len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static int
connect_tcp(struct span text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    uint64_t port;
    struct span rest = text;
    if (!span_is(span_split(&rest, ':'), "127.0.0.1") || num_parse_u64(rest, 65535, &port)) {
        errno = EINVAL;
        return -1;
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

int
fcgirecord_connect(const char *address)
{
    struct span text = span_from(address);
    if (span_has_prefix(text, "unix:"))
        return connect_unix(span_of(text.ptr + 5, text.len - 5));
    return connect_tcp(text);
}

static int
send_all(int fd, const void *bytes, size_t len)
{
    const char *next = bytes;
    while (len > 0) {
        ssize_t sent = send(fd, next, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -1;
        next += sent;
        len -= (size_t)sent;
    }
    return 0;
}

int
fcgirecord_send(int fd, unsigned type, struct span content)
{
    do {
        size_t part = content.len < CONTENT_MAX_BYTES ? content.len : CONTENT_MAX_BYTES;
        const unsigned char header[HEADER_BYTES] = {
            1, (unsigned char)type, 0, 1, (unsigned char)(part >> 8), (unsigned char)(part & 255)};
        if (send_all(fd, header, sizeof(header)) || send_all(fd, content.ptr, part))
            return -1;
        if (part > 0)
            content = span_of(content.ptr + part, content.len - part);
    } while (content.len > 0);
    return 0;
}

int
fcgirecord_begin(int fd, unsigned role, unsigned flags)
{
    const char body[8] = {(char)(role >> 8), (char)(role & 255), (char)flags};
    return fcgirecord_send(fd, FCGIRECORD_BEGIN, span_of(body, sizeof(body)));
}

static int
put_length(struct buf *pairs, size_t len)
{
    const unsigned char wide[4] = {(unsigned char)(0x80 | ((len >> 24) & 0x7f)),
                                   (unsigned char)(len >> 16), (unsigned char)(len >> 8),
                                   (unsigned char)len};
    return len < 128 ? buf_append(pairs, wide + 3, 1) : buf_append(pairs, wide, 4);
}

int
fcgirecord_put_pair(struct buf *pairs, struct span name, struct span value)
{
    if (put_length(pairs, name.len) || put_length(pairs, value.len))
        return -1;
    return buf_put_span(pairs, name) || buf_put_span(pairs, value) ? -1 : 0;
}

int
fcgirecord_request(int fd, const char *const *params, struct span body)
{
    struct buf pairs;
    const struct span nothing = {NULL, 0};
    int rc = fcgirecord_begin(fd, 1, 0);
    buf_init(&pairs, REPLY_MAX_BYTES);
    for (; *params && rc == 0; params++) {
        struct span value = span_from(*params);
        struct span name = span_split(&value, '=');
        rc = fcgirecord_put_pair(&pairs, name, value);
    }
    if (rc == 0 && pairs.len > 0)
        rc = fcgirecord_send(fd, FCGIRECORD_PARAMS, buf_span(&pairs));
    buf_fini(&pairs);
    if (rc || fcgirecord_send(fd, FCGIRECORD_PARAMS, nothing))
        return -1;
    if (body.len > 0 && fcgirecord_send(fd, FCGIRECORD_STDIN, body))
        return -1;
    return fcgirecord_send(fd, FCGIRECORD_STDIN, nothing);
}

/* Exactly `len` bytes. */
static enum fcgirecord_verdict
read_exactly(int fd, void *out, size_t len, uint64_t end_ms)
{
    char *next = out;
    while (len > 0) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        uint64_t now_ms = clock_boot_ms();
        if (now_ms >= end_ms || poll(&waiting, 1, (int)(end_ms - now_ms)) <= 0)
            return FCGIRECORD_TIMEOUT;
        ssize_t got = recv(fd, next, len, 0);
        if (got <= 0)
            return FCGIRECORD_CUT;
        next += got;
        len -= (size_t)got;
    }
    return FCGIRECORD_ENDED;
}

static void
keep(struct fcgirecord_reply *reply, unsigned type, const unsigned char *content, size_t len)
{
    if (type == FCGIRECORD_STDOUT)
        (void)buf_append(&reply->out, content, len);
    if (type == FCGIRECORD_STDERR)
        (void)buf_append(&reply->err, content, len);
}

enum fcgirecord_verdict
fcgirecord_read(int fd, struct fcgirecord_reply *reply, const char *text, int timeout_ms)
{
    uint64_t end_ms = clock_boot_ms() + (uint64_t)timeout_ms;
    unsigned char header[HEADER_BYTES];
    static _Thread_local unsigned char content[CONTENT_MAX_BYTES + 256];
    for (;;) {
        enum fcgirecord_verdict verdict = read_exactly(fd, header, sizeof(header), end_ms);
        if (verdict != FCGIRECORD_ENDED)
            return verdict;
        if (header[0] != 1)
            return FCGIRECORD_BROKEN;
        size_t len = (size_t)header[4] << 8 | header[5];
        verdict = read_exactly(fd, content, len + header[6], end_ms);
        if (verdict != FCGIRECORD_ENDED)
            return verdict;
        keep(reply, header[1], content, len);
        if (header[1] == FCGIRECORD_END && len >= 5) {
            reply->app_status = (unsigned)content[2] << 8 | content[3];
            reply->protocol_status = content[4];
            return FCGIRECORD_ENDED;
        }
        if (text && span_contains(buf_span(&reply->out), span_from(text)))
            return FCGIRECORD_ENDED;
    }
}

void
fcgirecord_reply_init(struct fcgirecord_reply *reply)
{
    buf_init(&reply->out, REPLY_MAX_BYTES);
    buf_init(&reply->err, REPLY_MAX_BYTES);
    reply->app_status = 0;
    reply->protocol_status = 0;
}

void
fcgirecord_reply_fini(struct fcgirecord_reply *reply)
{
    buf_fini(&reply->out);
    buf_fini(&reply->err);
}
