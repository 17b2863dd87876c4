/* test_head.c - which header blocks are answers, and what is read out of them. */
#include "core/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define OK "HTTP/1.1 200 OK\r\n"
#define END "\r\n"
#define FOLDED "folded line in a header that says what follows"
#define CODING "unknown transfer-encoding"
#define CONTENT "a body where the status has none"
#define PART "a part of an answer that nobody asked for"

/* Feeds a block, cut into lines as the network hands them on, and returns the last line's word. */
static enum head_progress
feed(struct head *head, struct span block)
{
    enum head_progress progress = HEAD_GOES_ON;
    while (block.len > 0) {
        const char *end = memchr(block.ptr, '\n', block.len);
        size_t len = end ? (size_t)(end - block.ptr) + 1 : block.len;
        progress = head_line(head, span_of(block.ptr, len));
        block = span_of(block.ptr + len, block.len - len);
    }
    return progress;
}

struct block {
    const char *name;
    struct span bytes;
    bool may_decode;
    const char *why; /* NULL: it is a whole and good one */
};

#define BLOCK(text) SPAN_LITERAL(text)

static const struct block blocks[] = {
    {"the shortest answer", BLOCK("HTTP/1.1 200\r\n\r\n"), false, NULL},
    {"no reason but its blank", BLOCK("HTTP/1.1 200 \r\n\r\n"), false, NULL},
    {"HTTP/1.0", BLOCK("HTTP/1.0 200 OK\r\n\r\n"), false, NULL},
    {"status 599", BLOCK("HTTP/1.1 599 x\r\n\r\n"), false, NULL},
    {"HTTP/2", BLOCK("HTTP/2 200 OK\r\n\r\n"), false, "not a status line of HTTP/1"},
    {"HTTP/9.9", BLOCK("HTTP/9.9 200 OK\r\n\r\n"), false, "not a status line of HTTP/1"},
    {"lower case", BLOCK("http/1.1 200 OK\r\n\r\n"), false, "not a status line of HTTP/1"},
    {"no status line", BLOCK("X: a\r\n\r\n"), false, "status line too short"},
    {"a blank line first", BLOCK("\r\n"), false, "status line too short"},
    {"two digits", BLOCK("HTTP/1.1 20 OK\r\n"), false, "not a status line of HTTP/1"},
    {"four digits", BLOCK("HTTP/1.1 2000 OK\r\n"), false, "status is not of three digits"},
    {"status 000", BLOCK("HTTP/1.1 000 OK\r\n"), false, "status out of range"},
    {"status 600", BLOCK("HTTP/1.1 600 OK\r\n"), false, "status out of range"},
    {"status 101", BLOCK("HTTP/1.1 101 x\r\n"), false, "switches to a protocol nobody asked for"},
    {"a control byte in the reason", BLOCK("HTTP/1.1 200 \1\r\n"), false,
     "control byte in the header block"},
    {"the same length twice", BLOCK(OK "Content-Length: 5\r\ncontent-length:5\r\n" END), false,
     NULL},
    {"two lengths", BLOCK(OK "Content-Length: 5\r\nContent-Length: 6\r\n" END), false,
     "two different content-lengths"},
    {"two lengths in one", BLOCK(OK "Content-Length: 5, 6\r\n" END), false,
     "unreadable content-length"},
    {"no length in it", BLOCK(OK "Content-Length:\r\n" END), false, "unreadable content-length"},
    {"a negative length", BLOCK(OK "Content-Length: -5\r\n" END), false,
     "unreadable content-length"},
    {"a signed length", BLOCK(OK "Content-Length: +5\r\n" END), false, "unreadable content-length"},
    {"a word as length", BLOCK(OK "Content-Length: banana\r\n" END), false,
     "unreadable content-length"},
    {"the longest length", BLOCK(OK "Content-Length: 9223372036854775807\r\n" END), false, NULL},
    {"a longer length", BLOCK(OK "Content-Length: 9223372036854775808\r\n" END), false,
     "unreadable content-length"},
    {"a folded length", BLOCK(OK "Content-Length: 1\r\n 0\r\n" END), false, FOLDED},
    {"a folded length of its own line", BLOCK(OK "Content-Length:\r\n 10\r\n" END), false, FOLDED},
    {"a folded coding of the transfer", BLOCK(OK "Transfer-Encoding:\r\n chunked\r\n" END), false,
     FOLDED},
    {"a folded coding", BLOCK(OK "content-encoding:\r\n\tgzip\r\n" END), true, FOLDED},
    {"a folded connection", BLOCK(OK "Connection: keep-alive,\r\n close\r\n" END), false, FOLDED},
    {"a folded type", BLOCK(OK "Content-Type: text/\r\n event-stream\r\n" END), false, FOLDED},
    {"a fold behind a length", BLOCK(OK "X: a\r\nContent-Length: 5\r\n \r\n" END), false, FOLDED},
    {"a fold of another header", BLOCK(OK "X: a\r\n b\r\nContent-Length: 5\r\n" END), false, NULL},
    {"a line of blanks", BLOCK(OK "X: a\r\n \t\r\n" END), false, "line of blanks alone"},
    {"a length of HTTP/1.0", BLOCK("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n" END), false, NULL},
    {"chunks of HTTP/1.0", BLOCK("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n" END), false,
     "transfer-encoding of HTTP/1.0"},
    {"a length of blanks", BLOCK(OK "Content-Length:  \r\n" END), false,
     "unreadable content-length"},
    {"a length in hexadecimal", BLOCK(OK "Content-Length: 0x5\r\n" END), false,
     "unreadable content-length"},
    {"a length and a comma", BLOCK(OK "Content-Length: 5,\r\n" END), false,
     "unreadable content-length"},
    {"a length with a point", BLOCK(OK "Content-Length: 5.0\r\n" END), false,
     "unreadable content-length"},
    {"a length in quotes", BLOCK(OK "Content-Length: \"5\"\r\n" END), false,
     "unreadable content-length"},
    {"chunked behind identity", BLOCK(OK "Transfer-Encoding: identity, chunked\r\n" END), false,
     CODING},
    {"chunked before identity", BLOCK(OK "Transfer-Encoding: chunked, identity\r\n" END), false,
     CODING},
    {"identity", BLOCK(OK "Transfer-Encoding: identity\r\n" END), false, CODING},
    {"chunked with a parameter", BLOCK(OK "Transfer-Encoding: chunked;q=1\r\n" END), false, CODING},
    {"xchunked", BLOCK(OK "Transfer-Encoding: xchunked\r\n" END), false, CODING},
    {"chunkedx", BLOCK(OK "Transfer-Encoding: chunkedx\r\n" END), false, CODING},
    {"chunked in quotes", BLOCK(OK "Transfer-Encoding: \"chunked\"\r\n" END), false, CODING},
    {"chunked behind a comma", BLOCK(OK "Transfer-Encoding: ,chunked\r\n" END), false, CODING},
    {"chunked behind a vertical tab", BLOCK(OK "Transfer-Encoding: \vchunked\r\n"), false,
     "control byte in the header block"},
    {"no coding of the transfer", BLOCK(OK "Transfer-Encoding:\r\n" END), false, CODING},
    {"identity and chunked apart",
     BLOCK(OK "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n" END), false, CODING},
    {"a blank before the colon of a coding", BLOCK(OK "Transfer-Encoding : chunked\r\n" END), false,
     "header name is not a token"},
    {"a CR that begins a line", BLOCK(OK "\rX: a\r\n"), false, "control byte in the header block"},
    {"a CR before the end", BLOCK(OK "\r\r\n"), false, "control byte in the header block"},
    {"a body of 204", BLOCK("HTTP/1.1 204 N\r\nContent-Length: 5\r\n" END), false, CONTENT},
    {"chunks of 204", BLOCK("HTTP/1.1 204 N\r\nTransfer-Encoding: chunked\r\n" END), false,
     CONTENT},
    {"no body of 204", BLOCK("HTTP/1.1 204 N\r\nContent-Length: 0\r\n" END), false, NULL},
    {"a body of 205", BLOCK("HTTP/1.1 205 N\r\nContent-Length: 5\r\n" END), false, CONTENT},
    {"a body of 103", BLOCK("HTTP/1.1 103 E\r\nContent-Length: 5\r\n" END), false, CONTENT},
    {"chunks of 100", BLOCK("HTTP/1.1 100 C\r\nTransfer-Encoding: chunked\r\n" END), false,
     CONTENT},
    {"a length of 100 that is not the answer's",
     BLOCK("HTTP/1.1 100 C\r\nContent-Length: 0\r\n\r\n" OK "Content-Length: 5\r\n" END), false,
     NULL},
    {"the length of what 304 spares", BLOCK("HTTP/1.1 304 N\r\nContent-Length: 5\r\n" END), false,
     NULL},
    {"a part", BLOCK("HTTP/1.1 206 P\r\n"), false, PART},
    {"a part that calls itself whole", BLOCK(OK "Content-Range: bytes 0-4/9\r\n" END), false, PART},
    {"what cannot be parted", BLOCK("HTTP/1.1 416 R\r\nContent-Range: bytes */9\r\n" END), false,
     NULL},
    {"a difference", BLOCK("HTTP/1.1 226 I\r\n"), false, "a difference that nobody asked for"},
    {"chunked", BLOCK(OK "Transfer-Encoding: Chunked\r\n" END), false, NULL},
    {"chunked twice", BLOCK(OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END),
     false, "unknown transfer-encoding"},
    {"gzip as transfer coding", BLOCK(OK "Transfer-Encoding: gzip, chunked\r\n" END), true,
     "unknown transfer-encoding"},
    {"length and chunked", BLOCK(OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END),
     false, "content-length beside chunking"},
    {"a NUL", BLOCK(OK "X: a\0b\r\n"), false, "control byte in the header block"},
    {"a CR inside", BLOCK(OK "X: a\rb\r\n"), false, "control byte in the header block"},
    {"no colon", BLOCK(OK "nocolon\r\n"), false, "header without a colon"},
    {"no name", BLOCK(OK ": a\r\n"), false, "header name is not a token"},
    {"a blank before the colon", BLOCK(OK "Content-Length : 5\r\n"), false,
     "header name is not a token"},
    {"a fold first", BLOCK(OK " a\r\n"), false, "folded line without a header"},
    {"bare LF", BLOCK("HTTP/1.1 200 OK\nX: a\n\n"), false, NULL},
    {"interim answers", BLOCK("HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nLink: a\r\n\r\n" OK END),
     false, NULL},
    {"identity", BLOCK(OK "Content-Encoding: identity\r\n" END), false, NULL},
    {"gzip unasked", BLOCK(OK "Content-Encoding: gzip\r\n" END), false,
     "content coding that was not asked for"},
    {"gzip asked for", BLOCK(OK "Content-Encoding: GZip\r\n" END), true, NULL},
    {"deflate asked for", BLOCK(OK "Content-Encoding: deflate\r\n" END), true, NULL},
    {"brotli unasked", BLOCK(OK "Content-Encoding: br\r\n" END), true,
     "content coding that was not asked for"},
    {"two layers", BLOCK(OK "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n" END), true,
     "content coding that was not asked for"},
    {"two layers in one", BLOCK(OK "Content-Encoding: gzip, gzip\r\n" END), true,
     "content coding that was not asked for"},
};

