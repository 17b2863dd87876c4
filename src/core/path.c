/* path.c - says whether a request target is one that everybody will read the same way.
 *
 * Between the client and the upstream's application stand readers who each decode, collapse and
 * resolve a path in their own manner. A path that any of them could read as another one is refused;
 * none is ever rewritten.
 */
#include "core/path.h"

#include <stddef.h>

#include "core/utf8.h"

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that two hexadecimal digits at `at` stand for; false when there are none. */
static bool
hex_byte(struct span text, size_t at, unsigned char *byte)
{
    if (at + 2 > text.len || hex_digit(text.ptr[at]) < 0 || hex_digit(text.ptr[at + 1]) < 0)
        return false;
    *byte = (unsigned char)(hex_digit(text.ptr[at]) * 16 + hex_digit(text.ptr[at + 1]));
    return true;
}

static bool
is_control(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f;
}

/* One byte of a segment. */
struct path_byte {
    unsigned char value;
    bool is_escaped;
};

/* Takes one byte, unescaped until nothing is left to unescape. False: a broken escape. */
static bool
take_byte(struct span path, size_t *at, struct path_byte *byte)
{
    byte->value = (unsigned char)path.ptr[(*at)++];
    byte->is_escaped = byte->value == '%';
    if (!byte->is_escaped)
        return true;
    if (!hex_byte(path, *at, &byte->value))
        return false;
    *at += 2;
    while (byte->value == '%' && hex_byte(path, *at, &byte->value))
        *at += 2;
    return true;
}

static enum path_verdict
check_byte(struct path_byte byte)
{
    if (byte.is_escaped)
        return is_control(byte.value) || byte.value == '/' || byte.value == '\\' ? PATH_BAD_ESCAPE
                                                                                 : PATH_OK;
    bool is_bad = is_control(byte.value) || byte.value == ' ' || byte.value == '\\' ||
                  byte.value == '#' || byte.value == '?' || byte.value > 0x7e;
    return is_bad ? PATH_BAD_BYTE : PATH_OK;
}

/* Overlong forms hide dots and slashes from who looks for bytes, so escapes must be UTF-8. */
static bool
follow_utf8(struct utf8 *utf8, unsigned char byte)
{
    if (utf8->left > 0)
        return utf8_continue(utf8, byte);
    return byte < 0x80 || utf8_begin(utf8, byte);
}

/* As most bytes are: nothing but itself wherever it stands, and no dot. */
static bool
is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* Checks from `*at`, the byte after a slash, to the next slash, and moves `*at` there. */
static enum path_verdict
check_segment(struct span path, size_t *at)
{
    struct utf8 utf8 = {0};
    size_t dots = 0, others = 0;
    bool in_parameter = false;
    while (*at < path.len && path.ptr[*at] != '/') {
        struct path_byte byte;
        if (utf8.left == 0 && is_plain(path.ptr[*at])) {
            others += !in_parameter;
            ++*at;
            continue;
        }
        if (!take_byte(path, at, &byte))
            return PATH_BAD_ESCAPE;
        enum path_verdict verdict = check_byte(byte);
        if (verdict != PATH_OK)
            return verdict;
        if (!follow_utf8(&utf8, byte.value))
            return PATH_BAD_ESCAPE;
        in_parameter = in_parameter || byte.value == ';';
        dots += !in_parameter && byte.value == '.';
        others += !in_parameter && byte.value != '.';
    }
    if (utf8.left > 0)
        return PATH_BAD_ESCAPE;
    if (others == 0 && (dots == 1 || dots == 2))
        return PATH_BAD_SEGMENT;
    bool is_empty = others == 0 && dots == 0;
    return is_empty && (in_parameter || *at < path.len) ? PATH_EMPTY_SEGMENT : PATH_OK;
}

enum path_verdict
path_check(struct span path)
{
    enum path_verdict verdict = PATH_OK;
    if (path.len > 0 && path.ptr[0] != '/')
        return PATH_BAD_SEGMENT;
    for (size_t at = 0; at < path.len && verdict == PATH_OK;) {
        at++;
        verdict = check_segment(path, &at);
    }
    return verdict;
}

enum path_verdict
path_check_query(struct span query)
{
    for (size_t at = 0; at < query.len; at++) {
        unsigned char byte = (unsigned char)query.ptr[at];
        if (is_control(byte) || byte == ' ' || byte == '#')
            return PATH_BAD_BYTE;
        bool is_escape = byte == '%' && hex_byte(query, at + 1, &byte);
        if (is_escape && (byte == 0 || byte == '\r' || byte == '\n'))
            return PATH_BAD_ESCAPE;
    }
    return PATH_OK;
}

static bool
strip_origin(struct span *target)
{
    struct span rest = *target;
    if (!span_has_prefix_nocase(rest, "http://") && !span_has_prefix_nocase(rest, "https://"))
        return false;
    span_split(&rest, '/');
    span_split(&rest, '/');
    while (rest.len > 0 && rest.ptr[0] != '/' && rest.ptr[0] != '?')
        rest = span_of(rest.ptr + 1, rest.len - 1);
    *target = rest;
    return true;
}

void
path_split(struct span target, struct span *path, struct span *query, bool *has_query)
{
    bool is_absolute = strip_origin(&target);
    *path = span_split(&target, '?');
    *query = target;
    *has_query = target.ptr != NULL;
    if (is_absolute && path->len == 0)
        *path = span_from("/");
}

/* Takes the next segment that is not empty; false when none is left. */
static bool
take_segment(struct span *rest, struct span *segment)
{
    while (rest->len > 0 && rest->ptr[0] == '/')
        *rest = span_of(rest->ptr + 1, rest->len - 1);
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != '/')
        len++;
    *segment = span_of(rest->ptr, len);
    *rest = span_of(rest->ptr + len, rest->len - len);
    return len > 0;
}

static bool
is_unescaped(struct span segment, struct span plain)
{
    size_t at = 0;
    for (size_t i = 0; i < plain.len; i++) {
        unsigned char byte;
        if (at >= segment.len)
            return false;
        bool is_escape = segment.ptr[at] == '%' && hex_byte(segment, at + 1, &byte);
        if (!is_escape)
            byte = (unsigned char)segment.ptr[at];
        at += is_escape ? 3 : 1;
        if (byte != (unsigned char)plain.ptr[i])
            return false;
    }
    return at == segment.len;
}

bool
path_strip_mount(struct span path, struct span mount, struct span *below)
{
    struct span wanted, found;
    if (path.len > 0 && path.ptr[0] != '/')
        return false;
    while (take_segment(&mount, &wanted)) {
        if (!take_segment(&path, &found))
            return false;
        if (!span_equal(found, wanted) && !is_unescaped(found, wanted))
            return false;
    }
    *below = path;
    return true;
}

const char *
path_verdict_text(enum path_verdict verdict)
{
    static const char *const texts[] = {
        [PATH_OK] = "nothing is wrong with it",
        [PATH_BAD_SEGMENT] = "it does not begin with a slash, or holds a dot segment",
        [PATH_BAD_ESCAPE] = "it holds an escaped slash, backslash or control, or a broken escape",
        [PATH_BAD_BYTE] = "it holds a control, space, backslash, fragment or byte beyond ASCII",
        [PATH_EMPTY_SEGMENT] = "it holds an empty segment",
    };
    return texts[verdict];
}
