/* test_request.c - what reaches an upstream: method, headers, body; and what never leaves. */
#include "trial.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLY RAW_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
#define BODILESS RAW_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
#define AGAIN                                                                                      \
    {                                                                                              \
        .verb = RAW_AGAIN                                                                          \
    }
#define READ                                                                                       \
    {                                                                                              \
        .verb = RAW_READ                                                                           \
    }

static const struct rawserver_script answering = {{READ, REPLY, AGAIN}};

static void
open_answering(struct trial *trial)
{
    trial_open(trial, &answering, 1, NULL, &trial_options);
}

static bool
was_sent(const struct trial *trial, const char *text)
{
    return strstr(rawserver_last_request(trial->server), text) != NULL;
}

static const char *
sent_body(const struct trial *trial)
{
    const char *end = strstr(rawserver_last_request(trial->server), "\r\n\r\n");
    return end ? end + 4 : "(none)";
}

static void
assert_whole(const struct trial *trial)
{
    assert_string_equal(wire_fault_name(trial->reply.fault), "none");
    assert_int_equal(trial->reply.status, 200);
    assert_true(trial->reply.body_complete);
}

/* --- methods -------------------------------------------------------------- */

static void
each_method_goes_out_with_and_without_a_body(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        bool has_body;
        const char *length; /* as it must be announced; NULL: not at all */
    } cases[] = {
        {"GET", false, NULL},
        {"GET", true, "Content-Length: 4\r\n"},
        {"POST", false, "Content-Length: 0\r\n"},
        {"POST", true, "Content-Length: 4\r\n"},
        {"PUT", false, "Content-Length: 0\r\n"},
        {"PUT", true, "Content-Length: 4\r\n"},
        {"PATCH", false, "Content-Length: 0\r\n"},
        {"PATCH", true, "Content-Length: 4\r\n"},
        {"DELETE", false, NULL},
        {"DELETE", true, "Content-Length: 4\r\n"},
    };
    struct trial trial;
    open_answering(&trial);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire_request request = trial_request(&trial, cases[i].method);
        char line[64];
        if (cases[i].has_body)
            request.body = (struct wire_body){.present = true, .parts = {SPAN_LITERAL("a\0bc")}};
        trial_run(&trial, &request);
        assert_whole(&trial);
        (void)snprintf(line, sizeof line, "%s /v1/thing HTTP/1.1\r\n", cases[i].method);
        assert_int_equal(strncmp(rawserver_last_request(trial.server), line, strlen(line)), 0);
        assert_int_equal(was_sent(&trial, "Content-Length:"), cases[i].length != NULL);
        assert_true(!cases[i].length || was_sent(&trial, cases[i].length));
        if (cases[i].has_body)
            assert_memory_equal(sent_body(&trial), "a\0bc", 4);
    }
    assert_int_equal(rawserver_accepts(trial.server), 1);
    trial_close(&trial);
}

static void
a_head_request_carries_no_body_and_waits_for_none(void **state)
{
    (void)state;
    static const struct rawserver_script script = {{READ, BODILESS, AGAIN}};
    struct trial trial;
    trial_open(&trial, &script, 1, NULL, &trial_options);
    struct wire_request request = trial_request(&trial, "HEAD");
    for (int i = 0; i < 2; i++) {
        trial_run(&trial, &request);
        assert_whole(&trial);
        assert_int_equal(trial.reply.content_length, 2);
        assert_false(trial.reply.close_delimited);
        assert_false(was_sent(&trial, "Content-Length"));
        request.body = (struct wire_body){.present = true, .parts = {SPAN_LITERAL("abc")}};
    }
    trial_close(&trial);
}

static void
nothing_of_an_exchange_is_left_for_the_next(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        /* a connection ends with a HEAD */
        {{READ, BODILESS}},
        {{READ, REPLY, READ, BODILESS}},
        {{READ, REPLY}},
    };
    struct trial trial;
    trial_open(&trial, scripts, 3, NULL, &trial_options);
    struct wire_request head = trial_request(&trial, "HEAD");
    trial_run(&trial, &head);
    assert_whole(&trial);
    struct wire_request post = trial_request(&trial, "POST");
    post.body = (struct wire_body){.present = true, .parts = {SPAN_LITERAL("abc")}};
    post.decode = true;
    trial_run(&trial, &post);
    assert_whole(&trial);
    assert_string_equal(buf_text(&trial.body), "ok"); /* no HEAD any more */
    assert_true(was_sent(&trial, "Accept-Encoding: gzip"));
    trial_run(&trial, &head);
    struct wire_request get = trial_request(&trial, "GET");
    trial_run(&trial, &get);
    assert_whole(&trial);
    assert_string_equal(buf_text(&trial.body), "ok");
    assert_false(was_sent(&trial, "gzip"));
    assert_false(was_sent(&trial, "Content-Length"));
    assert_string_equal(sent_body(&trial), "");
    trial_close(&trial);
}

