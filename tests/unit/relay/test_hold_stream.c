/* also: tests/unit/relay/memsink.c */
/* also: tests/unit/relay/scene.c */
/* also: tests/unit/relay/holding.c */
/* Streams: held until their first content, or whole where the client wants that; never ended
 * cleanly when they were not. */
#include "holding.h"

#include <string.h>

#define STREAM "text/event-stream"
#define ROLE "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n"
#define TEXT "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n"
#define STOP "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define DONE "data: [DONE]\n\n"
#define ERROR_EVENT "data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\"}}\n\n"
#define LEAK "data: {\"error\":{\"message\":\"bad key " SCENE_SECRET "\"}}\n\n"
#define BROKEN "data: {\"choices\":[{\"del\n\n"

static struct scene scene;
static struct holding holding;

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

static void
begin(void)
{
    scene_ask(&scene, "POST", CHAT, CHAT_STREAM_BODY);
    holding_begin(&holding, &scene, STREAM);
    assert_int_equal(holding_head(&holding), 0);
}

/* --- before the first content --------------------------------------------- */

static void
a_stream_is_held_until_its_first_content(void **state)
{
    (void)state;
    begin();
    assert_int_equal(holding_take(&holding, ": ping\n\n" ROLE), 0);
    assert_int_equal(scene.client.heads, 0);
    assert_false(hold_has_begun(&holding.hold));
    assert_int_equal(holding_take(&holding, TEXT), 0);
    assert_true(hold_has_begun(&holding.hold));
    assert_true(scene.call.committed);
    scene_expect_body(&scene, ": ping\n\n" ROLE TEXT);
    assert_string_equal(memsink_header(&scene.client, "Content-Type"), STREAM);
    assert_string_equal(memsink_header(&scene.client, "Cache-Control"), "no-cache");
    assert_string_equal(memsink_header(&scene.client, "X-Accel-Buffering"), "no");
    assert_null(memsink_header(&scene.client, "Content-Length"));
    assert_int_equal(scene.client.flushes, 1);

    assert_int_equal(holding_take(&holding, STOP), 0);
    assert_int_equal(scene.client.flushes, 2); /* at once */
    assert_int_equal(holding_take(&holding, DONE), 0);
    assert_int_equal(holding_end(&holding, WIRE_NO_FAULT), OUTCOME_BODY_GOOD);
    hold_release(&holding.hold);
    scene_expect_body(&scene, ": ping\n\n" ROLE TEXT STOP DONE);
    assert_int_equal(scene.client.heads, 1);
    assert_string_equal(scene.call.account.attempts, "eu:200");
    holding_fini(&holding);
}

static void
what_fails_before_the_first_content_is_never_seen(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int taken;
        enum outcome_body then;
    } rows[] = {
        {"", 0, OUTCOME_BODY_EMPTY},
        {": ping\n\n", 0, OUTCOME_BODY_EMPTY},
        {ROLE, 0, OUTCOME_BODY_EMPTY},
        {ROLE DONE, 0, OUTCOME_BODY_EMPTY},
        {ERROR_EVENT, -1, OUTCOME_BODY_ERROR},
        {": ping\n\n" ROLE ERROR_EVENT, -1, OUTCOME_BODY_ERROR},
        {"event: error\ndata: {\"message\":\"m\"}\n\n", -1, OUTCOME_BODY_ERROR},
        {BROKEN, -1, OUTCOME_BODY_WRONG},
        {ROLE BROKEN, -1, OUTCOME_BODY_WRONG},
        {"data: <html>\n\n", -1, OUTCOME_BODY_WRONG},
        /* all in one read: nothing of it was sent yet, so another upstream can still answer */
        {TEXT ERROR_EVENT, -1, OUTCOME_BODY_STARTED},
        {TEXT BROKEN, -1, OUTCOME_BODY_STARTED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        if (holding_take(&holding, rows[i].text) != rows[i].taken)
            fail_msg("%s", rows[i].text);
        if (rows[i].taken != 0)
            assert_int_equal(holding.hold.stop, OUTCOME_STOP_MALFORMED);
        if (holding_end(&holding, WIRE_NO_FAULT) != rows[i].then)
            fail_msg("%s is judged %d", rows[i].text, (int)holding.hold.body);
        assert_int_equal(scene.client.heads, 0);
        assert_false(scene.call.committed);
        holding_fini(&holding);
    }
}

