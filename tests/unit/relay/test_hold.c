/* also: tests/unit/relay/memsink.c */
/* also: tests/unit/relay/scene.c */
/* also: tests/unit/relay/holding.c */
/* Answers that are no streams: held until they are whole, and judged. */
#include "holding.h"

#include <string.h>

#define JSON_TYPE "application/json"
#define GOOD_JSON "{\"choices\":[{\"index\":0}]}"

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

/* --- JSON ----------------------------------------------------------------- */

static void
json_is_held_until_it_is_whole(void **state)
{
    (void)state;
    scene_ask(&scene, "POST", CHAT, CHAT_BODY);
    holding_begin(&holding, &scene, JSON_TYPE);
    holding.reply.content_length = 100; /* another upstream's length must not reach the client */
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, "{\"choices\":"), 0);
    assert_int_equal(holding_take(&holding, "[{\"index\":0}]}"), 0);
    assert_int_equal(scene.client.heads, 0);
    assert_int_equal(holding_end(&holding, WIRE_NO_FAULT), OUTCOME_BODY_GOOD);
    assert_false(scene.call.committed);
    assert_int_equal(scene.client.heads, 0);

    hold_release(&holding.hold);
    assert_true(scene.call.committed);
    assert_int_equal(scene.client.status, 200);
    scene_expect_body(&scene, GOOD_JSON);
    assert_string_equal(memsink_header(&scene.client, "Content-Length"), "25");
    assert_int_equal(memsink_count(&scene.client, "Content-Length"), 1);
    assert_string_equal(memsink_header(&scene.client, "Content-Type"), JSON_TYPE);
    assert_string_equal(memsink_header(&scene.client, "X-Request-Id"), "up-1");
    assert_string_equal(memsink_header(&scene.client, "X-Postern-Upstream"), "eu");
    assert_string_equal(memsink_header(&scene.client, "X-Postern-Attempts"), "eu:200");
    assert_non_null(memsink_header(&scene.client, "X-Postern-Overhead-Ms"));
    assert_string_equal(memsink_header(&scene.client, "Cache-Control"), "no-store");
    assert_null(memsink_header(&scene.client, "Set-Cookie"));
    assert_true(scene.client.flushes > 0);
    holding_fini(&holding);
}

static void
an_answer_that_says_its_length_gets_its_room_at_once(void **state)
{
    (void)state;
    static const char begin[] = "{\"choices\":[{\"text\":\"";
    static char text[4097];
    memset(text, 'a', sizeof(text) - 1);
    scene_ask(&scene, "POST", CHAT, CHAT_BODY);
    holding_begin(&holding, &scene, JSON_TYPE);
    holding.reply.content_length = sizeof(begin) - 1 + sizeof(text) - 1 + 4;
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, begin), 0);
    const char *room = holding.hold.bytes.ptr;
    assert_int_equal(holding_take(&holding, text), 0);
    assert_int_equal(holding_take(&holding, "\"}]}"), 0);
    assert_ptr_equal(holding.hold.bytes.ptr, room);
    assert_int_equal(holding_end(&holding, WIRE_NO_FAULT), OUTCOME_BODY_GOOD);
    holding_fini(&holding);
}

