/* The quick search finds what the plain one finds, and what is wrapped; the list is a union. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base/secrets.h"

static const struct span known[] = {SPAN_LITERAL("sk-verysecret-0123456789"),
                                    SPAN_LITERAL("abcdabcdabce"), SPAN_LITERAL("eightbyt")};

static int
set_secrets(void **state)
{
    (void)state;
    return secrets_take(known, sizeof(known) / sizeof(known[0]));
}

static int
drop_secrets(void **state)
{
    (void)state;
    secrets_drop(known, sizeof(known) / sizeof(known[0]));
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
        "abcdabcdabcdabcdabcdabce",
        "abcdabce",
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

/* --- wrapped -------------------------------------------------------------- */

#define SECRET "sk-verysecret-0123456789"

static bool
holds(const char *text)
{
    struct span found;
    return secrets_find(span_from(text), &found);
}

/* The found run is the whole of `secret` in "before" + secret + " after". */
static void
assert_found_whole(const char *secret)
{
    char text[512];
    struct span found;
    (void)snprintf(text, sizeof(text), "before %s after", secret);
    assert_true(secrets_find(span_from(text), &found));
    assert_ptr_equal(found.ptr, text + 7);
    assert_int_equal(found.len, strlen(secret));
}

static void
escaped_characters_are_read_as_what_they_stand_for(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "sk-very\\u0073ecret-0123456789",
        "\\u0073\\u006b\\u002D\\u002d-", /* too short to tell, see below */
        "sk\\u002Dverysecret-0123456789",
        "sk\\u002dverysecret-0123456789",
        "sk%2dverysecret-0123456789",
        "sk%2Dverysecret%2D0123456789",
        "sk-v%65%72%79secret-0123456789",
        "sk&#45;verysecret&#x2d;0123456789",
        "sk&#x00002D;verysecret-0123456789",
        "sk\\x2dverysecret-0123456789",
        "sk\\055verysecret-0123456789",
        "sk%252dverysecret-0123456789",         /* twice */
        "sk\\\\u002dverysecret-0123456789",     /* JSON that quotes JSON */
        "sk\\\\\\\\u002dverysecret-0123456789", /* that quotes JSON */
        "sk\\u0025\\u0032\\u0064verysecret-0123456789",
        "sk&#37;2dverysecret-0123456789",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (i != 1)
            assert_found_whole(texts[i]);
    }
    assert_false(holds(texts[1]));
}

static void
every_character_may_be_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        int digits;
        const char *after;
    } ways[] = {{"\\u", 4, ""},  {"%", 2, ""},     {"\\x", 2, ""},
                {"&#x", 1, ";"}, {"\\\\u", 4, ""}, {"%25", 2, ""}};
    for (size_t i = 0; i < 2 * sizeof(ways) / sizeof(ways[0]); i++) {
        char text[512];
        size_t len = 0;
        for (const char *c = SECRET; *c != '\0'; c++) {
            const char *before = ways[i / 2].before, *after = ways[i / 2].after;
            int added = i % 2 == 0 ? snprintf(text + len, sizeof(text) - len, "%s%0*x%s", before,
                                              ways[i / 2].digits, (unsigned)*c, after)
                                   : snprintf(text + len, sizeof(text) - len, "%s%0*X%s", before,
                                              ways[i / 2].digits, (unsigned)*c, after);
            len += (size_t)added;
        }
        assert_found_whole(text);
    }
}

static void
a_slash_may_be_escaped_and_what_is_not_an_escape_is_none(void **state)
{
    (void)state;
    const struct span slashed = SPAN_LITERAL("Ab/Cd+/eF=12");
    assert_int_equal(secrets_take(&slashed, 1), 0);
    assert_found_whole("Ab\\/Cd+\\/eF=12");
    assert_found_whole("Ab\\u002fCd%2B/eF%3d12");
    secrets_drop(&slashed, 1);
    assert_false(holds("Ab/Cd+/eF=12"));
    assert_false(holds("sk%zzverysec%"));
    assert_true(holds("100% of sk-verysecret-0 & more \\"));
    assert_false(holds("\\\\\\\\\\\\\\\\\\\\\\%%%%%%%%%%&&&&&&&&&#&#x"));
}

/* The earliest is told, whichever way it stands there. */
static void
an_escaped_secret_does_not_hide_behind_a_plain_one(void **state)
{
    (void)state;
    struct span found;
    struct span text = span_from("sk%2dverysecret- and sk-verysecret-0123456789");
    assert_true(secrets_find(text, &found));
    assert_ptr_equal(found.ptr, text.ptr);
    text = span_from("sk-verysecret- and sk%2dverysecret-0123456789");
    assert_true(secrets_find(text, &found));
    assert_ptr_equal(found.ptr, text.ptr);
    assert_int_equal(found.len, 14);
}

static void
encode_base64(const char *bytes, size_t len, char out[256])
{
    (void)EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)bytes, (int)len);
}

