/* Memory is bounded at birth, and a failed append changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

static void
a_buffer_never_passes_its_maximum(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 5);
    assert_int_equal(buf_puts(&buf, "abc"), 0);
    assert_int_equal(buf_puts(&buf, "def"), -1);
    assert_string_equal(buf_text(&buf), "abc");
    assert_int_equal(buf_putf(&buf, "%d", 123), -1);
    assert_string_equal(buf_text(&buf), "abc");
    assert_int_equal(buf_putf(&buf, "%d", 12), 0);
    assert_string_equal(buf_text(&buf), "abc12");
    assert_int_equal(buf_reserve(&buf, SIZE_MAX), -1);
    buf_fini(&buf);
}

static void
parts_are_put_all_or_none(void **state)
{
    (void)state;
    const struct span parts[] = {SPAN_LITERAL("ab"), {NULL, 0}, SPAN_LITERAL("c")};
    struct buf buf;
    buf_init(&buf, 5);
    assert_int_equal(buf_put_spans(&buf, parts, 3), 0);
    assert_string_equal(buf_text(&buf), "abc");
    assert_int_equal(buf_put_spans(&buf, parts, 3), -1);
    assert_string_equal(buf_text(&buf), "abc");
    assert_int_equal(buf_put_spans(&buf, parts, 2), 0);
    assert_string_equal(buf_text(&buf), "abcab");
    const struct span endless[] = {{"x", SIZE_MAX}, {"y", 2}};
    assert_int_equal(buf_put_spans(&buf, endless, 2), -1);
    buf_fini(&buf);
}

static void
a_buffer_in_the_callers_room_never_leaves_it(void **state)
{
    (void)state;
    char room[6];
    struct buf buf;
    buf_init_in(&buf, room, sizeof(room));
    assert_string_equal(buf_text(&buf), "");
    assert_int_equal(buf_puts(&buf, "abc"), 0);
    assert_int_equal(buf_puts(&buf, "def"), -1);
    assert_int_equal(buf_puts(&buf, "de"), 0);
    assert_int_equal(buf_append(&buf, "f", 1), -1);
    assert_string_equal(room, "abcde");
}

/* What is known beforehand is not rounded up; what is not comes in few steps. */
static void
a_buffer_takes_what_it_was_told_and_else_doubles(void **state)
{
    (void)state;
    struct buf told, grown;
    buf_init(&told, 100000);
    buf_init(&grown, 100000);
    assert_int_equal(buf_reserve(&told, 70000), 0);
    assert_int_equal(told.cap, 70001);
    unsigned steps = 0;
    for (int i = 0; i < 70000; i++) {
        size_t before = grown.cap;
        assert_int_equal(buf_puts(&grown, "x"), 0);
        steps += grown.cap != before;
    }
    assert_true(steps < 12);
    buf_fini(&told);
    buf_fini(&grown);
}

/* From a size on it has pages of its own, which move instead of being copied. */
static void
a_buffer_keeps_its_contents_however_large_it_grows(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, (size_t)4 << 20);
    for (uint32_t i = 0; i < (1u << 20); i++)
        assert_int_equal(buf_append(&buf, &i, sizeof(i)), 0);
    assert_int_equal(buf_append(&buf, "x", 1), -1);
    assert_int_equal(buf.len, (size_t)4 << 20);
    for (uint32_t i = 0; i < (1u << 20); i++)
        assert_memory_equal(buf.ptr + (size_t)i * sizeof(i), &i, sizeof(i));
    assert_int_equal(buf.ptr[buf.len], 0);
    buf_fini(&buf);
    assert_int_equal(buf_puts(&buf, "again"), 0);
    buf_fini(&buf);
}

static void
what_was_written_into_the_room_is_the_contents(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    assert_int_equal(buf_puts(&buf, "ab"), 0);
    assert_int_equal(buf_reserve(&buf, 8), 0);
    memcpy(buf.ptr + buf.len, "cdXX", 4);
    buf_extend(&buf, 2);
    assert_string_equal(buf_text(&buf), "abcd");
    assert_int_equal(buf.len, 4);
    buf_fini(&buf);
}

static void
json_text_is_escaped_and_made_utf8(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 200);
    const char text[] =
        "a\"b\\c\n\x01\x7f \xc3\xa9 \xff \xc0\x80 \xed\xa0\x80 \xf0\x9f\x98\x80 \xe2\x82";
    assert_int_equal(buf_put_json(&buf, span_from(text)), 0);
    assert_string_equal(buf_text(&buf),
                        "a\\\"b\\\\c\\n\\u0001\\u007f \xc3\xa9 \\ufffd \\ufffd\\ufffd "
                        "\\ufffd\\ufffd\\ufffd \xf0\x9f\x98\x80 \\ufffd\\ufffd");
    buf_fini(&buf);
}

