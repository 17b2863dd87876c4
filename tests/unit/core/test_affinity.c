/* A conversation keeps its number while it grows, and two conversations have two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/affinity.h"

static uint64_t
number_of(const struct affinity_facts *facts)
{
    uint64_t affinity = 0;
    assert_true(affinity_find(facts, &affinity));
    return affinity;
}

static uint64_t
number_of_messages(const char *messages)
{
    const struct affinity_facts facts = {.messages = span_from(messages)};
    return number_of(&facts);
}

#define SYSTEM "{\"role\":\"system\",\"content\":\"be brief\"}"
#define FIRST "{\"role\":\"user\",\"content\":\"what is C?\"}"
#define OTHER "{\"role\":\"user\",\"content\":\"what is D?\"}"

static void
a_conversation_keeps_its_number_while_it_grows(void **state)
{
    (void)state;
    uint64_t begin = number_of_messages("[" SYSTEM "," FIRST "]");
    assert_true(begin ==
                number_of_messages("[" SYSTEM "," FIRST ",{\"role\":\"assistant\"}," OTHER "]"));
    assert_true(begin == number_of_messages("[" SYSTEM " , " FIRST " ]"));
}

static void
conversations_with_one_system_prompt_are_told_apart(void **state)
{
    (void)state;
    assert_true(number_of_messages("[" SYSTEM "," FIRST "]") !=
                number_of_messages("[" SYSTEM "," OTHER "]"));
}

static void
the_more_explicit_name_wins(void **state)
{
    (void)state;
    struct affinity_facts facts = {.messages = span_from("[" FIRST "]")};
    uint64_t by_messages = number_of(&facts);
    facts.session = span_from("s-1");
    uint64_t by_session = number_of(&facts);
    facts.user = span_from("\"ann\"");
    uint64_t by_user = number_of(&facts);
    facts.prompt_cache_key = span_from("\"k\"");
    uint64_t by_key = number_of(&facts);
    assert_true(by_messages != by_session && by_session != by_user && by_user != by_key);
    facts.messages = span_from("[" OTHER "]");
    assert_true(by_key == number_of(&facts));
}

static void
what_is_empty_names_nothing(void **state)
{
    (void)state;
    const struct affinity_facts facts = {.user = span_from("\"\""),
                                         .prompt_cache_key = span_from("null"),
                                         .messages = span_from("[]")};
    uint64_t affinity;
    assert_false(affinity_find(&facts, &affinity));
}

static void
an_input_without_messages_is_its_own_name(void **state)
{
    (void)state;
    const struct affinity_facts text = {.input = span_from("\"hello\"")};
    const struct affinity_facts same = {.input = span_from("\"hello\"")};
    const struct affinity_facts other = {.input = span_from("\"hallo\"")};
    assert_true(number_of(&text) == number_of(&same));
    assert_true(number_of(&text) != number_of(&other));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_keeps_its_number_while_it_grows),
        cmocka_unit_test(conversations_with_one_system_prompt_are_told_apart),
        cmocka_unit_test(the_more_explicit_name_wins),
        cmocka_unit_test(what_is_empty_names_nothing),
        cmocka_unit_test(an_input_without_messages_is_its_own_name),
    };
    return cmocka_run_group_tests_name("core/affinity", tests, NULL, NULL);
}
