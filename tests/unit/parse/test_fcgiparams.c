/* test_fcgiparams.c - name-value pairs as text, and what text cannot hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "feed.h"
#include "parse/fcgiparams.h"

static struct buf pairs;

static int
begin_test(void **state)
{
    (void)state;
    buf_init(&pairs, FEED_MAX_BYTES);
    return 0;
}

static int
end_test(void **state)
{
    (void)state;
    buf_fini(&pairs);
    return 0;
}

/* The pairs in portions of `step` bytes; "A=b|C=d" or the fault's name. */
static void
assert_read(size_t step, const char *wanted)
{
    struct fcgiparams params;
    struct buf told;
    buf_init(&told, FEED_MAX_BYTES);
    fcgiparams_init(&params, FCGIPARAMS_MAX_BYTES);
    for (size_t at = 0; at < pairs.len; at += step)
        (void)fcgiparams_feed(
            &params, span_of(pairs.ptr + at, pairs.len - at < step ? pairs.len - at : step));
    assert_true(params.text.len <= pairs.len);
    const char *const *list = fcgiparams_end(&params);
    if (params.fault != FCGIPARAMS_GOOD) {
        assert_null(*list);
        buf_puts(&told, fcgiparams_fault_name(params.fault));
    }
    for (size_t i = 0; list[i]; i++)
        assert_int_equal(buf_puts(&told, i > 0 ? "|" : "") || buf_puts(&told, list[i]), 0);
    assert_string_equal(buf_text(&told), wanted);
    fcgiparams_fini(&params);
    buf_fini(&told);
}

static void
assert_all(const char *wanted)
{
    for (size_t step = 1; step < 9; step++)
        assert_read(step, wanted);
    assert_read(pairs.len > 0 ? pairs.len : 1, wanted);
}

static void
put(const char *name, const char *value)
{
    feed_put_pair(&pairs, span_from(name), span_from(value));
}

static void
pairs_become_text(void **state)
{
    (void)state;
    assert_all("");
    put("A", "b");
    put("EMPTY", "");
    put("EQUALS", "=a=b=");
    put("UTF8", "\xc3\xa4 \t\r\n\x01");
    assert_all("A=b|EMPTY=|EQUALS==a=b=|UTF8=\xc3\xa4 \t\r\n\x01");
}

static void
a_name_that_comes_twice_is_passed_on_twice(void **state)
{
    (void)state;
    put("A", "b");
    put("A", "c");
    assert_all("A=b|A=c");
}

static void
a_length_of_four_bytes_may_be_small(void **state)
{
    (void)state;
    buf_append(&pairs, "\x80\0\0\1\x80\0\0\0A", 9);
    assert_all("A=");
}

static void
long_names_and_values_come_whole(void **state)
{
    (void)state;
    static char name[FCGIPARAMS_NAME_MAX_BYTES + 2], value[300], wanted[1400];
    memset(name, 'N', FCGIPARAMS_NAME_MAX_BYTES);
    memset(value, 'v', 299);
    (void)snprintf(wanted, sizeof(wanted), "%s=%s|B=", name, value);
    put(name, value);
    put("B", "");
    assert_all(wanted);
    name[FCGIPARAMS_NAME_MAX_BYTES] = 'N';
    put(name, "");
    assert_all("params_too_large");
}

static void
a_nul_is_a_fault_wherever_it_stands(void **state)
{
    (void)state;
    static const struct span parts[] = {{"\0", 1}, {"A\0", 2}, {"\0A", 2}, {"A\0B", 3}};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        buf_clear(&pairs);
        feed_put_pair(&pairs, parts[i], span_from("v"));
        assert_all("param_with_nul");
        buf_clear(&pairs);
        feed_put_pair(&pairs, span_from("A"), parts[i]);
        put("B", "c");
        assert_all("param_with_nul");
    }
}

