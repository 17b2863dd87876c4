/* Several requests on one connection, what a web server may say between them, and peers that are
 * slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "talk.h"

#define PATIENCE_MS 20000 /* only a failing test waits that long */

static const struct span nothing = {NULL, 0};

/* Answers with the method and the body. */
static void
serve_echo(void *self, struct exchange *exchange)
{
    (void)self;
    char text[200];
    size_t len = strlen(exchange->params[0]);
    int64_t got;
    memcpy(text, exchange->params[0], len);
    while ((got = exchange->source.read(exchange->source.self, text + len, 100)) > 0)
        len += (size_t)got;
    text[len] = '\0';
    talk.served++;
    talk_answer(exchange, text);
}

static void
assert_answer(const char *body)
{
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    assert_int_equal(talk.reply.protocol_status, 0);
    const char *found = strstr(buf_text(&talk.reply.out), "\r\n\r\n");
    assert_non_null(found);
    assert_string_equal(found + 4, body);
    buf_clear(&talk.reply.out);
}

static void
a_connection_that_is_to_be_kept_serves_one_request_after_another(void **state)
{
    (void)state;
    static const char *const methods[] = {"GET", "PUT", "GET", "POST"};
    talk_open(serve_echo, false);
    for (size_t i = 0; i < 4; i++) {
        char wanted[40];
        (void)snprintf(wanted, sizeof(wanted), "REQUEST_METHOD=%s", methods[i]);
        talk_ask_again(methods[i], i < 3);
        assert_answer(wanted);
    }
    assert_int_equal(talk_rest(), 0); /* the last one was not to be kept */
    talk_end();
    assert_int_equal(talk.served, 4);
    assert_int_equal(talk.rested, 3);
    talk_free();
}

static void
without_the_wish_to_be_kept_a_connection_ends_with_its_answer(void **state)
{
    (void)state;
    talk_open(serve_echo, false);
    talk_ask_again("GET", false);
    assert_answer("REQUEST_METHOD=GET");
    assert_int_equal(talk_rest(), 0);
    talk_end();
    assert_int_equal(talk.rested, 0);
    talk_free();
}

static void
put(struct buf *out, unsigned type, const char *content, size_t len)
{
    const unsigned char head[] = {1, (unsigned char)type, 0, 1, 0, (unsigned char)len, 0, 0};
    assert_int_equal(buf_append(out, head, sizeof(head)) || buf_append(out, content, len), 0);
}

static void
put_request(struct buf *out, char method, const char *body, bool keeps_conn)
{
    char begin[8] = {0, 1, keeps_conn};
    char pair[] = "\16\1REQUEST_METHOD?";
    pair[sizeof(pair) - 2] = method;
    put(out, 1, begin, sizeof(begin));
    put(out, 4, pair, sizeof(pair) - 1);
    put(out, 4, "", 0);
    if (*body)
        put(out, 5, body, strlen(body));
    put(out, 5, "", 0);
}

static void
of_several_requests_in_one_write_none_is_lost(void **state)
{
    (void)state;
    struct buf all;
    buf_init(&all, 10000);
    talk_open(serve_echo, false);
    put_request(&all, 'A', "1", true);
    put_request(&all, 'B', "", true);
    put_request(&all, 'C', "333", true);
    put_request(&all, 'D', "4", false);
    assert_int_equal(send(talk.client_fd, all.ptr, all.len, 0), all.len);
    assert_answer("REQUEST_METHOD=A1");
    assert_answer("REQUEST_METHOD=B");
    assert_answer("REQUEST_METHOD=C333");
    assert_answer("REQUEST_METHOD=D4");
    assert_int_equal(talk_rest(), 0);
    talk_end();
    assert_int_equal(talk.rested, 0);
    buf_fini(&all);
    talk_free();
}

static void
serve_and_stand(void *self, struct exchange *exchange)
{
    (void)self;
    const struct sink *sink = &exchange->sink;
    talk.served++;
    for (int i = 0; i < 2; i++) {
        talk_stand_still();
        (void)poll(sink->waits, SINK_WAITS, 0);
        talk.notes[2 * i] = sink->is_gone(sink->self);
        talk.notes[2 * i + 1] = poll(sink->waits, SINK_WAITS, 0) > 0;
    }
    talk_answer(exchange, "done");
}

static void
the_next_request_is_no_hang_up_and_wakes_nobody_twice(void **state)
{
    (void)state;
    talk_open(serve_and_stand, false);
    talk_ask_again("GET", true);
    talk_await(&talk.reached);
    sem_post(&talk.go_on); /* 1: nothing has come */
    talk_await(&talk.reached);
    talk_ask_again("GET", true);
    sem_post(&talk.go_on); /* 2: another request has */
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    talk_await(&talk.reached); /* and is served next */
    sem_post(&talk.go_on);
    talk_await(&talk.reached);
    sem_post(&talk.go_on);
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    talk_end();
    assert_int_equal(talk.served, 2);
    for (int i = 0; i < 4; i++)
        assert_int_equal(talk.notes[i], 0);
    talk_free();
}

