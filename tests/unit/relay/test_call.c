/* also: tests/unit/relay/memsink.c */
/* also: tests/unit/relay/scene.c */
/* A call's clock, its heartbeats and its last word. */
#include "scene.h"

#include <string.h>

#include "base/clock.h"

static struct scene scene;

static int
set_up(void **state)
{
    (void)state;
    scene_init(&scene, 1);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    scene_fini(&scene);
    return 0;
}

/* --- when it must end ----------------------------------------------------- */

static void
a_call_ends_for_its_client_the_process_or_its_time(void **state)
{
    (void)state;
    scene_ask(&scene, "POST", CHAT, CHAT_BODY);
    struct call *call = &scene.call;
    uint64_t end_ms = call->deadline_ms;
    assert_int_equal(call_check(call, end_ms - 1), OUTCOME_NOT_STOPPED);
    assert_int_equal(call_check(call, end_ms), OUTCOME_STOP_TOTAL);
    scene.drain_deadline_ms = 500;
    assert_int_equal(call_check(call, 499), OUTCOME_NOT_STOPPED);
    assert_int_equal(call_check(call, 500), OUTCOME_STOP_DRAIN);
    memsink_leave(&scene.client);
    assert_int_equal(call_check(call, 500), OUTCOME_STOP_GONE);
    assert_true(call->is_gone);
    assert_int_equal(call_check(call, 0), OUTCOME_STOP_GONE);
}

static void
a_process_that_does_not_end_has_no_deadline(void **state)
{
    (void)state;
    scene_ask(&scene, "POST", CHAT, CHAT_BODY);
    assert_int_equal(call_check(&scene.call, 1), OUTCOME_NOT_STOPPED); /* 0: not draining */
    scene.call.drain_deadline_ms = NULL;
    assert_int_equal(call_check(&scene.call, 1), OUTCOME_NOT_STOPPED);
}

static void
a_wait_ends_in_time_or_when_the_call_must(void **state)
{
    (void)state;
    scene_ask(&scene, "POST", CHAT, CHAT_BODY);
    assert_int_equal(call_wait(&scene.call, 0), OUTCOME_NOT_STOPPED);
    uint64_t began_ms = clock_boot_ms();
    assert_int_equal(call_wait(&scene.call, 3), OUTCOME_NOT_STOPPED);
    assert_true(clock_boot_ms() - began_ms >= 3);
    /* a wake without a reason does not end it */
    memsink_wake(&scene.client);
    assert_int_equal(call_wait(&scene.call, 3), OUTCOME_NOT_STOPPED);
    memsink_leave(&scene.client);
    assert_int_equal(call_wait(&scene.call, 600000), OUTCOME_STOP_GONE);
}

/* --- heartbeats ----------------------------------------------------------- */

static void
a_heartbeat_comes_when_nothing_else_did(void **state)
{
    (void)state;
    scene.config.heartbeat_ms = 1000;
    scene_ask(&scene, "POST", CHAT, CHAT_STREAM_BODY);
    struct call *call = &scene.call;
    uint64_t began_ms = call->sent_ms;
    assert_int_equal(call_heartbeat(call, began_ms + 400, 5000), 600);
    assert_int_equal(call_heartbeat(call, began_ms + 400, 200), 200);
    assert_int_equal(scene.client.heads, 0);
    assert_int_equal(call_heartbeat(call, began_ms + 1000, 5000), 1000);
    assert_int_equal(scene.client.status, 200);
    assert_string_equal(memsink_header(&scene.client, "Content-Type"), "text/event-stream");
    assert_null(memsink_header(&scene.client, "X-Postern-Upstream"));
    scene_expect_body(&scene, ": heartbeat\n\n");
    assert_int_equal(call_heartbeat(call, began_ms + 1500, 5000), 500);
    scene_expect_body(&scene, ": heartbeat\n\n");
    (void)call_heartbeat(call, began_ms + 2000, 5000);
    scene_expect_body(&scene, ": heartbeat\n\n: heartbeat\n\n");
    assert_int_equal(scene.client.heads, 1);
    assert_true(call->head_sent);
    assert_false(call->committed);
}

