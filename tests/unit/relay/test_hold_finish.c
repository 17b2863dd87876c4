/* also: tests/unit/relay/memsink.c */
/* also: tests/unit/relay/scene.c */
/* also: tests/unit/relay/holding.c */
/* The end of a held or live stream: which finishes and failures are believed, and what the client
 * sees of them. */
#include "holding.h"

#include <string.h>

#define STREAM "text/event-stream"
#define TEXT "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n"
#define DONE "data: [DONE]\n\n"
#define TEXT_AND_STOP                                                                              \
    "data: {\"choices\":[{\"delta\":{\"content\":\"!\"},\"finish_reason\":\"stop\"}]}\n\n"
#define STOP "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define ABORT "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"abort\"}]}\n\n"

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

/* Clients would take it for a reason to stop, and stop before they read ours. */
static void
a_choice_that_broke_off_is_not_passed_on_but_told(void **state)
{
    (void)state;
    begin();
    assert_int_equal(holding_take(&holding, TEXT), 0);
    assert_int_equal(holding_take(&holding, ABORT DONE), -1);
    assert_int_equal(holding_end(&holding, WIRE_STOPPED), OUTCOME_BODY_STARTED);
    hold_break(&holding.hold, FAILURE_UPSTREAM_INTERRUPTED);
    call_finish(&scene.call);
    const char *body = buf_text(&scene.client.body);
    assert_memory_equal(body, TEXT "data: {\"error\"", strlen(TEXT "data: {\"error\""));
    assert_null(strstr(body, "abort"));
    assert_null(strstr(body, "[DONE]"));
    holding_fini(&holding);
}

/* Content and finish in one chunk: closing alone is what a cut looks like, too. */
static void
a_finish_that_proves_nothing_needs_a_proper_end(void **state)
{
    (void)state;
    static const struct {
        bool is_closed;
        enum wire_fault fault;
        enum outcome_body then;
    } rows[] = {
        {false, WIRE_NO_FAULT, OUTCOME_BODY_GOOD},
        {true, WIRE_NO_FAULT, OUTCOME_BODY_STARTED},
        {false, WIRE_CUT, OUTCOME_BODY_STARTED},
        {false, WIRE_STOPPED, OUTCOME_BODY_STARTED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        holding.reply.close_delimited = rows[i].is_closed;
        assert_int_equal(holding_take(&holding, TEXT TEXT_AND_STOP), 0);
        assert_int_equal(holding_end(&holding, rows[i].fault), rows[i].then);
        holding_fini(&holding);
    }
}

/* What follows a finish without its blank line is an event all the same: clients read it. */
static void
the_last_event_counts_without_its_blank_line(void **state)
{
    (void)state;
    static const struct {
        const char *last;
        enum outcome_body then;
        bool is_sent;
    } rows[] = {
        {"data: [DONE]", OUTCOME_BODY_GOOD, true},
        {"data: [DONE]\n", OUTCOME_BODY_GOOD, true},
        {"data: {\"usage\":{\"total_tokens\":3},\"choices\":[]}", OUTCOME_BODY_GOOD, true},
        {"data: {\"cut", OUTCOME_BODY_GOOD, false},
        {"data: {\"error\":{\"message\":\"m\"}}", OUTCOME_BODY_STARTED, false},
        {"event: error\ndata: {\"error\":{\"message\":\"m\"}}\n", OUTCOME_BODY_STARTED, false},
        {": " SCENE_SECRET, OUTCOME_BODY_GOOD, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin();
        assert_int_equal(holding_take(&holding, TEXT STOP), 0);
        assert_int_equal(holding_take(&holding, rows[i].last), 0);
        if (holding_end(&holding, WIRE_NO_FAULT) != rows[i].then)
            fail_msg("%s is judged %d", rows[i].last, (int)holding.hold.body);
        if (rows[i].then == OUTCOME_BODY_GOOD)
            hold_release(&holding.hold);
        if ((strstr(buf_text(&scene.client.body), rows[i].last) != NULL) != rows[i].is_sent)
            fail_msg("%s: the client has %s", rows[i].last, buf_text(&scene.client.body));
        holding_fini(&holding);
    }
}

/* Responses and runs end with an error that is no error event. */
static void
an_end_that_quotes_a_key_is_not_passed_on_but_told(void **state)
{
    (void)state;
    static const char text[] =
        "event: response.output_text.delta\n"
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\n";
    static const char end[] =
        "event: response.incomplete\n"
        "data: {\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\","
        "\"error\":{\"message\":\"" SCENE_SECRET "\"}}}\n\n";
    scene_ask(&scene, "POST", "/v1/responses", "{\"model\":\"m\",\"stream\":true}");
    holding_begin(&holding, &scene, STREAM);
    assert_int_equal(holding_head(&holding), 0);
    assert_int_equal(holding_take(&holding, text), 0);
    assert_int_equal(holding_take(&holding, end), -1);
    assert_int_equal(holding_end(&holding, WIRE_STOPPED), OUTCOME_BODY_STARTED);
    hold_break(&holding.hold, FAILURE_UPSTREAM_INTERRUPTED);
    call_finish(&scene.call);
    assert_null(strstr(buf_text(&scene.client.body), SCENE_SECRET));
    assert_non_null(strstr(buf_text(&scene.client.body), "upstream_stream_interrupted"));
    holding_fini(&holding);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_choice_that_broke_off_is_not_passed_on_but_told),
        TEST(a_finish_that_proves_nothing_needs_a_proper_end),
        TEST(the_last_event_counts_without_its_blank_line),
        TEST(an_end_that_quotes_a_key_is_not_passed_on_but_told),
    };
    return cmocka_run_group_tests_name("relay/hold, the end of streams", tests, NULL, NULL);
}
