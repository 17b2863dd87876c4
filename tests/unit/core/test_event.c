/* test_event.c - what core/event.c makes of the events of each API, and the error event it writes.
 */
#include "core/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/complaint.h"
#include "core/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct sample {
    const char *data;
    enum event_kind kind;
};

static void
check_event(enum event_api api, const char *name, const struct sample *sample)
{
    struct sse_event event = {span_from(name), span_from(sample->data)};
    enum event_kind kind = event_judge(api, &event, &(struct progress){.terms = {.choices = 1}});
    if (kind != sample->kind)
        fail_msg("%s %s: %s, not %s", name, sample->data, event_kind_name(kind),
                 event_kind_name(sample->kind));
}

static void
check_samples(enum event_api api, const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_event(api, "", &samples[i]);
}

#define CHOICE(inside) "{\"id\":\"x\",\"choices\":[{\"index\":0," inside "}]}"
#define DELTA(inside) CHOICE("\"delta\":{" inside "},\"finish_reason\":null")

static void
a_chat_delta_with_something_in_it_is_content(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {DELTA("\"content\":\"Hi\""), EVENT_CONTENT},
        {DELTA("\"role\":\"assistant\",\"content\":\" \""), EVENT_CONTENT},
        {DELTA("\"content\":\"\\n\""), EVENT_CONTENT},
        {DELTA("\"content\":[{\"type\":\"text\",\"text\":\"a\"}]"), EVENT_CONTENT},
        {DELTA("\"content\":null,\"reasoning_content\":\"hm\""), EVENT_CONTENT},
        {DELTA("\"reasoning\":\"hm\""), EVENT_CONTENT},
        {DELTA("\"reasoning_details\":[{\"type\":\"reasoning.text\"}]"), EVENT_CONTENT},
        {DELTA("\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\"}}]"), EVENT_CONTENT},
        {DELTA("\"function_call\":{\"name\":\"f\"}"), EVENT_CONTENT},
        {DELTA("\"refusal\":\"no\""), EVENT_CONTENT},
        {DELTA("\"thinking\":\"hm\""), EVENT_CONTENT},
        {DELTA("\"images\":[{\"type\":\"image_url\"}]"), EVENT_CONTENT},
        {DELTA("\"audio\":{\"id\":\"a\"}"), EVENT_CONTENT},
        {DELTA("\"\\u0063ontent\":\"Hi\""), EVENT_CONTENT},
        {CHOICE("\"message\":{\"content\":\"Hi\"}"), EVENT_CONTENT},
    };
    check_samples(EVENT_API_CHAT, samples, COUNT(samples));
}

static void
a_chat_event_without_content_is_empty(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {DELTA("\"role\":\"assistant\""), EVENT_EMPTY},
        {DELTA("\"role\":\"assistant\",\"content\":\"\",\"refusal\":null"), EVENT_EMPTY},
        {DELTA("\"content\":null,\"tool_calls\":[]"), EVENT_EMPTY},
        {DELTA("\"content\":[ ],\"function_call\":{ }"), EVENT_EMPTY},
        {DELTA(""), EVENT_EMPTY},
        {CHOICE("\"delta\":null"), EVENT_EMPTY},
        {CHOICE("\"delta\":{},\"finish_reason\":\"\""), EVENT_EMPTY},
        {CHOICE("\"delta\":{},\"finish_reason\":0"), EVENT_EMPTY},
        {"{\"choices\":[],\"usage\":{\"total_tokens\":9}}", EVENT_EMPTY},
        /* Azure's first */
        {"{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\","
         "\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":{}}]}",
         EVENT_EMPTY},
        /* Azure's asynchronous filter */
        {CHOICE("\"content_filter_offsets\":{\"start_offset\":1},\"content_filter_results\":"
                "{\"error\":{\"code\":\"content_filter_error\"}},\"finish_reason\":null"),
         EVENT_EMPTY},
        {"{\"error\":null,\"choices\":[]}", EVENT_EMPTY},
        {"{\"usage\":{\"total_tokens\":9}}", EVENT_EMPTY},
        {"{}", EVENT_EMPTY},
    };
    check_samples(EVENT_API_CHAT, samples, COUNT(samples));
}

