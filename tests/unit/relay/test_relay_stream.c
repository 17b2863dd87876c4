/* also: tests/unit/net/rawserver.c */
/* also: tests/unit/relay/memsink.c */
/* also: tests/unit/relay/scene.c */
/* also: tests/unit/relay/stage.c */
/* The loop and what flows through it: streams, heartbeats, a client that leaves, the end of the
 * process, uploads. */
#include "stage.h"

#include <stdlib.h>
#include <string.h>

#define ERROR_EVENT "data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\"}}\n\n"
#define BEGINS(bytes) SEND(HEAD("200 OK", EVENTS) "\r\n" bytes)

static struct stage stage;
static struct scene *const scene = &stage.scene;
static const struct rawserver_script good = GOOD;
static const struct rawserver_script good_stream = GOOD_STREAM;

static void
ask_stream(void)
{
    scene_ask(scene, "POST", CHAT, CHAT_STREAM_BODY);
}

static void
expect_attempts(const char *attempts)
{
    if (strcmp(scene->call.account.attempts, attempts) != 0)
        fail_msg("attempts are %s, not %s", scene->call.account.attempts, attempts);
}

/* Does the client's body end in `tail`? */
static void
expect_tail(const char *tail)
{
    if (!span_has_suffix(buf_span(&scene->client.body), tail))
        fail_msg("the client got: %s", buf_text(&scene->client.body));
}

static void
release_first(void *self, struct span bytes)
{
    (void)bytes;
    rawserver_release(self);
}

/* --- streams -------------------------------------------------------------- */

