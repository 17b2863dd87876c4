/* chunks.c - a byte of framing at a time, payload as it stands. */
#include "core/chunks.h"

#include <string.h>

#include "core/wire.h"

#define DIGITS_MAX                                                                                 \
    16 /* as many as the library takes; the value then fits into 63 bits or is bad                 \
        */

void
chunks_init(struct chunks *chunks)
{
    *chunks = (struct chunks){.stage = CHUNKS_AT_SIZE};
}

static void
bad(struct chunks *chunks, const char *why)
{
    chunks->stage = CHUNKS_BAD;
    chunks->why = why;
}

static int
digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char small = (char)(c | 0x20);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

static void
take_size(struct chunks *chunks, char c)
{
    int digit = digit_of(c);
    if (digit >= 0 && (chunks->digits == DIGITS_MAX || chunks->left > (uint64_t)INT64_MAX / 16)) {
        bad(chunks, "chunk size too large");
    } else if (digit >= 0) {
        chunks->digits++;
        chunks->left = chunks->left * 16 + (uint64_t)digit;
        chunks->stage = CHUNKS_IN_SIZE;
    } else if (chunks->stage == CHUNKS_AT_SIZE) {
        bad(chunks, "chunk without a size");
    } else if (c == '\r') {
        chunks->stage = CHUNKS_SIZE_LF;
    } else if (c == ';') {
        chunks->stage = CHUNKS_IN_EXTENSION;
    } else if (c == ' ' || c == '\t') { /* some pad their sizes */
        chunks->stage = CHUNKS_AFTER_SIZE;
    } else {
        bad(chunks, "chunk size is no number");
    }
}

static void
after_size(struct chunks *chunks, char c)
{
    if (c == '\r')
        chunks->stage = CHUNKS_SIZE_LF;
    else if (c == ';')
        chunks->stage = CHUNKS_IN_EXTENSION;
    else if (c != ' ' && c != '\t')
        bad(chunks, "chunk size is no number");
}

/* Of an extension or of a trailer's value; it ends with CR. */
static void
take_text(struct chunks *chunks, char c, enum chunks_stage next)
{
    if (c == '\r')
        chunks->stage = next;
    else if (!wire_is_value(span_of(&c, 1)))
        bad(chunks, "control byte in the framing");
}

/* Expects a byte that leaves no choice. */
static void
expect(struct chunks *chunks, char c, char wanted, enum chunks_stage next)
{
    if (c == wanted)
        chunks->stage = next;
    else
        bad(chunks, "chunk does not end where it said");
}

static void
begin_chunk(struct chunks *chunks)
{
    chunks->line_bytes = 0;
    chunks->digits = 0;
    chunks->stage = chunks->left > 0 ? CHUNKS_IN_PAYLOAD : CHUNKS_AT_TRAILER;
}

/* Who reads trailers as headers would find another length or meaning in them. */
static bool
is_framing(struct span name)
{
    static const struct span framing[] = {
        SPAN_LITERAL("content-encoding"), SPAN_LITERAL("content-length"),
        SPAN_LITERAL("content-range"),    SPAN_LITERAL("content-type"),
        SPAN_LITERAL("connection"),       SPAN_LITERAL("host"),
        SPAN_LITERAL("trailer"),          SPAN_LITERAL("transfer-encoding"),
    };
    for (size_t i = 0; i < sizeof(framing) / sizeof(framing[0]); i++) {
        if (span_equal(name, framing[i]))
            return true;
    }
    return false;
}

static void
take_name(struct chunks *chunks, char c)
{
    if (c == '\r' && chunks->stage == CHUNKS_AT_TRAILER) {
        chunks->stage = CHUNKS_LAST_LF;
    } else if (c == ':' && chunks->stage == CHUNKS_IN_NAME) {
        chunks->stage = CHUNKS_IN_VALUE;
        if (chunks->name_len <= CHUNKS_NAME_MAX &&
            is_framing(span_of(chunks->name, chunks->name_len)))
            bad(chunks, "framing in a trailer");
    } else if (!wire_is_name(span_of(&c, 1))) {
        bad(chunks, "trailer's name is not a token");
    } else {
        if (chunks->stage == CHUNKS_AT_TRAILER)
            chunks->name_len = 0;
        chunks->stage = CHUNKS_IN_NAME;
        if (chunks->name_len < CHUNKS_NAME_MAX)
            chunks->name[chunks->name_len] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        chunks->name_len += chunks->name_len <= CHUNKS_NAME_MAX;
    }
}

