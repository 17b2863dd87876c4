/* Numbers out of text are exact or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"

static void
u64_takes_digits_and_nothing_else(void **state)
{
    (void)state;
    static const char *const bad[] = {"", " 1", "1 ", "-1", "+1", "1.0", "0x1", "1e3", "1,1"};
    uint64_t value = 77;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(num_parse_u64(span_from(bad[i]), UINT64_MAX, &value), -1);
        assert_int_equal(value, 77);
    }
    assert_int_equal(num_parse_u64(span_from("0018"), 18, &value), 0);
    assert_int_equal(value, 18);
}

static void
u64_refuses_what_is_above_its_maximum(void **state)
{
    (void)state;
    uint64_t value;
    assert_int_equal(num_parse_u64(span_from("18446744073709551615"), UINT64_MAX, &value), 0);
    assert_true(value == UINT64_MAX);
    assert_int_equal(num_parse_u64(span_from("18446744073709551616"), UINT64_MAX, &value), -1);
    assert_int_equal(num_parse_u64(span_from("100"), 99, &value), -1);
}

static void
python_int_reads_what_int_reads(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
        int64_t value;
    } rows[] = {
        {"3", 0, 3},      {" 3\n", 0, 3}, {"+3", 0, 3},   {"-5", 0, -5},   {"1_000", 0, 1000},
        {"1__0", -1, 0},  {"_1", -1, 0},  {"1_", -1, 0},  {"", -1, 0},     {"3.0", -1, 0},
        {"three", -1, 0}, {"- 3", -1, 0}, {"--3", -1, 0}, {"0012", 0, 12}, {"+", -1, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t value = 0;
        assert_int_equal(num_parse_python_int(span_from(rows[i].text), &value), rows[i].result);
        assert_int_equal(value, rows[i].value);
    }
}

static void
milli_rounds_at_the_fourth_digit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int result;
        uint64_t value;
    } rows[] = {
        {"7", 0, 7000},      {"0.25", 0, 250},    {".5", 0, 500},      {"1.", 0, 1000},
        {"1.0004", 0, 1000}, {"1.0005", 0, 1001}, {"0.9999", 0, 1000}, {"1.00049", 0, 1000},
        {".", -1, 0},        {"", -1, 0},         {"1e3", -1, 0},      {"-1", -1, 0},
        {"1.2.3", -1, 0},    {"61", -1, 0},       {"60", 0, 60000},    {"60.001", -1, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t value = 0;
        assert_int_equal(num_parse_milli(span_from(rows[i].text), 60000, &value), rows[i].result);
        assert_int_equal(value, rows[i].value);
    }
}

static void
bytes_know_their_suffixes(void **state)
{
    (void)state;
    uint64_t value = 0;
    assert_int_equal(num_parse_bytes(span_from("32 MiB"), UINT64_MAX, &value), 0);
    assert_true(value == UINT64_C(33554432));
    assert_int_equal(num_parse_bytes(span_from("2K"), 2048, &value), 0);
    assert_true(value == 2048);
    assert_int_equal(num_parse_bytes(span_from("3K"), 2048, &value), -1);
    assert_int_equal(num_parse_bytes(span_from("MiB"), UINT64_MAX, &value), -1);
    assert_int_equal(num_parse_bytes(span_from("1 MB"), UINT64_MAX, &value), -1);
    assert_int_equal(num_parse_bytes(span_from("17179869184G"), UINT64_MAX, &value), -1);
}

static void
numbers_are_printed_as_printf_does(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        const char *text;
    } rows[] = {
        {0, "0"}, {9, "9"}, {10, "10"}, {1999, "1999"}, {UINT64_MAX, "18446744073709551615"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[NUM_FORMAT_MAX];
        assert_int_equal(num_format_u64(text, rows[i].value), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(u64_takes_digits_and_nothing_else),
        cmocka_unit_test(u64_refuses_what_is_above_its_maximum),
        cmocka_unit_test(python_int_reads_what_int_reads),
        cmocka_unit_test(milli_rounds_at_the_fourth_digit),
        cmocka_unit_test(bytes_know_their_suffixes),
        cmocka_unit_test(numbers_are_printed_as_printf_does),
    };
    return cmocka_run_group_tests_name("base/num", tests, NULL, NULL);
}
