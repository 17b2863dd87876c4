/* also: tests/unit/relay/memsink.c */
/* also: tests/unit/relay/scene.c */
/* Heads of answers: what of an upstream's passes, what is ours, and our own errors whole. */
#include "scene.h"

#include <stdio.h>
#include <string.h>

#define HEADER(name, value)                                                                        \
    {                                                                                              \
        SPAN_LITERAL(name), SPAN_LITERAL(value)                                                    \
    }

static struct scene scene;
static struct answer answer;

static int
set_up(void **state)
{
    (void)state;
    scene_init(&scene, 1);
    scene_ask(&scene, "POST", CHAT, CHAT_BODY);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    scene_fini(&scene);
    return 0;
}

/* --- an upstream's headers ------------------------------------------------ */

static void
what_would_steer_the_web_server_never_passes(void **state)
{
    (void)state;
    struct wire_header items[] = {
        HEADER("Content-Type", "application/json"),
        HEADER("OpenAI-Processing-Ms", "12"),
        HEADER("x-ratelimit-remaining-tokens", "7"),
        HEADER("Retry-After", "3"),
        HEADER("Status", "302 Found"),
        HEADER("Location", "https://evil.example/"),
        HEADER("X-Sendfile", "/etc/passwd"),
        HEADER("X-LIGHTTPD-send-file", "/etc/passwd"),
        HEADER("X-Accel-Redirect", "/internal"),
        HEADER("Set-Cookie", "a=b"),
        HEADER("Strict-Transport-Security", "max-age=1"),
        HEADER("Transfer-Encoding", "chunked"),
        HEADER("Content-Length", "5"),
        HEADER("Connection", "close"),
        HEADER("Access-Control-Allow-Origin", "*"),
        HEADER("WWW-Authenticate", "Basic"),
        HEADER("openai-version", "a\r\nSet-Cookie: b=c"),
    };
    const struct wire_headers headers = {items, sizeof(items) / sizeof(items[0])};
    answer_begin(&answer, 200);
    answer_put_upstream(&answer, &headers);
    assert_int_equal(answer_send(&answer, &scene.client.sink, span_from("{}")), 0);
    assert_string_equal(buf_text(&scene.client.head), "X-Content-Type-Options: nosniff\n"
                                                      "Content-Type: application/json\n"
                                                      "OpenAI-Processing-Ms: 12\n"
                                                      "x-ratelimit-remaining-tokens: 7\n"
                                                      "Retry-After: 3\n"
                                                      "Content-Length: 2\n");
    scene_expect_body(&scene, "{}");
}

static void
an_upstreams_headers_never_crowd_ours_out(void **state)
{
    (void)state;
    static struct wire_header items[WIRE_HEADERS_MAX];
    for (size_t i = 0; i < WIRE_HEADERS_MAX; i++)
        items[i] = (struct wire_header)HEADER("x-ratelimit-limit", "1");
    const struct wire_headers headers = {items, WIRE_HEADERS_MAX};
    answer_begin(&answer, 200);
    answer_put_upstream(&answer, &headers);
    answer_put_retry_after(&answer, 1);
    call_put_facts(&scene.call, &answer, "eu");
    assert_int_equal(answer_send(&answer, &scene.client.sink, span_from("{}")), 0);
    assert_string_equal(memsink_header(&scene.client, "X-Postern-Upstream"), "eu");
    assert_string_equal(memsink_header(&scene.client, "Retry-After"), "1");
    assert_string_equal(memsink_header(&scene.client, "Content-Length"), "2");
    for (size_t i = 0; i < 2 * ANSWER_HEADERS_MAX; i++)
        answer_put(&answer, "X-More", span_from("1"));
    assert_true(answer.count <= ANSWER_HEADERS_MAX);
}

static void
a_header_that_echoes_a_key_does_not_pass(void **state)
{
    (void)state;
    struct wire_header items[] = {
        HEADER("x-ms-request-id", "for " SCENE_SECRET " it was"),
        HEADER("x-ratelimit-" SCENE_SECRET, "1"),
        HEADER("x-request-id", "good"),
    };
    const struct wire_headers headers = {items, 3};
    answer_begin(&answer, 200);
    answer_put_upstream(&answer, &headers);
    assert_int_equal(answer_send(&answer, &scene.client.sink, span_from("{}")), 0);
    assert_string_equal(memsink_header(&scene.client, "x-request-id"), "good");
    assert_null(strstr(buf_text(&scene.client.head), SCENE_SECRET));
}

/* --- our own --------------------------------------------------------------- */

