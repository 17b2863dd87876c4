/* also: tests/unit/relay/memsink.c */
/* also: tests/unit/relay/scene.c */
/* also: tests/unit/relay/holding.c */
/* Answers too long for memory: held in a file, committed where a client would see a cut, or sent
 * unprotected. */
#include "holding.h"

#include <stdio.h>
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

/* Begins an answer that is longer than what memory may hold. */
static void
begin_long(const char *method, const char *path, const char *type)
{
    scene.config.hold_max_bytes = 4;
    scene_ask(&scene, method, path, strcmp(method, "GET") == 0 ? NULL : CHAT_BODY);
    holding_begin(&holding, &scene, type);
}

static void
long_json_is_held_in_a_file_until_it_is_whole(void **state)
{
    (void)state;
    begin_long("POST", CHAT, JSON_TYPE);
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, "{\"choices\":[{\"ind"), 0);
    assert_true(holding.hold.bytes.is_in_file);
    assert_int_equal(holding_take(&holding, "ex\":0}]}"), 0);
    assert_int_equal(scene.client.heads, 0);
    assert_int_equal(holding_end(&holding, WIRE_NO_FAULT), OUTCOME_BODY_GOOD);
    hold_release(&holding.hold);
    scene_expect_body(&scene, GOOD_JSON);
    assert_string_equal(memsink_header(&scene.client, "Content-Length"), "25");
    assert_null(memsink_header(&scene.client, "X-Postern-Unprotected"));
    holding_fini(&holding);
}

/* However long it is, it is judged by all of it. */
static void
what_is_wrong_at_the_end_of_long_json_is_seen(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum outcome_body then;
    } rows[] = {
        {"{\"choices\":[{\"index\":0}],\"error\":{\"message\":\"m\"}}", OUTCOME_BODY_ERROR},
        {"{\"choices\":[{\"index\":0}],\"choices\":[{\"index\":1}]}", OUTCOME_BODY_WRONG},
        {"{\"choices\":[{\"index\":0}],\"error\":null,\"error\":{}}", OUTCOME_BODY_WRONG},
        {"{\"object\":\"chat.completion\",\"usage\":{}}", OUTCOME_BODY_EMPTY},
        {"{\"usage\":{\"prompt_tokens\":12},\"choices\":[]}", OUTCOME_BODY_EMPTY},
        {"{\"choices\":[{\"index\":0}]", OUTCOME_BODY_WRONG},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin_long("POST", CHAT, JSON_TYPE);
        assert_int_equal(holding_head(&holding), 0);
        assert_int_equal(holding_take(&holding, rows[i].body), 0);
        if (holding_end(&holding, WIRE_NO_FAULT) != rows[i].then)
            fail_msg("%s is judged %d", rows[i].body, (int)holding.hold.body);
        assert_int_equal(scene.client.heads, 0);
        holding_fini(&holding);
    }
}

static void
json_beyond_spool_max_is_a_failure(void **state)
{
    (void)state;
    scene.config.spool_max_bytes = 16;
    begin_long("POST", CHAT, JSON_TYPE);
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, "{\"choices\":["), 0);
    assert_int_equal(holding_take(&holding, "{\"index\":0}"), -1);
    assert_int_equal(holding.hold.stop, OUTCOME_STOP_TOO_LARGE);
    assert_int_equal(scene.client.heads, 0);
    holding_fini(&holding);
}

static void
without_a_file_memory_is_the_limit(void **state)
{
    (void)state;
    static char filling[1024 * 1024 + 1];
    int given = 0;
    memset(filling, ' ', sizeof(filling) - 1);
    scene.config.spool_dir = "/nonexistent";
    begin_long("POST", CHAT, JSON_TYPE);
    assert_int_equal(holding_head(&holding), 0);
    while (holding_take(&holding, filling) == 0)
        given++;
    assert_int_equal(given, 20);                             /* HOLD_MEMORY_MAX_BYTES */
    assert_int_equal(holding.hold.stop, OUTCOME_STOP_LOCAL); /* no upstream is to blame */
    assert_int_equal(scene.client.heads, 0);
    holding_fini(&holding);
}