static void
check_block(void **state)
{
    const struct block *block = *state;
    struct head head;
    head_init(&head, block->may_decode, false);
    enum head_progress progress = feed(&head, block->bytes);
    if (block->why) {
        assert_int_equal(progress, HEAD_IS_BAD);
        assert_string_equal(head.why, block->why);
    } else {
        assert_null(head.why);
        assert_int_equal(progress, HEAD_ENDED);
    }
    head_fini(&head);
}

static void
a_bad_block_stays_bad(void **state)
{
    (void)state;
    struct head head;
    head_init(&head, false, false);
    assert_int_equal(feed(&head, span_from("HTTP/1.1 20 OK\r\n")), HEAD_IS_BAD);
    assert_int_equal(feed(&head, span_from(OK END)), HEAD_IS_BAD);
    head_fini(&head);
}

static void
a_block_without_its_blank_line_is_not_complete(void **state)
{
    (void)state;
    struct head head;
    head_init(&head, false, false);
    assert_int_equal(feed(&head, span_from(OK "X: a\r\n")), HEAD_GOES_ON);
    assert_int_not_equal(head.stage, HEAD_COMPLETE);
    assert_int_equal(feed(&head, span_from(END)), HEAD_ENDED);
    assert_int_equal(head.stage, HEAD_COMPLETE);
    head_fini(&head);
}

