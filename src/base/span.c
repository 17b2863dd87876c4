/* span.c - comparing and cutting borrowed bytes. */
#include "base/span.h"

#include <string.h>

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
equal_nocase(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
            return false;
    }
    return true;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span
span_of(const char *ptr, size_t len)
{
    return (struct span){ptr, len};
}

struct span
span_from(const char *text)
{
    return (struct span){text, text ? strlen(text) : 0};
}

bool
span_is(struct span s, const char *text)
{
    return span_equal(s, span_from(text));
}

bool
span_is_nocase(struct span s, const char *text)
{
    return span_equal_nocase(s, span_from(text));
}

bool
span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool
span_equal_nocase(struct span a, struct span b)
{
    return a.len == b.len && equal_nocase(a.ptr, b.ptr, a.len);
}

bool
span_has_prefix(struct span s, const char *prefix)
{
    size_t len = strlen(prefix);
    return s.len >= len && (len == 0 || memcmp(s.ptr, prefix, len) == 0);
}

bool
span_has_prefix_nocase(struct span s, const char *prefix)
{
    size_t len = strlen(prefix);
    return s.len >= len && equal_nocase(s.ptr, prefix, len);
}

bool
span_has_suffix(struct span s, const char *suffix)
{
    size_t len = strlen(suffix);
    return s.len >= len && (len == 0 || memcmp(s.ptr + s.len - len, suffix, len) == 0);
}

bool
span_contains(struct span s, struct span needle)
{
    if (needle.len == 0)
        return true;
    return s.len >= needle.len && memmem(s.ptr, s.len, needle.ptr, needle.len) != NULL;
}

bool
span_contains_nocase(struct span s, const char *needle)
{
    size_t len = strlen(needle);
    for (size_t at = 0; at + len <= s.len; at++) {
        if (equal_nocase(s.ptr + at, needle, len))
            return true;
    }
    return false;
}

struct span
span_trim(struct span s)
{
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct span
span_split(struct span *rest, char separator)
{
    struct span first = *rest;
    const char *at = first.len > 0 ? memchr(first.ptr, separator, first.len) : NULL;
    if (!at) {
        *rest = (struct span){NULL, 0};
        return first;
    }
    first.len = (size_t)(at - first.ptr);
    *rest = span_of(at + 1, rest->len - first.len - 1);
    return first;
}