static void
take_framing(struct chunks *chunks, char c)
{
    switch (chunks->stage) {
    case CHUNKS_AT_SIZE:
    case CHUNKS_IN_SIZE:
        take_size(chunks, c);
        return;
    case CHUNKS_AFTER_SIZE:
        after_size(chunks, c);
        return;
    case CHUNKS_IN_EXTENSION:
        take_text(chunks, c, CHUNKS_SIZE_LF);
        return;
    case CHUNKS_SIZE_LF:
        expect(chunks, c, '\n', CHUNKS_SIZE_LF);
        if (chunks->stage != CHUNKS_BAD)
            begin_chunk(chunks);
        return;
    case CHUNKS_PAYLOAD_CR:
        expect(chunks, c, '\r', CHUNKS_PAYLOAD_LF);
        return;
    case CHUNKS_PAYLOAD_LF:
        expect(chunks, c, '\n', CHUNKS_AT_SIZE);
        chunks->line_bytes = 0;
        return;
    case CHUNKS_AT_TRAILER:
    case CHUNKS_IN_NAME:
        take_name(chunks, c);
        return;
    case CHUNKS_IN_VALUE:
        take_text(chunks, c, CHUNKS_TRAILER_LF);
        return;
    case CHUNKS_TRAILER_LF:
        expect(chunks, c, '\n', CHUNKS_AT_TRAILER);
        return;
    case CHUNKS_LAST_LF:
        expect(chunks, c, '\n', CHUNKS_ENDED);
        return;
    case CHUNKS_IN_PAYLOAD:
    case CHUNKS_ENDED:
    case CHUNKS_BAD:
        return;
    }
}

static struct span
take_payload(struct chunks *chunks, struct span *rest)
{
    size_t len = chunks->left < rest->len ? (size_t)chunks->left : rest->len;
    struct span piece = span_of(rest->ptr, len);
    *rest = span_of(rest->ptr + len, rest->len - len);
    chunks->left -= len;
    chunks->payload_bytes += len;
    if (chunks->left == 0)
        chunks->stage = CHUNKS_PAYLOAD_CR;
    return piece;
}

/* The division is rounded, which costs a byte of payload. */
static bool
is_out_of_proportion(const struct chunks *chunks)
{
    if (chunks->framing_bytes <= CHUNKS_FRAMING_FREE)
        return false;
    uint64_t beyond = chunks->framing_bytes - CHUNKS_FRAMING_FREE;
    return beyond / CHUNKS_FRAMING_RATIO > chunks->payload_bytes;
}

static void
skip(struct chunks *chunks, struct span *rest, size_t len)
{
    *rest = span_of(rest->ptr + len, rest->len - len);
    chunks->framing_bytes += len;
}

/* What stands between the payloads of most chunks, at a stroke where it is all here: a line end, up
 * to eight digits and another. Anything else is left to be read byte by byte. */
static void
skip_plain(struct chunks *chunks, struct span *rest)
{
    size_t at = 0;
    uint64_t size = 0;
    int digit;
    if (chunks->stage == CHUNKS_PAYLOAD_CR && rest->len >= 2 && memcmp(rest->ptr, "\r\n", 2) == 0) {
        skip(chunks, rest, 2);
        chunks->line_bytes = 0;
        chunks->stage = CHUNKS_AT_SIZE;
    }
    if (chunks->stage != CHUNKS_AT_SIZE)
        return;
    for (; at < 8 && at < rest->len && (digit = digit_of(rest->ptr[at])) >= 0; at++)
        size = size * 16 + (uint64_t)digit;
    if (size == 0 || rest->len - at < 2 || memcmp(rest->ptr + at, "\r\n", 2) != 0)
        return;
    skip(chunks, rest, at + 2);
    chunks->left = size;
    begin_chunk(chunks);
    if (is_out_of_proportion(chunks))
        bad(chunks, "more framing than payload");
}

struct span
chunks_next(struct chunks *chunks, struct span *rest)
{
    skip_plain(chunks, rest);
    while (rest->len > 0 && chunks->stage < CHUNKS_ENDED) {
        if (chunks->stage == CHUNKS_IN_PAYLOAD)
            return take_payload(chunks, rest);
        char c = rest->ptr[0];
        *rest = span_of(rest->ptr + 1, rest->len - 1);
        chunks->framing_bytes++;
        if (++chunks->line_bytes > CHUNKS_LINE_BYTES_MAX || is_out_of_proportion(chunks))
            bad(chunks, "more framing than payload");
        else
            take_framing(chunks, c);
    }
    return span_of(NULL, 0);
}