static void
the_reply_gets_what_the_block_says(void **state)
{
    (void)state;
    struct head head;
    struct wire_reply reply = {0};
    head_init(&head, false, false);
    feed(&head, span_from("HTTP/1.1 103 E\r\nLink: gone\r\n\r\n"
                          "HTTP/1.1 429 Slow\r\nRetry-After:  7\t\r\nX-Empty:\r\n"
                          "X-Long: a\r\n \t b\r\n\tc \r\nContent-Length: 12\r\n\r\n"));
    head_fill(&head, &reply);
    assert_int_equal(reply.status, 429);
    assert_true(reply.head_complete);
    assert_int_equal(reply.content_length, 12);
    assert_false(reply.close_delimited);
    assert_false(reply.decoded);
    assert_int_equal(reply.headers.count, 4);
    assert_true(span_is(reply.headers.items[0].name, "Retry-After"));
    assert_true(span_is(reply.headers.items[0].value, "7"));
    assert_true(span_is(*wire_header_find(&reply.headers, "x-empty"), ""));
    assert_true(span_is(*wire_header_find(&reply.headers, "x-long"), "a b c"));
    assert_null(wire_header_find(&reply.headers, "link"));
    head_fini(&head);
}

static void
a_decoded_reply_keeps_neither_coding_nor_length(void **state)
{
    (void)state;
    struct head head;
    struct wire_reply reply = {0};
    head_init(&head, true, false);
    feed(&head, span_from(OK "Content-Encoding: gzip\r\nContent-Length: 40\r\nX: a\r\n" END));
    head_fill(&head, &reply);
    assert_true(reply.decoded);
    assert_int_equal(reply.headers.count, 1);
    assert_true(span_is(reply.headers.items[0].name, "X"));
    head_fini(&head);
}

