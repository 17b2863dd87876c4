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

/* What only answers a question that we never ask. A 304 has its own row in the outcomes. */
static const struct unasked {
    int status;
    const char *why;
} unasked[] = {
    {101, "switches to a protocol nobody asked for"},
    {206, "a part of an answer that nobody asked for"},
    {226, "a difference that nobody asked for"},
};

/* "HTTP/1.x NNN reason": the reason, and the blank before it, may be missing. */
static enum head_progress
read_status(struct head *head, struct span line)
{
    const struct span shape = span_from(head->speaks_h2 ? "HTTP/2 ddd" : "HTTP/1.d ddd");
    if (line.len < shape.len)
        return bad(head, "status line too short");
    for (size_t i = 0; i < shape.len; i++) {
        bool fits = shape.ptr[i] == 'd' ? is_digit(line.ptr[i]) : line.ptr[i] == shape.ptr[i];
        if (!fits)
            return bad(head, head->speaks_h2 ? "not a status line of HTTP/2"
                                             : "not a status line of HTTP/1");
    }
    if (line.len > shape.len && line.ptr[shape.len] != ' ')
        return bad(head, "status is not of three digits");

    const char *digits = line.ptr + shape.len - 3;
    head->status = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
    head->is_http10 = !head->speaks_h2 && line.ptr[7] == '0';
    head->will_close = head->is_http10;
    if (head->status < 100 || head->status > 599)
        return bad(head, "status out of range");
    for (size_t i = 0; i < sizeof(unasked) / sizeof(unasked[0]); i++) {
        if (head->status == unasked[i].status)
            return bad(head, unasked[i].why);
    }
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

/* An answer that says it is a part of something is not the whole, whatever its status. */
static const char *
read_content_range(struct head *head, struct span value)
{
    (void)value;
    return head->status <= 299 ? "a part of an answer that nobody asked for" : NULL;
}

/* The library looks for the word as we do, so that both expect the same. */
static const char *
read_connection(struct head *head, struct span value)
{
    head->will_close = head->will_close || span_contains_nocase(value, "close");
    return NULL;
}

/* Only what the header's name says must stand on one line. */
static const char *
read_nothing(struct head *head, struct span value)
{
    (void)head;
    (void)value;
    return NULL;
}

static const char *
read_transfer_encoding(struct head *head, struct span value)
{
    if (head->is_http10)
        return "transfer-encoding of HTTP/1.0";
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
    {SPAN_LITERAL("content-range"), read_content_range},
    {SPAN_LITERAL("connection"), read_connection},
    {SPAN_LITERAL("content-type"), read_nothing},
    {SPAN_LITERAL("trailer"), read_nothing},
};

static const struct rule *
find_rule(struct span name)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (name.len == rules[i].name.len && span_equal_nocase(name, rules[i].name))
            return &rules[i];
    }
    return NULL;
}

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

/* Has the status no content, so that no length may announce one (RFC 9110 15.3.5, 15.3.6; RFC 9112
 * 6.1)? A 304 repeats the length of what it spares us. */
static bool
forbids_content(const struct head *head)
{
    return head->status < 200 || head->status == 204 || head->status == 205;
}

/* Looks at all headers at the block's end, because only then is the last one unfolded. */
static const char *
judge_headers(struct head *head)
{
    for (size_t i = 0; i < head->header_count; i++) {
        const struct wire_header *header = &head->headers[i];
        const struct rule *rule = find_rule(header->name);
        const char *wrong = rule ? rule->read(head, header->value) : NULL;
        if (wrong)
            return wrong;
    }
    if (head->is_chunked && head->content_length >= 0)
        return "content-length beside chunking";
    if (forbids_content(head) && (head->is_chunked || head->content_length > 0))
        return "a body where the status has none";
    return NULL;
}

static enum head_progress
end_block(struct head *head)
{
    place_headers(head);
    const char *wrong = judge_headers(head);
    if (wrong)
        return bad(head, wrong);
    if (head->status >= 200) {
        head->stage = HEAD_COMPLETE;
        return HEAD_ENDED;
    }
    head->stage = HEAD_AT_STATUS;
    head->header_count = 0;
    head->content_length = -1;
    head->coding = HEAD_PLAIN;
    buf_clear(&head->text);
    return HEAD_GOES_ON;
}

/* The name of the last header; its place is not known before the block's end. */
static struct span
last_name(const struct head *head)
{
    const struct wire_header *last = &head->headers[head->header_count - 1];
    size_t len = last->name.len + last->value.len;
    return span_of(head->text.ptr + head->text.len - len, last->name.len);
}

/* obs-fold: the line goes on with the value of the one before (RFC 9112 5.2). */
static enum head_progress
read_fold(struct head *head, struct span line)
{
    if (head->header_count == 0)
        return bad(head, "folded line without a header");
    /* The library reads each line for itself: it would find no value, or another. */
    if (find_rule(last_name(head)))
        return bad(head, "folded line in a header that says what follows");
    struct span *value = &head->headers[head->header_count - 1].value;
    const struct span parts[] = {span_from(value->len > 0 ? " " : ""), span_trim(line)};
    if (parts[1].len == 0)
        return bad(head, "line of blanks alone"); /* some take it for the end */
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

bool
head_has_no_content(const struct head *head)
{
    return head->is_bodiless || head->status == 304 || forbids_content(head);
}

bool
head_lets_reuse(const struct head *head)
{
    return !head->will_close && !head_has_no_content(head) &&
           (head->is_chunked || head->content_length > 0);
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
    reply->close_delimited = !head_has_no_content(head) && !head->speaks_h2 && !head->is_chunked &&
                             head->content_length < 0;
    reply->decoded = head->coding == HEAD_COMPRESSED;
    reply->headers = (struct wire_headers){.items = head->headers, .count = count};
}