static void
base64_is_found_at_each_place_in_a_group_with_and_without_its_end(void **state)
{
    (void)state;
    const struct span odd = SPAN_LITERAL(">>>???odd~~"); /* letters that the alphabets differ in */
    const char *const secrets[] = {SECRET, ">>>???odd~~"};
    assert_int_equal(secrets_take(&odd, 1), 0);
    for (size_t s = 0; s < 2; s++) {
        for (size_t before = 0; before < 6; before++) {
            char plain[64], text[256];
            size_t len =
                (size_t)snprintf(plain, sizeof(plain), "%.*s%s", (int)before, "user:!", secrets[s]);
            encode_base64(plain, len, text);
            assert_true(holds(text));
            char *padding = strchr(text, '=');
            if (padding)
                *padding = '\0';
            assert_true(holds(text));
            for (char *c = text; *c != '\0'; c++)
                *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
            assert_true(holds(text));
        }
    }
    secrets_drop(&odd, 1);
}

/* Any eight bytes of it. */
static void
fragments_are_found_in_base64_and_in_hexadecimal_digits(void **state)
{
    (void)state;
    for (size_t from = 0; from + SECRETS_FRAGMENT <= strlen(SECRET); from++) {
        for (size_t before = 0; before < 3; before++) {
            char plain[64], text[256];
            size_t len = (size_t)snprintf(plain, sizeof(plain), "%.*s%.8s!", (int)before, "!!",
                                          SECRET + from);
            encode_base64(plain, len, text);
            assert_true(holds(text));
        }
        for (int upper = 0; upper < 2; upper++) {
            char text[32];
            for (size_t i = 0; i < SECRETS_FRAGMENT; i++)
                (void)snprintf(text + 2 * i, 3, upper ? "%02X" : "%02x",
                               (unsigned)SECRET[from + i]);
            assert_true(holds(text));
            text[15] = '\0';
            assert_false(holds(text));
        }
    }
}

/* --- the list ------------------------------------------------------------- */

static void
a_secret_is_known_until_the_last_who_took_it_drops_it(void **state)
{
    (void)state;
    const struct span old[] = {SPAN_LITERAL("old-only-4711"), SPAN_LITERAL("in-both-0815")};
    const struct span new[] = {SPAN_LITERAL("in-both-0815"), SPAN_LITERAL("new-only-1234")};
    assert_int_equal(secrets_take(old, 2), 0);
    assert_int_equal(secrets_take(new, 2), 0);
    assert_true(holds("old-only-4711") && holds("in-both-0815") && holds("new-only-1234"));
    secrets_drop(old, 2);
    assert_false(holds("old-only-4711"));
    assert_true(holds("in-both-0815") && holds("new-only-1234"));
    assert_int_equal(secrets_take(new, 1), 0); /* nothing new */
    secrets_drop(new, 2);
    assert_true(holds("in-both-0815"));
    secrets_drop(new, 1);
    assert_false(holds("in-both-0815"));
    assert_true(holds(SECRET));
}

static void
without_memory_the_list_stays_as_it_was(void **state)
{
    (void)state;
    struct rlimit before, none;
    const struct span more = SPAN_LITERAL("one-more-9876");
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
    int rc = secrets_take(&more, 1);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(rc, -1);
    assert_true(holds(SECRET));
    assert_false(holds("one-more-9876"));
    assert_int_equal(secrets_take(&more, 1), 0);
    assert_true(holds("one-more-9876"));
    secrets_drop(&more, 1);
}

static void
what_would_be_found_everywhere_is_not_looked_for(void **state)
{
    (void)state;
    const struct span plain[] = {SPAN_LITERAL("short"), SPAN_LITERAL("00000000"),
                                 SPAN_LITERAL("----====----"), SPAN_LITERAL("")};
    assert_int_equal(secrets_take(plain, 4), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_false(secrets_can_find(plain[i]));
        assert_false(holds(plain[i].ptr));
    }
    assert_true(secrets_can_find(known[0]));
    secrets_drop(plain, 4);
    /* and a part of a good secret that could be anything is not one of its fragments */
    const struct span zeros = SPAN_LITERAL("key-00000000000000-end");
    assert_int_equal(secrets_take(&zeros, 1), 0);
    assert_false(holds("00000000000000"));
    assert_true(holds("key-0000"));
    secrets_drop(&zeros, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fragment_is_found_wherever_it_begins_and_however_long_it_is),
        cmocka_unit_test(what_only_looks_like_a_secret_hides_none_that_follows),
        cmocka_unit_test(escaped_characters_are_read_as_what_they_stand_for),
        cmocka_unit_test(every_character_may_be_escaped),
        cmocka_unit_test(a_slash_may_be_escaped_and_what_is_not_an_escape_is_none),
        cmocka_unit_test(an_escaped_secret_does_not_hide_behind_a_plain_one),
        cmocka_unit_test(base64_is_found_at_each_place_in_a_group_with_and_without_its_end),
        cmocka_unit_test(fragments_are_found_in_base64_and_in_hexadecimal_digits),
        cmocka_unit_test(a_secret_is_known_until_the_last_who_took_it_drops_it),
        cmocka_unit_test(without_memory_the_list_stays_as_it_was),
        cmocka_unit_test(what_would_be_found_everywhere_is_not_looked_for),
    };
    return cmocka_run_group_tests_name("base/secrets", tests, set_secrets, drop_secrets);
}