static void
pings_without_end_are_too_large(void **state)
{
    (void)state;
    static char pings[64 * 1024];
    for (size_t i = 0; i + 8 < sizeof(pings); i += 8)
        memcpy(pings + i, ": ping\n\n", 8);
    begin();
    int taken = 0;
    for (int i = 0; i < 20 && taken == 0; i++)
        taken = holding_take(&holding, pings);
    assert_int_equal(taken, -1);
    assert_int_equal(holding.hold.stop, OUTCOME_STOP_TOO_LARGE);
    assert_int_equal(scene.client.heads, 0);
    holding_fini(&holding);
}

/* --- after it ------------------------------------------------------------- */

static void
a_cut_stream_ends_in_one_error_event_and_no_marker(void **state)
{
    (void)state;
    static const enum wire_fault faults[] = {WIRE_NO_FAULT, WIRE_CUT};
    for (size_t i = 0; i < 2; i++) {
        begin();
        assert_int_equal(holding_take(&holding, ROLE TEXT "data: {\"choices\":[{\"delta\""), 0);
        assert_int_equal(holding_end(&holding, faults[i]), OUTCOME_BODY_STARTED);
        hold_break(&holding.hold, FAILURE_UPSTREAM_INTERRUPTED);
        assert_false(scene.client.was_aborted);
        call_finish(&scene.call);
        scene_expect_body(
            &scene, ROLE TEXT
            "data: {\"error\":{\"message\":\"the upstream's stream ended before it was finished\","
            "\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_stream_interrupted\"}}"
            "\n\n");
        assert_true(scene.call.account.was_cut);
        holding_fini(&holding);
    }
}

static void
broken_data_is_not_passed_on_but_told(void **state)
{
    (void)state;
    begin();
    assert_int_equal(holding_take(&holding, TEXT), 0);
    assert_int_equal(holding_take(&holding, TEXT BROKEN TEXT), -1);
    assert_int_equal(holding_end(&holding, WIRE_STOPPED), OUTCOME_BODY_STARTED);
    hold_break(&holding.hold, FAILURE_UPSTREAM_INTERRUPTED);
    call_finish(&scene.call);
    const char *body = buf_text(&scene.client.body);
    assert_memory_equal(body, TEXT TEXT "data: {\"error\"", strlen(TEXT TEXT "data: {\"error\""));
    assert_null(strstr(body, "\"del\n"));
    assert_null(strstr(body, "[DONE]"));
    holding_fini(&holding);
}

static void
the_upstreams_own_error_event_is_the_last_word(void **state)
{
    (void)state;
    begin();
    assert_int_equal(holding_take(&holding, TEXT), 0);
    assert_int_equal(holding_take(&holding, ERROR_EVENT DONE), -1);
    (void)holding_end(&holding, WIRE_STOPPED);
    hold_break(&holding.hold, FAILURE_UPSTREAM_INTERRUPTED);
    call_finish(&scene.call);
    scene_expect_body(&scene, TEXT ERROR_EVENT);
    assert_true(scene.call.account.was_cut);
    holding_fini(&holding);
}

static void
an_error_event_that_quotes_a_secret_is_replaced(void **state)
{
    (void)state;
    begin();
    assert_int_equal(holding_take(&holding, TEXT), 0);
    assert_int_equal(holding_take(&holding, LEAK), -1);
    (void)holding_end(&holding, WIRE_STOPPED);
    hold_break(&holding.hold, FAILURE_UPSTREAM_INTERRUPTED);
    call_finish(&scene.call);
    const char *body = buf_text(&scene.client.body);
    assert_null(strstr(body, SCENE_SECRET));
    assert_non_null(strstr(body, "upstream_stream_interrupted"));
    holding_fini(&holding);
}

