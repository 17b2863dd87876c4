/* test_whole.c - JSON answers that are closed, and whether they are all of the answer. */
#include "core/whole.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct row {
    const char *body;
    bool is_whole;
    struct progress_terms terms;
};

static bool
is_whole(const char *path, const struct row *row)
{
    enum { STATUS = WHOLE_MEMBERS, MEMBERS };
    struct json_member found[MEMBERS];
    struct json_finder finder;
    struct operation_match match = operation_find(span_from("POST"), span_from(path));
    whole_want(match.row, found);
    found[STATUS].name = "status";
    json_finder_init(&finder, found, MEMBERS);
    (void)json_finder_feed(&finder, span_from(row->body));
    assert_int_equal(json_finder_end(&finder), JSON_VALID);
    return whole_judge(match.row, found, &found[STATUS], &row->terms);
}

static void
check(const char *path, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_whole(path, &rows[i]) != rows[i].is_whole)
            fail_msg("%s %s", path, rows[i].body);
}

#define CHOICE(inside) "{\"choices\":[{\"index\":0," inside "}]}"

static void
a_choice_that_has_not_ended_is_not_whole(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {CHOICE("\"message\":{\"content\":\"a\"},\"finish_reason\":\"stop\""), true, {1, 0, false}},
        {CHOICE("\"message\":{\"content\":\"a\"}"), true, {1, 0, false}}, /* it does not say */
        {CHOICE("\"message\":{\"content\":\"a\"},\"finish_reason\":null"), false, {1, 0, false}},
        {CHOICE("\"message\":{\"content\":\"a\"},\"finish_reason\":\"\""), false, {1, 0, false}},
        {CHOICE("\"message\":{\"content\":\"a\"},\"finish_reason\":\"null\""),
         false,
         {1, 0, false}},
        {CHOICE("\"finish_reason\":\"error\""), false, {1, 0, false}},
        {CHOICE("\"finish_reason\":\"abort\""), false, {1, 0, false}},
        {CHOICE("\"finish_reason\":\"weary\""), true, {1, 0, false}},
        {CHOICE("\"finish_reason\":\"stop\",\"error\":{}"), false, {1, 0, false}},
        {"{\"choices\":[{\"finish_reason\":\"stop\"},{\"finish_reason\":null}]}",
         false,
         {2, 0, false}},
        {"{\"choices\":[{\"finish_reason\":\"stop\"},{}]}", true, {2, 0, false}},
        {"{\"choices\":[null]}", false, {1, 0, false}},
        /* hosts are known that ignore n, and number their choices as they like */
        {CHOICE("\"finish_reason\":\"stop\""), true, {2, 0, false}},
        {"{\"choices\":[{\"index\":70000,\"finish_reason\":\"stop\"}]}", true, {1, 0, false}},
    };
    check("/v1/chat/completions", rows, COUNT(rows));
    check("/v1/completions", rows, COUNT(rows));
}

static void
a_choice_with_a_member_twice_is_not_whole(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {CHOICE("\"finish_reason\":\"stop\",\"finish_reason\":\"length\""), false, {1, 0, false}},
        {CHOICE("\"message\":{\"content\":\"a\"},\"message\":{\"content\":\"b\"}"),
         false,
         {1, 0, false}},
        {CHOICE("\"message\":{\"content\":\"a\",\"content\":\"b\"}"), false, {1, 0, false}},
        {CHOICE("\"message\":{\"tool_calls\":[{\"function\":{\"arguments\":\"a\","
                "\"arguments\":\"b\"}}]}"),
         false,
         {1, 0, false}},
        {"{\"choices\":[{}],\"choices\":[{}]}", false, {1, 0, false}},
        {CHOICE("\"logprobs\":1,\"logprobs\":2"), true, {1, 0, false}}, /* nothing hangs on it */
    };
    check("/v1/chat/completions", rows, COUNT(rows));
}

static void
each_input_of_a_batch_has_its_answer(void **state)
{
    (void)state;
    static const struct row data[] = {
        {"{\"data\":[{}]}", true, {1, 0, false}},
        {"{\"data\":[{}]}", true, {1, 1, false}},
        {"{\"data\":[{}]}", false, {2, 2, false}},
        {"{\"data\":[{},{}]}", true, {2, 2, false}},
        {"{\"data\":[{},{},{},{}]}", true, {2, 2, false}}, /* one for each type of vector */
        {"{\"data\":[{},{}]}", false, {3, 3, false}},
    };
    static const struct row results[] = {
        {"{\"results\":[{}]}", false, {2, 2, false}},
        {"{\"results\":[{},{}]}", true, {2, 2, false}},
    };
    static const struct row choices[] = {
        {"{\"choices\":[{}]}", false, {2, 2, false}},
        {"{\"choices\":[{},{}]}", true, {4, 2, false}},
    };
    static const struct row images[] = {
        {"{\"data\":[{}]}", true, {2, 0, false}},
    };
    check("/v1/embeddings", data, COUNT(data));
    check("/v1/moderations", results, COUNT(results));
    check("/v1/completions", choices, COUNT(choices));
    check("/v1/images/generations", images, COUNT(images));
}

static void
a_response_that_is_under_way_is_whole_only_where_that_was_asked_for(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"output\":[]}", true, {1, 0, false}},
        {"{\"status\":\"completed\"}", true, {1, 0, false}},
        {"{\"status\":\"incomplete\"}", true, {1, 0, false}}, /* max_output_tokens */
        {"{\"status\":\"in_progress\"}", false, {1, 0, false}},
        {"{\"status\":\"queued\"}", false, {1, 0, false}},
        {"{\"status\":\"queued\"}", true, {1, 0, true}},
        {"{\"status\":\"failed\"}", false, {1, 0, true}},
        {"{\"status\":\"cancelled\"}", false, {1, 0, false}},
        {"{\"status\":\"completed\",\"status\":\"in_progress\"}", false, {1, 0, false}},
        {"{\"output\":[],\"output\":[{}]}", false, {1, 0, false}},
    };
    check("/v1/responses", rows, COUNT(rows));
}

static void
a_message_has_its_stop_reason(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"content\":[]}", true, {1, 0, false}},
        {"{\"content\":[],\"stop_reason\":\"end_turn\"}", true, {1, 0, false}},
        {"{\"content\":[],\"stop_reason\":\"refusal\"}", true, {1, 0, false}},
        {"{\"content\":[],\"stop_reason\":null}", false, {1, 0, false}},
        {"{\"content\":[],\"stop_reason\":\"error\"}", false, {1, 0, false}},
        {"{\"content\":[],\"content\":[{}]}", false, {1, 0, false}},
        {"{\"stop_reason\":\"end_turn\",\"stop_reason\":null}", false, {1, 0, false}},
    };
    check("/v1/messages", rows, COUNT(rows));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_choice_that_has_not_ended_is_not_whole),
        cmocka_unit_test(a_choice_with_a_member_twice_is_not_whole),
        cmocka_unit_test(each_input_of_a_batch_has_its_answer),
        cmocka_unit_test(a_response_that_is_under_way_is_whole_only_where_that_was_asked_for),
        cmocka_unit_test(a_message_has_its_stop_reason),
    };
    return cmocka_run_group_tests_name("core/whole", tests, NULL, NULL);
}
