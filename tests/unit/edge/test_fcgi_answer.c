/* What goes back over FastCGI, how it ends, and who wakes up when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "talk.h"

static const struct span nothing = {NULL, 0};

static bool
wakes(const struct sink *sink)
{
    return poll(sink->waits, SINK_WAITS, 0) > 0;
}

static void
serve_nothing(void *self, struct exchange *exchange)
{
    (void)self;
    talk.served++;
    talk_answer(exchange, "hello");
}

/* --- what goes ------------------------------------------------------------ */

static void
serve_odd_headers(void *self, struct exchange *exchange)
{
    (void)self;
    struct wire_header items[] = {
        {SPAN_LITERAL("X-Good"), SPAN_LITERAL("a\tb \xc3\xa9")},
        {SPAN_LITERAL("X-Split"), SPAN_LITERAL("a\r\nX-Sendfile: /etc/passwd")},
        {SPAN_LITERAL("X-Nul"), SPAN_LITERAL("a\0b")},
        {SPAN_LITERAL("X-Name: x\nY"), SPAN_LITERAL("b")},
        {SPAN_LITERAL(""), SPAN_LITERAL("b")},
        {SPAN_LITERAL("X-Last"), SPAN_LITERAL("")},
    };
    const struct wire_headers headers = {items, sizeof(items) / sizeof(items[0])};
    exchange->sink.head(exchange->sink.self, 429, &headers);
    exchange->sink.flush(exchange->sink.self);
}

static void
a_header_that_would_become_two_is_left_out(void **state)
{
    (void)state;
    talk_open(serve_odd_headers, false);
    fcgirecord_request(talk.client_fd, talk_params, nothing);
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    talk_end();
    assert_string_equal(
        buf_text(&talk.reply.out),
        "Status: 429 Too Many Requests\r\nX-Good: a\tb \xc3\xa9\r\nX-Last: \r\n\r\n");
    talk_free();
}

static void
serve_whole(void *self, struct exchange *exchange)
{
    (void)self;
    const struct wire_headers headers = {NULL, 0};
    const struct sink *sink = &exchange->sink;
    sink->head(sink->self, 200, &headers);
    sink->bytes(sink->self, span_from("hello"));
    talk.notes[0] = sink->end(sink->self);
    talk_stand_still(); /* the client has it all before this function returns */
}

static void
the_end_leaves_with_the_answer_and_once(void **state)
{
    (void)state;
    talk_open(serve_whole, false);
    fcgirecord_request(talk.client_fd, talk_params, nothing);
    talk_await(&talk.reached);
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    sem_post(&talk.go_on);
    assert_int_equal(talk_rest(), 0);
    talk_end();
    assert_int_equal(talk.notes[0], 0);
    assert_string_equal(buf_text(&talk.reply.out), "Status: 200 OK\r\n\r\nhello");
    talk_free();
}

static void
serve_big(void *self, struct exchange *exchange)
{
    (void)self;
    const struct wire_headers headers = {NULL, 0};
    exchange->sink.head(exchange->sink.self, 200, &headers);
    talk.notes[0] = exchange->sink.bytes(exchange->sink.self, span_of(talk_big, sizeof(talk_big)));
    talk.notes[1] = exchange->sink.flush(exchange->sink.self);
}

static void
a_large_answer_goes_out_unchanged(void **state)
{
    (void)state;
    static const char head[] = "Status: 200 OK\r\n\r\n";
    talk_open(serve_big, false);
    fcgirecord_request(talk.client_fd, talk_params, nothing);
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    talk_end();
    assert_int_equal(talk.notes[0], 0);
    assert_int_equal(talk.notes[1], 0);
    assert_int_equal(talk.reply.out.len, sizeof(head) - 1 + TALK_BIG_BYTES);
    assert_memory_equal(talk.reply.out.ptr + sizeof(head) - 1, talk_big, TALK_BIG_BYTES);
    talk_free();
}

static void
serve_to_nobody(void *self, struct exchange *exchange)
{
    (void)self;
    const struct wire_headers headers = {NULL, 0};
    const struct sink *sink = &exchange->sink;
    talk_stand_still();
    for (int i = 0; i < 100 && talk.notes[0] == 0; i++) {
        sink->bytes(sink->self, span_from("data: x\n\n"));
        talk.notes[0] = sink->flush(sink->self);
    }
    talk.notes[1] = sink->flush(sink->self);
    talk.notes[2] = sink->bytes(sink->self, span_from("x"));
    talk.notes[3] = sink->head(sink->self, 200, &headers);
    talk.notes[4] = sink->is_gone(sink->self);
}