static void
a_finish_makes_it_whole_without_the_marker(void **state)
{
    (void)state;
    begin();
    assert_int_equal(holding_take(&holding, TEXT STOP), 0);
    assert_int_equal(holding_end(&holding, WIRE_CUT), OUTCOME_BODY_GOOD);
    hold_release(&holding.hold);
    scene_expect_body(&scene, TEXT STOP);
    holding_fini(&holding);
}

static void
a_tail_without_its_blank_line_goes_along(void **state)
{
    (void)state;
    begin();
    assert_int_equal(holding_take(&holding, TEXT STOP "data: [DONE]"), 0);
    assert_int_equal(holding_end(&holding, WIRE_NO_FAULT), OUTCOME_BODY_GOOD);
    hold_release(&holding.hold);
    scene_expect_body(&scene, TEXT STOP "data: [DONE]");
    holding_fini(&holding);
}

static void
every_api_is_told_in_its_own_shape(void **state)
{
    (void)state;
    static const struct {
        const char *path, *content, *told;
    } rows[] = {
        {"/v1/responses", "data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n",
         "event: error\ndata: {\"type\":\"error\",\"code\":\"upstream_timeout\""},
        {"/v1/messages", "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"a\"}}\n\n",
         "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\""},
        {"/v1/completions", "data: {\"choices\":[{\"text\":\"a\"}]}\n\n",
         "data: {\"error\":{\"message\":"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene_ask(&scene, "POST", rows[i].path, "{\"model\":\"m\",\"stream\":true}");
        holding_begin(&holding, &scene, STREAM);
        assert_int_equal(holding_head(&holding), 0);
        assert_int_equal(holding_take(&holding, rows[i].content), 0);
        assert_int_equal(holding_end(&holding, WIRE_STOPPED), OUTCOME_BODY_STARTED);
        hold_break(&holding.hold, FAILURE_UPSTREAM_TIMEOUT);
        call_finish(&scene.call);
        const char *tail = buf_text(&scene.client.body) + strlen(rows[i].content);
        if (strncmp(tail, rows[i].told, strlen(rows[i].told)) != 0)
            fail_msg("%s: %s", rows[i].path, tail);
        holding_fini(&holding);
    }
}

static void
the_same_bytes_come_out_wherever_they_were_split(void **state)
{
    (void)state;
    static const char whole[] = ": ping\r\n\r\n" ROLE TEXT "id: 1\r" TEXT STOP DONE;
    const size_t len = sizeof(whole) - 1;
    for (size_t cut = 0; cut <= len; cut++) {
        begin();
        assert_int_equal(hold_take(&holding.hold, span_of(whole, cut)), 0);
        assert_int_equal(hold_take(&holding.hold, span_of(whole + cut, len - cut)), 0);
        assert_int_equal(holding_end(&holding, WIRE_NO_FAULT), OUTCOME_BODY_GOOD);
        hold_release(&holding.hold);
        scene_expect_body(&scene, whole);
        holding_fini(&holding);
    }
}

/* --- held delivery -------------------------------------------------------- */

static void
begin_held(void)
{
    scene_ask_with(&scene, "POST", CHAT, CHAT_STREAM_BODY, "HTTP_X_POSTERN_DELIVERY=held");
    holding_begin(&holding, &scene, STREAM);
    assert_int_equal(holding_head(&holding), 0);
}

static void
a_held_stream_is_sent_when_its_finish_was_seen(void **state)
{
    (void)state;
    begin_held();
    assert_int_equal(holding_take(&holding, ROLE TEXT), 0);
    assert_true(hold_has_begun(&holding.hold));
    assert_int_equal(holding_take(&holding, STOP DONE), 0);
    assert_int_equal(scene.client.heads, 0);
    assert_int_equal(holding_end(&holding, WIRE_NO_FAULT), OUTCOME_BODY_GOOD);
    hold_release(&holding.hold);
    scene_expect_body(&scene, ROLE TEXT STOP DONE);
    assert_non_null(memsink_header(&scene.client, "Content-Length"));
    holding_fini(&holding);
}

static void
a_held_stream_that_fails_is_never_seen(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum outcome_body then;
    } rows[] = {
        {ROLE TEXT TEXT, OUTCOME_BODY_STARTED},
        {ROLE TEXT TEXT ERROR_EVENT, OUTCOME_BODY_STARTED},
        {ROLE TEXT TEXT BROKEN, OUTCOME_BODY_STARTED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin_held();
        (void)holding_take(&holding, rows[i].text);
        assert_int_equal(holding_end(&holding, WIRE_NO_FAULT), rows[i].then);
        assert_int_equal(scene.client.heads, 0);
        assert_false(scene.call.committed);
        holding_fini(&holding);
    }
}

/* --- other kinds ---------------------------------------------------------- */

static void
a_stream_for_json_is_no_answer(void **state)
{
    (void)state;
    scene_ask(&scene, "POST", CHAT, CHAT_BODY);
    holding_begin(&holding, &scene, STREAM);
    assert_int_equal(holding_head(&holding), -1);
    assert_int_equal(holding.hold.stop, OUTCOME_STOP_MALFORMED);
    holding_fini(&holding);

    scene_ask(&scene, "POST", "/v1/embeddings", "{\"model\":\"m\"}"); /* which never streams */
    assert_int_equal(holding_all(&holding, &scene, STREAM, TEXT STOP), OUTCOME_BODY_WRONG);
    holding_fini(&holding);
}

static void
json_for_a_stream_is_read_for_its_error_alone(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum outcome_body then;
    } rows[] = {
        {"{\"choices\":[{\"index\":0}]}", OUTCOME_BODY_WRONG},
        {"{\"error\":{\"code\":\"content_filter\",\"message\":\"m\"}}", OUTCOME_BODY_ERROR},
        {"{\"error\":", OUTCOME_BODY_WRONG},
        {"", OUTCOME_BODY_EMPTY},
    };
    scene.config.hold_max_bytes = 4;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene_ask(&scene, "POST", CHAT, CHAT_STREAM_BODY);
        assert_int_equal(holding_all(&holding, &scene, "application/json", rows[i].body),
                         rows[i].then);
        assert_int_equal(scene.client.heads, 0);
        holding_fini(&holding);
    }
}

