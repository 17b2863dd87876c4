/* A key typed into the wrong place is recognised; what operators write otherwise is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/keylike.h"

static void
what_providers_issue_looks_like_a_key(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "sk-1st-9f8e7d6c5b4a3210",
        "sk-proj-abcdefghijklmnop",
        "sk-ant-api03-AAAAAAAAAAA",
        "0123456789abcdef0123456789abcdef",     /* Azure */
        "9vXk2LmQ8nRt4WzB7cYd1FgHj",            /* of letters and digits */
        "4f3c9d7e-1b2a-4c5d-8e9f-0a1b2c3d4e5f", /* Application Insights */
        "gsk_abcdefghijklmnopqrst",
        "AIzaSyA-1234567890abcdefg",
        "eyJhbGciOiJIUzI1NiJ9.e30.abc",
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct span found;
        assert_true(keylike_find(span_from(keys[i]), &found));
        assert_int_equal(found.len, strlen(keys[i]));
        assert_string_equal(keylike_mask(keys[i]), "(not shown: it looks like a key)");
    }
}

static void
what_is_written_into_options_does_not(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "10",
        "32MiB",
        "gpt-4o-mini-2024-07-18",
        "claude-sonnet-4-20250514",
        "text-embedding-3-large",
        "my-deployment-of-europe-2",
        "https://primary.openai.azure.com",
        "/var/lib/postern/postern-v1.state",
        "/home/u/0123456789abcdef0123456789abcdef/.env",
        "POSTERN_FIRST_TOKEN_TIMEOUT",
        "upstreams.eu.first_token_timeout",
        "sk-short",
        "http://127.0.0.1:8080/v1",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct span found;
        assert_false(keylike_find(span_from(texts[i]), &found));
        assert_ptr_equal(keylike_mask(texts[i]), texts[i]);
    }
}

static void
the_word_alone_is_found_in_a_sentence_and_within_a_path(void **state)
{
    (void)state;
    struct span found;
    struct span text = SPAN_LITERAL("\"sk-1st-9f8e7d6c5b4a3210\" is not a number");
    assert_true(keylike_find(text, &found));
    assert_ptr_equal(found.ptr, text.ptr + 1);
    assert_int_equal(found.len, 23);
    assert_true(keylike_find(span_from("upstreams.sk-1st-9f8e7d6c5b4a3210"), &found));
    assert_true(keylike_find(span_from("the path \"/v1/sk-1st-9f8e7d6c5b4a3210\""), &found));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_providers_issue_looks_like_a_key),
        cmocka_unit_test(what_is_written_into_options_does_not),
        cmocka_unit_test(the_word_alone_is_found_in_a_sentence_and_within_a_path),
    };
    return cmocka_run_group_tests_name("base/keylike", tests, NULL, NULL);
}