static void
a_finish_reason_finishes(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {CHOICE("\"delta\":{},\"finish_reason\":\"stop\""), EVENT_FINISH},
        {CHOICE("\"delta\":{\"content\":\"\"},\"finish_reason\":\"length\""), EVENT_FINISH},
        /* beside content, and of a word that nobody knows, only the stream's end confirms it */
        {CHOICE("\"delta\":{\"content\":\"!\"},\"finish_reason\":\"length\""), EVENT_ENDING},
        {CHOICE("\"delta\":{},\"finish_reason\":\"weary\""), EVENT_ENDING},
        {CHOICE("\"delta\":{},\"finish_reason\":\"null\""), EVENT_EMPTY},
        {CHOICE("\"delta\":{\"content\":\"!\"},\"finish_reason\":\"null\""), EVENT_CONTENT},
        {CHOICE("\"delta\":{},\"finish_reason\":\"content_filter\""), EVENT_FINISH},
        {"{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":null},"
         "{\"delta\":{},\"finish_reason\":\"stop\"}]}",
         EVENT_FINISH}, /* both without an index: they are one */
        {"[DONE]", EVENT_DONE},
        {" [DONE] ", EVENT_DONE},
    };
    check_samples(EVENT_API_CHAT, samples, COUNT(samples));
    check_samples(EVENT_API_COMPLETIONS, samples, COUNT(samples));
}

static void
an_error_where_an_answer_should_be_is_an_error(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"{\"error\":{\"message\":\"boom\",\"code\":502}}", EVENT_ERROR},
        {"{\"error\":\"boom\"}", EVENT_ERROR},
        {"{\"error\":{\"message\":\"m\"},\"choices\":[{\"delta\":{\"content\":\"a\"}}]}",
         EVENT_ERROR},
    };
    check_samples(EVENT_API_CHAT, samples, COUNT(samples));
    check_samples(EVENT_API_MEDIA, samples, COUNT(samples));
    check_event(EVENT_API_CHAT, "error", &samples[0]);
    check_event(EVENT_API_UNKNOWN, "", &samples[0]);
}

/* Clients look for "error" in the data, and take everything else for a part of the answer. */
static void
an_error_that_clients_would_not_notice_is_a_failure(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"{\"error\":{}}", EVENT_FAILED}, /* empty is false in Python */
        {"{\"error\":0,\"message\":\"m\",\"code\":1}", EVENT_FAILED},
        {CHOICE("\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\""), EVENT_FAILED},
        {CHOICE("\"delta\":{\"content\":\"a\"},\"finish_reason\":\"abort\""), EVENT_FAILED},
        {CHOICE("\"delta\":{},\"finish_reason\":\"network_error\""), EVENT_FAILED},
        {CHOICE("\"delta\":{},\"error\":{\"code\":502,\"message\":\"m\"}"), EVENT_FAILED},
        {"{\"object\":\"error\",\"message\":\"m\",\"code\":40303}", EVENT_FAILED},
        {"{\"detail\":\"Rate limit exceeded\"}", EVENT_FAILED},
    };
    check_samples(EVENT_API_CHAT, samples, COUNT(samples));
    check_event(EVENT_API_CHAT, "error", &(struct sample){"anything", EVENT_FAILED});
    check_event(EVENT_API_CHAT, "error", &(struct sample){"{\"message\":\"m\"}", EVENT_FAILED});
    check_event(EVENT_API_MESSAGES, "error",
                &(struct sample){"{\"type\":\"error\",\"error\":{}}", EVENT_ERROR});
    check_event(EVENT_API_MEDIA, "",
                &(struct sample){"{\"type\":\"image_generation.failed\"}", EVENT_FAILED});
}

static void
a_failure_says_what_it_complains_of_wherever_it_stands(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        enum complaint about;
    } rows[] = {
        {"{\"error\":{\"code\":\"content_filter\"}}", COMPLAINT_CONTENT},
        {CHOICE("\"error\":{\"code\":\"content_filter\"}"), COMPLAINT_CONTENT},
        {CHOICE("\"finish_reason\":\"error\""), COMPLAINT_NONE},
        {"{\"detail\":\"Rate limit exceeded\"}", COMPLAINT_RATE},
        {"anything", COMPLAINT_NONE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct sse_event event = {.data = span_from(rows[i].data)};
        assert_int_equal(event_complaint(&event).about, rows[i].about);
    }
}