static void
serve_early(void *self, struct exchange *exchange)
{
    (void)self;
    talk.served++;
    talk_answer(exchange, "early");
}

static void
a_body_that_nobody_read_is_not_taken_for_the_next_request(void **state)
{
    (void)state;
    talk_open(serve_early, false);
    fcgirecord_begin(talk.client_fd, 1, 1);
    fcgirecord_send(talk.client_fd, FCGIRECORD_PARAMS, span_from("\16\3REQUEST_METHODPUT"));
    fcgirecord_send(talk.client_fd, FCGIRECORD_PARAMS, nothing);
    assert_int_equal(
        fcgirecord_send(talk.client_fd, FCGIRECORD_STDIN, span_of(talk_big, sizeof(talk_big))), 0);
    fcgirecord_send(talk.client_fd, FCGIRECORD_STDIN, nothing);
    assert_answer("early");
    talk_ask_again("GET", false);
    assert_answer("early");
    talk_end();
    assert_int_equal(talk.served, 2);
    talk_free();
}

static void
a_connection_that_is_given_up_ends_between_two_answers(void **state)
{
    (void)state;
    talk_open(serve_echo, false);
    talk.keeps = false;
    talk_ask_again("GET", true);
    assert_answer("REQUEST_METHOD=GET");
    assert_int_equal(talk_rest(), 0);
    talk_end();
    assert_int_equal(talk.rested, 1);
    talk_free();
}

static void
when_the_process_ends_no_connection_is_kept(void **state)
{
    (void)state;
    talk_open(serve_echo, false);
    drain_begin(&talk.drain, 77);
    talk_ask_again("GET", true);
    assert_answer("REQUEST_METHOD=GET");
    assert_int_equal(talk_rest(), 0);
    talk_end();
    assert_int_equal(talk.rested, 0);
    talk_free();
}

/* --- what else a web server may say --------------------------------------- */