/* --- headers -------------------------------------------------------------- */

static void
only_given_headers_and_our_own_framing_go_out(void **state)
{
    (void)state;
    struct wire_header items[] = {
        {SPAN_LITERAL("api-key"), SPAN_LITERAL("s3cret")},
        {SPAN_LITERAL("X-Empty"), SPAN_LITERAL("")},
        {SPAN_LITERAL("content-length"), SPAN_LITERAL("999")},
        {SPAN_LITERAL("Transfer-Encoding"), SPAN_LITERAL("chunked")},
        {SPAN_LITERAL("Host"), SPAN_LITERAL("evil.example")},
        {SPAN_LITERAL("Accept-Encoding"), SPAN_LITERAL("br")},
        {SPAN_LITERAL("Expect"), SPAN_LITERAL("100-continue")},
        {SPAN_LITERAL("Connection"), SPAN_LITERAL("upgrade")},
    };
    struct trial trial;
    open_answering(&trial);
    struct wire_request request = trial_request(&trial, "POST");
    request.headers = (struct wire_headers){items, sizeof items / sizeof items[0]};
    request.body = (struct wire_body){.present = true, .parts = {SPAN_LITERAL("{}")}};
    trial_run(&trial, &request);
    assert_whole(&trial);
    assert_true(was_sent(&trial, "\r\napi-key: s3cret\r\n"));
    assert_true(was_sent(&trial, "\r\nX-Empty:\r\n"));
    assert_true(was_sent(&trial, "\r\nAccept-Encoding: identity\r\n"));
    static const char *const never[] = {"999",        "chunked",  "evil",
                                        "br\r\n",     "100-cont", "Connection",
                                        "User-Agent", "Expect",   "Content-Type"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        assert_false(was_sent(&trial, never[i]));
    trial_close(&trial);
}

static void
a_secret_of_one_exchange_is_not_in_the_next(void **state)
{
    (void)state;
    struct wire_header key = {SPAN_LITERAL("api-key"), SPAN_LITERAL("s3cret")};
    struct trial trial;
    open_answering(&trial);
    struct wire_request request = trial_request(&trial, "GET");
    request.headers = (struct wire_headers){&key, 1};
    trial_run(&trial, &request);
    assert_true(was_sent(&trial, "s3cret"));
    trial_get(&trial);
    assert_true(trial.reply.reused_connection);
    assert_false(was_sent(&trial, "s3cret"));
    trial_close(&trial);
}

static void
the_agent_is_the_requests(void **state)
{
    (void)state;
    struct wire_header agent = {SPAN_LITERAL("user-agent"), SPAN_LITERAL("client/1")};
    struct trial trial;
    open_answering(&trial);
    trial_get(&trial);
    assert_false(was_sent(&trial, "\r\nUser-Agent:"));
    struct wire_request request = trial_request(&trial, "GET");
    request.headers = (struct wire_headers){&agent, 1};
    trial_run(&trial, &request);
    assert_true(was_sent(&trial, "\r\nuser-agent: client/1\r\n"));
    trial_close(&trial);
}

static void
the_path_goes_out_as_it_is(void **state)
{
    (void)state;
    struct trial trial;
    open_answering(&trial);
    struct wire_request request = trial_request(&trial, "GET");
    char url[TRIAL_URL_MAX];
    (void)snprintf(url, sizeof url, "%s/v1/a%%2Fb/../c?q=%%zz&r", request.origin);
    request.url = url;
    trial_run(&trial, &request);
    assert_true(was_sent(&trial, "GET /v1/a%2Fb/../c?q=%zz&r HTTP/1.1\r\n"));
    trial_close(&trial);
}

/* --- what never leaves ---------------------------------------------------- */

static void
a_url_outside_its_origin_never_leaves(void **state)
{
    (void)state;
    static const struct {
        const char *url, *origin;
    } cases[] = {
        {"http://127.0.0.1:9.evil.example/v1", "http://127.0.0.1:9"},
        {"http://127.0.0.1:99/v1", "http://127.0.0.1:9"},
        {"http://127.0.0.1:9@evil.example/v1", "http://127.0.0.1:9"},
        {"http://127.0.0.1:9", "http://127.0.0.1:9"},
        {"https://127.0.0.1:9/v1", "http://127.0.0.1:9"},
        {"http://127.0.0.1:8/v1", "http://127.0.0.1:9"},
        {"file:///etc/passwd", "file://"},
    };
    struct trial trial;
    open_answering(&trial);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire_request request = trial_request(&trial, "GET");
        request.url = cases[i].url;
        request.origin = cases[i].origin;
        trial_run(&trial, &request);
        assert_int_equal(trial.reply.fault, WIRE_LOCAL);
        assert_string_equal(trial.reply.why, "the url is not within its origin");
        assert_int_equal(trial.watches, 0);
    }
    trial_close(&trial);
}

