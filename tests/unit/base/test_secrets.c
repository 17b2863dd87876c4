/* The quick search finds what the plain one finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/secrets.h"

static const struct span known[] = {SPAN_LITERAL("sk-verysecret-0123456789"),
                                    SPAN_LITERAL("aaaaaaaaaab"), SPAN_LITERAL("eightbyt")};

static int
set_secrets(void **state)
{
    (void)state;
    secrets_set(known, sizeof(known) / sizeof(known[0]));
    return 0;
}

static int
drop_secrets(void **state)
{
    (void)state;
    secrets_set(NULL, 0);
    return 0;
}

/* How many bytes at the front of `text` stand in a secret, tried one length after another. */
static size_t
plain_match(struct span text)
{
    size_t best = 0;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        for (size_t len = SECRETS_FRAGMENT; len <= text.len; len++) {
            if (len > best && span_contains(known[i], span_of(text.ptr, len)))
                best = len;
        }
    }
    return best;
}

static void
assert_same_as_plain(struct span text)
{
    struct span found = {NULL, 0};
    bool is_found = secrets_find(text, &found);
    for (size_t at = 0; at < text.len; at++) {
        size_t len = plain_match(span_of(text.ptr + at, text.len - at));
        if (len == 0)
            continue;
        assert_true(is_found);
        assert_ptr_equal(found.ptr, text.ptr + at);
        assert_int_equal(found.len, len);
        return;
    }
    assert_false(is_found);
}

static void
a_fragment_is_found_wherever_it_begins_and_however_long_it_is(void **state)
{
    (void)state;
    for (size_t from = 0; from < known[0].len; from++) {
        for (size_t len = 1; from + len <= known[0].len; len++) {
            for (size_t before = 0; before < 12; before++) {
                char text[64];
                memset(text, '-', sizeof(text));
                memcpy(text + before, known[0].ptr + from, len);
                assert_same_as_plain(span_of(text, before + len));
                assert_same_as_plain(span_of(text, sizeof(text)));
            }
        }
    }
}

static void
what_only_looks_like_a_secret_hides_none_that_follows(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "sk-verysk-verysk-verysecret-",
        "aaaaaaaaaaaaaaaaaaaaaab",
        "aaaaaaab",
        "01230123456701234567",
        "eightbyeightbyt",
        "verysec very0123456789secret-012",
        "eightbytsk-verysecret-0123456789",
        "",
        "sk-very",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_same_as_plain(span_from(texts[i]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fragment_is_found_wherever_it_begins_and_however_long_it_is),
        cmocka_unit_test(what_only_looks_like_a_secret_hides_none_that_follows),
    };
    return cmocka_run_group_tests_name("base/secrets", tests, set_secrets, drop_secrets);
}
