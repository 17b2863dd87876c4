/* test_path.c - request targets that are taken as they are, and those that are refused. */
#include "core/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
assert_each(const char *const *texts, size_t count, enum path_verdict (*check)(struct span),
            enum path_verdict wanted)
{
    for (size_t i = 0; i < count; i++) {
        enum path_verdict verdict = check(span_from(texts[i]));
        if (verdict != wanted)
            fail_msg("\"%s\": %s; wanted: %s", texts[i], path_verdict_text(verdict),
                     path_verdict_text(wanted));
    }
}
#define ASSERT_EACH(texts, check, wanted)                                                          \
    assert_each(texts, sizeof(texts) / sizeof((texts)[0]), check, wanted)

static void
ordinary_paths_pass_as_they_are(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",
        "/",
        "/v1/chat/completions",
        "/v1/chat/completions/",
        "/openai/deployments/gpt-4.1-mini/chat/completions",
        "/v1/models/ft:gpt-4o-mini:acme::abc123",
        "/v1/files/file-abc/content",
        "/v1/a%20b",
        "/v1/%61",
        "/v1/a%3Bb;c=d",
        "/v1/100%25",
        "/v1/100%25zz",
        "/v1/%e2%82%ac",
        "/v1/a%3Fb%23c",
        "/v1/.hidden",
        "/v1/a..b",
        "/v1/..a",
        "/v1/a..",
        "/v1/...",
        "/v1/gpt%2e5",
        "/v1/~!$&'()*+,=:@",
    };
    ASSERT_EACH(paths, path_check, PATH_OK);
}

static void
dot_segments_are_refused_in_every_spelling(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/.",
        "/..",
        "/v1/./x",
        "/v1/../x",
        "/v1/..",
        "/v1/%2e/x",
        "/v1/%2E%2e/x",
        "/v1/.%2e/x",
        "/v1/%2e./x",
        "/v1/..;/x",
        "/v1/..;a=b/x",
        "/v1/.;/x",
        "/v1/%2e%2e;a/x",
        "/v1/..%3b/x",
        "/v1/..%3Bx",
        "/v1/%252e/x",
        "/v1/%252e%252E",
        "/v1/.%25252e/x",
        "/v1/..%253b/x",
        "v1/x",
        "*",
        "..",
    };
    ASSERT_EACH(paths, path_check, PATH_BAD_SEGMENT);
}

static void
escapes_that_hide_a_separator_or_a_control_are_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/v1/a%2fb",  "/v1/a%2Fb",    "/v1/a%5cb",   "/v1/a%5Cb", "/v1/a%00",    "/v1/a%0a",
        "/v1/a%0D",   "/v1/a%09",     "/v1/a%1f",    "/v1/a%7F",  "/v1/a%252fb", "/v1/a%255c",
        "/v1/a%2500", "/v1/a%25252f", "/v1/..%2f..", "/v1/a%",    "/v1/a%2",     "/v1/a%zz",
        "/v1/a%2g",   "/v1/a%u002e",  "/v1/a%%32e",  "/v1/a%2/x", "/v1/%2",      "/v1/;a%2f",
    };
    ASSERT_EACH(paths, path_check, PATH_BAD_ESCAPE);
}

/* A dot or a slash in more bytes than it needs, and bytes that are no character. */
static void
escapes_that_are_no_utf8_are_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/v1/%c0%ae%c0%ae/x", "/v1/%c0%af",     "/v1/%e0%80%ae",
        "/v1/%f0%80%80%ae",   "/v1/%ff",        "/v1/%80",
        "/v1/%e2%82",         "/v1/%e2%82/%ac", "/v1/%e2a",
        "/v1/%ed%a0%80",
    };
    ASSERT_EACH(paths, path_check, PATH_BAD_ESCAPE);
}

static void
raw_bytes_that_a_target_may_not_hold_are_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/v1/a b",  "/v1\\x",  "/v1/..\\x", "/v1/a\tb",     "/v1/a\r\nX: y", "/v1/a\n",
        "/v1/\x7f", "/v1/a#b", "/v1/a?b",   "/v1/\xc3\xa9", "/v1/\xff",      "/\x01",
    };
    ASSERT_EACH(paths, path_check, PATH_BAD_BYTE);
    assert_int_equal(path_check(span_of("/v1/a\0b", 7)), PATH_BAD_BYTE);
}

static void
empty_segments_are_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {"//",     "//v1",    "/v1//x", "/v1/x//",  "/v1///x",
                                        "/;a/v1", "/v1/;/x", "/v1/;",  "//host/x", "/v1/%3b/x"};
    ASSERT_EACH(paths, path_check, PATH_EMPTY_SEGMENT);
}

