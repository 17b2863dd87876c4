/* test_event_choices.c - streams of several choices, pictures and inputs: which of them are
 * finished, and what the end of the stream has to confirm. */
#include "core/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CHOICE_AT(index, rest)                                                                     \
    "{\"choices\":[{\"index\":" #index ",\"delta\":{\"content\":\"x\"}" rest "}]}"
#define STOP_AT(index) "{\"choices\":[{\"index\":" #index ",\"finish_reason\":\"stop\"}]}"

static enum event_kind
judge_choice(const char *data, struct progress *choices)
{
    const struct sse_event event = {.data = span_from(data)};
    return event_judge(EVENT_API_CHAT, &event, choices);
}

static void
a_stream_is_finished_when_every_choice_that_began_is(void **state)
{
    (void)state;
    struct progress choices = {.terms = {.choices = 1}};
    assert_int_equal(judge_choice(CHOICE_AT(0, ""), &choices), EVENT_CONTENT);
    assert_int_equal(judge_choice(CHOICE_AT(1, ""), &choices), EVENT_CONTENT);
    assert_int_equal(judge_choice(STOP_AT(0), &choices), EVENT_CONTENT);
    assert_int_equal(judge_choice(CHOICE_AT(1, ""), &choices), EVENT_CONTENT);
    assert_int_equal(judge_choice("[DONE]", &choices), EVENT_FAILED); /* one is open */
    assert_int_equal(judge_choice(STOP_AT(1), &choices), EVENT_FINISH);
    assert_int_equal(judge_choice("[DONE]", &choices), EVENT_DONE);
}

static void
content_after_its_finish_opens_a_choice_again(void **state)
{
    (void)state;
    struct progress choices = {.terms = {.choices = 1}};
    assert_int_equal(judge_choice(STOP_AT(0), &choices), EVENT_FINISH);
    assert_int_equal(judge_choice(CHOICE_AT(0, ""), &choices), EVENT_CONTENT);
    assert_int_equal(judge_choice(STOP_AT(0), &choices), EVENT_ENDING);
    assert_int_equal(judge_choice(STOP_AT(0), &choices), EVENT_ENDING);
    assert_int_equal(judge_choice("{\"choices\":[{\"index\":0,\"delta\":{}}]}", &choices),
                     EVENT_EMPTY);
}

static void
a_choice_that_was_asked_for_and_has_not_begun_is_waited_for(void **state)
{
    (void)state;
    struct progress choices = {.terms = {.choices = 2}};
    assert_int_equal(judge_choice(STOP_AT(0), &choices), EVENT_CONTENT);
    assert_int_equal(judge_choice(STOP_AT(1), &choices), EVENT_FINISH);
}

static void
choices_far_apart_are_not_mixed_up(void **state)
{
    (void)state;
    struct progress choices = {.terms = {.choices = 2}};
    assert_int_equal(judge_choice(CHOICE_AT(63, ""), &choices), EVENT_CONTENT);
    assert_int_equal(judge_choice(CHOICE_AT(127, ""), &choices), EVENT_CONTENT);
    assert_int_equal(judge_choice(CHOICE_AT(1023, ""), &choices), EVENT_CONTENT);
    assert_int_equal(judge_choice(STOP_AT(63), &choices), EVENT_CONTENT);
    assert_int_equal(judge_choice(STOP_AT(1023), &choices), EVENT_CONTENT);
    assert_int_equal(judge_choice(STOP_AT(127), &choices), EVENT_FINISH);
}

