/* head.c - the rules for an upstream's header block, one line at a time. */
#include "core/head.h"

#include "base/mem.h"
#include "base/num.h"

#define CONTENT_LENGTH_MAX ((uint64_t)INT64_MAX)
#define HEADERS_FIRST 16 /* a whole stream long they take room, and most answers have few */

static enum head_progress
bad(struct head *head, const char *why)
{
    if (head->stage != HEAD_BAD) {
        head->stage = HEAD_BAD;
        head->why = why;
    }
    return HEAD_IS_BAD;
}

void
head_init(struct head *head, bool may_decode, bool is_bodiless)
{
    *head = (struct head){.may_decode = may_decode,
                          .is_bodiless = is_bodiless,
                          .stage = HEAD_AT_STATUS,
                          .content_length = -1};
    buf_init(&head->text, WIRE_HEADER_BYTES_MAX);
}

void
head_fini(struct head *head)
{
    buf_fini(&head->text);
    mem_free(head->headers);
    head->headers = NULL;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct span
without_line_end(struct span line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\n')
        line.len--;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* "HTTP/1.x NNN reason": the reason, and the blank before it, may be missing. */
static enum head_progress
read_status(struct head *head, struct span line)
{
    static const char shape[] = "HTTP/1.d ddd";
    if (line.len < sizeof(shape) - 1)
        return bad(head, "status line too short");
    for (size_t i = 0; i < sizeof(shape) - 1; i++) {
        bool fits = shape[i] == 'd' ? is_digit(line.ptr[i]) : line.ptr[i] == shape[i];
        if (!fits)
            return bad(head, "not a status line of HTTP/1");
    }
    if (line.len > 12 && line.ptr[12] != ' ')
        return bad(head, "status is not of three digits");

    head->status = (line.ptr[9] - '0') * 100 + (line.ptr[10] - '0') * 10 + (line.ptr[11] - '0');
    if (head->status < 100 || head->status > 599)
        return bad(head, "status out of range");
    if (head->status == 101)
        return bad(head, "switches to a protocol nobody asked for");
    head->stage = HEAD_AT_FIELDS;
    return HEAD_GOES_ON;
}

static const char *
read_content_length(struct head *head, struct span value)
{
    uint64_t length;
    if (num_parse_u64(value, CONTENT_LENGTH_MAX, &length) != 0)
        return "unreadable content-length";
    if (head->content_length >= 0 && head->content_length != (int64_t)length)
        return "two different content-lengths";
    head->content_length = (int64_t)length;
    return NULL;
}

static const char *
read_transfer_encoding(struct head *head, struct span value)
{
    /* We send no TE, so nothing but one "chunked" can be meant for us (RFC 9112 7.4). */
    if (head->is_chunked || !span_is_nocase(value, "chunked"))
        return "unknown transfer-encoding";
    head->is_chunked = true;
    return NULL;
}

static const char *
read_content_encoding(struct head *head, struct span value)
{
    static const char *const compressed[] = {"gzip", "x-gzip", "deflate"};
    if (value.len == 0 || span_is_nocase(value, "identity"))
        return NULL;
    for (size_t i = 0; i < sizeof(compressed) / sizeof(compressed[0]); i++) {
        /* One layer only: each further one multiplies what a small answer can unpack to. */
        if (span_is_nocase(value, compressed[i]) && head->may_decode &&
            head->coding == HEAD_PLAIN) {
            head->coding = HEAD_COMPRESSED;
            return NULL;
        }
    }
    return "content coding that was not asked for";
}

/* Headers that say where the body ends and what it is. Each returns what is wrong, or NULL. */
static const struct rule {
    struct span name;
    const char *(*read)(struct head *head, struct span value);
} rules[] = {
    {SPAN_LITERAL("content-length"), read_content_length},
    {SPAN_LITERAL("transfer-encoding"), read_transfer_encoding},
    {SPAN_LITERAL("content-encoding"), read_content_encoding},
};

/* What the block's text is, once it moves no more. */
static void
place_headers(struct head *head)
{
    const char *at = head->text.ptr;
    for (size_t i = 0; i < head->header_count; i++) {
        struct wire_header *header = &head->headers[i];
        header->name.ptr = at;
        header->value.ptr = at + header->name.len;
        at = header->value.ptr + header->value.len;
    }
}

/* Looks at all headers at the block's end, because only then is the last one unfolded. */
static const char *
judge_headers(struct head *head)
{
    for (size_t i = 0; i < head->header_count; i++) {
        const struct wire_header *header = &head->headers[i];
        for (size_t r = 0; r < sizeof(rules) / sizeof(rules[0]); r++) {
            if (header->name.len != rules[r].name.len ||
                !span_equal_nocase(header->name, rules[r].name))
                continue;
            const char *wrong = rules[r].read(head, header->value);
            if (wrong)
                return wrong;
        }
    }
    if (head->is_chunked && head->content_length >= 0)
        return "content-length beside chunking";
    return NULL;
}

static enum head_progress
end_block(struct head *head)
{
    if (head->status < 200) {
        head->stage = HEAD_AT_STATUS;
        head->header_count = 0;
        buf_clear(&head->text);
        return HEAD_GOES_ON;
    }
    place_headers(head);
    const char *wrong = judge_headers(head);
    if (wrong)
        return bad(head, wrong);
    head->stage = HEAD_COMPLETE;
    return HEAD_ENDED;
}

/* obs-fold: the line goes on with the value of the one before (RFC 9112 5.2). */
static enum head_progress
read_fold(struct head *head, struct span line)
{
    if (head->header_count == 0)
        return bad(head, "folded line without a header");
    struct span *value = &head->headers[head->header_count - 1].value;
    const struct span parts[] = {span_from(value->len > 0 ? " " : ""), span_trim(line)};
    if (parts[1].len == 0)
        return HEAD_GOES_ON;
    if (buf_put_spans(&head->text, parts, sizeof(parts) / sizeof(parts[0])) != 0)
        return bad(head, "header block too large");
    value->len += parts[0].len + parts[1].len;
    return HEAD_GOES_ON;
}

/* The place of one more header; NULL: there is no memory. */
static struct wire_header *
add_header(struct head *head)
{
    if (head->header_count == head->header_room) {
        size_t room = head->header_room > 0 ? head->header_room * 2 : HEADERS_FIRST;
        struct wire_header *more =
            mem_grow(head->headers, head->header_count * sizeof(*more), room * sizeof(*more));
        if (!more)
            return NULL;
        head->headers = more;
        head->header_room = room;
    }
    return &head->headers[head->header_count++];
}

static enum head_progress
read_field(struct head *head, struct span line)
{
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return read_fold(head, line);
    struct span value = line;
    struct span name = span_split(&value, ':');
    if (!value.ptr)
        return bad(head, "header without a colon");
    if (!wire_is_name(name))
        return bad(head, "header name is not a token");
    if (head->header_count == WIRE_HEADERS_MAX)
        return bad(head, "too many headers");

    const struct span parts[] = {name, span_trim(value)};
    if (buf_put_spans(&head->text, parts, sizeof(parts) / sizeof(parts[0])) != 0)
        return bad(head, "header block too large");
    struct wire_header *header = add_header(head);
    if (!header)
        return bad(head, "no memory for the header block");
    *header = (struct wire_header){{NULL, parts[0].len}, {NULL, parts[1].len}};
    return HEAD_GOES_ON;
}

enum head_progress
head_line(struct head *head, struct span line)
{
    if (head->stage == HEAD_BAD)
        return HEAD_IS_BAD;
    /* Counted over all blocks, so that interim answers without end come to one. */
    if (line.len > WIRE_HEADER_BYTES_MAX - head->seen_bytes)
        return bad(head, "header block too large");
    head->seen_bytes += line.len;
    if (head->stage == HEAD_COMPLETE)
        return HEAD_GOES_ON; /* a trailer: nothing of it is handed on */

    line = without_line_end(line);
    if (!wire_is_value(line))
        return bad(head, "control byte in the header block");
    if (head->stage == HEAD_AT_STATUS)
        return read_status(head, line);
    return line.len == 0 ? end_block(head) : read_field(head, line);
}

static bool
has_body(const struct head *head)
{
    return !head->is_bodiless && head->status != 204 && head->status != 304;
}

static bool
is_dropped(const struct head *head, struct span name)
{
    return head->coding == HEAD_COMPRESSED &&
           (span_is_nocase(name, "content-encoding") || span_is_nocase(name, "content-length"));
}

void
head_fill(struct head *head, struct wire_reply *reply)
{
    size_t count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        if (!is_dropped(head, head->headers[i].name))
            head->headers[count++] = head->headers[i];
    }
    head->header_count = count;
    reply->status = head->status;
    reply->head_complete = true;
    reply->content_length = head->content_length;
    reply->close_delimited = has_body(head) && !head->is_chunked && head->content_length < 0;
    reply->decoded = head->coding == HEAD_COMPRESSED;
    reply->headers = (struct wire_headers){.items = head->headers, .count = count};
}