static void
bytes_beyond_hold_max_are_committed_where_a_cut_is_seen(void **state)
{
    (void)state;
    begin_long("GET", "/v1/files/f/content", JSON_TYPE);
    holding.reply.content_length = 25;
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, "{\"a"), 0);
    assert_int_equal(scene.client.heads, 0);
    assert_int_equal(holding_take(&holding, "b\""), 0);
    assert_int_equal(scene.client.heads, 1);
    assert_true(scene.call.committed);
    scene_expect_body(&scene, "{\"ab\"");
    assert_string_equal(memsink_header(&scene.client, "Content-Length"), "25");
    assert_null(memsink_header(&scene.client, "Connection"));
    assert_null(memsink_header(&scene.client, "X-Postern-Unprotected"));
    assert_int_equal(holding_end(&holding, WIRE_CUT), OUTCOME_BODY_UNCHECKED);
    hold_break(&holding.hold, FAILURE_UPSTREAM_BAD_RESPONSE);
    assert_true(scene.client.was_aborted);
    assert_true(scene.call.is_answered);
    assert_true(scene.call.account.was_cut);
    holding_fini(&holding);
}

static void
a_decoded_answer_has_no_length_of_the_coded_one(void **state)
{
    (void)state;
    begin_long("GET", "/v1/files/f/content", JSON_TYPE);
    holding.reply.content_length = 25;
    holding.reply.decoded = true;
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, GOOD_JSON), 0);
    assert_int_equal(scene.client.heads, 1);
    assert_null(memsink_header(&scene.client, "Content-Length"));
    holding_fini(&holding);
}

/* --- where nothing shows a client that an answer was cut ------------------- */

static void
sound_waits_for_its_end_where_a_cut_is_not_seen(void **state)
{
    (void)state;
    static const struct {
        enum sink_cut cut;
        int64_t length;
        bool is_decoded, waits;
    } rows[] = {
        {SINK_CUT_BROKEN, -1, false, false},   {SINK_CUT_BROKEN, 6, false, false},
        {SINK_CUT_BY_LENGTH, -1, false, true}, {SINK_CUT_BY_LENGTH, 6, false, false},
        {SINK_CUT_BY_LENGTH, 6, true, true},   {SINK_CUT_UNSEEN, -1, false, true},
        {SINK_CUT_UNSEEN, 6, false, true},
    };
    scene.config.hold_max_bytes = 4;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene_ask(&scene, "POST", "/v1/audio/speech", "{\"model\":\"m\"}");
        scene.client.sink.cut = rows[i].cut;
        holding_begin(&holding, &scene, "audio/mpeg");
        holding.reply.content_length = rows[i].length;
        holding.reply.decoded = rows[i].is_decoded;
        assert_int_equal(holding_head(&holding), 0);
        assert_int_equal(holding_take(&holding, "ID3"), 0);
        assert_int_equal(holding_take(&holding, "sou"), 0);
        if ((scene.client.heads == 0) != rows[i].waits)
            fail_msg("row %zu: %u heads", i, scene.client.heads);
        assert_int_equal(holding_end(&holding, WIRE_NO_FAULT), OUTCOME_BODY_GOOD);
        hold_release(&holding.hold);
        scene_expect_body(&scene, "ID3sou");
        assert_null(memsink_header(&scene.client, "X-Postern-Unprotected"));
        holding_fini(&holding);
    }
}

static void
sound_that_is_cut_while_it_waits_is_another_upstreams_to_answer(void **state)
{
    (void)state;
    scene.config.hold_max_bytes = 4;
    scene_ask(&scene, "POST", "/v1/audio/speech", "{\"model\":\"m\"}");
    scene.client.sink.cut = SINK_CUT_UNSEEN;
    holding_begin(&holding, &scene, "audio/mpeg");
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, "ID3 and more"), 0);
    assert_int_equal(holding_end(&holding, WIRE_CUT), OUTCOME_BODY_WRONG);
    assert_int_equal(scene.client.heads, 0);
    assert_false(scene.call.committed);
    holding_fini(&holding);
}

