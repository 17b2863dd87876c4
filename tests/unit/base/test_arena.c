/* Memory of an arena is zeroed, whatever the allocator had it from, and bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

/* Memory that was used, freed and given again is what would not be zero. */
static void
memory_is_zeroed_also_when_it_was_used_before(void **state)
{
    (void)state;
    static const char zeroes[3000];
    for (size_t round = 0; round < 3; round++) {
        struct arena arena;
        arena_init(&arena, 1000000);
        for (size_t size = 1; size <= sizeof(zeroes); size += 499) {
            char *memory = arena_alloc(&arena, size);
            assert_non_null(memory);
            assert_memory_equal(memory, zeroes, size);
            memset(memory, 'x', size);
        }
        arena_fini(&arena);
    }
}

static void
texts_end_and_do_not_touch_one_another(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1000000);
    const char *copy = arena_copy(&arena, span_of("abcdef", 3));
    const char *empty = arena_copy(&arena, span_of(NULL, 0));
    const struct span parts[] = {SPAN_LITERAL("one"), {NULL, 0}, SPAN_LITERAL(", two")};
    const char *joined = arena_join(&arena, parts, 3);
    const char *printed = arena_printf(&arena, "%s-%d", "number", 42);
    char *large = arena_array(&arena, 100, 100);
    memset(large, 'x', 100 * 100);
    assert_string_equal(copy, "abc");
    assert_string_equal(empty, "");
    assert_string_equal(joined, "one, two");
    assert_string_equal(printed, "number-42");
    arena_fini(&arena);
}

static void
the_maximum_holds(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1000);
    assert_null(arena_alloc(&arena, 1001));
    assert_null(arena_array(&arena, SIZE_MAX, 2));
    assert_non_null(arena_alloc(&arena, 900));
    assert_null(arena_alloc(&arena, 200));
    assert_null(arena_copy(&arena, span_of("", SIZE_MAX)));
    const struct span wraps[] = {{"", SIZE_MAX / 2}, {"", SIZE_MAX / 2}, {"", 10}};
    assert_null(arena_join(&arena, wraps, 3));
    arena_fini(&arena);
    assert_non_null(arena_alloc(&arena, 900));
    arena_fini(&arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_also_when_it_was_used_before),
        cmocka_unit_test(texts_end_and_do_not_touch_one_another),
        cmocka_unit_test(the_maximum_holds),
    };
    return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
