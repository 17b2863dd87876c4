/* The first page of the state file: what counts as ours, damaged, blank or somebody else's. */
#include "state/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
checksum_is_crc32c(void **unused)
{
    (void)unused;
    assert_int_equal(header_crc32c("123456789", 9), 0xe3069283); /* RFC 3720's check value */
    assert_int_equal(header_crc32c("", 0), 0);
}

static void
a_new_header_is_ours_and_unique(void **unused)
{
    (void)unused;
    struct layout_header first;
    struct layout_header second;
    header_make(&first, 1700000000000);
    header_make(&second, 1700000000000);
    assert_int_equal(header_check(&first), HEADER_OURS);
    assert_memory_not_equal(first.identity.uuid, second.identity.uuid, 16);
}

static void
every_single_flipped_bit_is_noticed(void **unused)
{
    (void)unused;
    struct layout_header whole;
    header_make(&whole, 1700000000000);
    for (size_t bit = 0; bit < 64 * 8; bit++) {
        struct layout_header header = whole;
        unsigned char *bytes = (unsigned char *)&header;
        bytes[bit / 8] = (unsigned char)(bytes[bit / 8] ^ (1u << bit % 8));
        enum header_verdict expected = bit < 64 ? HEADER_FOREIGN : HEADER_DAMAGED;
        assert_int_equal(header_check(&header), expected);
    }
}

static void
what_changes_while_it_is_used_is_not_in_the_checksum(void **unused)
{
    (void)unused;
    struct layout_header header;
    header_make(&header, 1700000000000);
    atomic_store(&header.anchor, UINT64_MAX);
    atomic_store(&header.budget, UINT64_MAX);
    assert_int_equal(header_check(&header), HEADER_OURS);
}

static void
another_layout_is_told_from_damage(void **unused)
{
    (void)unused;
    struct layout_header header;
    header_make(&header, 1700000000000);
    header.identity.layout = 2;
    header.checksum = header_crc32c(&header.identity, sizeof(header.identity));
    header.checksum_inverted = ~header.checksum;
    assert_int_equal(header_check(&header), HEADER_OTHER);
}

static void
zeros_are_blank_and_text_is_foreign(void **unused)
{
    (void)unused;
    struct layout_header header;
    memset(&header, 0, sizeof(header));
    assert_int_equal(header_check(&header), HEADER_BLANK);
    memcpy(&header, "www.example.org\n", 16);
    assert_int_equal(header_check(&header), HEADER_FOREIGN);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksum_is_crc32c),
        cmocka_unit_test(a_new_header_is_ours_and_unique),
        cmocka_unit_test(every_single_flipped_bit_is_noticed),
        cmocka_unit_test(what_changes_while_it_is_used_is_not_in_the_checksum),
        cmocka_unit_test(another_layout_is_told_from_damage),
        cmocka_unit_test(zeros_are_blank_and_text_is_foreign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
