/* Which slot belongs to whom: half claims, equal first keys, a full table. */
#include "state/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct layout_cell cells[LAYOUT_CELLS];

static int
clear(void **unused)
{
    (void)unused;
    memset(cells, 0, sizeof(cells));
    return 0;
}

static struct state_cell
identity(uint64_t first, uint64_t second)
{
    return (struct state_cell){.key = {first, second}, .name = "eu"};
}

static void
an_identity_is_found_where_it_was_claimed(void **unused)
{
    (void)unused;
    struct state_cell eu = identity(LAYOUT_CELLS + 7, 1);
    assert_null(table_find(cells, &eu));
    struct layout_cell *slot = table_claim(cells, &eu);
    assert_ptr_equal(slot, &cells[7]);
    assert_ptr_equal(table_claim(cells, &eu), slot);
    assert_ptr_equal(table_find(cells, &eu), slot);
}

static void
a_claim_cut_after_the_first_key_is_completed_by_the_same_identity(void **unused)
{
    (void)unused;
    struct state_cell eu = identity(5, 50);
    cells[5].key[0] = 5; /* killed here */
    assert_null(table_find(cells, &eu));
    assert_ptr_equal(table_claim(cells, &eu), &cells[5]);
    assert_int_equal(cells[5].key[1], 50);
}

static void
a_claim_cut_before_the_name_is_completed(void **unused)
{
    (void)unused;
    struct state_cell eu = identity(5, 50);
    struct state_cell read;
    cells[5].key[0] = 5;
    cells[5].key[1] = 50;
    assert_ptr_equal(table_claim(cells, &eu), &cells[5]);
    assert_true(table_read(&cells[5], &read));
    assert_string_equal(read.name, "eu");
}

static void
two_identities_with_one_first_key_get_two_slots(void **unused)
{
    (void)unused;
    struct state_cell eu = identity(255, 50);
    struct state_cell us = identity(255, 51);
    cells[255].key[0] = 255; /* of `eu`, killed here; `us` comes first and finishes the slot */
    assert_ptr_equal(table_claim(cells, &us), &cells[255]);
    assert_ptr_equal(table_claim(cells, &eu), &cells[0]); /* around the end */
    assert_ptr_equal(table_find(cells, &us), &cells[255]);
    assert_ptr_equal(table_find(cells, &eu), &cells[0]);
}

static void
two_identities_that_want_one_slot_are_neighbours(void **unused)
{
    (void)unused;
    struct state_cell eu = identity(9, 1);
    struct state_cell us = identity(9 + LAYOUT_CELLS, 2);
    assert_ptr_equal(table_claim(cells, &eu), &cells[9]);
    assert_ptr_equal(table_claim(cells, &us), &cells[10]);
    assert_ptr_equal(table_find(cells, &us), &cells[10]);
}

static void
a_full_table_has_no_room_and_keeps_its_own(void **unused)
{
    (void)unused;
    for (uint64_t i = 0; i < LAYOUT_CELLS; i++) {
        struct state_cell cell = identity(i * 3 + 1, i + 1);
        assert_non_null(table_claim(cells, &cell));
    }
    struct state_cell late = identity(9999, 1);
    assert_null(table_claim(cells, &late));
    assert_null(table_find(cells, &late));
    struct state_cell last = identity((LAYOUT_CELLS - 1) * 3 + 1, LAYOUT_CELLS);
    assert_non_null(table_find(cells, &last));
}

static void
names_out_of_a_damaged_file_are_printable_and_end(void **unused)
{
    (void)unused;
    struct state_cell eu = identity(5, 50);
    struct state_cell read;
    struct layout_cell *slot = table_claim(cells, &eu);
    memset(slot->name, 0x1b, sizeof(slot->name));
    assert_true(table_read(slot, &read));
    assert_int_equal(strlen(read.name), sizeof(read.name) - 1);
    assert_null(strchr(read.name, 0x1b));
    assert_false(table_read(&cells[6], &read));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_identity_is_found_where_it_was_claimed, clear),
        cmocka_unit_test_setup(a_claim_cut_after_the_first_key_is_completed_by_the_same_identity,
                               clear),
        cmocka_unit_test_setup(a_claim_cut_before_the_name_is_completed, clear),
        cmocka_unit_test_setup(two_identities_with_one_first_key_get_two_slots, clear),
        cmocka_unit_test_setup(two_identities_that_want_one_slot_are_neighbours, clear),
        cmocka_unit_test_setup(a_full_table_has_no_room_and_keeps_its_own, clear),
        cmocka_unit_test_setup(names_out_of_a_damaged_file_are_printable_and_end, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
