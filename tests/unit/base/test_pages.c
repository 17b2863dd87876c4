/* Pages come zeroed, keep what they hold when they move, and are given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/pages.h"

#define SMALL 131072u
#define LARGE (8u << 20)
#define DEEP 32768

static void
pages_that_grow_keep_what_they_hold_and_are_zeroed_behind_it(void **state)
{
    (void)state;
    char *pages = pages_grow(NULL, 0, SMALL);
    assert_non_null(pages);
    assert_int_equal(pages[SMALL - 1], 0);
    memset(pages, 'x', SMALL);
    pages = pages_grow(pages, SMALL, LARGE);
    assert_non_null(pages);
    assert_int_equal(pages[0], 'x');
    assert_int_equal(pages[SMALL - 1], 'x');
    assert_int_equal(pages[SMALL], 0);
    assert_int_equal(pages[LARGE - 1], 0);
    pages_free(pages, LARGE);
    assert_null(pages_grow(NULL, 0, SIZE_MAX / 2));
}

/* A page that lies deeper in the stack than anything its caller does later. */
__attribute__((noinline)) static uintptr_t
go_deep(void)
{
    volatile char room[DEEP];
    for (size_t i = 0; i < DEEP; i++)
        room[i] = 1;
    return ((uintptr_t)room + DEEP / 4) & ~(uintptr_t)4095;
}

static int
is_there(uintptr_t page)
{
    unsigned char there = 0;
    union {
        uintptr_t number;
        void *address;
    } at = {.number = page};
    return mincore(at.address, 1, &there) == 0 && (there & 1);
}

static void
a_stack_gives_back_what_lies_deeper_and_keeps_what_does_not(void **state)
{
    (void)state;
    char own[64] = "mine";
    uintptr_t page = go_deep();
    assert_true(is_there(page));
    pages_trim_stack();
    assert_false(is_there(page));
    assert_string_equal(own, "mine");
    assert_int_equal(go_deep(), page);
    assert_true(is_there(page));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_that_grow_keep_what_they_hold_and_are_zeroed_behind_it),
        cmocka_unit_test(a_stack_gives_back_what_lies_deeper_and_keeps_what_does_not),
    };
    return cmocka_run_group_tests_name("base/pages", tests, NULL, NULL);
}
