/* test_fcgi_oracle.c - the same records through libfcgi and through parse/fcgi.c: the same
 * parameters, body and end. What libfcgi is known to do wrong (lengths of gigabytes, GET_VALUES,
 * two requests in one write, what text cannot hold) is not asked of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "feed.h"
#include "parse/fcgi.h"

#define REQUESTS 400
#define SOCKET_BYTES 400000

/* What was understood: "A=b\n…", the body, and whether it came whole. */
struct understood {
    bool is_request;
    struct buf params, body;
    bool is_whole;
};

static void
understood_init(struct understood *understood)
{
    *understood = (struct understood){.is_request = false};
    buf_init(&understood->params, FEED_MAX_BYTES);
    buf_init(&understood->body, FEED_MAX_BYTES);
}

static void
understood_fini(struct understood *understood)
{
    buf_fini(&understood->params);
    buf_fini(&understood->body);
}

static void
keep_params(struct understood *understood, const char *const *params)
{
    for (; *params; params++)
        assert_int_equal(
            buf_puts(&understood->params, *params) || buf_puts(&understood->params, "\n"), 0);
}

/* --- libfcgi -------------------------------------------------------------- */

/* All of it fits the socket, so nobody has to write while it is read. */
static int
open_socket(struct span stream)
{
    int pair[2], bytes = SOCKET_BYTES;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
    assert_int_equal(send(pair[0], stream.ptr, stream.len, MSG_DONTWAIT), stream.len);
    assert_int_equal(shutdown(pair[0], SHUT_WR), 0);
    assert_int_equal(close(pair[0]), 0);
    return pair[1];
}

static void
ask_library(struct span stream, struct understood *understood)
{
    FCGX_Request request;
    char bytes[1000];
    int got;
    (void)FCGX_InitRequest(&request, -1, 0);
    request.ipcFd = open_socket(stream);
    request.keepConnection = 1; /* takes the descriptor as it is … */
    request.detached = 1;       /* … and closes it without lingering */
    if (FCGX_Accept_r(&request) != 0)
        return;
    understood->is_request = FCGX_GetError(request.in) == 0;
    /* the first one is its own: FCGI_ROLE=RESPONDER */
    assert_string_equal(request.envp[0], "FCGI_ROLE=RESPONDER");
    keep_params(understood, (const char *const *)request.envp + 1);
    while ((got = FCGX_GetStr(bytes, sizeof(bytes), request.in)) > 0)
        assert_int_equal(buf_append(&understood->body, bytes, (size_t)got), 0);
    understood->is_whole = FCGX_GetError(request.in) == 0;
    int fd = request.ipcFd;
    FCGX_Free(&request, 0);
    (void)close(fd);
}

/* --- ours ----------------------------------------------------------------- */

static void
note_event(struct understood *understood, struct fcgi *fcgi, const struct fcgi_event *event)
{
    enum fcgiparams_fault fault;
    if (event->kind == FCGI_EVENT_REQUEST) {
        const char *const *params = fcgi_params(fcgi, &fault);
        understood->is_request = fault == FCGIPARAMS_GOOD;
        keep_params(understood, params);
    }
    if (event->kind == FCGI_EVENT_BODY)
        assert_int_equal(buf_put_span(&understood->body, event->bytes), 0);
    if (event->kind == FCGI_EVENT_END)
        understood->is_whole = true;
}

static void
ask_reader(struct span stream, struct understood *understood)
{
    struct fcgi fcgi;
    struct fcgi_event event;
    size_t at = 0;
    fcgi_init(&fcgi, 1);
    do {
        at += fcgi_feed(&fcgi, span_of(stream.ptr + at, stream.len - at), &event);
        note_event(understood, &fcgi, &event);
    } while (event.kind != FCGI_EVENT_NONE && event.kind != FCGI_EVENT_BROKEN);
    fcgi_fini(&fcgi);
}