static void
our_own_time_is_told_in_milliseconds(void **state)
{
    (void)state;
    static const struct {
        uint64_t own_us;
        const char *text;
    } rows[] = {{0, "0.00"}, {9, "0.00"}, {1059, "1.05"}, {999999, "999.99"}, {1000000, "1000.00"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        answer_begin(&answer, 200);
        answer_put_overhead(&answer, rows[i].own_us);
        assert_true(span_is(answer.items[answer.count - 1].value, rows[i].text));
    }
}

/* --- waits ---------------------------------------------------------------- */

static void
a_wait_is_told_in_whole_seconds_rounded_up(void **state)
{
    (void)state;
    static const struct {
        uint64_t wait_ms;
        const char *told;
    } rows[] = {{0, NULL}, {1, "1"}, {1000, "1"}, {1001, "2"}, {59999, "60"}, {3600000, "3600"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene_ask(&scene, "POST", CHAT, CHAT_BODY);
        answer_begin(&answer, 503);
        answer_put_retry_after(&answer, rows[i].wait_ms);
        assert_int_equal(answer_send_head(&answer, &scene.client.sink), 0);
        const char *told = memsink_header(&scene.client, "Retry-After");
        if (rows[i].told)
            assert_string_equal(told, rows[i].told);
        else
            assert_null(told);
    }
}

static void
a_client_is_told_whether_trying_again_helps(void **state)
{
    (void)state;
    static const struct {
        enum failure failure;
        uint64_t wait_ms;
        const char *retry_after, *should_retry;
    } rows[] = {
        {FAILURE_GATEWAY_OVERLOADED, 0, "1", NULL},
        {FAILURE_GATEWAY_STOPPING, 0, "1", NULL},
        {FAILURE_GATEWAY_MISCONFIGURED, 0, NULL, "false"},
        {FAILURE_UPSTREAM_UNAVAILABLE, 0, NULL, NULL}, /* forced open: nobody knows how long */
        {FAILURE_UPSTREAM_UNAVAILABLE, 4200, "5", NULL},
        {FAILURE_UPSTREAMS_LIMITED, 60000, "60", NULL},
        {FAILURE_UPSTREAMS_LIMITED, 60001, "61", "false"},
        {FAILURE_INVALID_JSON, 0, NULL, "false"},
        {FAILURE_UPSTREAM_TIMEOUT, 0, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene_ask(&scene, "POST", CHAT, CHAT_BODY);
        answer_begin(&answer, 503);
        answer_put_retry(&answer, rows[i].failure, rows[i].wait_ms);
        assert_int_equal(answer_send_head(&answer, &scene.client.sink), 0);
        assert_int_equal(memsink_count(&scene.client, "Retry-After"), rows[i].retry_after ? 1 : 0);
        if (rows[i].retry_after)
            assert_string_equal(memsink_header(&scene.client, "Retry-After"), rows[i].retry_after);
        assert_int_equal(memsink_count(&scene.client, "x-should-retry"),
                         rows[i].should_retry ? 1 : 0);
    }
}

/* --- our own errors ------------------------------------------------------- */

static void
every_error_of_our_own_is_one_whole_answer(void **state)
{
    (void)state;
    for (int i = 0; i < FAILURE_COUNT; i++) {
        const struct request_fault fault = {(enum failure)i, "because"};
        const struct failure_row *row = failure_get(fault.failure);
        char length[32];
        scene_ask(&scene, "POST", CHAT, CHAT_BODY);
        assert_int_equal(answer_send_fault(&scene.client.sink, &scene.request, &fault), 0);
        assert_int_equal(scene.client.status, row->status);
        (void)snprintf(length, sizeof(length), "%zu", scene.client.body.len);
        assert_string_equal(memsink_header(&scene.client, "Content-Length"), length);
        assert_string_equal(memsink_header(&scene.client, "Content-Type"), "application/json");
        assert_string_equal(memsink_header(&scene.client, "Cache-Control"), "no-store");
        assert_string_equal(memsink_header(&scene.client, "X-Request-Id"), scene.request.id);
        assert_int_equal(scene.client.flushes, 1);
        assert_int_equal(json_find(buf_span(&scene.client.body), NULL, 0, NULL), 0);
        assert_non_null(strstr(buf_text(&scene.client.body), row->code));
        assert_non_null(strstr(buf_text(&scene.client.body), ": because"));
    }
}

static void
a_detail_that_does_not_fit_is_left_out(void **state)
{
    (void)state;
    static char detail[8192];
    memset(detail, 'x', sizeof(detail) - 1);
    const struct request_fault fault = {FAILURE_INVALID_PATH, detail};
    assert_int_equal(answer_send_fault(&scene.client.sink, &scene.request, &fault), 0);
    assert_int_equal(json_find(buf_span(&scene.client.body), NULL, 0, NULL), 0);
    assert_non_null(strstr(buf_text(&scene.client.body), "invalid_path"));
}

static void
a_head_gets_the_length_and_no_body(void **state)
{
    (void)state;
    const struct request_fault fault = {FAILURE_METHOD_NOT_ALLOWED, NULL};
    scene_ask(&scene, "HEAD", "/v1/models", NULL);
    assert_int_equal(answer_send_fault(&scene.client.sink, &scene.request, &fault), 0);
    assert_int_equal(scene.client.status, 405);
    assert_int_equal(scene.client.body.len, 0);
    assert_string_not_equal(memsink_header(&scene.client, "Content-Length"), "0");
    assert_non_null(memsink_header(&scene.client, "Allow"));
    assert_int_equal(scene.client.flushes, 1);
}

static void
a_client_that_left_is_told_to_the_caller(void **state)
{
    (void)state;
    const struct request_fault fault = {FAILURE_INVALID_PATH, NULL};
    scene.client.room = 10;
    assert_int_equal(answer_send_fault(&scene.client.sink, &scene.request, &fault), -1);
    scene_ask(&scene, "POST", CHAT, CHAT_BODY);
    memsink_leave(&scene.client);
    answer_begin(&answer, 200);
    assert_int_equal(answer_send_head(&answer, &scene.client.sink), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(what_would_steer_the_web_server_never_passes),
        TEST(a_header_that_echoes_a_key_does_not_pass),
        TEST(an_upstreams_headers_never_crowd_ours_out),
        TEST(our_own_time_is_told_in_milliseconds),
        TEST(a_wait_is_told_in_whole_seconds_rounded_up),
        TEST(a_client_is_told_whether_trying_again_helps),
        TEST(every_error_of_our_own_is_one_whole_answer),
        TEST(a_detail_that_does_not_fit_is_left_out),
        TEST(a_head_gets_the_length_and_no_body),
        TEST(a_client_that_left_is_told_to_the_caller),
#undef TEST
    };
    return cmocka_run_group_tests_name("relay/answer", tests, NULL, NULL);
}
