/* json_find.c - where the wanted members of an object and the elements of an array stand: visitors
 * of the scanner. */
#include "core/json.h"

#include <assert.h>
#include <string.h>

/* --- the text of strings -------------------------------------------------- */

#define REPLACEMENT 0xFFFD

/* -1: not a hexadecimal digit. */
static int
hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    int letter = byte | 0x20;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* Takes the four digits of \uXXXX. False when they are not there. */
static bool
take_hex(struct span *rest, uint32_t *unit)
{
    *unit = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < rest->len ? hex_digit(rest->ptr[i]) : -1;
        if (digit < 0)
            return false;
        *unit = *unit << 4 | (uint32_t)digit;
    }
    rest->ptr += 4;
    rest->len -= 4;
    return true;
}

/* The code point of \uXXXX or of a pair of them; half a pair stands for no character. */
static uint32_t
take_code_point(struct span *rest)
{
    uint32_t unit, low;
    if (!take_hex(rest, &unit)) {
        rest->len = 0;
        return REPLACEMENT;
    }
    if (unit < 0xD800 || unit > 0xDFFF)
        return unit;
    struct span after = *rest;
    if (unit > 0xDBFF || after.len < 6 || after.ptr[0] != '\\' || after.ptr[1] != 'u')
        return REPLACEMENT;
    after.ptr += 2;
    after.len -= 2;
    if (!take_hex(&after, &low) || low < 0xDC00 || low > 0xDFFF)
        return REPLACEMENT;
    *rest = after;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

/* What the escape means whose backslash was just taken. Returns the number of bytes in `out`. */
static size_t
take_escape(struct span *rest, char out[4])
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (rest->len == 0)
        return 0;
    char letter = *rest->ptr++;
    rest->len--;
    if (letter == 'u')
        return utf8_encode(take_code_point(rest), out);
    const char *at = memchr(letters, letter, sizeof(letters) - 1);
    out[0] = letter;
    if (at)
        out[0] = meanings[at - letters];
    return 1;
}

/* The next run of bytes of a string's inside as it reads unescaped: up to the next backslash, or
 * one escape's meaning, which lies in `out`. Empty at the end. */
static struct span
take_piece(struct span *rest, char out[4])
{
    if (rest->len == 0)
        return *rest;
    if (*rest->ptr == '\\') {
        rest->ptr++;
        rest->len--;
        return span_of(out, take_escape(rest, out));
    }
    const char *backslash = memchr(rest->ptr, '\\', rest->len);
    size_t len = backslash ? (size_t)(backslash - rest->ptr) : rest->len;
    struct span piece = span_of(rest->ptr, len);
    rest->ptr += len;
    rest->len -= len;
    return piece;
}

/* Without its quotes. False when `value` is no string. */
static bool
string_inside(struct span value, struct span *inside)
{
    if (value.len < 2 || value.ptr[0] != '"' || value.ptr[value.len - 1] != '"')
        return false;
    *inside = span_of(value.ptr + 1, value.len - 2);
    return true;
}

static bool
escaped_is(struct span rest, struct span wanted)
{
    char escaped[4];
    while (rest.len > 0) {
        struct span piece = take_piece(&rest, escaped);
        if (piece.len > wanted.len || memcmp(piece.ptr, wanted.ptr, piece.len) != 0)
            return false;
        wanted.ptr += piece.len;
        wanted.len -= piece.len;
    }
    return wanted.len == 0;
}

bool
json_string_is(struct span value, const char *text)
{
    struct span rest;
    if (!string_inside(value, &rest))
        return false;
    for (; rest.len > 0 && *rest.ptr != '\\'; rest.ptr++, rest.len--, text++)
        if (*text == '\0' || *rest.ptr != *text)
            return false;
    return rest.len == 0 ? *text == '\0' : escaped_is(rest, span_from(text));
}

int
json_unescape(struct span value, struct buf *out)
{
    struct span inside;
    if (!string_inside(value, &inside))
        return -1;
    char escaped[4];
    size_t len = 0;
    for (struct span rest = inside; rest.len > 0;)
        len += take_piece(&rest, escaped).len;
    if (buf_reserve(out, len) != 0)
        return -1;
    for (struct span rest = inside; rest.len > 0;) {
        int appended = buf_put_span(out, take_piece(&rest, escaped));
        assert(appended == 0);
    }
    return 0;
}

/* --- members -------------------------------------------------------------- */

/* One of 32 that a byte stands for, among others. */
static uint32_t
bit_of(char byte)
{
    return UINT32_C(1) << ((unsigned char)byte % 32);
}

static uint32_t
initials_of(const struct json_member *wanted, size_t count)
{
    uint32_t initials = bit_of('\\'); /* an escape can stand for any */
    for (size_t i = 0; i < count; i++)
        initials |= bit_of(*wanted[i].name);
    return initials;
}

static void
name_ended(struct json_finder *finder, size_t begin, size_t end)
{
    struct span name = span_of(finder->text.ptr + begin, end - begin);
    char initial = name.len > 2 ? name.ptr[1] : '\0';
    if ((finder->initials & bit_of(initial)) == 0) /* most names of a body end here */
        return;
    for (size_t i = 0; i < finder->count; i++) {
        struct json_member *member = &finder->wanted[i];
        if (initial != *member->name && initial != '\\')
            continue;
        if (!json_string_is(name, member->name))
            continue;
        member->is_repeated = member->type != JSON_NONE;
        if (!member->is_repeated) {
            finder->current = member;
        } else if (!finder->repeated) {
            finder->repeated = member->name;
            finder->repeated_at = begin;
        }
        return;
    }
}