static void
a_header_or_method_with_a_line_end_never_leaves(void **state)
{
    (void)state;
    struct wire_header bad[] = {
        {SPAN_LITERAL("X"), SPAN_LITERAL("a\r\nEvil: 1")},
        {SPAN_LITERAL("X: a\r\nEvil"), SPAN_LITERAL("1")},
        {SPAN_LITERAL("X"), SPAN_LITERAL("a\0b")},
        {SPAN_LITERAL("X y"), SPAN_LITERAL("a")},
    };
    struct trial trial;
    open_answering(&trial);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct wire_request request = trial_request(&trial, "GET");
        request.headers = (struct wire_headers){&bad[i], 1};
        trial_run(&trial, &request);
        assert_int_equal(trial.reply.fault, WIRE_LOCAL);
    }
    struct wire_request request = trial_request(&trial, "GET / HTTP/1.1\r\nEvil: 1\r\nX:");
    trial_run(&trial, &request);
    assert_int_equal(trial.reply.fault, WIRE_LOCAL);
    assert_int_equal(rawserver_accepts(trial.server), 0);
    trial_close(&trial);
}

static void
a_redirect_is_told_and_not_followed(void **state)
{
    (void)state;
    static const struct rawserver_script canary = {{READ, REPLY}};
    struct trial other, trial;
    trial_open(&other, &canary, 1, NULL, &trial_options);
    char reply[256];
    (void)snprintf(reply, sizeof reply,
                   "HTTP/1.1 307 x\r\nLocation: %s/\r\nContent-Length: 0\r\n\r\n",
                   rawserver_origin(other.server));
    struct rawserver_script script = {{READ, {.verb = RAW_SEND, .bytes = span_from(reply)}, AGAIN}};
    trial_open(&trial, &script, 1, NULL, &trial_options);
    trial_get(&trial);
    assert_int_equal(trial.reply.fault, WIRE_NO_FAULT);
    assert_int_equal(trial.reply.status, 307);
    assert_int_equal(rawserver_accepts(other.server), 0);
    trial_close(&trial);
    trial_close(&other);
}

static void
a_proxy_of_the_environment_is_not_asked(void **state)
{
    (void)state;
    static const struct rawserver_script canary = {{READ, REPLY}};
    struct trial other, trial;
    trial_open(&other, &canary, 1, NULL, &trial_options);
    setenv("http_proxy", rawserver_origin(other.server), 1);
    setenv("all_proxy", rawserver_origin(other.server), 1);
    open_answering(&trial);
    trial_get(&trial);
    assert_whole(&trial);
    assert_int_equal(rawserver_accepts(other.server), 0);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    trial_close(&trial);
    trial_close(&other);
}

int
main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_method_goes_out_with_and_without_a_body),
        cmocka_unit_test(a_head_request_carries_no_body_and_waits_for_none),
        cmocka_unit_test(nothing_of_an_exchange_is_left_for_the_next),
        cmocka_unit_test(only_given_headers_and_our_own_framing_go_out),
        cmocka_unit_test(a_secret_of_one_exchange_is_not_in_the_next),
        cmocka_unit_test(the_agent_is_the_requests),
        cmocka_unit_test(the_path_goes_out_as_it_is),
        cmocka_unit_test(a_url_outside_its_origin_never_leaves),
        cmocka_unit_test(a_header_or_method_with_a_line_end_never_leaves),
        cmocka_unit_test(a_redirect_is_told_and_not_followed),
        cmocka_unit_test(a_proxy_of_the_environment_is_not_asked),
    };
    return cmocka_run_group_tests_name("transfer: requests", tests, NULL, NULL);
}
