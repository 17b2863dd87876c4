/* test_chunks.c - where a chunked body ends, and what keeps it from ending. */
#include "core/chunks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

struct body {
    const char *name;
    struct span bytes;
    const char *payload;
    const char *why; /* NULL: nothing is wrong with it */
    bool is_open;    /* it goes on */
    size_t excess;
};

#define BYTES(text) SPAN_LITERAL(text)
#define NO_SIZE "chunk without a size"
#define NO_NUMBER "chunk size is no number"
#define TOO_LARGE "chunk size too large"
#define NO_END "chunk does not end where it said"
#define CONTROL "control byte in the framing"
#define FRAMING "framing in a trailer"
#define NO_NAME "trailer's name is not a token"

static const struct body bodies[] = {
    {"two chunks", BYTES("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"), "hello!", NULL, false, 0},
    {"none", BYTES("0\r\n\r\n"), "", NULL, false, 0},
    {"sizes of many forms", BYTES("00a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n"),
     "01234567890123456789", NULL, false, 0},
    {"an extension", BYTES("1;a=\"b;c\"\r\nx\r\n0;z\r\n\r\n"), "x", NULL, false, 0},
    {"a padded size", BYTES("1  \t\r\nx\r\n0 ;a\r\n\r\n"), "x", NULL, false, 0},
    {"trailers", BYTES("1\r\nx\r\n0\r\nA: b\r\nX-Checksum:\r\n\r\n"), "x", NULL, false, 0},
    {"an answer behind it", BYTES("0\r\n\r\nHTTP/1.1"), "", NULL, false, 8},
    {"half a chunk", BYTES("5\r\nhel"), "hel", NULL, true, 0},
    {"no last chunk", BYTES("1\r\nx\r\n"), "x", NULL, true, 0},
    {"no blank line", BYTES("1\r\nx\r\n0\r\n"), "x", NULL, true, 0},
    {"half of the end", BYTES("0\r\n\r"), "", NULL, true, 0},
    {"no size", BYTES("\r\n"), "", NO_SIZE, false, 0},
    {"a line between chunks", BYTES("1\r\nx\r\n\r\n"), "x", NO_SIZE, false, 0},
    {"an extension alone", BYTES(";a\r\n"), "", NO_SIZE, false, 0},
    {"a sign", BYTES("+1\r\n"), "", NO_SIZE, false, 0},
    {"a blank before the size", BYTES(" 1\r\n"), "", NO_SIZE, false, 0},
    {"a prefix", BYTES("0x1\r\n"), "", NO_NUMBER, false, 0},
    {"a word", BYTES("1g\r\n"), "", NO_NUMBER, false, 0},
    {"two sizes", BYTES("1 1\r\n"), "", NO_NUMBER, false, 0},
    {"a line that ends in LF", BYTES("1\nx"), "", NO_NUMBER, false, 0},
    {"a CR in the size's line", BYTES("1\r\rx"), "", NO_END, false, 0},
    {"an extension that ends in LF", BYTES("1;a\nx"), "", CONTROL, false, 0},
    {"17 digits", BYTES("00000000000000001\r\n"), "", TOO_LARGE, false, 0},
    {"64 bits", BYTES("8000000000000000\r\n"), "", TOO_LARGE, false, 0},
    {"a chunk that is longer", BYTES("1\r\nxy\r\n"), "x", NO_END, false, 0},
    {"a chunk that ends in LF", BYTES("1\r\nx\n"), "x", NO_END, false, 0},
    {"a chunk that ends in CRs", BYTES("1\r\nx\r\r\n"), "x", NO_END, false, 0},
    {"a length as trailer", BYTES("0\r\ncontent-LENGTH: 5\r\n\r\n"), "", FRAMING, false, 0},
    {"a coding as trailer", BYTES("0\r\nTransfer-Encoding: chunked\r\n\r\n"), "", FRAMING, false,
     0},
    {"a folded trailer", BYTES("0\r\nA: b\r\n c\r\n\r\n"), "", NO_NAME, false, 0},
    {"a trailer without a name", BYTES("0\r\n: b\r\n\r\n"), "", NO_NAME, false, 0},
    {"a blank before a trailer's colon", BYTES("0\r\nA : b\r\n"), "", NO_NAME, false, 0},
    {"a trailer without a colon", BYTES("0\r\nA\r\n"), "", NO_NAME, false, 0},
    {"a NUL in a trailer", BYTES("0\r\nA: \0\r\n"), "", CONTROL, false, 0},
    {"a trailer that ends in LF", BYTES("0\r\nA: b\n\n"), "", CONTROL, false, 0},
    {"a CR before the end", BYTES("0\r\n\r\r\n"), "", NO_END, false, 0},
};

