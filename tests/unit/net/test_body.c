/* test_body.c - payload out of its framing: what is handed on, in which pieces, and when it ends.
 */
#include "net/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

struct taken {
    struct body body;
    struct head head;
    char bytes[8192];
    size_t len;
    unsigned pieces;
};

static int
give(void *self, struct span bytes)
{
    struct taken *taken = self;
    assert_true(taken->len + bytes.len < sizeof taken->bytes);
    memcpy(taken->bytes + taken->len, bytes.ptr, bytes.len);
    taken->len += bytes.len;
    taken->pieces++;
    return 0;
}

static void
begin(struct taken *taken, const char *block)
{
    *taken = (struct taken){.len = 0};
    head_init(&taken->head, false, false);
    body_init(&taken->body);
    while (*block != '\0') {
        size_t len = strcspn(block, "\n") + 1;
        (void)head_line(&taken->head, span_of(block, len));
        block += len;
    }
    assert_int_equal(taken->head.stage, HEAD_COMPLETE);
    assert_int_equal(body_begin(&taken->body, &taken->head), 0);
}

static void
end(struct taken *taken)
{
    body_fini(&taken->body);
    head_fini(&taken->head);
}

/* An upstream cannot have us work for each byte of what it sends in one piece. */
static void
chunks_of_a_byte_go_on_together(void **state)
{
    (void)state;
    static const char chunk[] = "1\r\nx\r\n";
    char bytes[1000 * (sizeof chunk - 1)];
    for (size_t at = 0; at < sizeof bytes; at += sizeof chunk - 1)
        memcpy(bytes + at, chunk, sizeof chunk - 1);
    struct taken taken;
    begin(&taken, CHUNKED);
    assert_int_equal(body_take(&taken.body, span_of(bytes, sizeof bytes), give, &taken), 0);
    assert_int_equal(taken.len, 1000);
    assert_int_equal(taken.pieces, 1);
    end(&taken);
}

/* What was good of a read is out before what follows it is looked at. */
static void
longer_chunks_pass_as_they_come(void **state)
{
    (void)state;
    static const struct span read = SPAN_LITERAL(
        "50\r\n01234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n"
        "3\r\nabc\r\n"
        "50\r\n01234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n"
        "2\r\nde\r\n0\r\n\r\n");
    struct taken taken;
    begin(&taken, CHUNKED);
    assert_int_equal(body_take(&taken.body, read, give, &taken), 0);
    assert_int_equal(taken.pieces, 4);
    assert_int_equal(taken.len, 165);
    assert_memory_equal(taken.bytes + 80, "abc0", 4);
    assert_memory_equal(taken.bytes + 160, "789de", 5);
    assert_true(body_is_over(&taken.body));
    assert_true(body_is_whole(&taken.body));
    assert_false(taken.body.has_excess);
    end(&taken);
}

static void
a_body_is_whole_at_its_end_and_not_before(void **state)
{
    (void)state;
    static const struct {
        const char *block;
        struct span bytes;
        const char *payload;
        bool is_over, is_whole, has_excess;
    } cases[] = {
        {OK "Content-Length: 5\r\n\r\n", SPAN_LITERAL("hello"), "hello", true, true, false},
        {OK "Content-Length: 5\r\n\r\n", SPAN_LITERAL("hell"), "hell", false, false, false},
        {OK "Content-Length: 5\r\n\r\n", SPAN_LITERAL("hello!"), "hello", true, true, true},
        {OK "Content-Length: 0\r\n\r\n", SPAN_LITERAL(""), "", true, true, false},
        {CHUNKED, SPAN_LITERAL("5\r\nhello\r\n0\r\n\r\n"), "hello", true, true, false},
        {CHUNKED, SPAN_LITERAL("5\r\nhello\r\n0\r\n\r\n!"), "hello", true, true, true},
        {CHUNKED, SPAN_LITERAL("5\r\nhello\r\n0\r\n"), "hello", false, false, false},
        {CHUNKED, SPAN_LITERAL("5\r\nhello\r\n"), "hello", false, false, false},
        {OK "\r\n", SPAN_LITERAL("hello"), "hello", false, true, false},
        {"HTTP/1.1 205 Reset\r\n\r\n", SPAN_LITERAL(""), "", false, true, false},
        {"HTTP/1.1 204 None\r\n\r\n", SPAN_LITERAL(""), "", true, true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct taken taken;
        begin(&taken, cases[i].block);
        assert_int_equal(body_take(&taken.body, cases[i].bytes, give, &taken), 0);
        assert_int_equal(taken.len, strlen(cases[i].payload));
        assert_memory_equal(taken.bytes, cases[i].payload, taken.len);
        assert_int_equal(body_is_over(&taken.body), cases[i].is_over);
        assert_int_equal(taken.body.has_excess, cases[i].has_excess);
        assert_int_equal(body_is_whole(&taken.body), cases[i].is_whole);
        assert_int_equal(taken.body.why != NULL, !cases[i].is_whole);
        end(&taken);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_of_a_byte_go_on_together),
        cmocka_unit_test(longer_chunks_pass_as_they_come),
        cmocka_unit_test(a_body_is_whole_at_its_end_and_not_before),
    };
    return cmocka_run_group_tests_name("body", tests, NULL, NULL);
}
