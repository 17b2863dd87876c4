/* test_sse.c - which events core/sse.c finds, in whatever portions the bytes come. */
#include "core/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Feeds one portion until it is all taken and writes the events found as "name|data;". */
static void
feed(struct sse *sse, struct span portion, struct buf *told)
{
    while (portion.len > 0) {
        struct sse_event event;
        bool found;
        size_t taken = sse_feed(sse, portion, &event, &found);
        assert_in_range(taken, 1, portion.len);
        portion.ptr += taken;
        portion.len -= taken;
        if (!found)
            continue;
        assert_true(sse_is_at_boundary(sse));
        assert_int_equal(buf_put_span(told, event.name), 0);
        assert_int_equal(buf_puts(told, "|"), 0);
        assert_int_equal(buf_put_span(told, event.data), 0);
        assert_int_equal(buf_puts(told, ";"), 0);
    }
}

/* The events of `stream`, fed in two portions and then in steps, one after another. */
static void
assert_split(struct span stream, size_t split, size_t step, const char *wanted)
{
    struct sse sse;
    struct buf told;
    sse_init(&sse);
    buf_init(&told, 1 << 20);
    feed(&sse, span_of(stream.ptr, split), &told);
    for (size_t at = split; at < stream.len; at += step)
        feed(&sse, span_of(stream.ptr + at, stream.len - at < step ? stream.len - at : step),
             &told);
    if (strcmp(buf_text(&told), wanted) != 0)
        fail_msg("split %zu, step %zu: <%s>, not <%s>", split, step, buf_text(&told), wanted);
    buf_fini(&told);
    sse_fini(&sse);
}

/* Every split into two portions, and single bytes. */
static void
assert_events(struct span stream, const char *wanted)
{
    for (size_t split = 0; split <= stream.len; split++)
        assert_split(stream, split, stream.len + 1, wanted);
    assert_split(stream, 0, 1, wanted);
    assert_split(stream, 0, 2, wanted);
    assert_split(stream, 0, 3, wanted);
}

struct sample {
    const char *stream, *events;
};

static void
check_samples(const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_events(span_from(samples[i].stream), samples[i].events);
}

static void
lf_cr_and_crlf_end_a_line(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"data: a\n\ndata: b\n\n", "|a;|b;"},
        {"data: a\r\rdata: b\r\r", "|a;|b;"},
        {"data: a\r\n\r\ndata: b\r\n\r\n", "|a;|b;"},
        {"data: a\n\r\ndata: b\r\n\ndata: c\r\r\n", "|a;|b;|c;"},
        {"data: a\r\n\n", "|a;"},
        {"data: a\n\rdata: b\r\n\r", "|a;|b;"},
        {"\n\r\n\r\r\ndata: a\n\n\n\n\n", "|a;"},
    };
    check_samples(samples, COUNT(samples));
}

static void
fields_are_read_as_the_standard_says(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"data:a\n\n", "|a;"},
        {"data:  a \n\n", "| a ;"},
        {"data: a\ndata: b\ndata:\ndata: c\n\n", "|a\nb\n\nc;"},
        {"data\n\n", "|;"},
        {"data:\ndata\n\n", "|\n;"},
        {"data: a:b: c\n\n", "|a:b: c;"},
        {"event: x\ndata: 1\n\ndata: 2\n\n", "x|1;|2;"},
        {"event: x\nevent: y\ndata: 1\n\n", "y|1;"},
        {"event: x\nevent\ndata: 1\n\n", "|1;"},
        {"event: lost\n\ndata: 1\n\n", "|1;"},
        {"id: 1\nretry: 10\nfoo: bar\nDATA: no\n data: no\ndatas: no\ndata: 1\n\n", "|1;"},
        {": comment\n:\ndata: 1\n: between\ndata: 2\n\n", "|1\n2;"},
        {": only\n\n:comments\r\n\r\n", ""},
        {"id: 7\n\n", ""},
        {"data: unfinished\n", ""},
        {"data: unfinished", ""},
        {"", ""},
    };
    check_samples(samples, COUNT(samples));
}