static void
a_json_answer_is_judged_by_its_operations_rules(void **state)
{
    (void)state;
    static const struct {
        const char *path, *body;
        enum outcome_body then;
    } rows[] = {
        {CHAT, GOOD_JSON, OUTCOME_BODY_GOOD},
        {CHAT, " {\"error\":null,\"choices\":[{}]} \n", OUTCOME_BODY_GOOD},
        {CHAT, "", OUTCOME_BODY_EMPTY},
        {CHAT, "{\"choices\":[]}", OUTCOME_BODY_EMPTY},
        {CHAT, "{\"choices\":{}}", OUTCOME_BODY_EMPTY},
        {CHAT, "{}", OUTCOME_BODY_EMPTY},
        {CHAT, "{\"choices\":[null]}", OUTCOME_BODY_WRONG},
        {CHAT, "{\"choices\":[{},{\"finish_reason\":\"error\"}]}", OUTCOME_BODY_WRONG},
        {CHAT, "{\"choices\":[{\"error\":{\"code\":502}}]}", OUTCOME_BODY_WRONG},
        {CHAT, "{\"choices\":[{}]", OUTCOME_BODY_WRONG},
        {CHAT, "{\"choices\":[{}]}}", OUTCOME_BODY_WRONG},
        {CHAT, "{\"choices\":[{}],\"choices\":[{}]}", OUTCOME_BODY_WRONG},
        {CHAT, "{\"error\":null,\"choices\":[{}],\"\\u0065rror\":{}}", OUTCOME_BODY_WRONG},
        {CHAT, "{\"status\":1,\"choices\":[{}],\"status\":2}", OUTCOME_BODY_GOOD},
        {CHAT, "hello", OUTCOME_BODY_WRONG},
        {CHAT, "{\"error\":{\"message\":\"m\"}}", OUTCOME_BODY_ERROR},
        {CHAT, "{\"error\":{\"message\":\"m\"},\"choices\":[{}]}", OUTCOME_BODY_ERROR},
        {CHAT, "{\"choices\":[{\"finish_reason\":\"stop\"}]}", OUTCOME_BODY_GOOD},
        {CHAT, "{\"choices\":[{\"finish_reason\":null}]}", OUTCOME_BODY_WRONG},
        {CHAT, "{\"choices\":[{\"message\":{},\"message\":{}}]}", OUTCOME_BODY_WRONG},
        {"/v1/embeddings", "{\"data\":[{}]}", OUTCOME_BODY_GOOD},
        {"/v1/embeddings", "{\"data\":[]}", OUTCOME_BODY_EMPTY},
        {"/v1/responses", "{\"id\":\"r\",\"error\":null}", OUTCOME_BODY_GOOD},
        {"/v1/responses",
         "{\"id\":\"r\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\"}}",
         OUTCOME_BODY_ERROR},
        {"/v1/responses", "{\"id\":\"r\",\"status\":\"in_progress\"}", OUTCOME_BODY_WRONG},
        {"/v1/responses", "{\"status\":\"completed\",\"status\":\"completed\"}",
         OUTCOME_BODY_WRONG},
        {"/v1/messages", "{\"type\":\"message\",\"content\":[]}", OUTCOME_BODY_GOOD},
        {"/v1/messages", "{\"content\":[],\"stop_reason\":null}", OUTCOME_BODY_WRONG},
        {"/v1/messages", "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}",
         OUTCOME_BODY_ERROR},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene_ask(&scene, "POST", rows[i].path, "{\"model\":\"m\"}");
        enum outcome_body then = holding_all(&holding, &scene, JSON_TYPE, rows[i].body);
        if (then != rows[i].then)
            fail_msg("%s %s is judged %d", rows[i].path, rows[i].body, (int)then);
        assert_int_equal(scene.client.heads, 0);
        holding_fini(&holding);
    }
}

/* Else whoever asks for nothing could make a good upstream look broken. */
static void
an_empty_list_answers_an_empty_list(void **state)
{
    (void)state;
    static const struct {
        const char *request, *answer;
        enum outcome_body then;
    } rows[] = {
        {"{\"model\":\"m\",\"input\":[ ]}", "{\"data\":[]}", OUTCOME_BODY_GOOD},
        {"{\"model\":\"m\",\"input\":[ ]}", "{}", OUTCOME_BODY_EMPTY},
        {"{\"model\":\"m\",\"input\":\"\"}", "{\"data\":[]}", OUTCOME_BODY_EMPTY},
        {"{\"model\":\"m\",\"input\":[\"a\"]}", "{\"data\":[]}", OUTCOME_BODY_EMPTY},
        {"{\"model\":\"m\",\"input\":[\"a\",\"b\"]}", "{\"data\":[{}]}", OUTCOME_BODY_WRONG},
        {"{\"model\":\"m\",\"input\":[[1,2],[3]]}", "{\"data\":[{}]}", OUTCOME_BODY_WRONG},
        {"{\"model\":\"m\",\"input\":[\"a\",\"b\"]}", "{\"data\":[{},{}]}", OUTCOME_BODY_GOOD},
        {"{\"model\":\"m\",\"input\":[1,2,3]}", "{\"data\":[{}]}", OUTCOME_BODY_GOOD},
        {"{\"model\":\"m\",\"input\":[{},{}]}", "{\"data\":[{}]}", OUTCOME_BODY_GOOD},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene_ask(&scene, "POST", "/v1/embeddings", rows[i].request);
        assert_int_equal(holding_all(&holding, &scene, JSON_TYPE, rows[i].answer), rows[i].then);
        holding_fini(&holding);
    }
}