static void
visit(void *visitor, enum json_part part, unsigned depth, size_t begin, size_t end)
{
    struct json_finder *finder = visitor;
    struct json_member *member = finder->current;
    if (part == JSON_NAME) {
        name_ended(finder, begin, end);
    } else if (depth == 0) {
        finder->begin_at = begin;
        finder->end_at = end;
    } else if (member) {
        member->offset = begin;
        member->value = span_of(finder->text.ptr + begin, end - begin);
        member->type = json_type_of(member->value);
        finder->current = NULL;
    }
}

static void
forget(struct json_member *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        wanted[i] = (struct json_member){.name = wanted[i].name};
}

void
json_finder_init(struct json_finder *finder, struct json_member *wanted, size_t count)
{
    forget(wanted, count);
    *finder = (struct json_finder){
        .wanted = wanted, .count = count, .initials = initials_of(wanted, count)};
    finder->scan.visit = visit;
    finder->scan.visit_depth = count > 0 ? 1 : 0;
}

enum json_error
json_finder_feed(struct json_finder *finder, struct span text)
{
    size_t read = finder->scan.offset;
    assert(text.len >= read);
    finder->text = text;
    finder->scan.visitor = finder;
    return text.len > read ? json_scan_feed(&finder->scan, text.ptr + read, text.len - read)
                           : finder->scan.error;
}

enum json_error
json_finder_end(struct json_finder *finder)
{
    enum json_error error = json_scan_end(&finder->scan);
    for (size_t i = 0; i < finder->count; i++) {
        struct json_member *member = &finder->wanted[i];
        if (member->type != JSON_NONE) /* the text may have moved since */
            member->value.ptr = finder->text.ptr + member->offset;
    }
    return error;
}

int
json_find(struct span document, struct json_member *wanted, size_t count,
          struct json_mistake *mistake)
{
    struct json_finder finder;
    json_finder_init(&finder, wanted, count);
    (void)json_finder_feed(&finder, document);
    enum json_error error = json_scan_end(&finder.scan);
    struct json_mistake found = {error, finder.scan.offset, NULL};
    if (found.error == JSON_VALID && finder.repeated)
        found = (struct json_mistake){JSON_DUPLICATE, finder.repeated_at, finder.repeated};
    if (found.error == JSON_VALID)
        return 0;
    forget(wanted, count);
    if (mistake)
        *mistake = found;
    return -1;
}

void
json_find_within(struct span value, struct json_member *wanted, size_t count)
{
    struct json_finder finder;
    if (value.len == 0) {
        forget(wanted, count);
        return;
    }
    json_finder_init(&finder, wanted, count);
    (void)json_finder_feed(&finder, value);
}

/* --- elements ------------------------------------------------------------- */

struct span
json_each_find(struct span array, size_t *at, struct json_member *wanted, size_t count)
{
    const struct span none = {NULL, 0};
    struct json_finder finder;
    json_finder_init(&finder, wanted, count);
    if (json_type_of(array) != JSON_ARRAY || *at >= array.len)
        return none;
    /* An element is read as a document of its own, which ends where trailing bytes begin: at the
     * comma or the bracket that follows it. */
    size_t from = *at == 0 ? 1 : *at;
    struct span rest = span_of(array.ptr + from, array.len - from);
    if (json_finder_feed(&finder, rest) != JSON_TRAILING) {
        *at = array.len;
        return none;
    }
    size_t len = finder.scan.offset;
    *at = from + len + (rest.ptr[len] == ',' ? 1 : array.len);
    for (size_t i = 0; i < count; i++)
        wanted[i].offset += wanted[i].type == JSON_NONE ? 0 : from;
    return span_of(rest.ptr + finder.begin_at, finder.end_at - finder.begin_at);
}

struct span
json_each(struct span array, size_t *at)
{
    return json_each_find(array, at, NULL, 0);
}

enum json_value_type
json_type_of(struct span value)
{
    if (value.len == 0)
        return JSON_NONE;
    switch (value.ptr[0]) {
    case 'n':
        return JSON_NULL;
    case 'f':
        return JSON_FALSE;
    case 't':
        return JSON_TRUE;
    case '"':
        return JSON_STRING;
    case '[':
        return JSON_ARRAY;
    case '{':
        return JSON_OBJECT;
    default:
        return JSON_NUMBER;
    }
}

bool
json_is_empty(struct span value)
{
    switch (json_type_of(value)) {
    case JSON_NONE:
    case JSON_NULL:
    case JSON_FALSE:
        return true;
    case JSON_STRING:
        return value.len == 2;
    case JSON_ARRAY:
    case JSON_OBJECT:
        return span_trim(span_of(value.ptr + 1, value.len - 2)).len == 0;
    case JSON_TRUE:
    case JSON_NUMBER:
        return false;
    }
    return true;
}

const char *
json_error_text(enum json_error error)
{
    static const char *const texts[] = {
        [JSON_VALID] = "is valid JSON",
        [JSON_INCOMPLETE] = "ends before its JSON value does",
        [JSON_BAD_SYNTAX] = "is not valid JSON",
        [JSON_BAD_UTF8] = "is not valid UTF-8",
        [JSON_BAD_ESCAPE] = "has a bad escape in a string",
        [JSON_BAD_NUMBER] = "has a malformed number",
        [JSON_TOO_DEEP] = "is nested more than 128 levels deep",
        [JSON_TRAILING] = "has more bytes after its JSON value",
        [JSON_DUPLICATE] = "has a member twice",
    };
    return texts[error];
}
