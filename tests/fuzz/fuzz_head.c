/* fuzz_head.c - the header block against a plain reading of it, and the chunks behind it in other
 * portions against themselves and a plain reading. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "core/chunks.h"
#include "core/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define PAYLOAD_MAX_BYTES (1U << 24)

static struct span
next_line(struct span *rest)
{
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end != NULL ? (size_t)(end - rest->ptr) + 1 : rest->len;
    struct span line = span_of(rest->ptr, len);
    *rest = span_of(rest->ptr + len, rest->len - len);
    return line;
}

/* How many lines of the last block begin with the name and a colon, whatever the case. */
static unsigned
count_lines(struct span block, const char *name)
{
    unsigned count = 0;
    while (block.len > 0) {
        struct span line = next_line(&block);
        count += span_has_prefix_nocase(line, name);
    }
    return count;
}

/* What a good block must be, said another way. */
static void
check_block(const struct head *head, const struct wire_reply *reply, struct span last_block)
{
    assert(reply->status >= 200 && reply->status <= 599);
    assert(reply->status != 206 && reply->status != 226);
    assert(reply->headers.count <= WIRE_HEADERS_MAX);
    assert(memchr(last_block.ptr, '\0', last_block.len) == NULL);
    for (size_t i = 0; i < reply->headers.count; i++) {
        assert(wire_is_name(reply->headers.items[i].name));
        assert(wire_is_value(reply->headers.items[i].value));
    }
    assert(head->is_chunked == (count_lines(last_block, "transfer-encoding:") == 1));
    assert(count_lines(last_block, "transfer-encoding:") <= 1);
    assert((head->content_length >= 0) == (count_lines(last_block, "content-length:") > 0));
    assert(!(head->is_chunked && head->content_length >= 0));
    assert(!head->is_chunked || !head->is_http10);
    assert(head->may_decode || head->coding == HEAD_PLAIN);
    assert(!head_lets_reuse(head) || head->is_chunked || head->content_length > 0);
    assert(!reply->close_delimited || !head_lets_reuse(head));
}

/* --- chunks ----------------------------------------------------------------------------------- */

/* The whole body at hand: its payload, and where it ends; false when it is bad or ends too soon. */
static bool
read_plainly(struct span rest, struct buf *payload, size_t *left)
{
    for (;;) {
        struct span line = next_line(&rest);
        if (line.len < 3 || memcmp(line.ptr + line.len - 2, "\r\n", 2) != 0)
            return false;
        uint64_t size = 0;
        size_t at = 0;
        for (; at < line.len && strchr("0123456789abcdefABCDEF", line.ptr[at]) != NULL; at++) {
            int digit = line.ptr[at] <= '9' ? line.ptr[at] - '0' : (line.ptr[at] | 0x20) - 'a' + 10;
            size = size * 16 + (uint64_t)digit;
            if (at == 16 || size > INT64_MAX)
                return false;
        }
        if (at == 0)
            return false;
        if (size == 0)
            break;
        if (size > rest.len || rest.len - size < 2 ||
            buf_append(payload, rest.ptr, (size_t)size) != 0 ||
            memcmp(rest.ptr + size, "\r\n", 2) != 0)
            return false;
        rest = span_of(rest.ptr + size + 2, rest.len - (size_t)size - 2);
    }
    for (;;) {
        struct span line = next_line(&rest);
        if (line.len < 2 || memcmp(line.ptr + line.len - 2, "\r\n", 2) != 0)
            return false;
        if (line.len == 2)
            break;
    }
    *left = rest.len;
    return true;
}

static enum chunks_stage
read_in_portions(struct span bytes, size_t portion, struct buf *payload, size_t *left)
{
    struct chunks chunks;
    chunks_init(&chunks);
    *left = 0;
    while (bytes.len > 0) {
        size_t len = portion < bytes.len ? portion : bytes.len;
        struct span rest = span_of(bytes.ptr, len);
        struct span piece;
        while ((piece = chunks_next(&chunks, &rest)).len > 0)
            assert(buf_put_span(payload, piece) == 0);
        assert(rest.len == 0 || chunks.stage >= CHUNKS_ENDED);
        assert((chunks.why != NULL) == (chunks.stage == CHUNKS_BAD));
        if (chunks.stage >= CHUNKS_ENDED)
            *left += rest.len;
        bytes = span_of(bytes.ptr + len, bytes.len - len);
    }
    assert(chunks.framing_bytes <=
           CHUNKS_FRAMING_FREE + 1 + CHUNKS_FRAMING_RATIO * (chunks.payload_bytes + 1));
    return chunks.stage;
}

static void
check_chunks(struct span bytes)
{
    struct buf whole, apart, plain;
    size_t left, left_apart, left_plain = 0;
    buf_init(&whole, PAYLOAD_MAX_BYTES);
    buf_init(&apart, PAYLOAD_MAX_BYTES);
    buf_init(&plain, PAYLOAD_MAX_BYTES);
    enum chunks_stage stage = read_in_portions(bytes, bytes.len, &whole, &left);
    assert(stage == read_in_portions(bytes, 1, &apart, &left_apart));
    assert(span_equal(buf_span(&whole), buf_span(&apart)));
    if (stage == CHUNKS_ENDED) {
        assert(left == left_apart);
        assert(read_plainly(bytes, &plain, &left_plain));
        assert(left == left_plain);
        assert(span_equal(buf_span(&whole), buf_span(&plain)));
    }
    buf_fini(&whole);
    buf_fini(&apart);
    buf_fini(&plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2)
        return 0;
    struct head head;
    struct wire_reply reply = {.status = 0};
    struct span rest = span_of((const char *)bytes + 1, len - 1);
    struct span block = rest;
    enum head_progress progress = HEAD_GOES_ON;
    head_init(&head, (bytes[0] & 1) != 0, (bytes[0] & 2) != 0);
    head.speaks_h2 = (bytes[0] & 4) != 0;
    while (rest.len > 0 && progress == HEAD_GOES_ON) {
        struct span line = next_line(&rest);
        if (head.stage == HEAD_AT_STATUS)
            block.ptr = line.ptr;
        progress = head_line(&head, line);
    }
    assert((head.why != NULL) == (progress == HEAD_IS_BAD));
    if (progress == HEAD_ENDED) {
        block.len = (size_t)(rest.ptr - block.ptr);
        head_fill(&head, &reply);
        check_block(&head, &reply, block);
        if (head.is_chunked)
            check_chunks(rest);
    } else if (progress == HEAD_IS_BAD) {
        assert(head_line(&head, span_from("HTTP/1.1 200 OK\r\n")) == HEAD_IS_BAD);
    }
    head_fini(&head);
    return 0;
}
