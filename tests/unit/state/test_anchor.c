/* The file's clock across boots, wall clock steps and races. B is the file time of the vectors. */
#include "state/anchor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define B UINT64_C(1700000000000)
#define TAG_A 77
#define TAG_B 78

static void
the_first_process_of_a_boot_sets_the_anchor(void **unused)
{
    (void)unused;
    _Atomic uint64_t word = 0;
    struct anchor_boot boot = {.tag = TAG_A, .boot_ms = 1000000, .unix_ms = B};
    assert_int_equal(anchor_adopt(&word, &boot), B - 1000000);
    assert_int_equal(word, (uint64_t)TAG_A << 42 | (B - 1000000));
}

static void
a_stepped_wall_clock_changes_nothing_within_a_boot(void **unused)
{
    (void)unused;
    _Atomic uint64_t word = 0;
    struct anchor_boot boot = {.tag = TAG_A, .boot_ms = 1000000, .unix_ms = B};
    uint64_t anchor_ms = anchor_adopt(&word, &boot);
    struct anchor_boot behind = {.tag = TAG_A, .boot_ms = 1000001, .unix_ms = B - 3600000};
    struct anchor_boot ahead = {.tag = TAG_A, .boot_ms = 1000001, .unix_ms = B + 3600000};
    assert_int_equal(anchor_adopt(&word, &behind), anchor_ms);
    assert_int_equal(anchor_adopt(&word, &ahead), anchor_ms);
}

static void
after_a_reboot_time_goes_on_from_the_wall_clock(void **unused)
{
    (void)unused;
    _Atomic uint64_t word = (uint64_t)TAG_A << 42 | (B - 1000000);
    struct anchor_boot boot = {.tag = TAG_B, .boot_ms = 0, .unix_ms = B + 100000};
    assert_int_equal(anchor_adopt(&word, &boot), B + 100000);
    assert_int_equal(word >> 42, TAG_B);
}

static void
a_wall_clock_before_the_boot_gives_anchor_zero(void **unused)
{
    (void)unused;
    _Atomic uint64_t word = (uint64_t)TAG_A << 42 | (B - 1000000);
    struct anchor_boot boot = {.tag = TAG_B, .boot_ms = 5000, .unix_ms = 1200};
    assert_int_equal(anchor_adopt(&word, &boot), 0);
    assert_int_equal(anchor_adopt(&word, &boot), 0);
}

static void
without_a_boot_id_two_near_anchors_are_of_one_boot(void **unused)
{
    (void)unused;
    _Atomic uint64_t word = (uint64_t)ANCHOR_UNKNOWN_BOOT << 42 | B;
    struct anchor_boot near = {.tag = ANCHOR_UNKNOWN_BOOT, .boot_ms = 10, .unix_ms = B + 2009};
    assert_int_equal(anchor_adopt(&word, &near), B);
    struct anchor_boot far = {.tag = ANCHOR_UNKNOWN_BOOT, .boot_ms = 10, .unix_ms = B + 2010};
    assert_int_equal(anchor_adopt(&word, &far), B + 2000);
}

static void
this_machine_has_a_tag_and_two_clocks(void **unused)
{
    (void)unused;
    struct anchor_boot first = anchor_read();
    struct anchor_boot second = anchor_read();
    assert_int_not_equal(first.tag, 0);
    assert_true(first.tag < UINT32_C(1) << 22);
    assert_int_equal(first.tag, second.tag);
    assert_true(second.boot_ms >= first.boot_ms);
    assert_true(first.unix_ms > B);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_process_of_a_boot_sets_the_anchor),
        cmocka_unit_test(a_stepped_wall_clock_changes_nothing_within_a_boot),
        cmocka_unit_test(after_a_reboot_time_goes_on_from_the_wall_clock),
        cmocka_unit_test(a_wall_clock_before_the_boot_gives_anchor_zero),
        cmocka_unit_test(without_a_boot_id_two_near_anchors_are_of_one_boot),
        cmocka_unit_test(this_machine_has_a_tag_and_two_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