static void
what_is_no_name_is_a_fault(void **state)
{
    (void)state;
    static const char *const names[] = {"", "=", "A=", "=A", "A B", "A\n", "\x7f", "A\xff"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        buf_clear(&pairs);
        put("GOOD", "x");
        put(names[i], "v");
        assert_all("param_name");
    }
    buf_clear(&pairs);
    put("HTTP_a-z.0~!", "v"); /* odd, but one */
    assert_all("HTTP_a-z.0~!=v");
}

static void
pairs_that_end_too_early_are_cut_wherever_that_is(void **state)
{
    (void)state;
    put("NAME", "value");
    feed_put_pair(&pairs, span_from("B"), span_of(memset((char[200]){0}, 'x', 200), 200));
    size_t first = 11, all = pairs.len;
    for (size_t len = 1; len < all; len++) {
        pairs.len = len;
        assert_all(len == first ? "NAME=value" : "cut_params");
    }
}

static void
lengths_allocate_nothing(void **state)
{
    (void)state;
    static const char *const lengths[] = {"\xff\xff\xff\xff\xff\xff\xff\xff",
                                          "\x01\xff\xff\xff\xff", "\x80\x10\x00\x00\x01",
                                          "\x01\x80\x0f\xff\xfd"};
    static const size_t bytes[] = {8, 5, 5, 5};
    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
        struct fcgiparams params;
        bool is_good = i == 3; /* the largest that fits */
        fcgiparams_init(&params, FCGIPARAMS_MAX_BYTES);
        assert_int_equal(fcgiparams_feed(&params, span_of(lengths[i], bytes[i])), is_good);
        assert_true(params.text.cap < 1024);
        assert_int_equal(fcgiparams_feed(&params, span_from("x")), is_good);
        fcgiparams_fini(&params);
    }
}

static void
more_than_the_greatest_count_is_too_much(void **state)
{
    (void)state;
    for (int i = 0; i < FCGIPARAMS_MAX_COUNT; i++)
        put("A", "");
    struct fcgiparams params;
    fcgiparams_init(&params, FCGIPARAMS_MAX_BYTES);
    assert_true(fcgiparams_feed(&params, buf_span(&pairs)));
    assert_non_null(fcgiparams_end(&params)[FCGIPARAMS_MAX_COUNT - 1]);
    assert_null(fcgiparams_end(&params)[FCGIPARAMS_MAX_COUNT]);
    assert_false(fcgiparams_feed(&params, span_from("\1\1")));
    assert_null(fcgiparams_end(&params)[0]);

    fcgiparams_clear(&params); /* and the next ones are nobody's concern */
    assert_true(fcgiparams_feed(&params, span_from("\1\1Xy")));
    assert_string_equal(fcgiparams_end(&params)[0], "X=y");
    assert_null(fcgiparams_end(&params)[1]);
    fcgiparams_fini(&params);
}

static void
all_text_together_has_its_maximum(void **state)
{
    (void)state;
    static char value[100001];
    struct fcgiparams params;
    memset(value, 'v', sizeof(value) - 1);
    for (int i = 0; i < 10; i++)
        put("A", value);
    fcgiparams_init(&params, FCGIPARAMS_MAX_BYTES);
    assert_true(fcgiparams_feed(&params, buf_span(&pairs)));
    assert_non_null(fcgiparams_end(&params)[9]);
    assert_false(fcgiparams_feed(&params, buf_span(&pairs)));
    assert_true(params.text.cap <= FCGIPARAMS_MAX_BYTES + 1);
    fcgiparams_fini(&params);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)
    const struct CMUnitTest tests[] = {
        TEST(pairs_become_text),
        TEST(a_name_that_comes_twice_is_passed_on_twice),
        TEST(a_length_of_four_bytes_may_be_small),
        TEST(long_names_and_values_come_whole),
        TEST(a_nul_is_a_fault_wherever_it_stands),
        TEST(what_is_no_name_is_a_fault),
        TEST(pairs_that_end_too_early_are_cut_wherever_that_is),
        TEST(lengths_allocate_nothing),
        TEST(more_than_the_greatest_count_is_too_much),
        TEST(all_text_together_has_its_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