static void
json_text_that_does_not_fit_leaves_nothing_behind(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 4);
    assert_int_equal(buf_puts(&buf, "x"), 0);
    assert_int_equal(buf_put_json(&buf, span_from("ab\n\n")), -1);
    assert_string_equal(buf_text(&buf), "x");
    buf_fini(&buf);
}

static void
an_arena_stops_at_its_maximum(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 10000);
    char *first = arena_alloc(&arena, 6000);
    assert_non_null(first);
    assert_int_equal(first[5999], 0);
    assert_null(arena_alloc(&arena, 6000));
    assert_null(arena_array(&arena, SIZE_MAX / 2, 3));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    const char *text = arena_printf(&arena, "%s-%d", "x", 7);
    assert_string_equal(text, "x-7");
    assert_string_equal(arena_copy(&arena, span_of("hello", 4)), "hell");
    arena_fini(&arena);
    assert_non_null(arena_alloc(&arena, 9000));
    arena_fini(&arena);
}

static void
arena_memory_suits_any_type(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 10000);
    for (size_t size = 1; size < 64; size += 7)
        assert_int_equal((uintptr_t)arena_alloc(&arena, size) % _Alignof(max_align_t), 0);
    arena_fini(&arena);
}

static void
an_error_is_prefixed_and_cut_not_lost(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_set(&err, ERR_SYNTAX, "no upstream is called \"%s\"", "openia"), -1);
    assert_int_equal(err_prefix(&err, "%s:%d", "postern.json", 14), -1);
    assert_string_equal(err.msg, "postern.json:14: no upstream is called \"openia\"");
    char longer[400];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    (void)err_prefix(&err, "%s", longer);
    assert_string_equal(err.msg, "postern.json:14: no upstream is called \"openia\"");
    (void)err_prefix(&err, "%.*s", 240, longer);
    assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
}

static void
spans_split_and_compare(void **state)
{
    (void)state;
    struct span rest = span_from("a,b");
    assert_true(span_is(span_split(&rest, ','), "a"));
    assert_true(span_is(span_split(&rest, ','), "b"));
    assert_null(rest.ptr);
    rest = span_from("a,");
    (void)span_split(&rest, ',');
    assert_non_null(rest.ptr);
    assert_int_equal(rest.len, 0);
    assert_true(span_is_nocase(span_from("Content-Type"), "content-type"));
    assert_true(span_contains_nocase(span_from("x, GZIP;q=1"), "gzip"));
    assert_false(span_contains_nocase(span_from("gzi"), "gzip"));
    assert_true(span_is(span_trim(span_from(" \tx \r\n")), "x"));
}

static void
what_was_wiped_is_gone_and_the_memory_stays(void **state)
{
    (void)state;
    static const char zeroes[sizeof("a long secret")];
    struct buf buf;
    buf_init(&buf, 1000);
    buf_wipe(&buf);
    assert_int_equal(buf_puts(&buf, "a long secret"), 0);
    const char *memory = buf.ptr;
    buf_wipe(&buf);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf_text(&buf), "");
    assert_int_equal(buf_puts(&buf, "b"), 0);
    assert_ptr_equal(buf.ptr, memory);
    assert_string_equal(buf.ptr, "b");
    assert_memory_equal(buf.ptr + 1, zeroes, sizeof(zeroes) - 1);
    buf_fini(&buf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_wiped_is_gone_and_the_memory_stays),
        cmocka_unit_test(a_buffer_never_passes_its_maximum),
        cmocka_unit_test(a_buffer_in_the_callers_room_never_leaves_it),
        cmocka_unit_test(parts_are_put_all_or_none),
        cmocka_unit_test(a_buffer_takes_what_it_was_told_and_else_doubles),
        cmocka_unit_test(a_buffer_keeps_its_contents_however_large_it_grows),
        cmocka_unit_test(what_was_written_into_the_room_is_the_contents),
        cmocka_unit_test(json_text_is_escaped_and_made_utf8),
        cmocka_unit_test(json_text_that_does_not_fit_leaves_nothing_behind),
        cmocka_unit_test(an_arena_stops_at_its_maximum),
        cmocka_unit_test(arena_memory_suits_any_type),
        cmocka_unit_test(an_error_is_prefixed_and_cut_not_lost),
        cmocka_unit_test(spans_split_and_compare),
    };
    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
