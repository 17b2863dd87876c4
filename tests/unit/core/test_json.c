/* test_json.c - what the scanner of core/json.c takes and refuses, in whatever portions it comes.
 */
#include "core/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct verdict {
    enum json_error error;
    size_t offset;
};

/* The verdict on `text`, fed in portions of `step` bytes, each from memory of its own size. */
static struct verdict
scan_in_steps(struct span text, size_t step, bool allow_comments)
{
    struct json_scan scan;
    json_scan_init(&scan);
    scan.allow_comments = allow_comments;
    for (size_t at = 0; at < text.len; at += step) {
        size_t len = text.len - at < step ? text.len - at : step;
        json_scan_feed(&scan, text.ptr + at, len);
    }
    enum json_error error = json_scan_end(&scan);
    return (struct verdict){error, scan.offset};
}

/* The verdict is the same however the text is split: checked for every split into two, and for
 * single bytes. */
static struct verdict
scan_text(struct span text, bool allow_comments)
{
    struct verdict whole = scan_in_steps(text, text.len + 1, allow_comments);
    struct verdict bytes = scan_in_steps(text, 1, allow_comments);
    assert_int_equal(bytes.error, whole.error);
    assert_int_equal(bytes.offset, whole.offset);
    for (size_t split = 1; split < text.len && text.len < 4096; split++) {
        struct json_scan scan;
        json_scan_init(&scan);
        scan.allow_comments = allow_comments;
        json_scan_feed(&scan, text.ptr, split);
        json_scan_feed(&scan, text.ptr + split, text.len - split);
        assert_int_equal(json_scan_end(&scan), whole.error);
        assert_int_equal(scan.offset, whole.offset);
    }
    return whole;
}

struct sample {
    const char *text;
    size_t len;
    enum json_error error;
    size_t offset;
};
#define SAMPLE(text, error, offset)                                                                \
    {                                                                                              \
        (text), sizeof(text) - 1, (error), (offset)                                                \
    }
#define GOOD(text) SAMPLE(text, JSON_VALID, sizeof(text) - 1)

static void
check_samples(const struct sample *samples, size_t count, bool allow_comments)
{
    for (size_t i = 0; i < count; i++) {
        const struct sample *sample = &samples[i];
        struct verdict verdict = scan_text(span_of(sample->text, sample->len), allow_comments);
        if (verdict.error != sample->error || verdict.offset != sample->offset)
            fail_msg("<%s>: %s at %zu, not %s at %zu", sample->text, json_error_text(verdict.error),
                     verdict.offset, json_error_text(sample->error), sample->offset);
    }
}

static void
takes_every_kind_of_value(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        GOOD("{}"),
        GOOD("[]"),
        GOOD("null"),
        GOOD(" true "),
        GOOD("false"),
        GOOD("\"\""),
        GOOD("[1,[2,{\"a\":[]}],{}]"),
        GOOD("{\"a\":1,\"b\":{\"a\":null}}"),
        GOOD("\t\r\n [ 1 , 2 ] \n"),
        GOOD("[0,-0,-1,10,1.5,0.0,1e5,1E+5,1e-5,-0.1e10,0e0]"),
        GOOD("[18446744073709551616,123456789012345678901234567890,1e400]"),
        GOOD("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\\u0000\\uD800\""),
        GOOD("[\"\\n\",\"\\\\\",\"a\\tb\"]"),
        GOOD("\"\\u0123\\u4567\\u89ab\\ucdef\\uABCD\\uEF00\""),
        GOOD("\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""),
        GOOD("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
        GOOD("7"),
        GOOD("-0.5e-3"),
    };
    check_samples(samples, COUNT(samples), false);
}

static void
says_where_the_grammar_is_broken(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        SAMPLE("[1,]", JSON_BAD_SYNTAX, 3),        SAMPLE("[,1]", JSON_BAD_SYNTAX, 1),
        SAMPLE("[1 2]", JSON_BAD_SYNTAX, 3),       SAMPLE("{\"a\":1,}", JSON_BAD_SYNTAX, 7),
        SAMPLE("{\"a\" 1}", JSON_BAD_SYNTAX, 5),   SAMPLE("{\"a\":}", JSON_BAD_SYNTAX, 5),
        SAMPLE("{,}", JSON_BAD_SYNTAX, 1),         SAMPLE("{a:1}", JSON_BAD_SYNTAX, 1),
        SAMPLE("{'a':1}", JSON_BAD_SYNTAX, 1),     SAMPLE("{1:1}", JSON_BAD_SYNTAX, 1),
        SAMPLE("[}", JSON_BAD_SYNTAX, 1),          SAMPLE("{]", JSON_BAD_SYNTAX, 1),
        SAMPLE("[1}", JSON_BAD_SYNTAX, 2),         SAMPLE("]", JSON_BAD_SYNTAX, 0),
        SAMPLE("{\"a\":1]", JSON_BAD_SYNTAX, 6),   SAMPLE("NaN", JSON_BAD_SYNTAX, 0),
        SAMPLE("[-Infinity]", JSON_BAD_NUMBER, 2), SAMPLE("[Infinity]", JSON_BAD_SYNTAX, 1),
        SAMPLE("nul", JSON_INCOMPLETE, 3),         SAMPLE("nulL", JSON_BAD_SYNTAX, 3),
        SAMPLE("True", JSON_BAD_SYNTAX, 0),        SAMPLE("// c\n1", JSON_BAD_SYNTAX, 0),
        SAMPLE("[1/**/]", JSON_BAD_SYNTAX, 2),     SAMPLE("\"a\nb\"", JSON_BAD_SYNTAX, 2),
        SAMPLE("\"a\0b\"", JSON_BAD_SYNTAX, 2),    SAMPLE("\"\x1f\"", JSON_BAD_SYNTAX, 1),
        SAMPLE("\0", JSON_BAD_SYNTAX, 0),          SAMPLE("\xef\xbb\xbf{}", JSON_BAD_SYNTAX, 0),
        SAMPLE("\xc2\xa0{}", JSON_BAD_SYNTAX, 0),  SAMPLE("\f1", JSON_BAD_SYNTAX, 0),
    };
    check_samples(samples, COUNT(samples), false);
}

