/* The one exchange of a CGI process: over pipes as lighttpd makes them, over one socket as
 * mod_cgid. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/cgi.h"

/* Input and output of the script are [0] and [1]; the web server's ends are `to` and `from`. */
static struct script {
    int in_fd, out_fd;
    int to, from;
    int end_fd;
    struct drain drain;
    char answer[65536];
    char body[65536];
    int64_t body_len;
    int64_t last_read;
    int notes[8];
} script;

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void
open_script(void)
{
    int in[2], out[2];
    memset(&script, 0, sizeof(script));
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    script.in_fd = in[0];
    script.to = in[1];
    script.from = out[0];
    script.out_fd = out[1];
    script.end_fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(drain_init(&script.drain, NULL), 0);
}

static void
close_script(void)
{
    close_fd(&script.in_fd);
    close_fd(&script.out_fd);
    close_fd(&script.to);
    close_fd(&script.from);
    close_fd(&script.end_fd);
    drain_fini(&script.drain);
}

static void
send_body(const char *text)
{
    size_t len = strlen(text);
    assert_int_equal(write(script.to, text, len), (ssize_t)len);
}

static int
run_script(exchange_serve_fn serve, const char *const *params)
{
    const struct cgi_server server = {
        .serve = serve, .drain = &script.drain, .end_fd = script.end_fd};
    return cgi_answer(&server, params, script.in_fd, script.out_fd);
}

static const char *
read_answer(void)
{
    size_t len = 0;
    ssize_t got;
    close_fd(&script.out_fd);
    while ((got = read(script.from, script.answer + len, sizeof(script.answer) - 1 - len)) > 0)
        len += (size_t)got;
    return script.answer;
}

static bool
wakes(const struct sink *sink)
{
    return poll(sink->waits, SINK_WAITS, 0) > 0;
}

static int
send_answer(struct exchange *exchange, const char *body)
{
    const struct wire_headers headers = {NULL, 0};
    exchange->sink.head(exchange->sink.self, 200, &headers);
    exchange->sink.bytes(exchange->sink.self, span_from(body));
    return exchange->sink.flush(exchange->sink.self);
}

static void
serve_two_parts(void *self, struct exchange *exchange)
{
    struct sink *sink = &exchange->sink;
    (void)self;
    (void)send_answer(exchange, "one");
    (void)sink->bytes(sink->self, span_from("and the other"));
    (void)sink->end(sink->self);
}

static void
serve_two_parts_cut(void *self, struct exchange *exchange)
{
    (void)self;
    (void)send_answer(exchange, "one");
    exchange->sink.abort(exchange->sink.self);
}

static void
serve_a_length(void *self, struct exchange *exchange)
{
    struct wire_header length = {span_from("Content-Length"), span_from("3")};
    const struct wire_headers headers = {&length, 1};
    struct sink *sink = &exchange->sink;
    (void)self;
    (void)sink->head(sink->self, 200, &headers);
    (void)sink->bytes(sink->self, span_from("one"));
    (void)sink->end(sink->self);
}

/* The server's word for the end of an answer is the last chunk: without it it does not end its own.
 */
