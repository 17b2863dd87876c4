/* test_wire.c - finding headers, and the rules for what may be sent. */
#include "core/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
a_header_is_found_in_any_case_and_the_first_one_counts(void **state)
{
    (void)state;
    struct wire_header items[] = {
        {SPAN_LITERAL("Retry-After"), SPAN_LITERAL("7")},
        {SPAN_LITERAL("retry-after"), SPAN_LITERAL("9")},
        {SPAN_LITERAL("X-Empty"), SPAN_LITERAL("")},
    };
    const struct wire_headers headers = {items, 3};
    assert_ptr_equal(wire_header_find(&headers, "RETRY-AFTER"), &items[0].value);
    assert_ptr_equal(wire_header_find(&headers, "x-empty"), &items[2].value);
    assert_null(wire_header_find(&headers, "retry"));
    assert_null(wire_header_find(&headers, "retry-after-ms"));
    assert_null(wire_header_find(&(struct wire_headers){0}, "retry-after"));
}

static void
every_fault_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = WIRE_NO_FAULT; a <= WIRE_STOPPED; a++) {
        const char *name = wire_fault_name((enum wire_fault)a);
        assert_non_null(name);
        assert_string_not_equal(name, "unknown");
        for (int b = WIRE_NO_FAULT; b < a; b++)
            assert_string_not_equal(name, wire_fault_name((enum wire_fault)b));
    }
}

static void
a_name_is_a_token(void **state)
{
    (void)state;
    assert_true(wire_is_name(span_from("X-Api_Key.1")));
    assert_true(wire_is_name(span_from("!#$%&'*+-.^_`|~")));
    static const char *const bad[] = {"", "a b", "a:", "a\r", "a\n", "(a)", "\xc3\xa9", "a\t"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(wire_is_name(span_from(bad[i])));
    assert_false(wire_is_name(span_of("a\0", 2)));
}

static void
a_value_has_no_control_byte_but_the_tab(void **state)
{
    (void)state;
    assert_true(wire_is_value(span_from("")));
    assert_true(wire_is_value(span_from("a\tb \xc3\xa9")));
    for (int c = 0; c < 0x20; c++) {
        char value[] = {'a', (char)c, 'b'};
        assert_int_equal(wire_is_value(span_of(value, sizeof value)), c == '\t');
    }
    assert_false(wire_is_value(span_from("\x7f")));
}

/* At each place of texts that take none, one or some steps of several bytes. */
static void
each_byte_is_judged_wherever_it_stands(void **state)
{
    (void)state;
    char text[19];
    for (size_t len = 1; len <= sizeof(text); len++) {
        for (size_t at = 0; at < len; at++) {
            for (int c = 0; c < 256; c++) {
                memset(text, c % 2 ? ' ' : '~', sizeof(text));
                text[at] = (char)c;
                bool is_printable = c >= ' ' && c <= '~';
                bool is_value = is_printable || c >= 0x80 || c == '\t';
                assert_int_equal(wire_is_printable(span_of(text, len)), is_printable);
                assert_int_equal(wire_is_value(span_of(text, len)), is_value);
            }
        }
    }
    assert_true(wire_is_printable(span_from("")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_found_in_any_case_and_the_first_one_counts),
        cmocka_unit_test(every_fault_has_a_name_of_its_own),
        cmocka_unit_test(a_name_is_a_token),
        cmocka_unit_test(a_value_has_no_control_byte_but_the_tab),
        cmocka_unit_test(each_byte_is_judged_wherever_it_stands),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