static void
only_a_stream_gets_heartbeats(void **state)
{
    (void)state;
    scene.config.heartbeat_ms = 1000;
    scene_ask(&scene, "POST", CHAT, CHAT_BODY);
    assert_int_equal(call_heartbeat(&scene.call, scene.call.sent_ms + 9000, 5000), 5000);
    scene.config.heartbeat_ms = 0;
    scene_ask(&scene, "POST", CHAT, CHAT_STREAM_BODY);
    assert_int_equal(call_heartbeat(&scene.call, scene.call.sent_ms + 9000, 5000), 5000);
    assert_int_equal(scene.client.heads, 0);
}

static void
a_heartbeat_that_fails_ends_the_call(void **state)
{
    (void)state;
    scene.config.heartbeat_ms = 1000;
    scene_ask(&scene, "POST", CHAT, CHAT_STREAM_BODY);
    scene.client.room = 3;
    uint64_t now_ms = scene.call.sent_ms + 1000;
    (void)call_heartbeat(&scene.call, now_ms, 5000);
    assert_int_equal(call_check(&scene.call, now_ms), OUTCOME_STOP_GONE);
}

/* --- the last word -------------------------------------------------------- */

static void
without_a_kept_answer_the_failure_is_told(void **state)
{
    (void)state;
    scene_ask(&scene, "POST", CHAT, CHAT_BODY);
    scene.call.failure = FAILURE_UPSTREAM_UNAVAILABLE;
    scene.call.wait_ms = 7300;
    account_attempt(&scene.call.account, "eu", "unreachable");
    call_finish(&scene.call);
    assert_int_equal(scene.client.status, 503);
    assert_string_equal(memsink_header(&scene.client, "Retry-After"), "8");
    assert_string_equal(memsink_header(&scene.client, "X-Postern-Attempts"), "eu:unreachable");
    assert_null(memsink_header(&scene.client, "X-Postern-Upstream"));
    assert_string_equal(memsink_header(&scene.client, "X-Request-Id"), scene.request.id);
    assert_non_null(strstr(buf_text(&scene.client.body), "\"upstream_unavailable\""));
    assert_int_equal(scene.call.account.status, 503);
    call_finish(&scene.call);
    assert_int_equal(scene.client.heads, 1); /* the last word is said once */
}

static void
keep(int status, const char *type, const char *body)
{
    struct kept_answer *kept = &scene.call.kept;
    struct span name = span_from("content-type");
    kept->is_set = true;
    kept->status = status;
    kept->upstream = "eu";
    kept->headers.items = arena_array(&scene.request.arena, 2, sizeof(struct wire_header));
    kept->headers.items[kept->headers.count++] = (struct wire_header){name, span_from(type)};
    kept->headers.items[kept->headers.count++] =
        (struct wire_header){span_from("retry-after"), span_from("1.5")};
    assert_int_equal(buf_puts(&kept->body, body), 0);
}