static void
says_where_a_number_is_broken(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        SAMPLE("01", JSON_BAD_NUMBER, 1),      SAMPLE("-01", JSON_BAD_NUMBER, 2),
        SAMPLE("[-]", JSON_BAD_NUMBER, 2),     SAMPLE("[1.]", JSON_BAD_NUMBER, 3),
        SAMPLE("[1.e5]", JSON_BAD_NUMBER, 3),  SAMPLE("[1e]", JSON_BAD_NUMBER, 3),
        SAMPLE("[1e+]", JSON_BAD_NUMBER, 4),   SAMPLE("[1e5.1]", JSON_BAD_NUMBER, 4),
        SAMPLE("[1.2.3]", JSON_BAD_NUMBER, 4), SAMPLE("[1-2]", JSON_BAD_NUMBER, 2),
        SAMPLE("[--1]", JSON_BAD_NUMBER, 2),   SAMPLE("[+1]", JSON_BAD_SYNTAX, 1),
        SAMPLE("[.5]", JSON_BAD_SYNTAX, 1),    SAMPLE("[0x10]", JSON_BAD_SYNTAX, 2),
    };
    check_samples(samples, COUNT(samples), false);
}

static void
refuses_what_is_not_utf8_or_no_escape(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        SAMPLE("\"\x80\"", JSON_BAD_UTF8, 1),             /* a byte that begins nothing */
        SAMPLE("\"\xc0\xaf\"", JSON_BAD_UTF8, 1),         /* overlong, two bytes */
        SAMPLE("\"\xc1\xbf\"", JSON_BAD_UTF8, 1),         /* … */
        SAMPLE("\"\xe0\x9f\xbf\"", JSON_BAD_UTF8, 2),     /* overlong, three */
        SAMPLE("\"\xf0\x8f\xbf\xbf\"", JSON_BAD_UTF8, 2), /* overlong, four */
        SAMPLE("\"\xed\xa0\x80\"", JSON_BAD_UTF8, 2),     /* a surrogate */
        SAMPLE("\"\xf4\x90\x80\x80\"", JSON_BAD_UTF8, 2), /* above U+10FFFF */
        SAMPLE("\"\xf5\x80\x80\x80\"", JSON_BAD_UTF8, 1), /* … */
        SAMPLE("\"\xff\"", JSON_BAD_UTF8, 1),
        SAMPLE("\"\xe4\xb8\"", JSON_BAD_UTF8, 3), /* cut by the quote */
        SAMPLE("\"\xc3(\"", JSON_BAD_UTF8, 2),
        SAMPLE("\"12345678\xe4\xb8\xad\xe6\x96\x87\xe4\xb8(\"", JSON_BAD_UTF8, 17),
        SAMPLE("\"\xe4\xb8", JSON_INCOMPLETE, 3),
        SAMPLE("\"\\x41\"", JSON_BAD_ESCAPE, 2),
        SAMPLE("\"\\'\"", JSON_BAD_ESCAPE, 2),
        SAMPLE("\"\\\0\"", JSON_BAD_ESCAPE, 2),
        SAMPLE("\"\\u12g4\"", JSON_BAD_ESCAPE, 5),
        SAMPLE("\"\\u\"", JSON_BAD_ESCAPE, 3),
        SAMPLE("\"\\U0041\"", JSON_BAD_ESCAPE, 2),
    };
    check_samples(samples, COUNT(samples), false);
}