/* Closed brackets are not enough: the upstream announced more, or never said that this was all. */
static void
a_closed_document_of_a_cut_transfer_is_not_good(void **state)
{
    (void)state;
    static const enum wire_fault faults[] = {WIRE_CUT, WIRE_STOPPED};
    for (size_t i = 0; i < 2; i++) {
        scene_ask(&scene, "POST", CHAT, CHAT_BODY);
        holding_begin(&holding, &scene, JSON_TYPE);
        assert_int_equal(holding_head(&holding), 0);
        assert_int_equal(holding_take(&holding, GOOD_JSON), 0);
        assert_int_equal(holding_end(&holding, faults[i]), OUTCOME_BODY_WRONG);
        holding_fini(&holding);
    }
}

static void
broken_json_stops_the_transfer(void **state)
{
    (void)state;
    scene_ask(&scene, "POST", CHAT, CHAT_BODY);
    holding_begin(&holding, &scene, JSON_TYPE);
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, "{\"choices\":x"), -1);
    assert_int_equal(holding.hold.stop, OUTCOME_STOP_MALFORMED);
    holding_fini(&holding);
}

static void
html_is_no_answer(void **state)
{
    (void)state;
    static const char *const paths[] = {CHAT, "/v1/audio/speech"};
    for (size_t i = 0; i < 2; i++) {
        scene_ask(&scene, "POST", paths[i], "{\"model\":\"m\"}");
        holding_begin(&holding, &scene, "Text/HTML; charset=utf-8");
        assert_int_equal(holding_head(&holding), -1);
        assert_int_equal(holding.hold.stop, OUTCOME_STOP_MALFORMED);
        holding_fini(&holding);
    }
    scene_ask(&scene, "GET", "/v1/files/f/content", NULL);
    holding_begin(&holding, &scene, "text/html"); /* somebody's own page */
    assert_int_equal(holding_head(&holding), 0);
    holding_fini(&holding);
}

/* --- bytes ---------------------------------------------------------------- */

static void
bytes_of_inference_are_judged_too(void **state)
{
    (void)state;
    static const struct {
        const char *type, *body;
        enum outcome_body then;
    } rows[] = {
        {"audio/mpeg", "ID3", OUTCOME_BODY_GOOD},
        {"audio/mpeg", "", OUTCOME_BODY_EMPTY},
        {"application/json", "{\"text\":\"hi\"}", OUTCOME_BODY_GOOD},
        {"application/json; charset=utf-8", "{\"text\":\"hi", OUTCOME_BODY_WRONG},
        {"application/json", "{\"error\":{\"message\":\"m\"}}", OUTCOME_BODY_ERROR},
        {"text/plain", "{\"error\":{\"message\":\"m\"}}", OUTCOME_BODY_GOOD}, /* somebody said so */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene_ask(&scene, "POST", "/v1/audio/speech", "{\"model\":\"m\"}");
        holding_begin(&holding, &scene, rows[i].type);
        holding.reply.content_length = (int64_t)strlen(rows[i].body);
        assert_int_equal(holding_head(&holding), 0);
        assert_int_equal(holding_take(&holding, rows[i].body), 0);
        if (holding_end(&holding, WIRE_NO_FAULT) != rows[i].then)
            fail_msg("%s \"%s\" is judged %d", rows[i].type, rows[i].body, (int)holding.hold.body);
        assert_int_equal(scene.client.heads, 0);
        holding_fini(&holding);
    }
}

static void
cut_sound_is_not_good(void **state)
{
    (void)state;
    scene_ask(&scene, "POST", "/v1/audio/speech", "{\"model\":\"m\"}");
    holding_begin(&holding, &scene, "audio/mpeg");
    holding.reply.content_length = 100;
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, "ID3"), 0);
    assert_int_equal(holding_end(&holding, WIRE_CUT), OUTCOME_BODY_WRONG);
    assert_int_equal(scene.client.heads, 0);
    holding_fini(&holding);
}