static void
json_for_a_stream_is_not_read_for_long(void **state)
{
    (void)state;
    static char blanks[65536 + 1];
    memset(blanks, ' ', sizeof(blanks) - 1);
    scene_ask(&scene, "POST", CHAT, CHAT_STREAM_BODY);
    holding_begin(&holding, &scene, "application/json");
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, blanks), 0);
    assert_int_equal(holding_take(&holding, " "), -1);
    assert_int_equal(holding.hold.stop, OUTCOME_STOP_MALFORMED);
    assert_int_equal(scene.client.heads, 0);
    holding_fini(&holding);
}

static void
an_opaque_stream_needs_no_content(void **state)
{
    (void)state;
    scene_ask(&scene, "GET", "/v1/events", NULL);
    assert_int_equal(holding_all(&holding, &scene, STREAM, ": nothing today\n\n"),
                     OUTCOME_BODY_UNCHECKED);
    hold_release(&holding.hold);
    scene_expect_body(&scene, ": nothing today\n\n");
    holding_fini(&holding);
}

/* --- heartbeats ----------------------------------------------------------- */

static void
no_json_follows_a_heartbeat(void **state)
{
    (void)state;
    static const struct {
        const char *path, *body;
    } rows[] = {{CHAT, "{\"choices\":[{\"index\":0}]}"}, {"/v1/audio/speech", "{\"text\":\"a\"}"}};
    scene.config.heartbeat_ms = 1000;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene_ask(&scene, "POST", rows[i].path, CHAT_STREAM_BODY);
        (void)call_heartbeat(&scene.call, scene.call.sent_ms + 1000, 5000);
        enum outcome_body then = holding_all(&holding, &scene, "application/json", rows[i].body);
        assert_true(then != OUTCOME_BODY_GOOD || holding.hold.stop == OUTCOME_STOP_MALFORMED);
        scene_expect_body(&scene, ": heartbeat\n\n");
        holding_fini(&holding);
    }
}