static void
a_stream_that_fails_before_its_first_content_falls_back(void **state)
{
    (void)state;
    static const struct {
        struct rawserver_script script;
        const char *attempts;
    } rows[] = {
        {ANSWERS("200 OK", EVENTS, ""), "eu:malformed,us:200"},
        {ANSWERS("200 OK", EVENTS, ROLE), "eu:malformed,us:200"},
        {ANSWERS("200 OK", EVENTS, ERROR_EVENT), "eu:failing,us:200"},
        {ANSWERS("200 OK", EVENTS, ROLE ERROR_EVENT), "eu:failing,us:200"},
        {ANSWERS("200 OK", EVENTS, "data: {\"half\n\n"), "eu:malformed,us:200"},
        {ANSWERS("200 OK", EVENTS, ROLE DONE), "eu:malformed,us:200"},
        {{{READ, BEGINS(ROLE), RESET}}, "eu:malformed,us:200"},
        {{{READ, BEGINS(": ping\n\n" ROLE), HOLD}}, "eu:timeout,us:200"},
        {ANSWERS("503 Full", EVENTS, ERROR_EVENT), "eu:503,us:200"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        stage_open(&stage, 2);
        stage_serve(&stage, 0, &rows[i].script, 1);
        stage_serve(&stage, 1, &good_stream, 1);
        if (strstr(rows[i].attempts, "timeout"))
            scene->upstreams[0].timeouts.first_token_ms = 40;
        ask_stream();
        stage_run(&stage);
        expect_attempts(rows[i].attempts);
        scene_expect_body(scene, ROLE TEXT STOP DONE);
        assert_string_equal(memsink_header(&scene->client, "X-Postern-Upstream"), "us");
        stage_close(&stage);
    }
}

static void
a_stream_that_fails_after_it_ends_in_an_error_event(void **state)
{
    (void)state;
    static const struct {
        struct rawserver_script script;
        const char *code;
    } rows[] = {
        {{{READ, BEGINS(ROLE TEXT)}}, "upstream_stream_interrupted"},
        {{{READ, BEGINS(ROLE TEXT), WAIT, RESET}}, "upstream_stream_interrupted"},
        {{{READ, BEGINS(ROLE TEXT), WAIT, SEND("data: {\"half\n\n"), HOLD}},
         "upstream_stream_interrupted"},
        {{{READ, BEGINS(ROLE TEXT), HOLD}}, "upstream_timeout"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        stage_open(&stage, 2);
        stage_serve(&stage, 0, &rows[i].script, 1);
        stage_serve(&stage, 1, &good_stream, 1);
        if (strstr(rows[i].code, "timeout"))
            scene->upstreams[0].timeouts.idle_ms = 40;
        ask_stream();
        scene->client.on_bytes = release_first; /* goes on when the client has its first content */
        scene->client.self = stage.servers[0];
        stage_run(&stage);
        expect_attempts("eu:200");
        const char *body = buf_text(&scene->client.body);
        if (strncmp(body, ROLE TEXT "data: {\"error\":{", strlen(ROLE TEXT "data: {\"error\":{")))
            fail_msg("row %zu: %s", i, body);
        assert_non_null(strstr(body, rows[i].code));
        assert_null(strstr(body, "[DONE]"));
        assert_null(strstr(body, "half"));
        assert_true(scene->call.account.was_cut);
        assert_false(scene->client.was_aborted);
        assert_int_equal(stage_requests(&stage, 1), 0);
        assert_int_equal(stage_breaker(&stage, 0).counters[STATE_FAIL], 1);
        stage_close(&stage);
    }
}

/* A content policy is not routed around, in whatever dress its no comes. */
static void
a_body_is_kept_as_long_as_another_upstream_could_be_asked(void **state)
{
    (void)state;
    static const char *const deliveries[] = {NULL, "HTTP_X_POSTERN_DELIVERY=held"};
    for (size_t is_kept = 0; is_kept < 2; is_kept++) {
        stage_open(&stage, 1);
        stage_serve(&stage, 0, &good_stream, 1);
        scene_ask_with(scene, "POST", CHAT, CHAT_STREAM_BODY, deliveries[is_kept]);
        stage_run(&stage);
        scene_expect_body(scene, ROLE TEXT STOP DONE);
        assert_int_equal(scene->request.body.len > 0, is_kept);
        stage_close(&stage);
    }
}

static void
a_refused_stream_is_not_asked_for_elsewhere(void **state)
{
    (void)state;
#define REFUSAL "{\"error\":{\"message\":\"m\",\"code\":\"content_filter\"}}"
    static const struct rawserver_script refusals[] = {
        ANSWERS("400 No", JSON, REFUSAL),
        ANSWERS("200 OK", JSON, REFUSAL),
        ANSWERS("200 OK", EVENTS, "data: " REFUSAL "\n\n"),
    };
#undef REFUSAL
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        stage_open(&stage, 2);
        stage_serve(&stage, 0, &refusals[i], 1);
        stage_serve(&stage, 1, &good_stream, 1);
        ask_stream();
        stage_run(&stage);
        assert_int_equal(scene->client.status, 400);
        assert_int_equal(stage_requests(&stage, 1), 0);
        stage_close(&stage);
    }
}

static void
held_delivery_falls_back_even_from_a_cut_stream(void **state)
{
    (void)state;
    static const struct rawserver_script cut = {{READ, BEGINS(ROLE TEXT TEXT)}};
    stage_open(&stage, 2);
    stage_serve(&stage, 0, &cut, 1);
    stage_serve(&stage, 1, &good_stream, 1);
    scene_ask_with(scene, "POST", CHAT, CHAT_STREAM_BODY, "HTTP_X_POSTERN_DELIVERY=held");
    stage_run(&stage);
    expect_attempts("eu:malformed,us:200");
    scene_expect_body(scene, ROLE TEXT STOP DONE);
    stage_close(&stage);
}

static void
long_json_that_is_cut_is_answered_by_the_next_upstream(void **state)
{
    (void)state;
    static const struct rawserver_script cut = {
        {READ, SEND(HEAD("200 OK", JSON) "Content-Length: 1000\r\n\r\n{\"choices\":[{\"index\"")}};
    stage_open(&stage, 2);
    stage_serve(&stage, 0, &cut, 1);
    stage_serve(&stage, 1, &good, 1);
    scene->config.hold_max_bytes = 8;
    scene_ask(scene, "POST", CHAT, CHAT_BODY);
    stage_run(&stage);
    assert_false(scene->client.was_aborted);
    assert_string_equal(memsink_header(&scene->client, "X-Postern-Attempts"),
                        "eu:malformed,us:200");
    assert_int_equal(stage_requests(&stage, 1), 1);
    stage_close(&stage);
}

/* --- heartbeats ----------------------------------------------------------- */

/* The first upstream is silent until the client has got its heartbeat, then it breaks. */
static void
begin_with_a_heartbeat(const struct rawserver_script *second)
{
    static const struct rawserver_script slow = {{READ, WAIT, RESET}};
    stage_open(&stage, 2);
    stage_serve(&stage, 0, &slow, 1);
    stage_serve(&stage, 1, second, 1);
    scene->config.heartbeat_ms = 5;
    ask_stream();
    scene->client.on_bytes = release_first;
    scene->client.self = stage.servers[0];
    stage_run(&stage);
    assert_int_equal(scene->client.heads, 1);
    assert_int_equal(scene->client.status, 200);
    assert_memory_equal(buf_text(&scene->client.body), ": heartbeat\n\n", 13);
}

static void
another_upstream_can_answer_after_a_heartbeat(void **state)
{
    (void)state;
    begin_with_a_heartbeat(&good_stream);
    expect_attempts("eu:unreachable,us:200");
    assert_string_equal(memsink_body(&scene->client), ROLE TEXT STOP DONE);
    assert_string_equal(scene->call.account.upstream, "us");
    stage_close(&stage);
}

static void
after_a_heartbeat_a_total_failure_is_an_event(void **state)
{
    (void)state;
    static const struct {
        struct rawserver_script script;
        const char *code;
    } rows[] = {
        {{{READ, RESET}}, "\"upstream_unreachable\""},
        {ANSWERS("500 Oops", JSON, "{\"error\":{}}"), "\"upstream_error\""},
        {GOOD, "\"upstream_bad_response\""}, /* JSON cannot follow */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin_with_a_heartbeat(&rows[i].script);
        const char *body = memsink_body(&scene->client);
        assert_memory_equal(body, "data: {\"error\":{", 16);
        if (!strstr(body, rows[i].code))
            fail_msg("%s: %s", rows[i].code, body);
        assert_null(strstr(body, "[DONE]"));
        assert_true(scene->call.account.was_cut);
        stage_close(&stage);
    }
}

/* --- the client leaves ---------------------------------------------------- */

static void
leave(void *argument)
{
    struct stage *left = argument;
    memsink_leave(&left->scene.client);
}

static void
a_client_that_left_ends_the_transfer_and_blames_nobody(void **state)
{
    (void)state;
    static const struct {
        struct rawserver_script script;
        const char *asked;
    } rows[] = {
        {{{READ, CALL(leave), HOLD}}, CHAT_STREAM_BODY},
        {{{READ, BEGINS(ROLE), CALL(leave), HOLD}}, CHAT_STREAM_BODY},
        {{{READ, CALL(leave), HOLD}}, CHAT_BODY},
        {{{READ, SEND(HEAD("200 OK", JSON) "\r\n{\"choices\":["), CALL(leave), HOLD}}, CHAT_BODY},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        stage_open(&stage, 2);
        stage_serve(&stage, 0, &rows[i].script, 1);
        stage_serve(&stage, 1, &good, 1);
        scene_ask(scene, "POST", CHAT, rows[i].asked);
        stage_run(&stage);
        assert_int_equal(scene->call.account.status, 499);
        assert_int_equal(stage_requests(&stage, 1), 0);
        struct state_cell_view breaker = stage_breaker(&stage, 0);
        assert_int_equal(breaker.counters[STATE_IGNORED], 1);
        assert_int_equal(breaker.counters[STATE_FAIL] + breaker.counters[STATE_OK], 0);
        stage_close(&stage);
    }
}

static void
a_client_that_leaves_inside_its_stream_is_499_too(void **state)
{
    (void)state;
    static const struct rawserver_script flowing = {
        {READ, BEGINS(ROLE TEXT), WAIT, CALL(leave), HOLD}};
    stage_open(&stage, 1);
    stage_serve(&stage, 0, &flowing, 1);
    ask_stream();
    scene->client.on_bytes = release_first;
    scene->client.self = stage.servers[0];
    stage_run(&stage);
    scene_expect_body(scene, ROLE TEXT);
    assert_int_equal(scene->call.account.status, 499);
    assert_int_equal(stage_breaker(&stage, 0).counters[STATE_FAIL], 0);
    stage_close(&stage);
}

static void
a_client_that_leaves_with_the_last_bytes_is_499(void **state)
{
    (void)state;
    stage_open(&stage, 1);
    stage_serve(&stage, 0, &good, 1);
    scene_ask(scene, "POST", CHAT, CHAT_BODY);
    scene->client.room = 5;
    stage_run(&stage);
    assert_int_equal(scene->call.account.status, 499);
    assert_int_equal(stage_breaker(&stage, 0).counters[STATE_OK], 1); /* it did answer */
    stage_close(&stage);
}

/* It goes with the first heartbeat of the wait before the first upstream is tried again. */
static void
leave_in_the_wait(void *self, struct span bytes)
{
    (void)bytes;
    struct scene *left = self;
    if (left->call.account.count == 1)
        memsink_leave(&left->client);
}

static void
a_client_that_leaves_during_a_wait_is_not_answered_by_another(void **state)
{
    (void)state;
    static const struct rawserver_script busy =
        ANSWERS("503 Full\r\nretry-after-ms: 60000", JSON, "{}");
    stage_open(&stage, 2);
    stage_serve(&stage, 0, &busy, 1);
    stage_serve(&stage, 1, &good, 1);
    scene->config.retry_wait_max_ms = 600000;
    scene->config.heartbeat_ms = 2;
    scene->upstreams[0].retries = 1;
    ask_stream();
    scene->client.on_bytes = leave_in_the_wait;
    scene->client.self = scene;
    stage_run(&stage);
    assert_int_equal(scene->call.account.status, 499);
    assert_int_equal(stage_breaker(&stage, 1).counters[STATE_ADMITTED], 0);
    stage_close(&stage);
}

/* --- the process ends ----------------------------------------------------- */

static void
drain(void *argument)
{
    struct stage *drained = argument;
    atomic_store(&drained->scene.drain_deadline_ms, 1);
    memsink_wake(&drained->scene.client);
}

static void
the_end_of_the_process_is_told_and_blames_nobody(void **state)
{
    (void)state;
    static const struct rawserver_script silent = {{READ, CALL(drain), HOLD}};
    stage_open(&stage, 2);
    stage_serve(&stage, 0, &silent, 1);
    stage_serve(&stage, 1, &good, 1);
    scene_ask(scene, "POST", CHAT, CHAT_BODY);
    stage_run(&stage);
    assert_int_equal(scene->client.status, 503);
    assert_non_null(strstr(buf_text(&scene->client.body), "gateway_stopping"));
    assert_string_equal(memsink_header(&scene->client, "Retry-After"), "1");
    assert_int_equal(stage_requests(&stage, 1), 0);
    assert_int_equal(stage_breaker(&stage, 0).counters[STATE_FAIL], 0);
    stage_close(&stage);
}

static void
a_drained_stream_ends_in_an_error_event(void **state)
{
    (void)state;
    static const struct rawserver_script flowing = {
        {READ, BEGINS(ROLE TEXT), WAIT, CALL(drain), HOLD}};
    stage_open(&stage, 1);
    stage_serve(&stage, 0, &flowing, 1);
    ask_stream();
    scene->client.on_bytes = release_first;
    scene->client.self = stage.servers[0];
    stage_run(&stage);
    assert_non_null(strstr(buf_text(&scene->client.body), "gateway_stopping"));
    expect_tail("}}\n\n");
    assert_int_equal(stage_breaker(&stage, 0).counters[STATE_FAIL], 0);
    stage_close(&stage);
}

static void
the_time_of_a_call_is_over_for_all_its_upstreams(void **state)
{
    (void)state;
    static const struct rawserver_script silent = {{READ, HOLD}};
    stage_open(&stage, 2);
    stage_serve(&stage, 0, &silent, 1);
    stage_serve(&stage, 1, &good, 1);
    scene->config.total_timeout_ms = 40;
    scene_ask(scene, "POST", CHAT, CHAT_BODY);
    stage_run(&stage);
    assert_int_equal(scene->client.status, 504);
    assert_int_equal(stage_requests(&stage, 1), 0);
    stage_close(&stage);
}

/* --- uploads -------------------------------------------------------------- */

enum { UPLOAD_BYTES = 200000 };

static char *
make_upload(void)
{
    static char bytes[UPLOAD_BYTES + 1];
    for (size_t i = 0; i < UPLOAD_BYTES; i++)
        bytes[i] = (char)('a' + i % 26);
    return bytes;
}

static void
an_upload_flows_through_once(void **state)
{
    (void)state;
    static const struct rawserver_script failing = ANSWERS("500 Oops", JSON, "{\"error\":{}}");
    stage_open(&stage, 2);
    stage_serve(&stage, 0, &failing, 1);
    stage_serve(&stage, 1, &good, 1);
    scene->config.pinned = false; /* else nobody would be asked again in any case */
    scene->config.retry_wait_max_ms = 60000;
    scene->upstreams[0].retries = 3;
    scene_ask(scene, "POST", "/v1/files", make_upload());
    assert_true(request_is_upload(&scene->request));
    stage_run(&stage);
    expect_attempts("eu:500");
    assert_int_equal(scene->client.status, 500);
    const char *request = rawserver_last_request(stage.servers[0]);
    assert_non_null(strstr(request, "Content-Length: 200000\r\n"));
    assert_string_equal(strstr(request, "\r\n\r\n") + 4, make_upload());
    assert_int_equal(stage_requests(&stage, 1), 0);
    stage_close(&stage);
}

static void
an_upload_that_breaks_is_its_clients_fault(void **state)
{
    (void)state;
    static const struct {
        size_t comes;
        uint64_t max_bytes;
        int status;
        const char *code;
    } rows[] = {
        {100000, UPLOAD_BYTES, 400, "request_cut"},
        {UPLOAD_BYTES, 100000, 413, "request_too_large"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        stage_open(&stage, 1);
        stage_serve(&stage, 0, &good, 1);
        scene->config.max_upload_bytes = rows[i].max_bytes;
        scene_ask(scene, "POST", "/v1/files", make_upload());
        scene->unread.len = rows[i].comes;
        stage_run(&stage);
        assert_int_equal(scene->client.status, rows[i].status);
        assert_non_null(strstr(buf_text(&scene->client.body), rows[i].code));
        assert_int_equal(stage_requests(&stage, 0), 0);
        assert_int_equal(stage_breaker(&stage, 0).counters[STATE_FAIL], 0);
        stage_close(&stage);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_that_fails_before_its_first_content_falls_back),
        cmocka_unit_test(a_stream_that_fails_after_it_ends_in_an_error_event),
        cmocka_unit_test(a_body_is_kept_as_long_as_another_upstream_could_be_asked),
        cmocka_unit_test(a_refused_stream_is_not_asked_for_elsewhere),
        cmocka_unit_test(held_delivery_falls_back_even_from_a_cut_stream),
        cmocka_unit_test(long_json_that_is_cut_is_answered_by_the_next_upstream),
        cmocka_unit_test(another_upstream_can_answer_after_a_heartbeat),
        cmocka_unit_test(after_a_heartbeat_a_total_failure_is_an_event),
        cmocka_unit_test(a_client_that_left_ends_the_transfer_and_blames_nobody),
        cmocka_unit_test(a_client_that_leaves_inside_its_stream_is_499_too),
        cmocka_unit_test(a_client_that_leaves_with_the_last_bytes_is_499),
        cmocka_unit_test(a_client_that_leaves_during_a_wait_is_not_answered_by_another),
        cmocka_unit_test(the_end_of_the_process_is_told_and_blames_nobody),
        cmocka_unit_test(a_drained_stream_ends_in_an_error_event),
        cmocka_unit_test(the_time_of_a_call_is_over_for_all_its_upstreams),
        cmocka_unit_test(an_upload_flows_through_once),
        cmocka_unit_test(an_upload_that_breaks_is_its_clients_fault),
    };
    return cmocka_run_group_tests_name("relay/relay, streams", tests, NULL, NULL);
}