static void
a_bom_at_the_start_is_skipped_and_only_there(void **state)
{
    (void)state;
    static const struct sample samples[] = {
        {"\xef\xbb\xbf"
         "data: a\n\n",
         "|a;"},
        {"\xef\xbb\xbf\xef\xbb\xbf"
         "data: a\n\ndata: b\n\n",
         "|b;"},
        {"\xef\xbb"
         "data: a\n\ndata: b\n\n",
         "|b;"},
        {"\xef\n\ndata: b\n\n", "|b;"},
        {"data: a\n\n\xef\xbb\xbf"
         "data: b\n\ndata: \xef\xbb\xbf\n\n",
         "|a;|\xef\xbb\xbf;"},
    };
    check_samples(samples, COUNT(samples));
}

static void
bytes_that_are_no_text_do_not_break_the_rhythm(void **state)
{
    (void)state;
    static const char stream[] = "data: \xff\xfe\xc0\n\nda\0ta: x\n\ndata: a\0b\n\ndata: c\n\n";
    struct sse sse;
    struct sse_event event;
    bool found;
    sse_init(&sse);
    struct span rest = span_of(stream, sizeof(stream) - 1);
    static const struct span wanted[] = {SPAN_LITERAL("\xff\xfe\xc0"), SPAN_LITERAL("a\0b"),
                                         SPAN_LITERAL("c")};
    for (size_t i = 0; i < COUNT(wanted); i++) {
        size_t taken = sse_feed(&sse, rest, &event, &found);
        assert_true(found);
        assert_true(span_equal(event.data, wanted[i]));
        rest.ptr += taken;
        rest.len -= taken;
    }
    assert_int_equal(rest.len, 0);
    sse_fini(&sse);
}

static void
takes_up_to_the_end_of_the_event_and_no_further(void **state)
{
    (void)state;
    struct sse sse;
    struct sse_event event;
    bool found;
    sse_init(&sse);
    assert_int_equal(sse_feed(&sse, span_from("data: a\n\ndata: b\n\n"), &event, &found), 9);
    assert_true(found);
    assert_int_equal(sse_feed(&sse, span_from("data: a\r\n\r\ndata: b"), &event, &found), 11);
    assert_true(found);
    assert_int_equal(sse_feed(&sse, span_from("data: b\r\n\r"), &event, &found), 10);
    assert_true(found);
    /* The LF of that CR, alone: it ends nothing. */
    assert_int_equal(sse_feed(&sse, span_from("\n"), &event, &found), 1);
    assert_false(found);
    assert_true(sse_is_at_boundary(&sse));
    sse_fini(&sse);
}

static void
says_when_it_stands_between_two_events(void **state)
{
    (void)state;
    static const struct {
        const char *portion;
        bool at_boundary;
    } steps[] = {
        {"\xef\xbb", false},
        {"\xbf", true},
        {": ping", false},
        {"\n", true},
        {"\n", true},
        {"d", false},
        {"ata: a\n", false},
        {": ping\n", false},
        {"\n", true},
        {"id: 1\n", false},
        {"\n", true},
        {": x\r", true},
        {"\n", true},
        {"event: e", false},
        {"\r", false},
        {"\n", false},
        {"\r", true},
        {"\n", true},
        {"data: a\n\nd", false},
        {"ata: b\r\n\r\n", true},
    };
    struct sse sse;
    struct buf told;
    sse_init(&sse);
    buf_init(&told, 1000);
    assert_true(sse_is_at_boundary(&sse));
    for (size_t i = 0; i < COUNT(steps); i++) {
        feed(&sse, span_from(steps[i].portion), &told);
        if (sse_is_at_boundary(&sse) != steps[i].at_boundary)
            fail_msg("wrong after step %zu, <%s>", i, steps[i].portion);
    }
    buf_fini(&told);
    sse_fini(&sse);
}

