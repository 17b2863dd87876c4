/* What a web server sends over FastCGI, and what is no request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "edge/signals.h"
#include "talk.h"

static const struct span nothing = {NULL, 0};

static int64_t
read_all(struct exchange *exchange)
{
    char block[1000];
    int64_t got;
    while ((got = exchange->source.read(exchange->source.self, block, sizeof(block))) > 0)
        assert_int_equal(buf_append(&talk.seen, block, (size_t)got), 0);
    return got;
}

static void
serve_nothing(void *self, struct exchange *exchange)
{
    (void)self;
    talk.served++;
    talk_answer(exchange, "hello");
}

/* --- what comes ----------------------------------------------------------- */

static void
serve_echo(void *self, struct exchange *exchange)
{
    (void)self;
    talk.served++;
    for (const char *const *param = exchange->params; *param; param++) {
        buf_puts(&talk.seen, *param);
        buf_puts(&talk.seen, "\n");
    }
    talk.notes[0] = (int)read_all(exchange);
    talk.notes[1] = (int)exchange->source.read(exchange->source.self, talk_big, 1);
    talk_answer(exchange, "hello");
}

static void
a_request_arrives_with_its_parameters_and_body_and_is_answered(void **state)
{
    (void)state;
    talk_open(serve_echo, false);
    assert_int_equal(fcgirecord_request(talk.client_fd, talk_params, span_from("abc")), 0);
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    talk_end();
    assert_int_equal(talk.reply.app_status, 0);
    assert_string_equal(buf_text(&talk.reply.out),
                        "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nhello");
    assert_string_equal(buf_text(&talk.seen),
                        "REQUEST_METHOD=POST\nREQUEST_URI=/v1/models\nHTTP_X_EMPTY=\nabc");
    assert_int_equal(talk.notes[0], 0);
    assert_int_equal(talk.notes[1], 0); /* the end stays the end */
    talk_free();
}

static void
serve_body(void *self, struct exchange *exchange)
{
    (void)self;
    talk.served++;
    talk_stand_still();
    talk.notes[0] = (int)read_all(exchange);
    talk_answer(exchange, "hello");
}

static void
a_large_body_and_a_large_parameter_arrive_whole(void **state)
{
    (void)state;
    struct buf pairs;
    talk_open(serve_body, false);
    buf_init(&pairs, TALK_BIG_BYTES * 2);
    fcgirecord_put_pair(&pairs, span_from("REQUEST_METHOD"), span_from("POST"));
    fcgirecord_put_pair(&pairs, span_from("HTTP_X"), span_of(talk_big, 1000000));
    fcgirecord_begin(talk.client_fd, 1, 0);
    fcgirecord_send(talk.client_fd, FCGIRECORD_PARAMS, buf_span(&pairs));
    fcgirecord_send(talk.client_fd, FCGIRECORD_PARAMS, nothing);
    talk_await(&talk.reached);
    sem_post(&talk.go_on);
    fcgirecord_send(talk.client_fd, FCGIRECORD_STDIN, span_of(talk_big, sizeof(talk_big)));
    fcgirecord_send(talk.client_fd, FCGIRECORD_STDIN, nothing);
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    talk_end();
    assert_int_equal(talk.notes[0], 0);
    assert_int_equal(talk.seen.len, TALK_BIG_BYTES);
    assert_memory_equal(talk.seen.ptr, talk_big, TALK_BIG_BYTES);
    buf_fini(&pairs);
    talk_free();
}

static void
serve_first_bytes(void *self, struct exchange *exchange)
{
    (void)self;
    char block[1000];
    talk.notes[0] = (int)exchange->source.read(exchange->source.self, block, sizeof(block));
    talk_answer(exchange, "hello");
}

static void
a_part_of_the_body_is_handed_on_before_the_next_one_came(void **state)
{
    (void)state;
    talk_open(serve_first_bytes, false);
    talk_begin();
    fcgirecord_send(talk.client_fd, FCGIRECORD_STDIN, span_from("ab")); /* and no end */
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    talk_end();
    assert_int_equal(talk.notes[0], 2);
    talk_free();
}

static void
a_body_that_breaks_off_is_not_taken_for_a_whole_one(void **state)
{
    (void)state;
    talk_open(serve_body, false);
    talk_begin();
    fcgirecord_send(talk.client_fd, FCGIRECORD_STDIN, span_from("abc"));
    talk_await(&talk.reached);
    shutdown(talk.client_fd, SHUT_WR);
    sem_post(&talk.go_on);
    assert_int_equal(talk_read(), FCGIRECORD_ENDED); /* who still listens is told why */
    talk_end();
    assert_int_equal(talk.notes[0], -1);
    talk_free();
}

static void
on_signal(int number)
{
    (void)number;
}

