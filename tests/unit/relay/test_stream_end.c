/* Where streams end: the transcripts of hosts as they are in use, each whole when it ended as it
 * does there, and the same or worse ones broken off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "relay/stream.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DONE "data: [DONE]\n\n"
#define CHUNK(choice)                                                                              \
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{" choice "}]}\n\n"
#define USAGE "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"total_tokens\":9}}\n\n"
#define TEXT(index)                                                                                \
    CHUNK("\"index\":" #index ",\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null")
#define STOP(index) CHUNK("\"index\":" #index ",\"delta\":{},\"finish_reason\":\"stop\"")
#define BOTH(word) CHUNK("\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":" word)

struct story {
    const char *what;
    enum event_api api;
    struct progress_terms terms;
    const char *text;
    bool is_whole[3]; /* after a cut, after a close alone, after a proper end */
};

static void
check(const struct story *story)
{
    struct stream stream;
    struct buf out;
    stream_init(&stream, story->api);
    buf_init(&out, 65536);
    stream_expect(&stream, story->api, &story->terms);
    assert_int_equal(stream_take(&stream, span_from(story->text), &out), 0);
    for (int end = STREAM_CUT; end <= STREAM_ENDED; end++)
        if (stream_is_whole(&stream, (enum stream_end)end) != story->is_whole[end])
            fail_msg("%s: end %d is judged %d", story->what, end, !story->is_whole[end]);
    stream_fini(&stream);
    buf_fini(&out);
}

static void
check_all(const struct story *stories, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(&stories[i]);
}

#define CHAT                                                                                       \
    EVENT_API_CHAT,                                                                                \
    {                                                                                              \
        .choices = 1                                                                               \
    }
#define PROVEN                                                                                     \
    {                                                                                              \
        true, true, true                                                                           \
    }
#define IF_ENDED                                                                                   \
    {                                                                                              \
        false, false, true                                                                         \
    }
#define NEVER                                                                                      \
    {                                                                                              \
        false, false, false                                                                        \
    }