/* In portions of that many bytes. */
static void
read_body(struct chunks *chunks, struct span bytes, size_t portion, struct buf *payload,
          size_t *excess)
{
    chunks_init(chunks);
    *excess = 0;
    while (bytes.len > 0) {
        size_t len = portion < bytes.len ? portion : bytes.len;
        struct span rest = span_of(bytes.ptr, len);
        struct span piece;
        while ((piece = chunks_next(chunks, &rest)).len > 0)
            assert_int_equal(buf_put_span(payload, piece), 0);
        *excess += rest.len;
        bytes = span_of(bytes.ptr + len, bytes.len - len);
    }
}

static void
check_body(void **state)
{
    const struct body *body = *state;
    const size_t portions[] = {1, 2, 3, body->bytes.len};
    for (size_t i = 0; i < sizeof portions / sizeof portions[0]; i++) {
        struct chunks chunks;
        struct buf payload;
        size_t excess;
        buf_init(&payload, 1024);
        read_body(&chunks, body->bytes, portions[i], &payload, &excess);
        assert_string_equal(buf_text(&payload), body->payload);
        if (body->why) {
            assert_int_equal(chunks.stage, CHUNKS_BAD);
            assert_string_equal(chunks.why, body->why);
        } else {
            assert_null(chunks.why);
            assert_int_equal(chunks.stage == CHUNKS_ENDED, !body->is_open);
            assert_int_equal(excess, body->excess);
        }
        buf_fini(&payload);
    }
}

/* Feeds the piece over and over until it is bad; how many bytes that took, 0: `most` were good. */
static size_t
feed_until_bad(const char *before, struct span piece, size_t most)
{
    struct chunks chunks;
    struct span rest = span_from(before);
    chunks_init(&chunks);
    while (chunks_next(&chunks, &rest).len > 0)
        continue;
    for (size_t fed = 0; fed < most; fed += piece.len) {
        rest = piece;
        while (chunks_next(&chunks, &rest).len > 0)
            continue;
        if (chunks.stage == CHUNKS_BAD) {
            assert_string_equal(chunks.why, "more framing than payload");
            return fed;
        }
    }
    return 0;
}

#define ENDLESS (64U << 20)

static void
framing_without_payload_has_an_end(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        struct span piece;
    } cases[] = {
        {"5;", SPAN_LITERAL("aaaaaaaa")},       {"5", SPAN_LITERAL("        ")},
        {"0\r\nX: ", SPAN_LITERAL("aaaaaaaa")}, {"0\r\n", SPAN_LITERAL("X: a\r\n")},
        {"0\r\n", SPAN_LITERAL("aaaaaaaa")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t fed = feed_until_bad(cases[i].before, cases[i].piece, ENDLESS);
        assert_true(fed > 100000 && fed <= CHUNKS_LINE_BYTES_MAX);
    }
}

/* A byte a chunk is a poor stream and a stream; a byte in a hundred is none. */
static void
framing_stays_in_proportion_to_payload(void **state)
{
    (void)state;
    static const struct span a_byte = SPAN_LITERAL("1\r\nx\r\n");
    static const struct span mostly_extension =
        SPAN_LITERAL("1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n");
    assert_int_equal(feed_until_bad("", a_byte, ENDLESS), 0);
    size_t fed = feed_until_bad("", mostly_extension, ENDLESS);
    assert_true(fed > CHUNKS_FRAMING_FREE && fed < 2 * CHUNKS_FRAMING_FREE);
}

int
main(void)
{
    static struct CMUnitTest tests[sizeof bodies / sizeof bodies[0] + 2];
    size_t count = 0;
    for (; count < sizeof bodies / sizeof bodies[0]; count++) {
        union {
            const struct body *body;
            void *state;
        } initial = {.body = &bodies[count]};
        tests[count] = (struct CMUnitTest){
            .name = bodies[count].name, .test_func = check_body, .initial_state = initial.state};
    }
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(framing_without_payload_has_an_end);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(framing_stays_in_proportion_to_payload);
    return cmocka_run_group_tests_name("chunks", tests, NULL, NULL);
}