static void
no_heartbeat_gets_into_what_is_no_stream(void **state)
{
    (void)state;
    scene.config.heartbeat_ms = 1000;
    scene_ask(&scene, "POST", "/v1/audio/speech", "{\"stream\":true}");
    holding_begin(&holding, &scene, "application/json");
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, "{\"half\":"), 0);
    assert_int_equal(call_heartbeat(&scene.call, scene.call.sent_ms + 5000, 77), 77);
    assert_int_equal(scene.client.heads, 0);
    (void)holding_end(&holding, WIRE_CUT);
    holding_fini(&holding);

    holding_begin(&holding, &scene, STREAM); /* the next upstream streams */
    (void)call_heartbeat(&scene.call, scene.call.sent_ms + 5000, 77);
    assert_int_equal(scene.client.heads, 1);
    holding_fini(&holding);
}

static void
a_stream_after_a_heartbeat_goes_on_under_its_head(void **state)
{
    (void)state;
    scene.config.heartbeat_ms = 1000;
    scene_ask(&scene, "POST", CHAT, CHAT_STREAM_BODY);
    (void)call_heartbeat(&scene.call, scene.call.sent_ms + 1000, 5000);
    assert_int_equal(scene.client.heads, 1);
    assert_string_equal(memsink_header(&scene.client, "Content-Type"), STREAM);
    assert_false(scene.call.committed);
    assert_int_equal(holding_all(&holding, &scene, STREAM, TEXT STOP), OUTCOME_BODY_GOOD);
    hold_release(&holding.hold);
    scene_expect_body(&scene, ": heartbeat\n\n" TEXT STOP);
    assert_int_equal(scene.client.heads, 1);
    assert_string_equal(scene.call.account.upstream, "eu");
    assert_string_equal(scene.call.account.attempts, "eu:200");
    holding_fini(&holding);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_stream_is_held_until_its_first_content),
        TEST(what_fails_before_the_first_content_is_never_seen),
        TEST(pings_without_end_are_too_large),
        TEST(a_cut_stream_ends_in_one_error_event_and_no_marker),
        TEST(broken_data_is_not_passed_on_but_told),
        TEST(the_upstreams_own_error_event_is_the_last_word),
        TEST(an_error_event_that_quotes_a_secret_is_replaced),
        TEST(a_finish_makes_it_whole_without_the_marker),
        TEST(a_tail_without_its_blank_line_goes_along),
        TEST(every_api_is_told_in_its_own_shape),
        TEST(the_same_bytes_come_out_wherever_they_were_split),
        TEST(a_held_stream_is_sent_when_its_finish_was_seen),
        TEST(a_held_stream_that_fails_is_never_seen),
        TEST(a_stream_for_json_is_no_answer),
        TEST(json_for_a_stream_is_read_for_its_error_alone),
        TEST(json_for_a_stream_is_not_read_for_long),
        TEST(an_opaque_stream_needs_no_content),
        TEST(no_json_follows_a_heartbeat),
        TEST(no_heartbeat_gets_into_what_is_no_stream),
        TEST(a_stream_after_a_heartbeat_goes_on_under_its_head),
#undef TEST
    };
    return cmocka_run_group_tests_name("relay/hold, streams", tests, NULL, NULL);
}