/* --- requests by chance --------------------------------------------------- */

static uint64_t seed = 42;

static size_t
below(size_t limit)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(seed >> 33) % limit;
}

static void
put_pairs(struct buf *pairs)
{
    char name[300], value[400];
    for (size_t count = below(30); count > 0; count--) {
        size_t name_len = below(below(5) ? 20 : 299) + 1, value_len = below(below(5) ? 40 : 400);
        for (size_t i = 0; i < name_len; i++)
            name[i] = (char)('A' + below(26));
        for (size_t i = 0; i < value_len; i++)
            value[i] = (char)(below(255) + 1); /* any byte but NUL */
        feed_put_pair(pairs, span_of(name, name_len), span_of(value, value_len));
    }
}

/* In pieces, and other requests' records between them. */
static void
put_stream(struct buf *out, unsigned type, struct span content)
{
    size_t piece_max = below(3) ? content.len + 1 : 40;
    while (content.len > 0) {
        size_t piece = below(piece_max) + 1;
        piece = piece < content.len ? piece : content.len;
        if (below(20) == 0)
            feed_put_record(out, type, 9, span_of(content.ptr, piece), (unsigned)below(9));
        feed_put_record(out, type, 1, span_of(content.ptr, piece), (unsigned)below(256));
        content = span_of(content.ptr + piece, content.len - piece);
    }
    feed_put_record(out, type, 1, span_of(NULL, 0), 0);
}

static void
put_request(struct buf *out)
{
    struct buf pairs, body;
    buf_init(&pairs, FEED_MAX_BYTES);
    buf_init(&body, FEED_MAX_BYTES);
    put_pairs(&pairs);
    for (size_t count = below(4) ? below(300) : below(9000); count > 0; count--) {
        char byte = (char)below(256);
        buf_append(&body, &byte, 1);
    }
    feed_put_begin(out, 1, 1, 0);
    put_stream(out, 4, buf_span(&pairs));
    put_stream(out, 5, buf_span(&body));
    buf_fini(&pairs);
    buf_fini(&body);
}

/* --- both ----------------------------------------------------------------- */

static void
assert_same(struct span stream)
{
    struct understood theirs, ours;
    understood_init(&theirs);
    understood_init(&ours);
    ask_library(stream, &theirs);
    ask_reader(stream, &ours);
    assert_int_equal(ours.is_request, theirs.is_request);
    if (ours.is_request) {
        assert_string_equal(buf_text(&ours.params), buf_text(&theirs.params));
        assert_int_equal(ours.body.len, theirs.body.len);
        assert_memory_equal(buf_text(&ours.body), buf_text(&theirs.body), ours.body.len);
        assert_int_equal(ours.is_whole, theirs.is_whole);
    }
    understood_fini(&theirs);
    understood_fini(&ours);
}

static void
whole_requests_are_understood_as_libfcgi_does(void **state)
{
    (void)state;
    struct buf stream;
    buf_init(&stream, FEED_MAX_BYTES);
    for (int i = 0; i < REQUESTS; i++) {
        buf_clear(&stream);
        put_request(&stream);
        if (stream.len < SOCKET_BYTES / 4)
            assert_same(buf_span(&stream));
    }
    buf_fini(&stream);
}

static void
cut_requests_are_understood_as_libfcgi_does(void **state)
{
    (void)state;
    struct buf stream;
    buf_init(&stream, FEED_MAX_BYTES);
    for (int i = 0; i < REQUESTS; i++) {
        buf_clear(&stream);
        put_request(&stream);
        if (stream.len < SOCKET_BYTES / 4)
            assert_same(span_of(stream.ptr, below(stream.len + 1)));
    }
    buf_fini(&stream);
}

static int
prepare(void **state)
{
    (void)state;
    return FCGX_Init();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_requests_are_understood_as_libfcgi_does),
        cmocka_unit_test(cut_requests_are_understood_as_libfcgi_does),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
