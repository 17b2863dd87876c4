/* fuzz_exchanges.c - several exchanges over one pool, with an upstream that the input plays.
 *
 * A byte of the input's head says what each request is; the rest is what the upstream sends, but
 * for these: 1 waits for the next request, 2 and 3 answer the last one as a good server would (with
 * a length, in chunks) by its mark, 4 lets the client run, 5 closes. Whatever is sent: an answer
 * that is called whole and holds the mark of another request than its own is a false one, and we
 * and the library must never disagree about where an answer ends.
 *
 * No network and no threads: socket() gives out one end of a pair, and the upstream moves when the
 * client waits.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "net/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define EXCHANGES 3
#define WATCHES_MAX 4000 /* an exchange that takes more has no end */
#define BODY_MAX (1U << 20)
#define IDLE_MAX 4 /* the upstream waits, and so does the client */
#define MARK "mark-%016llx-%d;"

enum word { NEXT_REQUEST = 1, ANSWER, ANSWER_CHUNKED, PAUSE, CLOSE };

static struct upstream {
    int fd; /* of the connection of now; -1: none */
    struct span script;
    int last_number; /* of the requests that were read */
    int read_count;
    int idle;
    unsigned long long salt; /* made of the input, so that no input holds a mark itself */
    struct buf asked;        /* what was read of the next */
} upstream;

/* --- in the place of the network -------------------------------------------------------------- */

int
socket(int family, int type, int protocol)
{
    int pair[2];
    if ((type & SOCK_STREAM) == 0 || (type & SOCK_DGRAM) != 0 || family == AF_UNIX)
        return (int)syscall(SYS_socket, family, type, protocol);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return -1;
    if (upstream.fd >= 0)
        close(upstream.fd);
    upstream.fd = pair[1];
    buf_clear(&upstream.asked);
    return pair[0];
}

/* The library's own calls come here as well, by the name; libc's prototype is no plain one. */
int pair_connect(int fd, const struct sockaddr *address, socklen_t len) __asm__("connect");

int
pair_connect(int fd, const struct sockaddr *address, socklen_t len)
{
    (void)fd;
    (void)address;
    (void)len;
    return 0;
}

/* --- the upstream ----------------------------------------------------------------------------- */

static void
hang_up(void)
{
    if (upstream.fd >= 0)
        close(upstream.fd);
    upstream.fd = -1;
}

/* Everything that came: one request at most, because the client waits for its answer. It says its
 * number in its path. */
static void
read_request(void)
{
    char piece[4096];
    ssize_t got;
    while (upstream.fd >= 0 && (got = recv(upstream.fd, piece, sizeof piece, MSG_DONTWAIT)) > 0)
        assert(buf_append(&upstream.asked, piece, (size_t)got) == 0);
    const char *number = strstr(buf_text(&upstream.asked), "/number-");
    if (number == NULL || strstr(number, "\r\n\r\n") == NULL)
        return;
    upstream.last_number = number[8] - '0';
    upstream.read_count++;
    buf_clear(&upstream.asked);
}