static void
what_is_too_long_to_wait_goes_out_and_says_that_it_is_unprotected(void **state)
{
    (void)state;
    scene.config.spool_max_bytes = 8;
    scene.config.hold_max_bytes = 4;
    scene_ask(&scene, "POST", "/v1/audio/speech", "{\"model\":\"m\"}");
    scene.client.sink.cut = SINK_CUT_UNSEEN;
    scene.client.sink.cut_is_late = true;
    holding_begin(&holding, &scene, "audio/mpeg");
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, "ID3 sou"), 0);
    assert_int_equal(scene.client.heads, 0);
    assert_int_equal(holding_take(&holding, "nd and"), 0);
    scene_expect_body(&scene, "ID3 sound and");
    assert_int_equal(holding_take(&holding, " more sound"), 0);
    scene_expect_body(&scene, "ID3 sound and more sound");
    assert_string_equal(memsink_header(&scene.client, "X-Postern-Unprotected"), "yes");
    assert_string_equal(memsink_header(&scene.client, "Connection"), "close");
    assert_int_equal(holding_end(&holding, WIRE_NO_FAULT), OUTCOME_BODY_GOOD);
    holding_fini(&holding);
}

static void
sound_whose_end_only_closing_tells_says_that_it_is_unprotected(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *type, *body;
        bool is_closed, is_unprotected;
    } rows[] = {
        {"POST", "/v1/audio/speech", "audio/mpeg", "ID3", true, true},
        {"POST", "/v1/audio/speech", "audio/mpeg", "ID3", false, false},
        {"POST", CHAT, JSON_TYPE, GOOD_JSON, true, false}, /* has an end of its own */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (enum sink_cut cut = SINK_CUT_UNSEEN; cut <= SINK_CUT_BROKEN; cut++) {
            scene_ask(&scene, rows[i].method, rows[i].path, CHAT_BODY);
            scene.client.sink.cut = cut;
            holding_begin(&holding, &scene, rows[i].type);
            holding.reply.close_delimited = rows[i].is_closed;
            assert_int_equal(holding_head(&holding), 0);
            assert_int_equal(holding_take(&holding, rows[i].body), 0);
            assert_int_equal(holding_end(&holding, WIRE_NO_FAULT), OUTCOME_BODY_GOOD);
            hold_release(&holding.hold);
            assert_int_equal(memsink_count(&scene.client, "X-Postern-Unprotected"),
                             rows[i].is_unprotected);
            holding_fini(&holding);
        }
    }
}

static void
held_delivery_never_goes_out_unprotected(void **state)
{
    (void)state;
    scene.config.delivery = UPSTREAM_HELD;
    scene.config.spool_max_bytes = 8;
    scene.config.hold_max_bytes = 4;
    scene_ask(&scene, "POST", "/v1/audio/speech", "{\"model\":\"m\"}");
    holding_begin(&holding, &scene, "audio/mpeg");
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, "ID3 sou"), 0);
    assert_int_equal(holding_take(&holding, "nd and"), -1);
    assert_int_equal(holding.hold.stop, OUTCOME_STOP_TOO_LARGE);
    assert_int_equal(scene.client.heads, 0);
    holding_fini(&holding);
}