static void
signals_do_not_cut_a_body_short(void **state)
{
    (void)state;
    sigset_t before;
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART */
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    sigaction(SIGUSR2, &action, NULL);
    signals_block();
    talk_open(serve_body, false);
    fcgirecord_begin(talk.client_fd, 1, 0);
    struct buf pairs;
    buf_init(&pairs, 1000);
    fcgirecord_put_pair(&pairs, span_from("REQUEST_METHOD"), span_from("POST"));
    fcgirecord_send(talk.client_fd, FCGIRECORD_PARAMS, buf_span(&pairs));
    fcgirecord_send(talk.client_fd, FCGIRECORD_PARAMS, nothing);
    talk_await(&talk.reached);
    sem_post(&talk.go_on);
    for (int i = 0; i < 500; i++) {
        pthread_kill(talk.thread, SIGUSR2);
        fcgirecord_send(talk.client_fd, FCGIRECORD_STDIN, span_from("abcd"));
    }
    fcgirecord_send(talk.client_fd, FCGIRECORD_STDIN, nothing);
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    talk_end();
    assert_int_equal(talk.notes[0], 0);
    assert_int_equal(talk.seen.len, 2000);
    buf_fini(&pairs);
    talk_free();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* --- what is no request --------------------------------------------------- */

/* Sends `pairs` up to `len` in a PARAMS record, ends the parameters or not, and hangs up. */
static void
assert_not_served(unsigned role, struct span pairs, bool ends)
{
    talk_open(serve_nothing, false);
    fcgirecord_begin(talk.client_fd, role, 0);
    if (pairs.len > 0)
        fcgirecord_send(talk.client_fd, FCGIRECORD_PARAMS, pairs);
    if (ends)
        fcgirecord_send(talk.client_fd, FCGIRECORD_PARAMS, nothing);
    shutdown(talk.client_fd, SHUT_WR);
    assert_int_equal(talk_read(), FCGIRECORD_CUT);
    talk_end();
    assert_int_equal(talk.served, 0);
    assert_int_equal(talk.reply.out.len, 0);
    talk_free();
}

static void
parameters_cut_anywhere_are_no_request(void **state)
{
    (void)state;
    struct buf pairs;
    buf_init(&pairs, 1000);
    fcgirecord_put_pair(&pairs, span_from("REQUEST_METHOD"), span_from("GET"));
    fcgirecord_put_pair(&pairs, span_from("HTTP_AUTHORIZATION"), span_from("Bearer x"));
    for (size_t len = 0; len <= pairs.len; len++)
        assert_not_served(1, span_of(pairs.ptr, len), false);
    buf_fini(&pairs);
}

static void
a_request_without_a_method_is_none(void **state)
{
    (void)state;
    assert_not_served(1, span_of("\1\1AB", 4), true);
    assert_not_served(1, nothing, true);
}

static void
another_role_is_refused_by_name(void **state)
{
    (void)state;
    static const unsigned roles[] = {0, 2, 3, 9, 257};
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        talk_open(serve_nothing, false);
        fcgirecord_begin(talk.client_fd, roles[i], 0);
        fcgirecord_send(talk.client_fd, FCGIRECORD_PARAMS, nothing);
        assert_int_equal(talk_read(), FCGIRECORD_ENDED);
        assert_int_equal(talk.reply.protocol_status, 3);
        assert_int_equal(talk_rest(), 0);
        talk_end();
        assert_int_equal(talk.served, 0);
        talk_free();
    }
}

/* Keeps why, and that it has no parameters to believe. */
static void
serve_fault(void *self, struct exchange *exchange)
{
    (void)self;
    talk.served++;
    talk.notes[0] = exchange->fault ? (int)exchange->fault->failure : -1;
    talk.notes[1] = exchange->params[0] == NULL;
    talk_answer(exchange, "no");
}

static void
assert_fault(struct span pairs, enum failure failure)
{
    talk_open(serve_fault, false);
    fcgirecord_begin(talk.client_fd, 1, 0);
    fcgirecord_send(talk.client_fd, FCGIRECORD_PARAMS, pairs);
    fcgirecord_send(talk.client_fd, FCGIRECORD_PARAMS, nothing);
    fcgirecord_send(talk.client_fd, FCGIRECORD_STDIN, nothing);
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    assert_non_null(strstr(buf_text(&talk.reply.out), "no"));
    talk_end();
    assert_int_equal(talk.served, 1);
    assert_int_equal(talk.notes[0], failure);
    assert_true(talk.notes[1]);
    talk_free();
}

