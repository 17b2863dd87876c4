/* An event stream is followed event by event, and its bytes go on as they came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relay/stream.h"

#define OUT_MAX (8 * 1024 * 1024)
#define ROLE "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n"
#define TEXT "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n"
#define STOP "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define DONE "data: [DONE]\n\n"
#define ERROR_EVENT "data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\"}}\n\n"
#define BROKEN "data: {\"choices\":[{\"del\n\n"

struct story {
    struct stream stream;
    struct buf out;
};

static void
begin(struct story *story, enum event_api api)
{
    stream_init(&story->stream, api);
    buf_init(&story->out, OUT_MAX);
}

static void
end(struct story *story)
{
    stream_fini(&story->stream);
    buf_fini(&story->out);
}

static void
take(struct story *story, const char *text)
{
    assert_int_equal(stream_take(&story->stream, span_from(text), &story->out), 0);
}

/* --- states --------------------------------------------------------------- */

static void
each_kind_of_event_leads_to_its_state(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum stream_state then;
        bool is_whole; /* when the transfer ends cleanly here */
    } rows[] = {
        {"", STREAM_WAITING, false},
        {": ping\n\n", STREAM_WAITING, false},
        {ROLE, STREAM_WAITING, false},
        {ROLE DONE, STREAM_WAITING, false},
        {DONE, STREAM_WAITING, false},
        {ROLE TEXT, STREAM_FLOWING, false},
        {TEXT ROLE ": ping\n\n", STREAM_FLOWING, false},
        {TEXT STOP, STREAM_FINISHED, true},
        {STOP, STREAM_FINISHED, true},
        {TEXT DONE, STREAM_FINISHED, true},
        {TEXT STOP DONE, STREAM_FINISHED, true},
        {TEXT STOP ": usage\n\n" DONE, STREAM_FINISHED, true},
        {TEXT STOP TEXT, STREAM_FLOWING, false},
        {TEXT STOP TEXT STOP, STREAM_ENDING, true},
        {TEXT STOP TEXT STOP DONE, STREAM_FINISHED, true},
        {ERROR_EVENT, STREAM_ERROR, false},
        {TEXT ERROR_EVENT, STREAM_ERROR, false},
        {BROKEN, STREAM_BROKEN, false},
        {TEXT BROKEN, STREAM_BROKEN, false},
        {TEXT STOP "data: {\"choi", STREAM_FINISHED, true},
        {TEXT "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n", STREAM_FLOWING, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct story story;
        begin(&story, EVENT_API_CHAT);
        take(&story, rows[i].text);
        if (story.stream.state != rows[i].then)
            fail_msg("%s leads to %d", rows[i].text, (int)story.stream.state);
        if (stream_is_whole(&story.stream, STREAM_ENDED) != rows[i].is_whole)
            fail_msg("%s", rows[i].text);
        end(&story);
    }
}

static void
content_is_remembered_whatever_follows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool has_content;
    } rows[] = {
        {ROLE, false},       {TEXT, true},         {TEXT ERROR_EVENT, true},
        {TEXT BROKEN, true}, {ERROR_EVENT, false}, {BROKEN, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct story story;
        begin(&story, EVENT_API_CHAT);
        take(&story, rows[i].text);
        assert_int_equal(story.stream.has_content, rows[i].has_content);
        end(&story);
    }
}

static void
a_finished_stream_is_whole_even_when_its_transfer_broke(void **state)
{
    (void)state;
    struct story story;
    begin(&story, EVENT_API_CHAT);
    take(&story, TEXT STOP);
    assert_true(stream_is_whole(&story.stream, STREAM_CUT));
    end(&story);
}

static void
an_unknown_api_ends_with_its_transfer(void **state)
{
    (void)state;
    struct story story;
    begin(&story, EVENT_API_UNKNOWN);
    take(&story, "data: {\"any\":1}\n\n");
    assert_true(stream_is_whole(&story.stream, STREAM_ENDED));
    assert_false(stream_is_whole(&story.stream, STREAM_CUT));
    end(&story);
    begin(&story, EVENT_API_UNKNOWN);
    assert_false(stream_is_whole(&story.stream, STREAM_ENDED));
    end(&story);
}

static void
an_api_that_is_recognised_must_finish(void **state)
{
    (void)state;
    struct story story;
    begin(&story, EVENT_API_UNKNOWN);
    take(&story, "data: {\"type\":\"response.output_text.delta\"}\n\n");
    assert_int_equal(story.stream.api, EVENT_API_RESPONSES);
    assert_false(stream_is_whole(&story.stream, STREAM_ENDED));
    take(&story, "data: {\"type\":\"response.completed\"}\n\n");
    assert_true(stream_is_whole(&story.stream, STREAM_ENDED));
    end(&story);
}

static void
the_complaint_of_an_error_event_is_read(void **state)
{
    (void)state;
    struct story story;
    begin(&story, EVENT_API_MESSAGES);
    take(&story, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
                 "\"message\":\"Overloaded\"}}\n\n");
    assert_int_equal(story.stream.state, STREAM_ERROR);
    assert_int_equal(story.stream.complaint.about, COMPLAINT_OVERLOAD);
    end(&story);
}