static void
lighttpd_gets_an_answer_without_a_length_in_chunks(void **state)
{
    (void)state;
    static const struct {
        exchange_serve_fn serve;
        const char *software, *protocol, *method, *answer;
        int code;
    } rows[] = {
        {serve_two_parts, "lighttpd/1.4.69", "HTTP/1.1", "GET",
         "Status: 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "3\r\none\r\nd\r\nand the other\r\n0\r\n\r\n",
         0},
        {serve_two_parts_cut, "lighttpd/1.4.69", "HTTP/1.1", "GET",
         "Status: 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n", 1},
        {serve_two_parts, "lighttpd/1.4.69", "HTTP/1.0", "GET",
         "Status: 200 OK\r\n\r\noneand the other", 0},
        {serve_two_parts, "lighttpd/1.4.69", "HTTP/2.0", "GET",
         "Status: 200 OK\r\n\r\noneand the other", 0},
        {serve_two_parts, "Apache", "HTTP/1.1", "GET", "Status: 200 OK\r\n\r\noneand the other", 0},
        {serve_two_parts, "lighttpd/1.4.69", "HTTP/1.1", "HEAD",
         "Status: 200 OK\r\n\r\noneand the other", 0},
        {serve_a_length, "lighttpd/1.4.69", "HTTP/1.1", "GET",
         "Status: 200 OK\r\nContent-Length: 3\r\n\r\none", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char software[64], protocol[64], method[64];
        (void)snprintf(software, sizeof(software), "SERVER_SOFTWARE=%s", rows[i].software);
        (void)snprintf(protocol, sizeof(protocol), "SERVER_PROTOCOL=%s", rows[i].protocol);
        (void)snprintf(method, sizeof(method), "REQUEST_METHOD=%s", rows[i].method);
        const char *const params[] = {software, protocol, method, NULL};
        open_script();
        assert_int_equal(run_script(rows[i].serve, params), rows[i].code);
        assert_string_equal(read_answer(), rows[i].answer);
        close_script();
    }
}

static void
serve_body(void *self, struct exchange *exchange)
{
    (void)self;
    char *out = script.body;
    while ((script.last_read = exchange->source.read(exchange->source.self, out, 7)) > 0) {
        script.body_len += script.last_read;
        out += script.last_read;
    }
    send_answer(exchange, "hello");
}

/* --- what comes ----------------------------------------------------------- */

static const char *const ten_bytes[] = {"REQUEST_METHOD=POST", "CONTENT_LENGTH=10", NULL};

static void
a_body_is_read_up_to_its_length_though_the_input_stays_open(void **state)
{
    (void)state;
    open_script();
    send_body("0123456789more");
    assert_int_equal(run_script(serve_body, ten_bytes), 0);
    assert_int_equal(script.body_len, 10);
    assert_string_equal(script.body, "0123456789");
    assert_int_equal(script.last_read, 0);
    assert_string_equal(read_answer(), "Status: 200 OK\r\n\r\nhello");
    close_script();
}

static void
a_body_shorter_than_its_length_ends_where_the_input_ends(void **state)
{
    (void)state;
    open_script();
    send_body("0123");
    close_fd(&script.to);
    assert_int_equal(run_script(serve_body, ten_bytes), 0);
    assert_int_equal(script.body_len, 4);
    assert_int_equal(script.last_read, 0);
    close_script();
}

static void
a_chunked_body_is_read_to_the_end_of_the_input(void **state)
{
    (void)state;
    static const char *const params[] = {"REQUEST_METHOD=POST", "HTTP_TRANSFER_ENCODING=chunked",
                                         NULL};
    open_script();
    send_body("0123456789");
    close_fd(&script.to);
    assert_int_equal(run_script(serve_body, params), 0);
    assert_int_equal(script.body_len, 10);
    close_script();
}

static void
without_a_length_there_is_no_body_and_the_input_is_left_alone(void **state)
{
    (void)state;
    static const char *const params[] = {"REQUEST_METHOD=GET", NULL};
    open_script();
    assert_int_equal(run_script(serve_body, params), 0); /* and does not wait for the open input */
    assert_int_equal(script.body_len, 0);
    close_script();
}

static void
serve_unread(void *self, struct exchange *exchange)
{
    (void)self;
    int left = -1;
    send_answer(exchange, "no");
    ioctl(script.in_fd, FIONREAD, &left);
    script.notes[0] = left;
}

static void
an_unread_body_is_read_away_before_the_answer_goes_out(void **state)
{
    (void)state;
    open_script();
    send_body("0123456789");
    assert_int_equal(run_script(serve_unread, ten_bytes), 0);
    assert_int_equal(script.notes[0], 0);
    assert_string_equal(read_answer(), "Status: 200 OK\r\n\r\nno");
    close_script();
}

/* --- what goes ------------------------------------------------------------ */

static void
serve_then_abort(void *self, struct exchange *exchange)
{
    (void)self;
    send_answer(exchange, "hel");
    exchange->sink.bytes(exchange->sink.self, span_from("never sent"));
    exchange->sink.abort(exchange->sink.self);
    script.notes[0] = exchange->sink.flush(exchange->sink.self);
}

static void
an_aborted_answer_ends_the_process_with_a_failure(void **state)
{
    (void)state;
    open_script();
    send_body("0123456789");
    assert_int_equal(run_script(serve_then_abort, ten_bytes), 1);
    assert_int_equal(script.notes[0], -1);
    assert_string_equal(read_answer(), "Status: 200 OK\r\n\r\nhel");
    close_script();
}

static void
serve_hang_up(void *self, struct exchange *exchange)
{
    (void)self;
    script.notes[0] = wakes(&exchange->sink);
    script.notes[1] = exchange->sink.is_gone(exchange->sink.self);
    close_fd(&script.from);
    script.notes[2] = wakes(&exchange->sink);
    script.notes[3] = exchange->sink.is_gone(exchange->sink.self);
    script.notes[4] = send_answer(exchange, "hello");
    script.notes[5] = exchange->sink.flush(exchange->sink.self);
}

static void
assert_notes(const int expected[6])
{
    for (int i = 0; i < 6; i++)
        assert_int_equal(script.notes[i], expected[i]);
}

static void
a_web_server_that_closed_the_output_is_noticed_while_waiting(void **state)
{
    (void)state;
    static const int expected[] = {0, 0, 1, 1, -1, -1};
    open_script();
    send_body("0123456789");
    assert_int_equal(run_script(serve_hang_up, ten_bytes), 1);
    assert_notes(expected);
    close_script();
}

static char large[100000]; /* more than a pipe holds */

static void
serve_signalled(void *self, struct exchange *exchange)
{
    (void)self;
    script.notes[0] = wakes(&exchange->sink);
    script.notes[1] = exchange->sink.is_gone(exchange->sink.self);
    eventfd_write(script.end_fd, 1);
    script.notes[2] = wakes(&exchange->sink);
    script.notes[3] = exchange->sink.is_gone(exchange->sink.self);
    script.notes[4] = send_answer(exchange, "hello");
    script.notes[5] = exchange->sink.bytes(exchange->sink.self, span_of(large, sizeof(large)));
}

/* A client that shut down just its sending half ends in the same signal and still reads. */
static void
after_a_signal_to_end_a_last_word_leaves_but_nothing_waits_for_room(void **state)
{
    (void)state;
    static const int expected[] = {0, 0, 1, 1, 0, -1};
    open_script();
    send_body("0123456789");
    assert_int_equal(run_script(serve_signalled, ten_bytes), 1);
    assert_notes(expected);
    assert_non_null(strstr(read_answer(), "hello"));
    close_script();
}

static void
serve_half_closed(void *self, struct exchange *exchange)
{
    script.notes[0] = wakes(&exchange->sink);
    script.notes[1] = exchange->sink.is_gone(exchange->sink.self);
    serve_body(self, exchange);
}

static void
one_socket_for_both_whose_other_half_is_shut_is_not_gone(void **state)
{
    (void)state;
    int pair[2];
    open_script();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    const struct cgi_server server = {
        .serve = serve_half_closed, .drain = &script.drain, .end_fd = script.end_fd};
    assert_int_equal(write(pair[1], "0123456789", 10), 10);
    assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
    assert_int_equal(cgi_answer(&server, ten_bytes, pair[0], pair[0]), 0);
    assert_false(script.notes[0]);
    assert_false(script.notes[1]);
    assert_int_equal(script.body_len, 10);
    close(pair[0]);
    assert_int_equal(read(pair[1], script.answer, sizeof(script.answer)), 23);
    close(pair[1]);
    close_script();
}

static void
serve_large(void *self, struct exchange *exchange)
{
    (void)self;
    static char block[30000];
    memset(block, 'x', sizeof(block));
    send_answer(exchange, "");
    script.notes[0] = exchange->sink.bytes(exchange->sink.self, span_of(block, sizeof(block)));
    script.notes[1] = exchange->sink.bytes(exchange->sink.self, span_from("end"));
}

static void
a_large_answer_and_its_unflushed_end_arrive(void **state)
{
    (void)state;
    open_script(); /* a pipe holds 64 KiB */
    send_body("0123456789");
    assert_int_equal(run_script(serve_large, ten_bytes), 0);
    const char *answer = read_answer();
    assert_int_equal(strlen(answer), strlen("Status: 200 OK\r\n\r\n") + 30000 + 3);
    assert_string_equal(answer + strlen(answer) - 4, "xend");
    close_script();
}

static void
output_to_a_plain_file_is_never_gone(void **state)
{
    (void)state;
    open_script();
    send_body("0123456789");
    const struct cgi_server server = {
        .serve = serve_half_closed, .drain = &script.drain, .end_fd = script.end_fd};
    int fd = memfd_create("answer", MFD_CLOEXEC);
    assert_int_equal(cgi_answer(&server, ten_bytes, script.in_fd, fd), 0);
    assert_false(script.notes[1]);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 23);
    close(fd);
    close_script();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lighttpd_gets_an_answer_without_a_length_in_chunks),
        cmocka_unit_test(a_body_is_read_up_to_its_length_though_the_input_stays_open),
        cmocka_unit_test(a_body_shorter_than_its_length_ends_where_the_input_ends),
        cmocka_unit_test(a_chunked_body_is_read_to_the_end_of_the_input),
        cmocka_unit_test(without_a_length_there_is_no_body_and_the_input_is_left_alone),
        cmocka_unit_test(an_unread_body_is_read_away_before_the_answer_goes_out),
        cmocka_unit_test(an_aborted_answer_ends_the_process_with_a_failure),
        cmocka_unit_test(a_web_server_that_closed_the_output_is_noticed_while_waiting),
        cmocka_unit_test(after_a_signal_to_end_a_last_word_leaves_but_nothing_waits_for_room),
        cmocka_unit_test(one_socket_for_both_whose_other_half_is_shut_is_not_gone),
        cmocka_unit_test(a_large_answer_and_its_unflushed_end_arrive),
        cmocka_unit_test(output_to_a_plain_file_is_never_gone),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* the program blocks it */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