static void
a_parameter_that_text_cannot_hold_is_refused_and_told(void **state)
{
    (void)state;
    static const struct span names[] = {
        {"", 0},          {"HTTP_X\0REMOTE_USER", 18}, {"A=B", 3}, {"A B", 3}, {"A\r\nB", 4},
        {"A\xc3\xa4", 3},
    };
    struct buf pairs;
    buf_init(&pairs, 1000);
    fcgirecord_put_pair(&pairs, span_from("REQUEST_METHOD"), span_from("GET"));
    size_t good = pairs.len;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        pairs.len = good;
        fcgirecord_put_pair(&pairs, names[i], span_from("root"));
        assert_fault(buf_span(&pairs), FAILURE_INVALID_HEADER);
    }
    pairs.len = good;
    fcgirecord_put_pair(&pairs, span_from("HTTP_X"), span_of("GET\0REMOTE_USER=root", 20));
    assert_fault(buf_span(&pairs), FAILURE_INVALID_HEADER);
    buf_fini(&pairs);
}

static void
lengths_beyond_all_measure_are_refused_before_their_bytes_come(void **state)
{
    (void)state;
    static const char *const lengths[] = {"\xff\xff\xff\xfe\xff\xff\xff\xfe",
                                          "\xff\xff\xff\xff\1xxx", "\1\xff\xff\xff\xffxxx",
                                          "\x80\x20\0\0\1xxx"};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        assert_fault(span_of(lengths[i], 8), FAILURE_HEADERS_TOO_LARGE);
}

static void
more_parameters_than_any_request_has_are_refused(void **state)
{
    (void)state;
    struct buf pairs;
    buf_init(&pairs, 1 << 21);
    for (int i = 0; i < 5000; i++)
        fcgirecord_put_pair(&pairs, span_from("HTTP_X"), span_from("x"));
    assert_fault(buf_span(&pairs), FAILURE_HEADERS_TOO_LARGE);
    buf_clear(&pairs);
    fcgirecord_put_pair(&pairs, span_from("HTTP_X"), span_of(talk_big, 1100000));
    assert_fault(buf_span(&pairs), FAILURE_HEADERS_TOO_LARGE);
    buf_fini(&pairs);
}

static void
who_connects_and_closes_or_talks_nonsense_harms_nobody(void **state)
{
    (void)state;
    static const struct span nonsense[] = {SPAN_LITERAL(""),
                                           SPAN_LITERAL("G"),
                                           SPAN_LITERAL("GET / HTTP/1.0\r\n\r\n"),
                                           SPAN_LITERAL("\1\1\0\1\0\10\0\0\0\1"),
                                           SPAN_LITERAL("\1\4\0\1\0\0\0\0"),
                                           SPAN_LITERAL("\1\1\0\0\0\10\0\0\0\1\0\0\0\0\0\0")};
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        talk_open(serve_nothing, false);
        send(talk.client_fd, nonsense[i].ptr, nonsense[i].len, MSG_NOSIGNAL);
        talk_hang_up();
        talk_end();
        assert_int_equal(talk.served, 0);
        talk_free();
    }
}

static void
a_silent_peer_holds_the_reserved_thread_for_a_second_only(void **state)
{
    (void)state;
    talk_open(serve_nothing, true);
    assert_int_equal(talk_read(), FCGIRECORD_CUT); /* and this end stayed open */
    talk_end();
    assert_int_equal(talk.served, 0);
    talk_free();
}

/* Its records are good ones and are answered, but no request comes of them. */
static void
a_peer_that_talks_without_end_is_left_in_time(void **state)
{
    (void)state;
    static const char unknown[] = {1, 99, 0, 0, 0, 0, 0, 0};
    char reply[64];
    uint64_t end_ms = clock_boot_ms() + 20000; /* the server's time is a second */
    talk_open(serve_body, true);
    while (send(talk.client_fd, unknown, sizeof(unknown), MSG_NOSIGNAL) == sizeof(unknown) &&
           recv(talk.client_fd, reply, sizeof(reply), 0) > 0)
        assert_true(clock_boot_ms() < end_ms);
    talk_end();
    talk_free();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_arrives_with_its_parameters_and_body_and_is_answered),
        cmocka_unit_test(a_large_body_and_a_large_parameter_arrive_whole),
        cmocka_unit_test(a_part_of_the_body_is_handed_on_before_the_next_one_came),
        cmocka_unit_test(a_body_that_breaks_off_is_not_taken_for_a_whole_one),
        cmocka_unit_test(signals_do_not_cut_a_body_short),
        cmocka_unit_test(parameters_cut_anywhere_are_no_request),
        cmocka_unit_test(a_request_without_a_method_is_none),
        cmocka_unit_test(a_peer_that_talks_without_end_is_left_in_time),
        cmocka_unit_test(another_role_is_refused_by_name),
        cmocka_unit_test(a_parameter_that_text_cannot_hold_is_refused_and_told),
        cmocka_unit_test(lengths_beyond_all_measure_are_refused_before_their_bytes_come),
        cmocka_unit_test(more_parameters_than_any_request_has_are_refused),
        cmocka_unit_test(who_connects_and_closes_or_talks_nonsense_harms_nobody),
        cmocka_unit_test(a_silent_peer_holds_the_reserved_thread_for_a_second_only),
    };
    return cmocka_run_group_tests(tests, talk_prepare, NULL);
}
