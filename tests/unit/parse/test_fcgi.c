/* test_fcgi.c - what parse/fcgi.c says of a connection's bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fastcgi.h>

#include "feed.h"
#include "parse/fcgi.h"

static struct buf stream, pairs;

static int
begin_test(void **state)
{
    (void)state;
    buf_init(&stream, FEED_MAX_BYTES);
    buf_init(&pairs, FEED_MAX_BYTES);
    return 0;
}

static int
end_test(void **state)
{
    (void)state;
    buf_fini(&stream);
    buf_fini(&pairs);
    return 0;
}

/* A request of two parameters and a body, whole. */
static void
put_request(unsigned id, unsigned flags, const char *body)
{
    buf_clear(&pairs);
    feed_put_pair(&pairs, span_from("REQUEST_METHOD"), span_from("POST"));
    feed_put_pair(&pairs, span_from("HTTP_X"), span_from(""));
    feed_put_begin(&stream, id, FCGI_RESPONDER, flags);
    feed_put_record(&stream, FCGI_PARAMS, id, buf_span(&pairs), 3);
    feed_put_text(&stream, FCGI_PARAMS, id, "");
    if (*body)
        feed_put_record(&stream, FCGI_STDIN, id, span_from(body), 5);
    feed_put_text(&stream, FCGI_STDIN, id, "");
}

static void
assert_told(const char *wanted)
{
    struct buf told;
    buf_init(&told, FEED_MAX_BYTES);
    feed_tell(buf_span(&stream), &told);
    assert_string_equal(buf_text(&told), wanted);
    buf_fini(&told);
}

static void
a_request_is_told_in_the_order_in_which_it_comes(void **state)
{
    (void)state;
    put_request(1, 0, "abc");
    assert_told("request 1; REQUEST_METHOD=POST; HTTP_X=; body abc; end");
}

static void
parameters_and_body_may_come_in_any_records(void **state)
{
    (void)state;
    feed_put_pair(&pairs, span_from("NAME"), span_from("value"));
    feed_put_begin(&stream, 300, FCGI_RESPONDER, 0);
    for (size_t i = 0; i < pairs.len; i++)
        feed_put_record(&stream, FCGI_PARAMS, 300, span_of(pairs.ptr + i, 1), (unsigned)i);
    feed_put_text(&stream, FCGI_PARAMS, 300, "");
    feed_put_text(&stream, FCGI_STDIN, 300, "a");
    feed_put_record(&stream, FCGI_STDIN, 300, span_from("bc"), 255);
    feed_put_record(&stream, FCGI_STDIN, 300, span_of(NULL, 0), 255);
    assert_told("request 300; NAME=value; body abc; end");
}

static void
no_parameters_are_a_request_too(void **state)
{
    (void)state;
    feed_put_begin(&stream, 1, FCGI_RESPONDER, 0);
    feed_put_text(&stream, FCGI_PARAMS, 1, "");
    assert_told("request 1");
}

static void
several_requests_in_one_piece_are_told_one_after_another(void **state)
{
    (void)state;
    put_request(1, FCGI_KEEP_CONN, "abc");
    put_request(1, FCGI_KEEP_CONN, "");
    put_request(2, 0, "d");
    assert_told("request 1; REQUEST_METHOD=POST; HTTP_X=; body abc; end; next; "
                "request 1; REQUEST_METHOD=POST; HTTP_X=; end; next; "
                "request 2; REQUEST_METHOD=POST; HTTP_X=; body d; end");
}

static void
the_next_request_waits_until_the_first_is_finished(void **state)
{
    (void)state;
    struct fcgi fcgi;
    struct fcgi_event event;
    put_request(1, FCGI_KEEP_CONN, "");
    size_t first = stream.len, at = 0;
    put_request(2, FCGI_KEEP_CONN, "");
    fcgi_init(&fcgi, 1);
    do
        at += fcgi_feed(&fcgi, span_of(stream.ptr + at, stream.len - at), &event);
    while (event.kind != FCGI_EVENT_NEXT);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fcgi_feed(&fcgi, span_of(stream.ptr + at, stream.len - at), &event), 0);
        assert_int_equal(event.kind, FCGI_EVENT_NEXT);
    }
    assert_true(at >= first);
    assert_false(fcgi_is_idle(&fcgi));
    fcgi_finish(&fcgi);
    assert_false(fcgi_is_idle(&fcgi)); /* it has begun */
    at += fcgi_feed(&fcgi, span_of(stream.ptr + at, stream.len - at), &event);
    assert_int_equal(event.kind, FCGI_EVENT_REQUEST);
    assert_int_equal(fcgi.request_id, 2);
    fcgi_fini(&fcgi);
}