static void
a_held_stream_too_long_for_memory_waits_in_a_file(void **state)
{
    (void)state;
    static const char first[] =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    static const char last[] = "data: {\"choices\":[{\"index\":0,\"delta\":{},"
                               "\"finish_reason\":\"stop\"}]}\n\n";
    scene.config.delivery = UPSTREAM_HELD;
    for (uint64_t max_bytes = 0; max_bytes <= 4096; max_bytes += 4096) {
        scene.config.spool_max_bytes = max_bytes;
        scene.config.hold_max_bytes = 8;
        scene_ask(&scene, "POST", CHAT, CHAT_STREAM_BODY);
        holding_begin(&holding, &scene, "text/event-stream");
        assert_int_equal(holding_head(&holding), 0);
        assert_int_equal(holding_take(&holding, first), max_bytes > 0 ? 0 : -1);
        assert_int_equal(holding.hold.stop, max_bytes > 0 ? 0 : OUTCOME_STOP_TOO_LARGE);
        assert_int_equal(holding.hold.bytes.is_in_file, max_bytes > 0);
        assert_int_equal(scene.client.heads, 0);
        if (max_bytes > 0) {
            char whole[sizeof(first) + sizeof(last)];
            assert_int_equal(holding_take(&holding, last), 0);
            assert_int_equal(holding_end(&holding, WIRE_NO_FAULT), OUTCOME_BODY_GOOD);
            hold_release(&holding.hold);
            (void)snprintf(whole, sizeof(whole), "%s%s", first, last);
            scene_expect_body(&scene, whole);
        }
        holding_fini(&holding);
    }
}

static void
an_answer_in_a_file_comes_back_whole(void **state)
{
    (void)state;
    static char block[65536 + 1];
    scene_ask(&scene, "POST", "/v1/audio/speech", "{\"model\":\"m\"}");
    scene.client.sink.cut = SINK_CUT_UNSEEN;
    holding_begin(&holding, &scene, "audio/mpeg");
    assert_int_equal(holding_head(&holding), 0);
    for (char letter = 'a'; letter <= 'z'; letter++) {
        for (size_t i = 0; i < 3; i++) {
            memset(block, letter, sizeof(block) - 1);
            assert_int_equal(holding_take(&holding, block), 0);
        }
    }
    assert_true(holding.hold.bytes.is_in_file);
    assert_int_equal(holding_end(&holding, WIRE_NO_FAULT), OUTCOME_BODY_GOOD);
    hold_release(&holding.hold);
    struct span got = buf_span(&scene.client.body);
    assert_int_equal(got.len, 26 * 3 * 65536);
    for (size_t i = 0; i < got.len; i++)
        if (got.ptr[i] != (char)('a' + i / 3 / 65536))
            fail_msg("byte %zu is %c", i, got.ptr[i]);
    assert_true(scene.client.has_ended);
    holding_fini(&holding);
}

/* --- the client ----------------------------------------------------------- */

static void
a_client_that_left_stops_the_transfer(void **state)
{
    (void)state;
    begin_long("GET", "/v1/files/f/content", JSON_TYPE);
    scene.client.room = 5;
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, GOOD_JSON), -1);
    assert_int_equal(holding.hold.stop, OUTCOME_STOP_GONE);
    assert_true(scene.call.is_gone);
    holding_fini(&holding);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(long_json_is_held_in_a_file_until_it_is_whole),
        TEST(what_is_wrong_at_the_end_of_long_json_is_seen),
        TEST(json_beyond_spool_max_is_a_failure),
        TEST(without_a_file_memory_is_the_limit),
        TEST(bytes_beyond_hold_max_are_committed_where_a_cut_is_seen),
        TEST(a_decoded_answer_has_no_length_of_the_coded_one),
        TEST(sound_waits_for_its_end_where_a_cut_is_not_seen),
        TEST(sound_that_is_cut_while_it_waits_is_another_upstreams_to_answer),
        TEST(what_is_too_long_to_wait_goes_out_and_says_that_it_is_unprotected),
        TEST(sound_whose_end_only_closing_tells_says_that_it_is_unprotected),
        TEST(held_delivery_never_goes_out_unprotected),
        TEST(a_held_stream_too_long_for_memory_waits_in_a_file),
        TEST(an_answer_in_a_file_comes_back_whole),
        TEST(a_client_that_left_stops_the_transfer),
#undef TEST
    };
    return cmocka_run_group_tests_name("relay/hold_bytes", tests, NULL, NULL);
}