static void
a_web_server_that_asks_is_told_what_there_is(void **state)
{
    (void)state;
    static const char asked[] =
        "\1\x9\0\0\0\x33\0\0\16\0FCGI_MAX_CONNS\15\0FCGI_MAX_REQS\17\0FCGI_MPXS_"
        "CONNS\1\0X";
    static const char told[] =
        "\1\xa\0\0\0\x33\0\0\16\1FCGI_MAX_CONNS7\15\1FCGI_MAX_REQS7\17\1FCGI_MPXS_"
        "CONNS0";
    char got[sizeof(told) - 1];
    talk_open(serve_echo, false);
    assert_int_equal(send(talk.client_fd, asked, sizeof(asked) - 1, 0), sizeof(asked) - 1);
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    setsockopt(talk.client_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(recv(talk.client_fd, got, sizeof(got), MSG_WAITALL), sizeof(got));
    assert_memory_equal(got, told, sizeof(got));
    talk_ask_again("GET", false);
    assert_answer("REQUEST_METHOD=GET");
    talk_end();
    talk_free();
}

static void
serve_until_gone(void *self, struct exchange *exchange)
{
    (void)self;
    const struct sink *sink = &exchange->sink;
    talk.served++;
    if (talk.served > 1) {
        talk_answer(exchange, "next");
        return;
    }
    sem_post(&talk.reached);
    while (!sink->is_gone(sink->self))
        (void)poll(sink->waits, SINK_WAITS, PATIENCE_MS);
    talk.notes[0] = 1;
}

static void
an_abort_ends_a_request_and_not_its_connection(void **state)
{
    (void)state;
    talk_open(serve_until_gone, false);
    talk_ask_again("GET", true);
    talk_await(&talk.reached);
    fcgirecord_send(talk.client_fd, FCGIRECORD_ABORT, nothing);
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    talk_ask_again("GET", false);
    assert_answer("next");
    talk_end();
    assert_int_equal(talk.served, 2);
    talk_free();
}

static void
an_abort_amid_the_body_ends_it(void **state)
{
    (void)state;
    talk_open(serve_echo, false);
    talk_begin();
    fcgirecord_send(talk.client_fd, FCGIRECORD_STDIN, span_from("abc"));
    fcgirecord_send(talk.client_fd, FCGIRECORD_ABORT, nothing);
    assert_int_equal(talk_read(), FCGIRECORD_ENDED);
    talk_end();
    talk_free();
}

static bool
lets_nobody_in(void *self, int fd, int64_t *uid)
{
    (void)self;
    (void)fd;
    *uid = 4711;
    return false;
}

static void
who_may_not_connect_is_closed_without_a_word(void **state)
{
    (void)state;
    talk_open_for(serve_echo, lets_nobody_in);
    assert_int_equal(talk_rest(), 0);
    talk_end();
    assert_int_equal(talk.served, 0);
    talk_free();
}

/* --- slow peers ----------------------------------------------------------- */

/* With the times of overload, a second, in place of half a minute. */
static void
a_request_that_comes_byte_by_byte_has_no_longer_than_another(void **state)
{
    (void)state;
    struct pollfd waiting;
    uint64_t end_ms = clock_boot_ms() + PATIENCE_MS;
    talk_open(serve_echo, true);
    fcgirecord_begin(talk.client_fd, 1, 0);
    send(talk.client_fd, "\1\4\0\1\xff\xff\0\0\xff", 8, 0);
    waiting = (struct pollfd){.fd = talk.client_fd, .events = POLLIN};
    /* a byte every 50 ms never lets a wait for the next one run out */
    while (poll(&waiting, 1, 50) == 0 && clock_boot_ms() < end_ms)
        send(talk.client_fd, "\1", 1, MSG_NOSIGNAL);
    assert_true(clock_boot_ms() < end_ms);
    talk_end();
    assert_int_equal(talk.served, 0);
    talk_free();
}

static void
a_body_without_a_byte_is_waited_for_no_longer_because_of_other_records(void **state)
{
    (void)state;
    static const char others[] = "\1\5\0\11\0\1\0\0x"; /* of request 9 */
    uint64_t end_ms = clock_boot_ms() + PATIENCE_MS;
    talk_open(serve_echo, true);
    talk_begin();
    struct pollfd waiting = {.fd = talk.client_fd, .events = POLLIN};
    while (poll(&waiting, 1, 50) == 0 && clock_boot_ms() < end_ms)
        send(talk.client_fd, others, sizeof(others) - 1, MSG_NOSIGNAL);
    assert_true(clock_boot_ms() < end_ms);
    assert_answer("REQUEST_METHOD=POST");
    talk_end();
    talk_free();
}

static void
half_a_head_is_not_waited_for_for_ever(void **state)
{
    (void)state;
    talk_open(serve_echo, true);
    send(talk.client_fd, "\1\1\0", 3, 0);
    assert_int_equal(talk_rest(), 0);
    talk_end();
    talk_free();
}

static void
serve_big(void *self, struct exchange *exchange)
{
    (void)self;
    const struct wire_headers headers = {NULL, 0};
    const struct sink *sink = &exchange->sink;
    sink->head(sink->self, 200, &headers);
    talk.notes[0] = sink->bytes(sink->self, span_of(talk_big, sizeof(talk_big)));
    talk.notes[1] = sink->is_gone(sink->self);
}

static void
a_peer_that_never_reads_is_given_up(void **state)
{
    (void)state;
    talk_open(serve_big, true);
    fcgirecord_request(talk.client_fd, talk_params, nothing);
    pthread_join(talk.thread, NULL); /* without a byte having been read */
    assert_int_equal(talk.notes[0], -1);
    assert_true(talk.notes[1]);
    talk_hang_up();
    talk_free();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_that_is_to_be_kept_serves_one_request_after_another),
        cmocka_unit_test(without_the_wish_to_be_kept_a_connection_ends_with_its_answer),
        cmocka_unit_test(of_several_requests_in_one_write_none_is_lost),
        cmocka_unit_test(the_next_request_is_no_hang_up_and_wakes_nobody_twice),
        cmocka_unit_test(a_body_that_nobody_read_is_not_taken_for_the_next_request),
        cmocka_unit_test(a_connection_that_is_given_up_ends_between_two_answers),
        cmocka_unit_test(when_the_process_ends_no_connection_is_kept),
        cmocka_unit_test(a_web_server_that_asks_is_told_what_there_is),
        cmocka_unit_test(an_abort_ends_a_request_and_not_its_connection),
        cmocka_unit_test(an_abort_amid_the_body_ends_it),
        cmocka_unit_test(who_may_not_connect_is_closed_without_a_word),
        cmocka_unit_test(a_request_that_comes_byte_by_byte_has_no_longer_than_another),
        cmocka_unit_test(a_body_without_a_byte_is_waited_for_no_longer_because_of_other_records),
        cmocka_unit_test(half_a_head_is_not_waited_for_for_ever),
        cmocka_unit_test(a_peer_that_never_reads_is_given_up),
    };
    return cmocka_run_group_tests(tests, talk_prepare, NULL);
}