static void
the_streams_of_real_hosts_are_whole(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {"OpenAI", CHAT,
         CHUNK("\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},"
               "\"logprobs\":null,\"finish_reason\":null") TEXT(0) STOP(0) USAGE DONE,
         PROVEN},
        {"OpenAI, n = 2",
         EVENT_API_CHAT,
         {.choices = 2},
         TEXT(0) TEXT(1) TEXT(1) STOP(0) TEXT(1) STOP(1) DONE,
         PROVEN},
        {"OpenAI, a tool", CHAT,
         CHUNK("\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{"
               "\"index\":0,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
               "\"arguments\":\"\"}}]},\"finish_reason\":null")
             CHUNK("\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{"
                   "\"arguments\":\"{}\"}}]},\"finish_reason\":null")
                 CHUNK("\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"") DONE,
         PROVEN},
        {"Azure, its filter after the finish", CHAT,
         "data: {\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n" TEXT(0)
             STOP(0) CHUNK("\"index\":0,\"finish_reason\":null,\"content_filter_offsets\":{},"
                           "\"content_filter_results\":{}") DONE,
         PROVEN},
        {"vLLM: the last token beside the finish", CHAT,
         TEXT(0) BOTH("\"length\",\"stop_reason\":null") USAGE DONE, PROVEN},
        {"text-generation-inference before it had a marker", CHAT, TEXT(0) BOTH("\"eos_token\""),
         IF_ENDED},
        {"Ollama, once: empty reasons", CHAT, BOTH("\"\"") BOTH("\"\"") STOP(0) DONE, PROVEN},
        {"Ollama, which knows no n", EVENT_API_CHAT, {.choices = 2}, TEXT(0) STOP(0) DONE, PROVEN},
        {"KoboldCpp: the word null", CHAT, BOTH("\"null\"") BOTH("\"null\"") STOP(0) DONE, PROVEN},
        {"llama.cpp", CHAT,
         CHUNK("\"finish_reason\":null,\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":"
               "null}") TEXT(0) CHUNK("\"finish_reason\":\"stop\",\"index\":0,\"delta\":{}")
             USAGE DONE,
         PROVEN},
        {"Gemini: one chunk is all", CHAT, BOTH("\"stop\"") DONE, PROVEN},
        {"Gemini, once: a reason under another name", CHAT,
         TEXT(0) CHUNK("\"index\":0,\"delta\":{\"content\":\"!\"},\"finish_reason\":null,"
                       "\"finishReason\":\"stop\"") DONE,
         PROVEN},
        {"a host of Gemini's: a finish in every chunk", CHAT,
         BOTH("\"stop\"") BOTH("\"stop\"") BOTH("\"stop\"") DONE, PROVEN},
        {"the same without a marker", CHAT, BOTH("\"stop\"") BOTH("\"stop\""), IF_ENDED},
        {"a finish beside the reasoning", CHAT,
         CHUNK("\"index\":0,\"delta\":{\"reasoning_content\":\"hm\"},\"finish_reason\":\"stop\"")
             TEXT(0) STOP(0) DONE,
         PROVEN},
        {"Mistral", CHAT,
         TEXT(0) CHUNK(
             "\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"model_length\"") DONE,
         PROVEN},
        {"Groq", CHAT,
         TEXT(
             0) "data: {\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":"
                "\"stop\"}],\"x_groq\":{\"id\":\"req_1\",\"usage\":{}}}\n\n" DONE,
         PROVEN},
        {"OpenRouter: comments, and an empty chunk after the finish", CHAT,
         ": OPENROUTER PROCESSING\n\n" TEXT(0)
             CHUNK("\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
                   "\"finish_reason\":\"stop\",\"native_finish_reason\":\"STOP\"")
                 CHUNK("\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
                       "\"finish_reason\":null,\"native_finish_reason\":null") DONE,
         PROVEN},
        {"a finish that is told twice", CHAT, TEXT(0) STOP(0) STOP(0) DONE, PROVEN},
        {"DeepSeek", CHAT,
         CHUNK("\"index\":0,\"delta\":{\"content\":null,\"reasoning_content\":\"hm\"},"
               "\"finish_reason\":null") TEXT(0)
             CHUNK("\"index\":0,\"delta\":{\"content\":\"\",\"reasoning_content\":null},"
                   "\"finish_reason\":\"stop\"") DONE,
         PROVEN},
        {"LiteLLM: reasons left out, usage with a choice", CHAT,
         "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"?\"}}]}\n\n" STOP(
             0) "data: {\"choices\":[{\"index\":0,\"delta\":{}}],\"usage\":{}}\n\n" DONE,
         PROVEN},
        {"a finish without a marker", CHAT, TEXT(0) STOP(0), PROVEN},
        {"two prompts",
         EVENT_API_COMPLETIONS,
         {.choices = 2, .inputs = 2},
         "data: {\"choices\":[{\"index\":0,\"text\":\"a\",\"finish_reason\":\"stop\"}]}\n\n"
         "data: {\"choices\":[{\"index\":1,\"text\":\"b\",\"finish_reason\":\"length\"}]}\n\n" DONE,
         PROVEN},
        {"Anthropic",
         EVENT_API_MESSAGES,
         {.choices = 1},
         "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n"
         "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
         "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
         "event: ping\ndata: {\"type\": \"ping\"}\n\n"
         "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
         "\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n"
         "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
         "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
         "\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":2}}\n\n"
         "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
         PROVEN},
        {"two pictures",
         EVENT_API_MEDIA,
         {.choices = 2},
         "data: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"YQ==\"}\n\n"
         "data: {\"type\":\"image_generation.completed\",\"b64_json\":\"Yg==\"}\n\n"
         "data: {\"type\":\"image_generation.completed\",\"b64_json\":\"Yw==\"}\n\n",
         PROVEN},
    };
    check_all(stories, COUNT(stories));
}

