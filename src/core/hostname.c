/* hostname.c - reads hosts out of headers and URLs (RFC 9110, 7.2; RFC 6454, 7). */
#include "core/hostname.h"

#include <string.h>

static bool
is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
is_name_byte(char c)
{
    return is_hex(c) || (c >= 'g' && c <= 'z') || (c >= 'G' && c <= 'Z') || c == '.' || c == '-' ||
           c == '_';
}

static bool
is_address_byte(char c)
{
    return is_hex(c) || c == ':' || c == '.';
}

bool
hostname_is_valid(struct span name)
{
    bool is_bracketed = name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';
    if (is_bracketed)
        name = span_of(name.ptr + 1, name.len - 2);
    for (size_t i = 0; i < name.len; i++) {
        if (is_bracketed ? !is_address_byte(name.ptr[i]) : !is_name_byte(name.ptr[i]))
            return false;
    }
    return name.len > 0;
}

struct span
hostname_without_port(struct span authority)
{
    const struct span none = {NULL, 0};
    size_t len = authority.len;
    while (len > 0 && authority.ptr[len - 1] >= '0' && authority.ptr[len - 1] <= '9')
        len--;
    bool has_port = len > 0 && len < authority.len && authority.ptr[len - 1] == ':';
    struct span name = span_of(authority.ptr, has_port ? len - 1 : authority.len);
    return hostname_is_valid(name) ? name : none;
}

struct span
hostname_of_url(struct span url)
{
    static const char *const schemes[] = {"http://", "https://"};
    const struct span none = {NULL, 0};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i]);
        if (!span_has_prefix_nocase(url, schemes[i]))
            continue;
        struct span rest = span_of(url.ptr + len, url.len - len);
        struct span authority = span_split(&rest, '/');
        return hostname_without_port(authority).len > 0 ? authority : none;
    }
    return none;
}