static void
a_failed_write_is_told_and_stays_told(void **state)
{
    (void)state;
    talk_open(serve_to_nobody, false);
    fcgirecord_request(talk.client_fd, talk_params, nothing);
    talk_await(&talk.reached);
    talk_hang_up();
    sem_post(&talk.go_on);
    talk_end();
    for (int i = 0; i < 4; i++)
        assert_int_equal(talk.notes[i], -1);
    assert_true(talk.notes[4]);
    talk_free();
}

static void
serve_abort(void *self, struct exchange *exchange)
{
    (void)self;
    talk_answer(exchange, "hel");
    exchange->sink.bytes(exchange->sink.self, span_from("never sent"));
    exchange->sink.abort(exchange->sink.self);
    talk.notes[0] = exchange->sink.flush(exchange->sink.self);
    talk.notes[1] = exchange->sink.is_gone(exchange->sink.self);
    talk_stand_still(); /* the client knows before this function returns */
}

static void
an_aborted_answer_is_cut_at_once_and_never_ended(void **state)
{
    (void)state;
    talk_open(serve_abort, false);
    fcgirecord_request(talk.client_fd, talk_params, nothing);
    talk_await(&talk.reached);
    assert_int_equal(talk_read(), FCGIRECORD_BROKEN); /* the end alone would be none for nginx */
    assert_int_equal(talk_rest(), 0);
    sem_post(&talk.go_on);
    talk_end();
    assert_string_equal(buf_text(&talk.reply.out),
                        "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nhel");
    assert_int_equal(talk.notes[0], -1);
    assert_true(talk.notes[1]);
    talk_free();
}

/* Fills the connection with records of one byte, to its brim. */
static void
serve_abort_when_full(void *self, struct exchange *exchange)
{
    static const char record[] = {1, FCGIRECORD_STDOUT, 0, 1, 0, 1, 0, 0, 'x'};
    (void)self;
    talk_answer(exchange, "hel");
    while (send(talk.server_fd, record, sizeof(record), MSG_DONTWAIT) == sizeof(record))
        ;
    sem_post(&talk.reached);
    exchange->sink.abort(exchange->sink.self);
}

static void
the_break_waits_until_a_slow_client_has_taken_what_went_before(void **state)
{
    (void)state;
    talk_open(serve_abort_when_full, false);
    fcgirecord_request(talk.client_fd, talk_params, nothing);
    talk_await(&talk.reached);
    struct pollfd ends = {.fd = talk.client_fd, .events = POLLRDHUP};
    assert_int_equal(poll(&ends, 1, 100), 0); /* not before there is room for it */
    assert_int_equal(talk_read(), FCGIRECORD_BROKEN);
    talk_end();
    talk_free();
}

static void
serve_abort_under_apache(void *self, struct exchange *exchange)
{
    (void)self;
    talk_answer(exchange, "hel");
    exchange->sink.abort(exchange->sink.self);
    talk.notes[0] = exchange->sink.bytes(exchange->sink.self, span_from("never sent"));
}

static void
under_mod_fcgid_an_aborted_answer_is_ended_short_because_it_would_be_padded(void **state)
{
    (void)state;
    static const char *const fcgid[] = {"REQUEST_METHOD=GET", "SERVER_SOFTWARE=Apache/2.4",
                                        "SCRIPT_FILENAME=/home/u/postern.fcgi", NULL};
    static const char *const proxy[] = {"REQUEST_METHOD=GET", "SERVER_SOFTWARE=Apache/2.4",
                                        "SCRIPT_FILENAME=proxy:fcgi://postern-ai/",
                                        "SERVER_PROTOCOL=HTTP/1.1", NULL};
    talk_open(serve_abort_under_apache, false);
    fcgirecord_request(talk.client_fd, fcgid, nothing);
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    talk_end();
    assert_int_equal(talk.notes[0], -1);
    assert_null(strstr(buf_text(&talk.reply.out), "never"));
    talk_free();

    talk_open(serve_abort_under_apache, false);
    fcgirecord_request(talk.client_fd, proxy, nothing);
    assert_int_equal(talk_read(), FCGIRECORD_BROKEN);
    talk_end();
    talk_free();
}

static void
an_answer_arrives_though_the_body_was_not_read(void **state)
{
    (void)state;
    talk_open(serve_nothing, false);
    /* more than any socket holds: the server must take it away while it closes */
    assert_int_equal(
        fcgirecord_request(talk.client_fd, talk_params, span_of(talk_big, sizeof(talk_big))), 0);
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    talk_end();
    assert_non_null(strstr(buf_text(&talk.reply.out), "hello"));
    talk_free();
}

/* --- waiting
 * -------------------------------------------------------------------------------------- */