static void
tells_an_unfinished_document_from_one_with_too_much(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        SAMPLE("", JSON_INCOMPLETE, 0),        SAMPLE("  \n", JSON_INCOMPLETE, 3),
        SAMPLE("{\"a\"", JSON_INCOMPLETE, 4),  SAMPLE("[1", JSON_INCOMPLETE, 2),
        SAMPLE("[[]", JSON_INCOMPLETE, 3),     SAMPLE("\"abc", JSON_INCOMPLETE, 4),
        SAMPLE("\"abc\\", JSON_INCOMPLETE, 5), SAMPLE("\"\\u00", JSON_INCOMPLETE, 5),
        SAMPLE("-", JSON_INCOMPLETE, 1),       SAMPLE("1.", JSON_INCOMPLETE, 2),
        SAMPLE("1e+", JSON_INCOMPLETE, 3),     SAMPLE("{} {}", JSON_TRAILING, 3),
        SAMPLE("1 2", JSON_TRAILING, 2),       SAMPLE("{}}", JSON_TRAILING, 2),
        SAMPLE("{}\0", JSON_TRAILING, 2),      SAMPLE("nulll", JSON_TRAILING, 4),
    };
    check_samples(samples, COUNT(samples), false);
}

static void
skips_comments_where_they_are_allowed(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        GOOD("// one\n{ /* two */ \"a\" /**/ : /***/ 1 // three\n , \"b\":2/*/ four /*/}// end"),
        GOOD("[1/* after a number */]"),
        GOOD("/* \"not a string */ 1 /* 2 */"),
        GOOD("[\"// no comment /* here */\"]"),
        SAMPLE("/* open", JSON_INCOMPLETE, 7),
        SAMPLE("{} /* open *", JSON_INCOMPLETE, 12),
        SAMPLE("{} /", JSON_INCOMPLETE, 4),
        SAMPLE("// only a comment", JSON_INCOMPLETE, 17),
        SAMPLE("[1] / 2", JSON_BAD_SYNTAX, 5),
        SAMPLE("// one\n]", JSON_BAD_SYNTAX, 7),
    };
    check_samples(samples, COUNT(samples), true);
}

static void
fill(struct buf *buf, const char *unit, size_t times)
{
    for (size_t i = 0; i < times; i++)
        assert_int_equal(buf_puts(buf, unit), 0);
}

static void
takes_a_depth_of_128_and_refuses_129_at_its_bracket(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 4 << 20);
    fill(&text, "[", 128);
    fill(&text, "]", 128);
    assert_int_equal(scan_text(buf_span(&text), false).error, JSON_VALID);

    buf_clear(&text);
    fill(&text, "{\"a\":", 128);
    fill(&text, "1", 1);
    fill(&text, "}", 128);
    assert_int_equal(scan_text(buf_span(&text), false).error, JSON_VALID);

    buf_clear(&text);
    fill(&text, "[", 1000000);
    struct verdict verdict = scan_in_steps(buf_span(&text), text.len, false);
    assert_int_equal(verdict.error, JSON_TOO_DEEP);
    assert_int_equal(verdict.offset, 128);
    buf_fini(&text);
}

static void
remembers_at_every_depth_whether_it_is_in_an_object(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1 << 20);
    fill(&text, "[{\"a\":", 64);
    assert_int_equal(scan_text(buf_span(&text), false).error, JSON_INCOMPLETE);
    fill(&text, "0", 1);
    fill(&text, "}]", 64);
    assert_int_equal(scan_text(buf_span(&text), false).error, JSON_VALID);
    for (size_t i = 0; i < 128; i++) { /* one closing bracket of the wrong kind */
        char *bracket = &text.ptr[text.len - 1 - i];
        char right = *bracket;
        *bracket = right == ']' ? '}' : ']';
        struct verdict verdict = scan_in_steps(buf_span(&text), text.len, false);
        assert_int_equal(verdict.error, JSON_BAD_SYNTAX);
        assert_int_equal(verdict.offset, text.len - 1 - i);
        *bracket = right;
    }
    buf_fini(&text);
}

