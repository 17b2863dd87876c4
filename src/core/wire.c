/* wire.c - looking things up in the data of one exchange. */
#include "core/wire.h"

#include <string.h>

#include "core/word.h"

const struct span *
wire_header_find(const struct wire_headers *headers, const char *name)
{
    struct span wanted = span_from(name);
    for (size_t i = 0; i < headers->count; i++) {
        struct span found = headers->items[i].name;
        if (found.len == wanted.len && span_equal_nocase(found, wanted))
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
    static const char others[] = "!#$%&'*+.^_`|~";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!is_letter_or_digit(c) && c != '-' && !memchr(others, c, sizeof(others) - 1))
            return false;
    }
    return text.len > 0;
}

/* Marks one byte at least of a word with a control byte or one beyond ASCII in it. */
static uint64_t
mark_unprintable(uint64_t word)
{
    return ((word - WORD_OF(' ')) | (word + WORD_OF(1)) | word) & WORD_TOPS;
}

static bool
is_printable(char c)
{
    return c >= ' ' && c <= '~';
}

bool
wire_is_printable(struct span text)
{
    size_t at = 0;
    if (text.len < WORD_BYTES) {
        while (at < text.len && is_printable(text.ptr[at]))
            at++;
        return at == text.len;
    }
    uint64_t marks = mark_unprintable(word_load(text.ptr + text.len - WORD_BYTES));
    for (; text.len - at > WORD_BYTES && marks == 0; at += WORD_BYTES)
        marks = mark_unprintable(word_load(text.ptr + at));
    return marks == 0;
}

bool
wire_is_value(struct span text)
{
    if (wire_is_printable(text)) /* as a rule */
        return true;
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