static void
serve_watching(void *self, struct exchange *exchange)
{
    (void)self;
    const struct sink *sink = &exchange->sink;
    for (int i = 0; i < 3; i++) {
        talk_stand_still();
        talk.notes[2 * i] = wakes(sink);
        talk.notes[2 * i + 1] = sink->is_gone(sink->self);
    }
    talk.notes[6] = (int)atomic_load(exchange->drain_deadline_ms);
}

static void
only_the_peers_going_wakes_who_waits_and_an_unread_body_does_not(void **state)
{
    (void)state;
    talk_open(serve_watching, false);
    fcgirecord_request(talk.client_fd, talk_params, span_of(talk_big, 20000));
    talk_await(&talk.reached);
    sem_post(&talk.go_on); /* 1: the body lies unread */
    talk_await(&talk.reached);
    shutdown(talk.client_fd, SHUT_WR);
    sem_post(&talk.go_on); /* 2: the peer has shut its half, body still unread */
    talk_await(&talk.reached);
    talk_hang_up();
    sem_post(&talk.go_on); /* 3: and is gone */
    talk_end();
    /* that it lies there may wake once, and says nothing of the peer */
    static const int expected[] = {1, 0, 1, 1, 1, 1};
    for (int i = 0; i < 6; i++)
        assert_int_equal(talk.notes[i], expected[i]);
    talk_free();
}

static void
the_end_of_a_request_that_comes_late_is_no_hang_up(void **state)
{
    (void)state;
    talk_open(serve_watching, false);
    talk_begin();
    talk_await(&talk.reached);
    sem_post(&talk.go_on); /* 1: nothing has come */
    talk_await(&talk.reached);
    fcgirecord_send(talk.client_fd, FCGIRECORD_STDIN, nothing);
    sem_post(&talk.go_on); /* 2: the end of the request has */
    talk_await(&talk.reached);
    talk_hang_up();
    sem_post(&talk.go_on); /* 3: and that of the connection */
    talk_end();
    static const int expected[] = {0, 0, 1, 0, 1, 1};
    for (int i = 0; i < 6; i++)
        assert_int_equal(talk.notes[i], expected[i]);
    talk_free();
}

/* The end of the request may come after the rest, and then it wakes too. */
static void
serve_read_and_watch(void *self, struct exchange *exchange)
{
    char bytes[64];
    while (exchange->source.read(exchange->source.self, bytes, sizeof(bytes)) > 0)
        ;
    serve_watching(self, exchange);
}

static void
the_end_of_the_process_wakes_who_waits_once(void **state)
{
    (void)state;
    talk_open(serve_read_and_watch, false);
    fcgirecord_request(talk.client_fd, talk_params, nothing);
    talk_await(&talk.reached);
    sem_post(&talk.go_on);
    talk_await(&talk.reached);
    drain_begin(&talk.drain, 77);
    sem_post(&talk.go_on);
    talk_await(&talk.reached);
    sem_post(&talk.go_on);
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    talk_end();
    static const int expected[] = {0, 0, 1, 0, 0, 0};
    for (int i = 0; i < 6; i++)
        assert_int_equal(talk.notes[i], expected[i]);
    assert_int_equal(talk.notes[6], 77);
    talk_free();
}

static void
serve_overload(void *self, struct exchange *exchange)
{
    (void)self;
    talk.notes[0] = exchange->is_overload;
    talk_answer(exchange, "busy");
}

static void
an_overload_answer_needs_no_further_descriptor(void **state)
{
    (void)state;
    talk_open(serve_overload, true);
    fcgirecord_request(talk.client_fd, talk_params, span_from("abc"));
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    talk_end();
    assert_true(talk.notes[0]);
    assert_non_null(strstr(buf_text(&talk.reply.out), "busy"));
    talk_free();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_that_would_become_two_is_left_out),
        cmocka_unit_test(the_end_leaves_with_the_answer_and_once),
        cmocka_unit_test(a_large_answer_goes_out_unchanged),
        cmocka_unit_test(a_failed_write_is_told_and_stays_told),
        cmocka_unit_test(an_aborted_answer_is_cut_at_once_and_never_ended),
        cmocka_unit_test(the_break_waits_until_a_slow_client_has_taken_what_went_before),
        cmocka_unit_test(
            under_mod_fcgid_an_aborted_answer_is_ended_short_because_it_would_be_padded),
        cmocka_unit_test(an_answer_arrives_though_the_body_was_not_read),
        cmocka_unit_test(only_the_peers_going_wakes_who_waits_and_an_unread_body_does_not),
        cmocka_unit_test(the_end_of_a_request_that_comes_late_is_no_hang_up),
        cmocka_unit_test(the_end_of_the_process_wakes_who_waits_once),
        cmocka_unit_test(an_overload_answer_needs_no_further_descriptor),
    };
    return cmocka_run_group_tests(tests, talk_prepare, NULL);
}