static void
knows_when_the_document_is_closed(void **state)
{
    (void)state;
    struct json_scan scan;
    json_scan_init(&scan);
    json_scan_feed(&scan, "{\"a\":[1]", 8);
    assert_false(scan.closed);
    assert_int_equal(scan.depth, 1);
    json_scan_feed(&scan, "}", 1);
    assert_true(scan.closed);
    assert_int_equal(scan.offset, 9);

    json_scan_init(&scan);
    json_scan_feed(&scan, "12", 2);
    assert_false(scan.closed); /* a third digit may follow */
    json_scan_feed(&scan, "\n", 1);
    assert_true(scan.closed);
}

static void
takes_nothing_after_an_error(void **state)
{
    (void)state;
    struct json_scan scan;
    json_scan_init(&scan);
    assert_int_equal(json_scan_feed(&scan, "[}]", 3), JSON_BAD_SYNTAX);
    assert_int_equal(json_scan_feed(&scan, "1", 1), JSON_BAD_SYNTAX);
    assert_int_equal(scan.offset, 1);
    assert_int_equal(json_scan_end(&scan), JSON_BAD_SYNTAX);
}

static enum json_error
verdict_on_plain_byte(unsigned byte)
{
    if (byte < 0x20)
        return JSON_BAD_SYNTAX;
    return byte >= 0x80 ? JSON_BAD_UTF8 : byte == '"' ? JSON_TRAILING : JSON_VALID;
}

/* Every byte value at every place: eight bytes at a time see what single bytes would. What a
 * backslash does depends on what follows; others test it. */
static void
sees_every_byte_of_a_long_string(void **state)
{
    (void)state;
    char text[] = "\"abcdefghijklmnopqrstuvwxyz\"";
    const size_t len = sizeof(text) - 1;
    for (size_t at = 1; at < len - 1; at++) {
        char kept = text[at];
        for (unsigned byte = 0; byte < 256; byte++) {
            text[at] = (char)byte;
            if (byte != '\\')
                assert_int_equal(scan_in_steps(span_of(text, len), len, false).error,
                                 verdict_on_plain_byte(byte));
        }
        text[at] = kept;
    }
}

static void
write_part(void *visitor, enum json_part part, unsigned depth, size_t begin, size_t end)
{
    static const char *const names[] = {"name", "value"};
    assert_int_equal(buf_putf(visitor, "%s%u(%zu %zu) ", names[part], depth, begin, end), 0);
}

static void
tells_a_visitor_where_names_and_values_stand(void **state)
{
    (void)state;
    const char *text = "{ \"a\": [1, {}], /* c */ \"b\":\"x\" }";
    struct buf told;
    buf_init(&told, 1000);
    struct json_scan scan;
    json_scan_init(&scan);
    scan.allow_comments = true;
    scan.visit = write_part;
    scan.visitor = &told;
    scan.visit_depth = 2;
    for (size_t i = 0; text[i] != '\0'; i++)
        json_scan_feed(&scan, &text[i], 1);
    assert_int_equal(json_scan_end(&scan), JSON_VALID);
    assert_string_equal(buf_text(&told), "name1(2 5) value2(8 9) value2(11 13) value1(7 14) "
                                         "name1(24 27) value1(28 31) value0(0 33) ");
    buf_fini(&told);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_kind_of_value),
        cmocka_unit_test(says_where_the_grammar_is_broken),
        cmocka_unit_test(says_where_a_number_is_broken),
        cmocka_unit_test(refuses_what_is_not_utf8_or_no_escape),
        cmocka_unit_test(tells_an_unfinished_document_from_one_with_too_much),
        cmocka_unit_test(skips_comments_where_they_are_allowed),
        cmocka_unit_test(takes_a_depth_of_128_and_refuses_129_at_its_bracket),
        cmocka_unit_test(remembers_at_every_depth_whether_it_is_in_an_object),
        cmocka_unit_test(knows_when_the_document_is_closed),
        cmocka_unit_test(takes_nothing_after_an_error),
        cmocka_unit_test(sees_every_byte_of_a_long_string),
        cmocka_unit_test(tells_a_visitor_where_names_and_values_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