/* Feeds `prefix`, then `count` bytes in portions, then `suffix`; the last answer. */
static size_t
feed_long(struct sse *sse, const char *prefix, size_t count, const char *suffix, bool *found)
{
    char portion[4096];
    struct sse_event event;
    memset(portion, 'x', sizeof(portion));
    sse_init(sse);
    sse_feed(sse, span_from(prefix), &event, found);
    for (size_t sent = 0; sent < count; sent += sizeof(portion)) {
        size_t len = count - sent < sizeof(portion) ? count - sent : sizeof(portion);
        if (sse_feed(sse, span_of(portion, len), &event, found) == SIZE_MAX)
            return SIZE_MAX;
    }
    return sse_feed(sse, span_from(suffix), &event, found);
}

static void
a_line_beyond_the_maximum_is_refused_for_good(void **state)
{
    (void)state;
    struct sse sse;
    struct sse_event event;
    bool found;
    assert_int_equal(feed_long(&sse, "data: ", SSE_EVENT_MAX_BYTES - 6, "\n\n", &found), 2);
    assert_true(found);
    sse_fini(&sse);
    assert_int_equal(feed_long(&sse, "data: ", SSE_EVENT_MAX_BYTES - 5, "\n\n", &found), SIZE_MAX);
    assert_false(found);
    assert_false(sse_is_at_boundary(&sse));
    assert_int_equal(sse_feed(&sse, span_from("data: a\n\n"), &event, &found), SIZE_MAX);
    assert_false(found);
    sse_fini(&sse);
}

/* The same in one portion, of which nothing need be kept: no field holds it. */
static void
a_line_beyond_the_maximum_is_refused_in_one_portion_too(void **state)
{
    (void)state;
    struct sse sse;
    struct sse_event event;
    bool found;
    struct buf line;
    buf_init(&line, SSE_EVENT_MAX_BYTES + 2);
    while (line.len < SSE_EVENT_MAX_BYTES)
        assert_int_equal(buf_puts(&line, ":"), 0);
    assert_int_equal(buf_puts(&line, "\n"), 0);
    sse_init(&sse);
    assert_int_equal(sse_feed(&sse, buf_span(&line), &event, &found), line.len);
    line.ptr[line.len - 1] = ':';
    assert_int_equal(buf_puts(&line, "\n"), 0);
    assert_int_equal(sse_feed(&sse, buf_span(&line), &event, &found), SIZE_MAX);
    sse_fini(&sse);
    buf_fini(&line);
}

static void
data_beyond_the_maximum_is_refused_however_many_lines_it_has(void **state)
{
    (void)state;
    struct sse sse;
    struct sse_event event;
    bool found;
    size_t taken = 0;
    sse_init(&sse);
    for (size_t i = 0; i < SSE_EVENT_MAX_BYTES && taken != SIZE_MAX; i++)
        taken = sse_feed(&sse, span_from("data: 0123456789\n"), &event, &found);
    assert_int_equal(taken, SIZE_MAX);
    sse_fini(&sse);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lf_cr_and_crlf_end_a_line),
        cmocka_unit_test(fields_are_read_as_the_standard_says),
        cmocka_unit_test(a_bom_at_the_start_is_skipped_and_only_there),
        cmocka_unit_test(bytes_that_are_no_text_do_not_break_the_rhythm),
        cmocka_unit_test(takes_up_to_the_end_of_the_event_and_no_further),
        cmocka_unit_test(says_when_it_stands_between_two_events),
        cmocka_unit_test(a_line_beyond_the_maximum_is_refused_for_good),
        cmocka_unit_test(a_line_beyond_the_maximum_is_refused_in_one_portion_too),
        cmocka_unit_test(data_beyond_the_maximum_is_refused_however_many_lines_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