static void
a_query_passes_unless_it_holds_a_control(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",     "api-version=2024-10-21", "x=../..&y=//", "a=%2f%5c%2e%2e", "a=%zz",   "a=%",
        "a=%0", "a=\xc3\xa9&b=\xff",      "a=%09%1f%7f",  "a=b;c\\d|e",     "a=%250a", "?",
    };
    static const char *const bytes[] = {"a\r", "a\nb", "\t", "\x7f", "a\x01", "a b", "a#b"};
    static const char *const escapes[] = {"a=%00", "%0a", "a%0D", "a=%0A&b", "%0d"};
    ASSERT_EACH(good, path_check_query, PATH_OK);
    ASSERT_EACH(bytes, path_check_query, PATH_BAD_BYTE);
    ASSERT_EACH(escapes, path_check_query, PATH_BAD_ESCAPE);
    assert_int_equal(path_check_query(span_of("a\0b", 3)), PATH_BAD_BYTE);
    assert_int_equal(path_check_query(span_of("a%0a", 3)),
                     PATH_OK); /* the span ends before the a */
}

static void
a_target_is_split_at_its_first_question_mark(void **state)
{
    (void)state;
    static const struct {
        const char *target, *path, *query; /* no query: NULL */
    } rows[] = {
        {"/ai/v1/x?a=b", "/ai/v1/x", "a=b"},
        {"/v1/x", "/v1/x", NULL},
        {"/v1/x?", "/v1/x", ""},
        {"/v1/x?a?b", "/v1/x", "a?b"},
        {"?a", "", "a"},
        {"", "", NULL},
        {"http://host/v1/x?a", "/v1/x", "a"},
        {"HTTPS://user@host:8443/v1/x", "/v1/x", NULL},
        {"http://host", "/", NULL},
        {"http://host?a", "/", "a"},
        {"http://host//v1", "//v1", NULL},
        {"ftp://host/v1", "ftp://host/v1", NULL},
        {"/http://host/v1", "/http://host/v1", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span path, query;
        bool has_query;
        path_split(span_from(rows[i].target), &path, &query, &has_query);
        assert_true(span_is(path, rows[i].path));
        assert_int_equal(has_query, rows[i].query != NULL);
        assert_true(span_is(query, rows[i].query ? rows[i].query : ""));
    }
}

static void
a_mount_is_stripped_by_whole_segments(void **state)
{
    (void)state;
    static const struct {
        const char *path, *mount, *below; /* NULL: not below it */
    } rows[] = {
        {"/ai/v1/x", "/ai", "/v1/x"},
        {"/ai", "/ai", ""},
        {"/ai/", "/ai", "/"},
        {"/ai/v1", "/ai/", "/v1"},
        {"/airplane", "/ai", NULL},
        {"/a", "/ai", NULL},
        {"/", "/ai", NULL},
        {"", "/ai", NULL},
        {"/AI/v1", "/ai", NULL},
        {"/%61i/v1", "/ai", "/v1"},
        {"/%61%69/v1", "/ai", "/v1"},
        {"/%2561i/v1", "/ai", NULL},
        {"//ai//v1", "/ai", "//v1"},
        {"/tools//ai/v1", "/tools/ai", "/v1"},
        {"/tools/ai/v1", "//tools//ai//", "/v1"},
        {"/tools/v1", "/tools/ai", NULL},
        {"/a%20b/v1", "/a b", "/v1"},
        {"/a%20b/v1", "/a%20b", "/v1"},
        {"/tools%2fai/v1", "/tools/ai", NULL},
        {"/x/../ai/v1", "/ai", NULL},
        {"/ai%/v1", "/ai", NULL},
        {"/ai%2", "/ai", NULL},
        {"/v1/x", "", "/v1/x"},
        {"/v1/x", "/", "/v1/x"},
        {"//v1", "/", "//v1"},
        {"", "", ""},
        {"ai/v1", "/ai", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span below = {NULL, 0};
        bool is_below = path_strip_mount(span_from(rows[i].path), span_from(rows[i].mount), &below);
        if (is_below != (rows[i].below != NULL) || (is_below && !span_is(below, rows[i].below)))
            fail_msg("\"%s\" under \"%s\": \"" SPAN_FMT "\"", rows[i].path, rows[i].mount,
                     SPAN_ARG(below));
    }
}

/* Every pair of bytes, raw and escaped: whatever passes holds nothing that separates or hides. */
static void
no_two_bytes_that_pass_read_as_something_else(void **state)
{
    (void)state;
    for (unsigned pair = 0; pair < 65536; pair++) {
        char path[4] = {'/', (char)(pair >> 8), (char)(pair & 0xff), 'x'};
        if (path_check(span_of(path, 4)) != PATH_OK)
            continue;
        for (size_t i = 1; i < 4; i++)
            assert_true(path[i] > 0x20 && path[i] < 0x7f && strchr("\\#?%", path[i]) == NULL);
        assert_false(path[1] == '/');
        assert_false(memcmp(path, "/./", 3) == 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_paths_pass_as_they_are),
        cmocka_unit_test(dot_segments_are_refused_in_every_spelling),
        cmocka_unit_test(escapes_that_hide_a_separator_or_a_control_are_refused),
        cmocka_unit_test(escapes_that_are_no_utf8_are_refused),
        cmocka_unit_test(raw_bytes_that_a_target_may_not_hold_are_refused),
        cmocka_unit_test(empty_segments_are_refused),
        cmocka_unit_test(a_query_passes_unless_it_holds_a_control),
        cmocka_unit_test(a_target_is_split_at_its_first_question_mark),
        cmocka_unit_test(a_mount_is_stripped_by_whole_segments),
        cmocka_unit_test(no_two_bytes_that_pass_read_as_something_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