static void
the_rest_of_a_request_that_is_answered_early_is_skipped(void **state)
{
    (void)state;
    static const char body[] = "the body that nobody wants";
    struct fcgi fcgi;
    struct fcgi_event event;
    size_t at = 0;
    put_request(1, FCGI_KEEP_CONN, body);
    put_request(1, FCGI_KEEP_CONN, "");
    for (int requests = 1; requests <= 2; requests++) {
        fcgi_init(&fcgi, 1);
        do
            at += fcgi_feed(&fcgi, span_of(stream.ptr + at, stream.len - at), &event);
        while (event.kind != FCGI_EVENT_REQUEST);
        fcgi_finish(&fcgi);
        assert_true(fcgi_is_idle(&fcgi));
        do {
            at += fcgi_feed(&fcgi, span_of(stream.ptr + at, stream.len - at), &event);
            assert_true(event.kind == FCGI_EVENT_NONE || event.kind == FCGI_EVENT_REQUEST);
        } while (event.kind == FCGI_EVENT_NONE && at < stream.len);
        fcgi_fini(&fcgi);
        at = 0;
    }
}

static void
a_second_request_amid_the_first_is_refused_and_harms_it_not(void **state)
{
    (void)state;
    feed_put_begin(&stream, 1, FCGI_RESPONDER, 0);
    feed_put_begin(&stream, 2, FCGI_RESPONDER, 0);
    feed_put_text(&stream, FCGI_PARAMS, 2, "\1\1Ab");
    feed_put_text(&stream, FCGI_PARAMS, 1, "\1\1Xy");
    feed_put_text(&stream, FCGI_PARAMS, 2, "");
    feed_put_text(&stream, FCGI_PARAMS, 1, "");
    feed_put_text(&stream, FCGI_STDIN, 2, "other");
    feed_put_text(&stream, FCGI_STDIN, 1, "own");
    feed_put_text(&stream, FCGI_STDIN, 1, "");
    assert_told("reply 3 2:,0,0,0,0,1,0,0,0; request 1; X=y; body own; end");
}

static void
other_roles_are_refused_by_name(void **state)
{
    (void)state;
    feed_put_begin(&stream, 1, FCGI_AUTHORIZER, FCGI_KEEP_CONN);
    feed_put_text(&stream, FCGI_PARAMS, 1, "\1\1Ab");
    feed_put_begin(&stream, 2, 256 + FCGI_RESPONDER, FCGI_KEEP_CONN);
    put_request(3, 0, "");
    assert_told("reply 3 1:,0,0,0,0,3,0,0,0; reply 3 2:,0,0,0,0,3,0,0,0; "
                "request 3; REQUEST_METHOD=POST; HTTP_X=; end");
    buf_clear(&stream);
    feed_put_begin(&stream, 1, FCGI_FILTER, 0);
    feed_put_text(&stream, FCGI_PARAMS, 1, "\1\1Ab");
    assert_told("reply 3 1:,0,0,0,0,3,0,0,0; broken role");
}

static void
an_abort_ends_a_request_at_any_time(void **state)
{
    (void)state;
    feed_put_begin(&stream, 1, FCGI_RESPONDER, FCGI_KEEP_CONN);
    feed_put_text(&stream, FCGI_PARAMS, 1, "\1\1X");
    feed_put_text(&stream, FCGI_ABORT_REQUEST, 1, "");
    feed_put_begin(&stream, 2, FCGI_RESPONDER, FCGI_KEEP_CONN);
    feed_put_text(&stream, FCGI_PARAMS, 2, "");
    feed_put_text(&stream, FCGI_ABORT_REQUEST, 7, ""); /* somebody else's */
    feed_put_text(&stream, FCGI_STDIN, 2, "a");
    feed_put_text(&stream, FCGI_ABORT_REQUEST, 2, "");
    put_request(3, FCGI_KEEP_CONN, "");
    feed_put_text(&stream, FCGI_ABORT_REQUEST, 3, "");
    assert_told("reply 3 1:,0,0,0,0,0,0,0,0; request 2; body a; abort; "
                "request 3; REQUEST_METHOD=POST; HTTP_X=; end; abort");
    buf_clear(&stream);
    feed_put_begin(&stream, 1, FCGI_RESPONDER, 0);
    feed_put_text(&stream, FCGI_ABORT_REQUEST, 1, "");
    feed_put_begin(&stream, 1, FCGI_RESPONDER, 0);
    assert_told("reply 3 1:,0,0,0,0,0,0,0,0; broken aborted");
}

static void
values_are_answered_that_were_asked_for(void **state)
{
    (void)state;
    feed_put_pair(&pairs, span_from(FCGI_MPXS_CONNS), span_from(""));
    feed_put_pair(&pairs, span_from(FCGI_MAX_CONNS), span_from("ignored"));
    feed_put_pair(&pairs, span_from("FCGI_MAX"), span_from(""));
    feed_put_record(&stream, FCGI_GET_VALUES, 0, buf_span(&pairs), 4);
    feed_put_text(&stream, FCGI_GET_VALUES, 0, "");
    put_request(1, 0, "");
    assert_told("reply 10 0:,14,3FCGI_MAX_CONNS256,15,1FCGI_MPXS_CONNS0; reply 10 0:; "
                "request 1; REQUEST_METHOD=POST; HTTP_X=; end");
}