static void
data_that_is_no_json_object_is_malformed(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"", EVENT_MALFORMED},
        {"<html>", EVENT_MALFORMED},
        {"{\"choices\":[{\"delta\":{\"content\":\"cu", EVENT_MALFORMED},
        {"{\"choices\":[]} {}", EVENT_MALFORMED},
        {"{\"choices\":[],\"choices\":[]}", EVENT_MALFORMED},
        {"{\"a\":\"\xff\"}", EVENT_MALFORMED},
        {"17", EVENT_MALFORMED},
        {"[1]", EVENT_MALFORMED},
        {"\"[DONE]\"", EVENT_MALFORMED},
        {"[done]", EVENT_MALFORMED},
    };
    check_samples(EVENT_API_CHAT, samples, COUNT(samples));
    check_samples(EVENT_API_COMPLETIONS, samples, COUNT(samples));
    check_samples(EVENT_API_RESPONSES, samples, COUNT(samples));
    check_samples(EVENT_API_MESSAGES, samples, COUNT(samples));
}

static void
completions_bring_text(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {CHOICE("\"text\":\"a\",\"finish_reason\":null"), EVENT_CONTENT},
        {CHOICE("\"text\":\"\",\"finish_reason\":null"), EVENT_EMPTY},
        {CHOICE("\"text\":\"\",\"finish_reason\":\"stop\""), EVENT_FINISH},
    };
    check_samples(EVENT_API_COMPLETIONS, samples, COUNT(samples));
}

#define TYPE(type) "{\"type\":\"" type "\"}"

static void
responses_are_read_by_their_type(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"{\"type\":\"response.created\",\"response\":{\"error\":null,\"status\":\"queued\"}}",
         EVENT_EMPTY},
        {TYPE("response.queued"), EVENT_EMPTY},
        {TYPE("response.in_progress"), EVENT_EMPTY},
        {"{\"type\":\"response.output_item.added\",\"item\":{\"type\":\"message\"}}", EVENT_EMPTY},
        {"{\"type\":\"response.output_item.added\",\"item\":{\"type\":\"reasoning\"}}",
         EVENT_EMPTY},
        {"{\"type\":\"response.output_item.added\",\"item\":{\"type\":\"function_call\"}}",
         EVENT_CONTENT},
        {TYPE("response.content_part.added"), EVENT_EMPTY},
        {TYPE("response.output_text.delta"), EVENT_CONTENT},
        {TYPE("response.refusal.delta"), EVENT_CONTENT},
        {TYPE("response.reasoning_summary_text.delta"), EVENT_CONTENT},
        {TYPE("response.function_call_arguments.delta"), EVENT_CONTENT},
        {TYPE("response.output_item.done"), EVENT_CONTENT},
        {TYPE("response.web_search_call.searching"), EVENT_CONTENT},
        {TYPE("response.completed"), EVENT_FINISH},
        {TYPE("response.incomplete"), EVENT_FINISH},
        {"{\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"server_error\"}}}",
         EVENT_ERROR},
        {TYPE("response.failed"), EVENT_ERROR},
        {TYPE("response.cancelled"), EVENT_FAILED}, /* no type that clients know */
        {"{\"type\":\"response.completed\",\"response\":{\"status\":\"failed\"}}", EVENT_FAILED},
        {"{\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}", EVENT_FINISH},
        {"{\"type\":\"response.completed\",\"response\":{},\"response\":{}}", EVENT_MALFORMED},
        {TYPE("response.reasoning_summary_part.added"), EVENT_EMPTY},
        {"{\"type\":\"error\",\"code\":\"x\",\"message\":\"m\",\"param\":null}", EVENT_ERROR},
        {"{\"type\":\"error\",\"error\":{\"message\":\"m\"}}", EVENT_ERROR},
        {"{\"error\":{\"message\":\"m\"}}", EVENT_ERROR},
        {TYPE("keepalive"), EVENT_EMPTY},
        {"[DONE]", EVENT_EMPTY},
        {"{}", EVENT_EMPTY},
    };
    check_samples(EVENT_API_RESPONSES, samples, COUNT(samples));
}