static void
a_stream_that_was_broken_off_is_not_whole(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {"a finish in every chunk, cut", CHAT, BOTH("\"stop\"") BOTH("\"stop\""), IF_ENDED},
        {"content after a finish, and no other", CHAT, TEXT(0) STOP(0) TEXT(0), NEVER},
        {"the word null throughout", CHAT, BOTH("\"null\"") BOTH("\"null\""), NEVER},
        {"a word that nobody knows", CHAT,
         TEXT(0) CHUNK("\"index\":0,\"delta\":{},\"finish_reason\":\"weary\""), IF_ENDED},
        {"a choice that broke off", CHAT,
         TEXT(0) CHUNK("\"index\":0,\"delta\":{},\"finish_reason\":\"abort\"") DONE, NEVER},
        {"the marker before a choice has finished",
         EVENT_API_CHAT,
         {.choices = 2},
         TEXT(0) TEXT(1) STOP(0) DONE,
         NEVER},
        {"the marker before two choices have finished",
         EVENT_API_CHAT,
         {.choices = 2},
         TEXT(0) TEXT(1) DONE,
         NEVER},
        {"a second choice that nobody asked for", CHAT, TEXT(0) TEXT(1) STOP(0) DONE, NEVER},
        {"a choice that never came", EVENT_API_CHAT, {.choices = 2}, TEXT(0) STOP(0), NEVER},
        {"choices that shared a bit",
         EVENT_API_CHAT,
         {.choices = 2},
         TEXT(63) TEXT(64) STOP(64),
         NEVER},
        {"of 128, one", EVENT_API_CHAT, {.choices = 128}, TEXT(127) STOP(127), NEVER},
        {"a prompt without its answer",
         EVENT_API_COMPLETIONS,
         {.choices = 2, .inputs = 2},
         "data: {\"choices\":[{\"index\":0,\"text\":\"a\",\"finish_reason\":\"stop\"}]}\n\n" DONE,
         NEVER},
        {"one picture of two",
         EVENT_API_MEDIA,
         {.choices = 2},
         "data: {\"type\":\"image_generation.completed\",\"b64_json\":\"Yg==\"}\n\n",
         NEVER},
        {"a picture of a form",
         EVENT_API_MEDIA,
         {.choices = 0},
         "data: {\"type\":\"image_edit.completed\",\"b64_json\":\"Yg==\"}\n\n",
         IF_ENDED},
        {"half a picture and a marker",
         EVENT_API_MEDIA,
         {.choices = 1},
         "data: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"YQ==\"}\n\n" DONE,
         NEVER},
        {"half a transcript and a marker",
         EVENT_API_MEDIA,
         {.choices = 1},
         "data: {\"type\":\"transcript.text.delta\",\"delta\":\"a\"}\n\n" DONE,
         NEVER},
        {"a message without a reason",
         EVENT_API_MESSAGES,
         {.choices = 1},
         "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"a\"}}\n\n"
         "data: {\"type\":\"message_stop\"}\n\n",
         NEVER},
        {"a response that completed as a failure",
         EVENT_API_RESPONSES,
         {.choices = 1},
         "data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n"
         "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"failed\"}}\n\n",
         NEVER},
        {"a run that is done before it ended",
         EVENT_API_RUNS,
         {.choices = 1},
         "event: thread.message.delta\ndata: {}\n\nevent: done\ndata: [DONE]\n\n",
         NEVER},
    };
    check_all(stories, COUNT(stories));
}

/* A client that takes any reason for an end must not see it, and one that looks for an error must
 * see ours. */
static void
a_failure_that_clients_would_not_notice_is_not_passed_on(void **state)
{
    (void)state;
    static const char *const failures[] = {
        CHUNK("\"index\":0,\"delta\":{},\"finish_reason\":\"error\""),
        CHUNK("\"index\":0,\"delta\":{\"content\":\"!\"},\"finish_reason\":\"cancelled\""),
        CHUNK("\"index\":0,\"error\":{\"message\":\"m\"}"),
        "data: {\"detail\":\"out of memory\"}\n\n",
        "event: error\ndata: {\"message\":\"m\"}\n\n",
    };
    for (size_t i = 0; i < COUNT(failures); i++) {
        char text[512];
        struct stream stream;
        struct buf out;
        (void)snprintf(text, sizeof(text), "%s%s%s", TEXT(0), failures[i], TEXT(0));
        stream_init(&stream, EVENT_API_CHAT);
        buf_init(&out, 65536);
        assert_int_equal(stream_take(&stream, span_from(text), &out), 0);
        assert_int_equal(stream.state, STREAM_FAILED);
        assert_true(stream.has_content);
        assert_string_equal(buf_text(&out), TEXT(0));
        stream_fini(&stream);
        buf_fini(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_streams_of_real_hosts_are_whole),
        cmocka_unit_test(a_stream_that_was_broken_off_is_not_whole),
        cmocka_unit_test(a_failure_that_clients_would_not_notice_is_not_passed_on),
    };
    return cmocka_run_group_tests_name("relay/stream, its end", tests, NULL, NULL);
}