static void
however_many_values_are_asked_for_the_answer_is_short(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        feed_put_pair(&pairs, span_from(FCGI_MAX_CONNS), span_from(""));
        feed_put_pair(&pairs, span_from(FCGI_MAX_REQS), span_from(""));
        feed_put_pair(&pairs, span_from(FCGI_MPXS_CONNS), span_from(""));
    }
    feed_put_record(&stream, FCGI_GET_VALUES, 0, buf_span(&pairs), 0);
    assert_told("reply 10 0:,14,3FCGI_MAX_CONNS256,13,3FCGI_MAX_REQS256,15,1FCGI_MPXS_CONNS0");
    for (int i = 0; i < 3000; i++)
        feed_put_pair(&pairs, span_from(FCGI_MAX_REQS), span_from(""));
    buf_clear(&stream);
    feed_put_record(&stream, FCGI_GET_VALUES, 0, span_of(pairs.ptr, 45000), 0);
    feed_put_text(&stream, FCGI_GET_VALUES, 0, "\xff\xff\xff\xfe\xff\xff\xff\xfe");
    assert_told("reply 10 0:; reply 10 0:"); /* beyond the maximum, and cut amid a pair */
}

static void
unknown_management_records_are_told_to_be_unknown(void **state)
{
    (void)state;
    feed_put_text(&stream, 99, 0, "something");
    feed_put_text(&stream, FCGI_STDIN, 0, "");
    put_request(1, 0, "");
    assert_told("reply 11 0:c,0,0,0,0,0,0,0; reply 11 0:,5,0,0,0,0,0,0,0; "
                "request 1; REQUEST_METHOD=POST; HTTP_X=; end");
}

static void
records_of_others_are_skipped(void **state)
{
    (void)state;
    feed_put_text(&stream, FCGI_PARAMS, 5, "\xff\xff\xff\xff");
    feed_put_text(&stream, FCGI_ABORT_REQUEST, 5, "");
    feed_put_text(&stream, 77, 5, "x");
    put_request(1, 0, "");
    assert_told("request 1; REQUEST_METHOD=POST; HTTP_X=; end");
}

static void
what_is_out_of_order_breaks_the_connection(void **state)
{
    (void)state;
    static const struct {
        unsigned type;
        bool has_params;
    } cases[] = {{FCGI_STDIN, false},  {FCGI_PARAMS, true}, {FCGI_DATA, true},
                 {FCGI_STDOUT, false}, {FCGI_DATA, false},  {99, true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_clear(&stream);
        feed_put_begin(&stream, 1, FCGI_RESPONDER, 0);
        if (cases[i].has_params)
            feed_put_text(&stream, FCGI_PARAMS, 1, "");
        feed_put_text(&stream, cases[i].type, 1, "x");
        put_request(1, 0, "");
        assert_told(cases[i].has_params ? "request 1; broken order" : "broken order");
    }
}

static void
what_is_no_record_breaks_the_connection(void **state)
{
    (void)state;
    buf_puts(&stream, "GET / HTTP/1.0\r\n\r\n");
    assert_told("broken version");
    buf_clear(&stream);
    feed_put_begin(&stream, 0, FCGI_RESPONDER, 0);
    assert_told("broken begin");
    buf_clear(&stream);
    feed_put_text(&stream, FCGI_BEGIN_REQUEST, 1, "short");
    assert_told("broken begin");
    buf_clear(&stream);
    feed_put_begin(&stream, 1, FCGI_RESPONDER, 0);
    feed_put_begin(&stream, 1, FCGI_RESPONDER, 0);
    assert_told("broken begun_twice");
}

static void
parameters_beyond_the_limit_are_told_at_once_and_end_it(void **state)
{
    (void)state;
    feed_put_begin(&stream, 1, FCGI_RESPONDER, FCGI_KEEP_CONN);
    feed_put_text(&stream, FCGI_PARAMS, 1, "\xff\xff\xff\xfe\xff\xff\xff\xfe");
    assert_told("request 1 params_too_large; broken params_too_large");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_told_in_the_order_in_which_it_comes),
        TEST(parameters_and_body_may_come_in_any_records),
        TEST(no_parameters_are_a_request_too),
        TEST(several_requests_in_one_piece_are_told_one_after_another),
        TEST(the_next_request_waits_until_the_first_is_finished),
        TEST(the_rest_of_a_request_that_is_answered_early_is_skipped),
        TEST(a_second_request_amid_the_first_is_refused_and_harms_it_not),
        TEST(other_roles_are_refused_by_name),
        TEST(an_abort_ends_a_request_at_any_time),
        TEST(values_are_answered_that_were_asked_for),
        TEST(however_many_values_are_asked_for_the_answer_is_short),
        TEST(unknown_management_records_are_told_to_be_unknown),
        TEST(records_of_others_are_skipped),
        TEST(what_is_out_of_order_breaks_the_connection),
        TEST(what_is_no_record_breaks_the_connection),
        TEST(parameters_beyond_the_limit_are_told_at_once_and_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
