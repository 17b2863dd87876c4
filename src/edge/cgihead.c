/* cgihead.c - writes the header block of an answer. */
#include "edge/cgihead.h"

#include "core/failure.h"

static bool
is_name(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c <= ' ' || c >= 127 || c == ':')
            return false;
    }
    return name.len > 0;
}

static bool
is_value(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c < ' ' && c != '\t') || c == 127)
            return false;
    }
    return true;
}

int
cgihead_format(struct buf *out, int status, const struct wire_headers *headers)
{
    if (buf_putf(out, "Status: %d %s\r\n", status, failure_reason(status)))
        return -1;
    for (size_t i = 0; i < headers->count; i++) {
        const struct wire_header *header = &headers->items[i];
        if (!is_name(header->name) || !is_value(header->value))
            continue;
        if (buf_put_span(out, header->name) || buf_puts(out, ": ") ||
            buf_put_span(out, header->value) || buf_puts(out, "\r\n"))
            return -1;
    }
    return buf_puts(out, "\r\n");
}