static void
say(struct span bytes)
{
    if (upstream.fd >= 0 && bytes.len > 0)
        (void)send(upstream.fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int
format_mark(char out[64], int number)
{
    return snprintf(out, 64, MARK, upstream.salt, number);
}

static void
answer(bool in_chunks)
{
    char mark[64], text[256];
    int len = format_mark(mark, upstream.last_number);
    int all = in_chunks
                  ? snprintf(text, sizeof text,
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n"
                             "0\r\n\r\n",
                             (unsigned)len, mark)
                  : snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s",
                             len, mark);
    say(span_of(text, (size_t)all));
}

/* Says what the script says up to its next pause. What was asked meanwhile is read before. */
static void
play(void)
{
    struct span *script = &upstream.script;
    read_request();
    while (script->len > 0) {
        size_t literal = 0;
        while (literal < script->len &&
               !(script->ptr[literal] >= NEXT_REQUEST && script->ptr[literal] <= CLOSE))
            literal++;
        say(span_of(script->ptr, literal));
        *script = span_of(script->ptr + literal, script->len - literal);
        if (script->len == 0)
            break;
        char word = script->ptr[0];
        if (word == NEXT_REQUEST && upstream.read_count == 0) {
            if (++upstream.idle > IDLE_MAX)
                hang_up();
            return;
        }
        upstream.idle = 0;
        *script = span_of(script->ptr + 1, script->len - 1);
        if (word == NEXT_REQUEST)
            upstream.read_count = 0;
        else if (word == ANSWER || word == ANSWER_CHUNKED)
            answer(word == ANSWER_CHUNKED);
        else if (word == CLOSE)
            hang_up();
        else
            return;
    }
    if (script->len == 0)
        hang_up();
}

/* --- the client ------------------------------------------------------------------------------- */

struct client {
    struct buf body;
    unsigned watches;
    bool may_play;
};

static int
on_head(void *self, const struct wire_reply *reply)
{
    (void)self;
    assert(reply->head_complete && reply->status >= 200 && reply->status <= 599);
    return 0;
}

static int
on_bytes(void *self, struct span bytes)
{
    struct client *client = self;
    return buf_put_span(&client->body, bytes);
}

static int
on_watch(void *self, uint64_t *wait_ms)
{
    struct client *client = self;
    *wait_ms = 0;
    if (client->watches++ % 2 == 0) /* before the wait */
        play();
    return client->watches > WATCHES_MAX ? -1 : 0;
}

static void
check(const struct client *client, const struct wire_reply *reply, int number, bool is_head)
{
    assert(reply->fault != WIRE_STOPPED || client->body.len >= BODY_MAX / 2);
    assert(!reply->why || !strstr(reply->why, "two readings"));
    if (reply->fault != WIRE_NO_FAULT)
        return;
    assert(reply->body_complete && reply->head_complete);
    if (reply->content_length >= 0 && !reply->decoded && !is_head && reply->status != 304)
        assert(client->body.len == (size_t)reply->content_length);
    for (int other = 0; other < EXCHANGES; other++) {
        char mark[64];
        size_t mark_len = (size_t)format_mark(mark, other);
        assert(other == number || client->body.len == 0 ||
               !memmem(client->body.ptr, client->body.len, mark, mark_len));
    }
}

/* One for all inputs, because making one is slow. What is warm of an input is dead in the next. */
static struct pool *pool;

static void
exchange(int number, unsigned kind)
{
    static const char *const methods[] = {"GET", "POST", "HEAD", "GET"};
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:9/number-%d", number);
    struct client client = {.watches = 0};
    struct pollfd waits[TRANSFER_WAITS] = {{.fd = -1}, {.fd = -1}};
    const struct transfer_observer observer = {&client, on_head, on_bytes, on_watch, waits};
    struct wire_request request = {.method = methods[kind & 3],
                                   .url = url,
                                   .origin = "http://127.0.0.1:9",
                                   .connect_timeout_ms = 60000,
                                   .receive_bytes = 1024,
                                   .decode = (kind & 3) == 3};
    if ((kind & 3) == 1)
        request.body = (struct wire_body){.present = true, .parts = {SPAN_LITERAL("body")}};
    struct wire_reply reply;
    buf_init(&client.body, BODY_MAX);
    struct transfer *transfer = transfer_run(pool, &request, &observer, &reply);
    check(&client, &reply, number, (kind & 3) == 2);
    transfer_end(pool, transfer);
    buf_fini(&client.body);
}

static void
let_go(void)
{
    pool_free(pool);
    buf_fini(&upstream.asked);
}

static void
prepare(const struct pool_options *options)
{
    struct err err;
    upstream.fd = -1;
    buf_init(&upstream.asked, BODY_MAX);
    pool = pool_new(options, &err);
    assert(pool != NULL && atexit(let_go) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct pool_options options = {
        .idle_per_origin_max = 2, .idle_max = 2, .connection_life_s = 3600, .idle_life_s = 3600};
    if (len < 1)
        return 0;
    if (pool == NULL)
        prepare(&options);
    upstream.salt = 1469598103934665603U;
    for (size_t i = 0; i < len; i++)
        upstream.salt = (upstream.salt ^ bytes[i]) * 1099511628211U; /* FNV-1a */
    upstream.script = span_of((const char *)bytes + 1, len - 1);
    upstream.last_number = upstream.read_count = upstream.idle = 0;
    for (int i = 0; i < EXCHANGES && (i == 0 || upstream.script.len > 0); i++)
        exchange(i, (unsigned)bytes[0] >> (2 * i));
    hang_up();
    return 0;
}
