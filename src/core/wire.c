/* wire.c - looking things up in the data of one exchange. */
#include "core/wire.h"

#include <string.h>

const struct span *
wire_header_find(const struct wire_headers *headers, const char *name)
{
    struct span wanted = span_from(name);
    for (size_t i = 0; i < headers->count; i++) {
        if (span_equal_nocase(headers->items[i].name, wanted))
            return &headers->items[i].value;
    }
    return NULL;
}

static bool
is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool
wire_is_name(struct span text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < text.len; i++) {
        if (!is_letter_or_digit(text.ptr[i]) && !memchr(others, text.ptr[i], sizeof(others) - 1))
            return false;
    }
    return text.len > 0;
}

bool
wire_is_value(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

const char *
wire_fault_name(enum wire_fault fault)
{
    static const char *const names[] = {
        [WIRE_NO_FAULT] = "none",     [WIRE_RESOLVE] = "resolve",
        [WIRE_CONNECT] = "connect",   [WIRE_CONNECT_TIMEOUT] = "connect_timeout",
        [WIRE_TLS] = "tls",           [WIRE_CERTIFICATE] = "certificate",
        [WIRE_LOCAL] = "local",       [WIRE_SEND] = "send",
        [WIRE_NO_REPLY] = "no_reply", [WIRE_BAD_REPLY] = "bad_reply",
        [WIRE_CUT] = "cut",           [WIRE_STOPPED] = "stopped",
    };
    return (size_t)fault < sizeof(names) / sizeof(names[0]) ? names[fault] : "unknown";
}