static void
an_index_that_is_not_one_is_malformed(void **state)
{
    (void)state;
    static const char *const rows[] = {
        CHOICE_AT(1024, ""),    CHOICE_AT(18446744073709551616, ""),
        CHOICE_AT(-1, ""),      CHOICE_AT(0.5, ""),
        CHOICE_AT("0", ""),     CHOICE_AT(true, ""),
        "{\"choices\":[null]}",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct progress choices = {.terms = {.choices = 1}};
        if (judge_choice(rows[i], &choices) != EVENT_MALFORMED)
            fail_msg("%s", rows[i]);
    }
    struct progress choices = {.terms = {.choices = 1}};
    assert_int_equal(judge_choice(CHOICE_AT(null, ""), &choices), EVENT_CONTENT);
    assert_int_equal(judge_choice("{\"choices\":[{\"finish_reason\":\"stop\"}]}", &choices),
                     EVENT_FINISH);
}

/* --- the marker ----------------------------------------------------------- */

static void
the_marker_is_believed_only_where_no_choice_is_open(void **state)
{
    (void)state;
    static const struct {
        struct progress_terms terms;
        const char *events[4];
        enum event_kind then;
    } rows[] = {
        {{.choices = 1}, {CHOICE_AT(0, ""), STOP_AT(0)}, EVENT_DONE},
        /* hosts are known that never give a reason */
        {{.choices = 1}, {CHOICE_AT(0, "")}, EVENT_DONE},
        {{.choices = 2}, {CHOICE_AT(0, ""), CHOICE_AT(1, "")}, EVENT_FAILED},
        {{.choices = 1}, {CHOICE_AT(0, ""), CHOICE_AT(1, "")}, EVENT_FAILED},
        {{.choices = 2}, {CHOICE_AT(0, "")}, EVENT_FAILED},
        {{.choices = 2}, {CHOICE_AT(0, ""), CHOICE_AT(1, ""), STOP_AT(0)}, EVENT_FAILED},
        {{.choices = 2}, {STOP_AT(0), STOP_AT(1), CHOICE_AT(0, "")}, EVENT_FAILED},
        /* and others that know no n, but not for several prompts */
        {{.choices = 2}, {CHOICE_AT(0, ""), STOP_AT(0)}, EVENT_DONE},
        {{.choices = 2, .inputs = 2}, {CHOICE_AT(0, ""), STOP_AT(0)}, EVENT_FAILED},
        {{.choices = 4, .inputs = 2}, {STOP_AT(0), STOP_AT(1)}, EVENT_DONE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct progress progress = {.terms = rows[i].terms};
        for (size_t k = 0; k < COUNT(rows[i].events) && rows[i].events[k]; k++)
            (void)judge_choice(rows[i].events[k], &progress);
        if (judge_choice("[DONE]", &progress) != rows[i].then)
            fail_msg("row %zu", i);
    }
}

/* --- a member twice ------------------------------------------------------- */

#define CHOICE(inside) "{\"choices\":[{\"index\":0," inside "}]}"

static void
what_stands_twice_in_a_choice_is_malformed(void **state)
{
    (void)state;
    static const char *const rows[] = {
        CHOICE("\"finish_reason\":null,\"finish_reason\":\"stop\""),
        CHOICE("\"finish_reason\":\"stop\",\"finish\\u005freason\":null"),
        CHOICE("\"delta\":{\"content\":\"a\"},\"delta\":{\"content\":\"b\"}"),
        CHOICE("\"message\":{},\"message\":{\"content\":\"b\"}"),
        CHOICE("\"text\":\"a\",\"text\":\"b\""),
        CHOICE("\"delta\":{},\"index\":1"),
        CHOICE("\"error\":null,\"error\":{}"),
        CHOICE("\"delta\":{\"content\":\"a\",\"content\":\"b\"}"),
        CHOICE("\"delta\":{\"content\":null,\"\\u0063ontent\":\"b\"}"),
        CHOICE("\"delta\":{\"refusal\":null,\"refusal\":\"b\"}"),
        CHOICE("\"delta\":{\"reasoning_content\":\"a\",\"reasoning_content\":\"b\"}"),
        CHOICE("\"message\":{\"content\":\"a\",\"content\":\"b\"}"),
        CHOICE("\"delta\":{\"tool_calls\":[],\"tool_calls\":[{}]}"),
        CHOICE("\"delta\":{\"tool_calls\":[{\"index\":0,\"index\":1}]}"),
        CHOICE("\"delta\":{\"tool_calls\":[{\"id\":\"a\",\"id\":\"b\"}]}"),
        CHOICE("\"delta\":{\"tool_calls\":[{\"function\":{},\"function\":{\"name\":\"f\"}}]}"),
        CHOICE("\"delta\":{\"tool_calls\":[{},{\"function\":{\"arguments\":\"a\","
               "\"arguments\":\"b\"}}]}"),
        CHOICE("\"delta\":{\"function_call\":{\"name\":\"f\",\"name\":\"g\"}}"),
        "{\"choices\":[],\"choices\":[{}]}",
        "{\"choices\":[{\"index\":0}],\"error\":null,\"error\":{}}",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct progress progress = {.terms = {.choices = 1}};
        if (judge_choice(rows[i], &progress) != EVENT_MALFORMED)
            fail_msg("%s", rows[i]);
    }
}

/* --- pictures, runs, messages --------------------------------------------- */

#define PARTIAL "{\"type\":\"image_generation.partial_image\"}"
#define COMPLETED "{\"type\":\"image_generation.completed\"}"

static enum event_kind
judge(enum event_api api, const char *name, const char *data, struct progress *progress)
{
    const struct sse_event event = {span_from(name), span_from(data)};
    return event_judge(api, &event, progress);
}

static void
every_picture_that_was_asked_for_must_be_completed(void **state)
{
    (void)state;
    struct progress two = {.terms = {.choices = 2}};
    assert_int_equal(judge(EVENT_API_MEDIA, "", PARTIAL, &two), EVENT_CONTENT);
    assert_int_equal(judge(EVENT_API_MEDIA, "", "[DONE]", &two), EVENT_FAILED);
    assert_int_equal(judge(EVENT_API_MEDIA, "", COMPLETED, &two), EVENT_CONTENT);
    assert_int_equal(judge(EVENT_API_MEDIA, "", PARTIAL, &two), EVENT_CONTENT);
    assert_int_equal(judge(EVENT_API_MEDIA, "", "[DONE]", &two), EVENT_FAILED);
    assert_int_equal(judge(EVENT_API_MEDIA, "", COMPLETED, &two), EVENT_FINISH);
    struct progress form = {.terms = {.choices = 0}}; /* nobody has read how many */
    assert_int_equal(judge(EVENT_API_MEDIA, "", COMPLETED, &form), EVENT_ENDING);
    struct progress sound = {.terms = {.choices = 0}};
    assert_int_equal(judge(EVENT_API_MEDIA, "", "{\"type\":\"transcript.text.done\"}", &sound),
                     EVENT_FINISH);
}

static void
pictures_without_end_are_malformed(void **state)
{
    (void)state;
    struct progress progress = {.terms = {.choices = 1}};
    for (int i = 0; i < PROGRESS_CHOICES_MAX; i++)
        assert_int_equal(judge(EVENT_API_MEDIA, "", COMPLETED, &progress), EVENT_FINISH);
    assert_int_equal(judge(EVENT_API_MEDIA, "", COMPLETED, &progress), EVENT_MALFORMED);
}

static void
a_run_is_done_when_it_has_ended(void **state)
{
    (void)state;
    struct progress run = {.terms = {.choices = 1}};
    assert_int_equal(judge(EVENT_API_RUNS, "thread.message.delta", "{}", &run), EVENT_CONTENT);
    assert_int_equal(judge(EVENT_API_RUNS, "done", "[DONE]", &run), EVENT_FAILED);
    assert_int_equal(judge(EVENT_API_RUNS, "thread.run.completed", "{}", &run), EVENT_FINISH);
    assert_int_equal(judge(EVENT_API_RUNS, "done", "[DONE]", &run), EVENT_DONE);
}

#define MESSAGE_TEXT "{\"type\":\"content_block_delta\",\"delta\":{\"text\":\"a\"}}"
#define MESSAGE_REASON(reason) "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":" reason "}}"
#define MESSAGE_STOP "{\"type\":\"message_stop\"}"

static void
a_message_stops_only_after_its_reason(void **state)
{
    (void)state;
    struct progress message = {.terms = {.choices = 1}};
    assert_int_equal(judge(EVENT_API_MESSAGES, "", MESSAGE_TEXT, &message), EVENT_CONTENT);
    assert_int_equal(judge(EVENT_API_MESSAGES, "", MESSAGE_STOP, &message), EVENT_FAILED);
    assert_int_equal(judge(EVENT_API_MESSAGES, "", MESSAGE_REASON("null"), &message), EVENT_EMPTY);
    assert_int_equal(judge(EVENT_API_MESSAGES, "", MESSAGE_STOP, &message), EVENT_FAILED);
    assert_int_equal(judge(EVENT_API_MESSAGES, "", MESSAGE_REASON("\"end_turn\""), &message),
                     EVENT_FINISH);
    assert_int_equal(judge(EVENT_API_MESSAGES, "", MESSAGE_STOP, &message), EVENT_DONE);
    assert_int_equal(judge(EVENT_API_MESSAGES, "", MESSAGE_TEXT, &message), EVENT_CONTENT);
    assert_int_equal(judge(EVENT_API_MESSAGES, "", MESSAGE_STOP, &message), EVENT_FAILED);
}

#define RESPONSE_TEXT "{\"type\":\"response.output_text.delta\",\"delta\":\"a\"}"

/* Clients stop reading at it, whatever API they think they speak. */
static void
a_marker_that_hosts_add_must_not_come_before_the_end(void **state)
{
    (void)state;
    struct progress response = {.terms = {.choices = 1}};
    assert_int_equal(judge(EVENT_API_RESPONSES, "", "[DONE]", &response), EVENT_EMPTY);
    assert_int_equal(judge(EVENT_API_RESPONSES, "", RESPONSE_TEXT, &response), EVENT_CONTENT);
    assert_int_equal(judge(EVENT_API_RESPONSES, "", "[DONE]", &response), EVENT_FAILED);
    assert_int_equal(
        judge(EVENT_API_RESPONSES, "", "{\"type\":\"response.incomplete\"}", &response),
        EVENT_FINISH);
    assert_int_equal(judge(EVENT_API_RESPONSES, "", "[DONE]", &response), EVENT_EMPTY);
    struct progress message = {.terms = {.choices = 1}};
    assert_int_equal(judge(EVENT_API_MESSAGES, "", MESSAGE_TEXT, &message), EVENT_CONTENT);
    assert_int_equal(judge(EVENT_API_MESSAGES, "", "[DONE]", &message), EVENT_FAILED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_finished_when_every_choice_that_began_is),
        cmocka_unit_test(content_after_its_finish_opens_a_choice_again),
        cmocka_unit_test(a_choice_that_was_asked_for_and_has_not_begun_is_waited_for),
        cmocka_unit_test(choices_far_apart_are_not_mixed_up),
        cmocka_unit_test(an_index_that_is_not_one_is_malformed),
        cmocka_unit_test(the_marker_is_believed_only_where_no_choice_is_open),
        cmocka_unit_test(what_stands_twice_in_a_choice_is_malformed),
        cmocka_unit_test(every_picture_that_was_asked_for_must_be_completed),
        cmocka_unit_test(pictures_without_end_are_malformed),
        cmocka_unit_test(a_run_is_done_when_it_has_ended),
        cmocka_unit_test(a_message_stops_only_after_its_reason),
        cmocka_unit_test(a_marker_that_hosts_add_must_not_come_before_the_end),
    };
    return cmocka_run_group_tests_name("core/event, choices", tests, NULL, NULL);
}