static void
a_kept_answer_passes_or_is_wrapped(void **state)
{
    (void)state;
    static const struct {
        const char *path, *type, *body;
        bool passes;
    } rows[] = {
        {CHAT, "application/json", "{\"error\": {\"message\":\"\\u00e9\", \"n\":1e400}}\n", true},
        {CHAT, "application/json", "{\"detail\":\"not OpenAI's shape\"}", true},
        {CHAT, "text/html", "<html>gateway time-out</html>", false},
        {CHAT, "text/plain", "no healthy upstream", false},
        {CHAT, "application/json", "", false},
        {CHAT, "application/json", "{\"error\":{\"message\":\"cut", false},
        {CHAT, "application/json", "{\"error\":{\"message\":\"key sk-upstr\"}}", false},
        {CHAT, "application/json", "{\"error\":{\"message\":\"key " SCENE_SECRET "\"}}", false},
        {"/v1/unknown", "text/html", "<html>", true},
        {"/v1/unknown", "text/plain", "", true},
        {"/v1/unknown", "text/plain", "my key is " SCENE_SECRET, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene_ask(&scene, "POST", rows[i].path, "{\"model\":\"m\"}");
        keep(429, rows[i].type, rows[i].body);
        call_finish(&scene.call);
        assert_int_equal(scene.client.status, 429);
        assert_string_equal(memsink_header(&scene.client, "Retry-After"), "1.5");
        assert_string_equal(memsink_header(&scene.client, "X-Postern-Upstream"), "eu");
        assert_int_equal(memsink_count(&scene.client, "Content-Type"), 1);
        if (rows[i].passes) {
            scene_expect_body(&scene, rows[i].body);
            assert_string_equal(memsink_header(&scene.client, "Content-Type"), rows[i].type);
            continue;
        }
        const char *body = buf_text(&scene.client.body);
        if (!strstr(body, "\"type\":\"rate_limit_error\"") || !strstr(body, "\"upstream_error\""))
            fail_msg("%s became %s", rows[i].body, body);
        assert_null(strstr(body, "sk-up"));
        assert_string_equal(memsink_header(&scene.client, "Content-Type"), "application/json");
    }
}

static void
a_body_that_was_lost_is_wrapped_even_where_anything_passes(void **state)
{
    (void)state;
    scene_ask(&scene, "GET", "/v1/models", NULL);
    keep(500, "text/plain", "");
    scene.call.kept.is_body_lost = true;
    call_finish(&scene.call);
    assert_int_equal(scene.client.status, 500);
    assert_non_null(strstr(buf_text(&scene.client.body), "upstream_error"));
    assert_string_equal(memsink_header(&scene.client, "Content-Type"), "application/json");
}

static void
after_a_heartbeat_the_failure_is_an_event(void **state)
{
    (void)state;
    static const struct {
        bool has_kept;
        const char *code;
    } rows[] = {{false, "upstream_timeout"}, {true, "upstream_error"}};
    for (size_t i = 0; i < 2; i++) {
        scene.config.heartbeat_ms = 1000;
        scene_ask(&scene, "POST", CHAT, CHAT_STREAM_BODY);
        (void)call_heartbeat(&scene.call, scene.call.sent_ms + 1000, 5000);
        scene.call.failure = FAILURE_UPSTREAM_TIMEOUT;
        if (rows[i].has_kept)
            keep(500, "application/json", "{\"error\":{}}");
        call_finish(&scene.call);
        const char *body = memsink_body(&scene.client);
        assert_memory_equal(body, "data: {\"error\":{", strlen("data: {\"error\":{"));
        assert_non_null(strstr(body, rows[i].code));
        assert_null(strstr(body, "[DONE]"));
        assert_int_equal(scene.client.heads, 1);
        assert_true(scene.call.account.was_cut);
    }
}

static void
a_client_that_left_is_499(void **state)
{
    (void)state;
    scene_ask(&scene, "POST", CHAT, CHAT_BODY);
    scene.call.is_gone = true;
    call_finish(&scene.call);
    assert_int_equal(scene.client.heads, 0);
    assert_int_equal(scene.call.account.status, 499);

    scene_ask(&scene, "POST", CHAT, CHAT_BODY); /* it leaves during the last word */
    scene.client.room = 3;
    call_finish(&scene.call);
    assert_int_equal(scene.call.account.status, 499);
}

static void
what_was_sent_is_counted(void **state)
{
    (void)state;
    scene_ask(&scene, "POST", CHAT, CHAT_BODY);
    call_finish(&scene.call);
    assert_int_equal(scene.call.account.bytes, scene.client.body.len);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_call_ends_for_its_client_the_process_or_its_time),
        TEST(a_process_that_does_not_end_has_no_deadline),
        TEST(a_wait_ends_in_time_or_when_the_call_must),
        TEST(a_heartbeat_comes_when_nothing_else_did),
        TEST(only_a_stream_gets_heartbeats),
        TEST(a_heartbeat_that_fails_ends_the_call),
        TEST(without_a_kept_answer_the_failure_is_told),
        TEST(a_kept_answer_passes_or_is_wrapped),
        TEST(a_body_that_was_lost_is_wrapped_even_where_anything_passes),
        TEST(after_a_heartbeat_the_failure_is_an_event),
        TEST(a_client_that_left_is_499),
        TEST(what_was_sent_is_counted),
#undef TEST
    };
    return cmocka_run_group_tests_name("relay/call", tests, NULL, NULL);
}
