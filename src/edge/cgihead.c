/* cgihead.c - writes the header block of an answer. */
#include "edge/cgihead.h"

#include <string.h>

#include "base/num.h"
#include "core/failure.h"

#define STATUS_LINE_BYTES 64 /* and the empty line; just a guess */

static bool
is_name(struct span name)
{
    return name.len > 0 && wire_is_printable(name) && !memchr(name.ptr, ' ', name.len) &&
           !memchr(name.ptr, ':', name.len);
}

static int
put_line(struct buf *out, struct span name, struct span value)
{
    size_t len = name.len + value.len + 4;
    if (buf_reserve(out, len) != 0)
        return -1;
    char *at = out->ptr + out->len;
    memcpy(at, name.ptr, name.len);
    at += name.len;
    *at++ = ':';
    *at++ = ' ';
    if (value.len > 0)
        memcpy(at, value.ptr, value.len);
    at += value.len;
    *at++ = '\r';
    *at = '\n';
    buf_extend(out, len);
    return 0;
}

static size_t
measure(const struct wire_headers *headers)
{
    size_t len = STATUS_LINE_BYTES;
    for (size_t i = 0; i < headers->count; i++)
        len += headers->items[i].name.len + headers->items[i].value.len + 4;
    return len;
}

int
cgihead_format(struct buf *out, int status, const struct wire_headers *headers)
{
    char code[NUM_FORMAT_MAX];
    const struct span first[] = {
        SPAN_LITERAL("Status: "), span_of(code, num_format_u64(code, (uint64_t)status)),
        SPAN_LITERAL(" "), span_from(failure_reason(status)), SPAN_LITERAL("\r\n")};
    (void)buf_reserve(out, measure(headers)); /* one piece of memory; less may do, too */
    if (buf_put_spans(out, first, sizeof(first) / sizeof(first[0])) != 0)
        return -1;
    for (size_t i = 0; i < headers->count; i++) {
        const struct wire_header *header = &headers->items[i];
        bool is_line = is_name(header->name) && wire_is_value(header->value);
        if (is_line && put_line(out, header->name, header->value) != 0)
            return -1;
    }
    return buf_append(out, "\r\n", 2);
}