static void
messages_are_read_by_their_type(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"{\"type\":\"message_start\",\"message\":{\"content\":[],\"stop_reason\":null}}",
         EVENT_EMPTY},
        {"{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"text\",\"text\":\"\"}}",
         EVENT_EMPTY},
        {"{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"thinking\"}}",
         EVENT_EMPTY},
        {"{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"tool_use\"}}",
         EVENT_CONTENT},
        {"{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}",
         EVENT_CONTENT},
        {TYPE("content_block_stop"), EVENT_EMPTY},
        {TYPE("ping"), EVENT_EMPTY},
        {"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}", EVENT_FINISH},
        {"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":null},\"usage\":{}}", EVENT_EMPTY},
        {"{\"type\":\"message_delta\"}", EVENT_EMPTY},
        {"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"error\"}}", EVENT_FAILED},
        {"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
         "\"stop_reason\":null}}",
         EVENT_MALFORMED},
        {TYPE("message_stop"), EVENT_EMPTY}, /* without a stop_reason */
        {"{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}", EVENT_FAILED},
        {TYPE("error"), EVENT_FAILED}, /* clients look at the event's name */
        {TYPE("something_new"), EVENT_EMPTY},
    };
    check_samples(EVENT_API_MESSAGES, samples, COUNT(samples));
    check_event(EVENT_API_MESSAGES, "ping", &(struct sample){"", EVENT_EMPTY});
}

static void
of_an_unknown_stream_anything_is_content(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"{\"type\":\"x\"}", EVENT_CONTENT},
        {"17", EVENT_CONTENT},
        {"text", EVENT_CONTENT},
        {"[DONE]", EVENT_DONE},
        {"", EVENT_EMPTY},
    };
    check_samples(EVENT_API_UNKNOWN, samples, COUNT(samples));
}

static void
assert_error_event(enum event_api api, const char *wanted)
{
    struct buf out;
    buf_init(&out, 1000);
    assert_int_equal(event_format_error(api, "upstream_timeout", "it \"stalled\"", &out), 0);
    assert_string_equal(buf_text(&out), wanted);
    buf_fini(&out);
}

static void
the_error_event_has_the_shape_of_its_api(void **state)
{
    (void)state;
    static const char chat[] =
        "data: {\"error\":{\"message\":\"it \\\"stalled\\\"\",\"type\":"
        "\"server_error\",\"param\":null,\"code\":\"upstream_timeout\"}}\n\n";
    assert_error_event(EVENT_API_CHAT, chat);
    assert_error_event(EVENT_API_COMPLETIONS, chat);
    assert_error_event(EVENT_API_UNKNOWN, chat);
    assert_error_event(EVENT_API_RESPONSES,
                       "event: error\ndata: {\"type\":\"error\",\"code\":\"upstream_timeout\","
                       "\"message\":\"it \\\"stalled\\\"\",\"param\":null,"
                       "\"sequence_number\":0,\"error\":{\"type\":\"server_error\","
                       "\"code\":\"upstream_timeout\",\"message\":\"it \\\"stalled\\\"\","
                       "\"param\":null}}\n\n");
    assert_error_event(EVENT_API_MESSAGES,
                       "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\","
                       "\"message\":\"it \\\"stalled\\\"\"}}\n\n");
}

/* What we write reads as an error again, through the whole chain. */
static void
the_error_event_is_read_back_as_an_error(void **state)
{
    (void)state;
    for (int api = EVENT_API_CHAT; api <= EVENT_API_UNKNOWN; api++) {
        struct buf out;
        struct sse sse;
        struct sse_event event;
        bool found;
        buf_init(&out, 1000);
        sse_init(&sse);
        assert_int_equal(event_format_error((enum event_api)api, "c", "a\nb\r\"\x01", &out), 0);
        assert_int_equal(sse_feed(&sse, buf_span(&out), &event, &found), out.len);
        assert_true(found);
        assert_int_equal(
            event_judge((enum event_api)api, &event, &(struct progress){.terms = {.choices = 1}}),
            EVENT_ERROR);
        assert_int_not_equal(complaint_read(event.data).about, COMPLAINT_NONE);
        sse_fini(&sse);
        buf_fini(&out);
    }
}