static void
bytes_of_unknown_length_go_on_as_they_come(void **state)
{
    (void)state;
    scene_ask(&scene, "POST", "/v1/audio/speech", "{\"model\":\"m\"}");
    holding_begin(&holding, &scene, "audio/mpeg");
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, "ID3"), 0);
    scene_expect_body(&scene, "ID3");
    assert_null(memsink_header(&scene.client, "Content-Length"));
    assert_int_equal(holding_end(&holding, WIRE_CUT), OUTCOME_BODY_WRONG);
    hold_break(&holding.hold, FAILURE_UPSTREAM_BAD_RESPONSE);
    assert_true(scene.client.was_aborted);
    holding_fini(&holding);
}

static void
an_opaque_answer_is_not_looked_into(void **state)
{
    (void)state;
    static const char *const bodies[] = {"", "{\"error\":{\"message\":\"m\"}}", "{\"half", "\n"};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        scene_ask(&scene, "GET", "/v1/models", NULL);
        assert_int_equal(holding_all(&holding, &scene, JSON_TYPE, bodies[i]),
                         OUTCOME_BODY_UNCHECKED);
        hold_release(&holding.hold);
        scene_expect_body(&scene, bodies[i]);
        assert_non_null(memsink_header(&scene.client, "Content-Length"));
        holding_fini(&holding);
    }
}

static void
an_answer_that_has_no_body_by_its_status_has_no_length(void **state)
{
    (void)state;
    scene_ask(&scene, "DELETE", "/v1/files/f", NULL);
    holding_begin(&holding, &scene, JSON_TYPE);
    holding.reply.status = 204;
    assert_int_equal(holding_head(&holding), 0);
    (void)holding_end(&holding, WIRE_NO_FAULT);
    hold_release(&holding.hold);
    assert_int_equal(scene.client.status, 204);
    assert_null(memsink_header(&scene.client, "Content-Length"));
    assert_true(scene.client.has_ended);
    holding_fini(&holding);
}

/* --- errors --------------------------------------------------------------- */

static void
an_error_status_is_never_sent_from_here(void **state)
{
    (void)state;
    static const int statuses[] = {300, 307, 400, 429, 500, 503};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        scene_ask(&scene, "POST", CHAT, CHAT_STREAM_BODY);
        holding_begin(&holding, &scene, "text/event-stream");
        holding.reply.status = statuses[i];
        assert_int_equal(holding_head(&holding), 0);
        assert_int_equal(holding_take(&holding, "{\"error\":{\"code\":\"insufficient_quota\"}}"),
                         0);
        (void)holding_end(&holding, WIRE_NO_FAULT);
        assert_int_equal(holding.hold.complaint.about, COMPLAINT_QUOTA);
        assert_int_equal(scene.client.heads, 0);
        holding_fini(&holding);
    }
}

static void
an_error_body_beyond_its_maximum_is_enough(void **state)
{
    (void)state;
    static char half[32768 + 1];
    memset(half, 'x', sizeof(half) - 1);
    scene_ask(&scene, "POST", CHAT, CHAT_BODY);
    holding_begin(&holding, &scene, "text/plain");
    holding.reply.status = 500;
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, half), 0);
    assert_int_equal(holding_take(&holding, half), 0);
    assert_false(holding.hold.has_enough);
    assert_int_equal(holding_take(&holding, "x"), -1);
    assert_true(holding.hold.has_enough);
    holding_fini(&holding);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(json_is_held_until_it_is_whole),
        TEST(an_answer_that_says_its_length_gets_its_room_at_once),
        TEST(a_json_answer_is_judged_by_its_operations_rules),
        TEST(an_empty_list_answers_an_empty_list),
        TEST(a_closed_document_of_a_cut_transfer_is_not_good),
        TEST(broken_json_stops_the_transfer),
        TEST(html_is_no_answer),
        TEST(bytes_of_inference_are_judged_too),
        TEST(cut_sound_is_not_good),
        TEST(bytes_of_unknown_length_go_on_as_they_come),
        TEST(an_opaque_answer_is_not_looked_into),
        TEST(an_answer_that_has_no_body_by_its_status_has_no_length),
        TEST(an_error_status_is_never_sent_from_here),
        TEST(an_error_body_beyond_its_maximum_is_enough),
#undef TEST
    };
    return cmocka_run_group_tests_name("relay/hold", tests, NULL, NULL);
}