/* --- bytes ---------------------------------------------------------------- */

static void
only_whole_events_go_on(void **state)
{
    (void)state;
    struct story story;
    begin(&story, EVENT_API_CHAT);
    take(&story, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}");
    assert_int_equal(story.out.len, 0);
    take(&story, "\n");
    assert_int_equal(story.out.len, 0);
    take(&story, "\ndata: x");
    assert_string_equal(buf_text(&story.out),
                        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n");
    end(&story);
}

static void
an_error_event_goes_on_and_broken_data_does_not(void **state)
{
    (void)state;
    struct story story;
    begin(&story, EVENT_API_CHAT);
    take(&story, TEXT ERROR_EVENT TEXT);
    assert_string_equal(buf_text(&story.out), TEXT ERROR_EVENT);
    end(&story);
    begin(&story, EVENT_API_CHAT);
    take(&story, TEXT BROKEN TEXT);
    assert_string_equal(buf_text(&story.out), TEXT);
    end(&story);
}

static void
an_event_beyond_its_maximum_breaks_the_stream(void **state)
{
    (void)state;
    static char line[SSE_EVENT_MAX_BYTES + 16];
    memset(line, 'x', sizeof(line) - 1);
    memcpy(line, "data: ", 6);
    struct story story;
    begin(&story, EVENT_API_CHAT);
    take(&story, TEXT);
    take(&story, line);
    take(&story, line);
    assert_int_equal(story.stream.state, STREAM_BROKEN);
    assert_string_equal(buf_text(&story.out), TEXT);
    end(&story);
}

static void
a_full_buffer_is_told(void **state)
{
    (void)state;
    struct stream stream;
    struct buf out;
    stream_init(&stream, EVENT_API_CHAT);
    buf_init(&out, 10);
    assert_int_equal(stream_take(&stream, span_from(TEXT), &out), -1);
    stream_fini(&stream);
    buf_fini(&out);
}

/* Streams in all the forms of lines that the standard has. */
static const char *const streams[] = {
    ": hello\n\n" ROLE TEXT ": ping\n\n" TEXT STOP DONE,
    "\xEF\xBB\xBF" ROLE TEXT STOP DONE,
    "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\n"
    "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\r\n\r\ndata: [DONE]\r\n\r\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\r"
    "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\r\rdata: [DONE]\r\r",
    "id: 7\nevent: x\nretry: 5\ndata: {\"choices\":[{\"delta\":\ndata: {\"content\":\"a\"}}]}\n\n"
    "\n\n\n" STOP,
    "data: {\"choices\":[{\"delta\":{\"content\":\"\xc3\xa9 \xf0\x9f\x98\x80\"}}]}\n\n" STOP,
};

static void
every_split_gives_the_same_bytes_and_the_same_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        struct span whole = span_from(streams[i]);
        for (size_t cut = 0; cut <= whole.len; cut++) {
            struct story story;
            begin(&story, EVENT_API_CHAT);
            (void)stream_take(&story.stream, span_of(whole.ptr, cut), &story.out);
            (void)stream_take(&story.stream, span_of(whole.ptr + cut, whole.len - cut), &story.out);
            if (!span_equal(buf_span(&story.out), whole) || story.stream.state != STREAM_FINISHED)
                fail_msg("stream %zu, cut at %zu", i, cut);
            end(&story);
        }
    }
}

static void
byte_by_byte_nothing_is_lost(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        struct span whole = span_from(streams[i]);
        struct story story;
        begin(&story, EVENT_API_CHAT);
        for (size_t at = 0; at < whole.len; at++)
            assert_int_equal(stream_take(&story.stream, span_of(whole.ptr + at, 1), &story.out), 0);
        assert_true(span_equal(buf_span(&story.out), whole));
        assert_int_equal(story.stream.state, STREAM_FINISHED);
        end(&story);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_event_leads_to_its_state),
        cmocka_unit_test(content_is_remembered_whatever_follows),
        cmocka_unit_test(a_finished_stream_is_whole_even_when_its_transfer_broke),
        cmocka_unit_test(an_unknown_api_ends_with_its_transfer),
        cmocka_unit_test(an_api_that_is_recognised_must_finish),
        cmocka_unit_test(the_complaint_of_an_error_event_is_read),
        cmocka_unit_test(only_whole_events_go_on),
        cmocka_unit_test(an_error_event_goes_on_and_broken_data_does_not),
        cmocka_unit_test(an_event_beyond_its_maximum_breaks_the_stream),
        cmocka_unit_test(a_full_buffer_is_told),
        cmocka_unit_test(every_split_gives_the_same_bytes_and_the_same_end),
        cmocka_unit_test(byte_by_byte_nothing_is_lost),
    };
    return cmocka_run_group_tests_name("relay/stream", tests, NULL, NULL);
}