static void
an_error_event_that_does_not_fit_is_not_begun(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 60);
    assert_int_equal(event_format_error(EVENT_API_CHAT, "c", "m", &out), -1);
    assert_int_equal(out.len, 0);
    buf_fini(&out);
}

/* --- streams of operations that do not tell their API
 * --------------------------------------------- */

static void
an_event_tells_whose_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *name, *data;
        enum event_api api;
    } rows[] = {
        {"", "{\"type\":\"response.created\"}", EVENT_API_RESPONSES},
        {"message_start", "{\"type\":\"message_start\"}", EVENT_API_MESSAGES},
        {"", "{\"type\":\"image_generation.partial_image\"}", EVENT_API_MEDIA},
        {"", "{\"type\":\"transcript.text.delta\"}", EVENT_API_MEDIA},
        {"thread.created", "{\"object\":\"thread\"}", EVENT_API_RUNS},
        {"", "{\"choices\":[]}", EVENT_API_CHAT},
        {"", "{\"choices\":1,\"type\":\"responses\"}", EVENT_API_UNKNOWN},
        {"", "text", EVENT_API_UNKNOWN},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct sse_event event = {span_from(rows[i].name), span_from(rows[i].data)};
        assert_int_equal(event_recognise(&event), rows[i].api);
    }
}

static void
images_sound_and_runs_say_when_they_are_done(void **state)
{
    (void)state;
    static const struct sample media[] = {
        {"{\"type\":\"image_generation.partial_image\"}", EVENT_CONTENT},
        {"{\"type\":\"image_generation.completed\"}", EVENT_FINISH},
        {"{\"type\":\"image_edit.completed\"}", EVENT_FINISH},
        {"{\"type\":\"transcript.text.delta\"}", EVENT_CONTENT},
        {"{\"type\":\"transcript.text.done\"}", EVENT_FINISH},
        {"{\"type\":\"speech.audio.done\"}", EVENT_FINISH},
        {"half", EVENT_MALFORMED},
    };
    check_samples(EVENT_API_MEDIA, media, COUNT(media));
    check_event(EVENT_API_RUNS, "thread.run.created", &(struct sample){"{}", EVENT_EMPTY});
    check_event(EVENT_API_RUNS, "thread.message.delta", &(struct sample){"{}", EVENT_CONTENT});
    check_event(EVENT_API_RUNS, "thread.run.failed", &(struct sample){"{}", EVENT_FINISH});
    check_event(EVENT_API_RUNS, "done", &(struct sample){"[DONE]", EVENT_EMPTY}); /* of no run */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chat_delta_with_something_in_it_is_content),
        cmocka_unit_test(a_chat_event_without_content_is_empty),
        cmocka_unit_test(a_finish_reason_finishes),
        cmocka_unit_test(an_error_where_an_answer_should_be_is_an_error),
        cmocka_unit_test(an_error_that_clients_would_not_notice_is_a_failure),
        cmocka_unit_test(a_failure_says_what_it_complains_of_wherever_it_stands),
        cmocka_unit_test(data_that_is_no_json_object_is_malformed),
        cmocka_unit_test(completions_bring_text),
        cmocka_unit_test(responses_are_read_by_their_type),
        cmocka_unit_test(messages_are_read_by_their_type),
        cmocka_unit_test(of_an_unknown_stream_anything_is_content),
        cmocka_unit_test(the_error_event_has_the_shape_of_its_api),
        cmocka_unit_test(the_error_event_is_read_back_as_an_error),
        cmocka_unit_test(an_error_event_that_does_not_fit_is_not_begun),
        cmocka_unit_test(an_event_tells_whose_it_is),
        cmocka_unit_test(images_sound_and_runs_say_when_they_are_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