static void
a_body_ends_by_closing_only_where_nothing_else_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *block;
        bool is_bodiless;
        bool is_close_delimited;
    } cases[] = {
        {OK END, false, true},
        {OK END, true, false},
        {OK "Content-Length: 0\r\n" END, false, false},
        {OK "Transfer-Encoding: chunked\r\n" END, false, false},
        {"HTTP/1.1 204 x\r\n" END, false, false},
        {"HTTP/1.1 304 x\r\n" END, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct head head;
        struct wire_reply reply = {0};
        head_init(&head, false, cases[i].is_bodiless);
        assert_int_equal(feed(&head, span_from(cases[i].block)), HEAD_ENDED);
        head_fill(&head, &reply);
        assert_int_equal(reply.close_delimited, cases[i].is_close_delimited);
        head_fini(&head);
    }
}

static void
a_hundred_headers_are_taken_and_one_more_is_bad(void **state)
{
    (void)state;
    struct head head;
    head_init(&head, false, false);
    feed(&head, span_from(OK));
    for (int i = 0; i < WIRE_HEADERS_MAX; i++)
        assert_int_equal(feed(&head, span_from("X: a\r\n")), HEAD_GOES_ON);
    assert_int_equal(feed(&head, span_from("X: a\r\n")), HEAD_IS_BAD);
    assert_string_equal(head.why, "too many headers");
    head_fini(&head);
}

static void
sixty_four_kilobytes_are_the_limit_of_all_blocks_together(void **state)
{
    (void)state;
    static const struct {
        const char *first;
        const char *endless;
    } floods[] = {{"", "HTTP/1.1 103 E\r\n\r\n"}, {OK "X: a\r\n", " b\r\n"}};
    for (size_t i = 0; i < sizeof floods / sizeof floods[0]; i++) {
        struct head head;
        size_t fed = strlen(floods[i].first);
        size_t more = strlen(floods[i].endless);
        head_init(&head, false, false);
        feed(&head, span_from(floods[i].first));
        while (feed(&head, span_from(floods[i].endless)) == HEAD_GOES_ON)
            fed += more;
        assert_string_equal(head.why, "header block too large");
        assert_true(fed <= WIRE_HEADER_BYTES_MAX && fed + more > WIRE_HEADER_BYTES_MAX);
        head_fini(&head);
    }
}

static void
trailers_are_dropped_but_counted(void **state)
{
    (void)state;
    struct head head;
    struct wire_reply reply = {0};
    head_init(&head, false, false);
    assert_int_equal(feed(&head, span_from(OK "Transfer-Encoding: chunked\r\n" END)), HEAD_ENDED);
    assert_int_equal(feed(&head, span_from("X-Trailer: a\r\n")), HEAD_GOES_ON);
    head_fill(&head, &reply);
    assert_int_equal(reply.headers.count, 1);
    enum head_progress progress = HEAD_GOES_ON;
    for (size_t fed = 0; fed < WIRE_HEADER_BYTES_MAX && progress == HEAD_GOES_ON; fed += 6)
        progress = feed(&head, span_from("X: a\r\n"));
    assert_int_equal(progress, HEAD_IS_BAD);
    head_fini(&head);
}

int
main(void)
{
    enum { BLOCKS = sizeof blocks / sizeof blocks[0] };
    static struct CMUnitTest cases[BLOCKS];
    static struct block states[BLOCKS];
    memcpy(states, blocks, sizeof blocks);
    for (size_t i = 0; i < BLOCKS; i++)
        cases[i] = (struct CMUnitTest){
            .name = blocks[i].name, .test_func = check_block, .initial_state = &states[i]};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_block_stays_bad),
        cmocka_unit_test(a_block_without_its_blank_line_is_not_complete),
        cmocka_unit_test(the_reply_gets_what_the_block_says),
        cmocka_unit_test(a_decoded_reply_keeps_neither_coding_nor_length),
        cmocka_unit_test(a_body_ends_by_closing_only_where_nothing_else_says_so),
        cmocka_unit_test(a_hundred_headers_are_taken_and_one_more_is_bad),
        cmocka_unit_test(sixty_four_kilobytes_are_the_limit_of_all_blocks_together),
        cmocka_unit_test(trailers_are_dropped_but_counted),
    };
    int failed = cmocka_run_group_tests_name("head: blocks", cases, NULL, NULL);
    return failed + cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
