/* fuzz_json.c - the JSON scanner against itself in other portions, and against json-c.
 *
 * json-c is laxer: it takes NaN and controls in strings, and is no judge of UTF-8. Whatever the
 * scanner takes json-c must take too; what json-c alone takes must be one of those known cases.
 * Where both take a document they must find the same members and elements in it.
 */
#include <assert.h>
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <json-c/json.h>

#include "base/mem.h"
#include "core/json.h"

#define JSONC_DEPTH (JSON_DEPTH_MAX + 72)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A cheap sequence of portions that depends on the input alone. */
static size_t
next_portion(uint64_t *seed, size_t left)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    size_t portion = (size_t)(*seed >> 60) + 1;
    return portion < left ? portion : left;
}

static struct json_scan
scan_whole(struct span text, bool allow_comments)
{
    struct json_scan scan;
    json_scan_init(&scan);
    scan.allow_comments = allow_comments;
    json_scan_feed(&scan, text.ptr, text.len);
    json_scan_end(&scan);
    return scan;
}

static void
check_portions(struct span text, bool allow_comments)
{
    struct json_scan whole = scan_whole(text, allow_comments);
    struct json_scan scan;
    uint64_t seed = text.len;
    json_scan_init(&scan);
    scan.allow_comments = allow_comments;
    for (size_t at = 0; at < text.len;) {
        size_t portion = next_portion(&seed, text.len - at);
        json_scan_feed(&scan, text.ptr + at, portion);
        at += portion;
    }
    json_scan_end(&scan);
    assert(scan.error == whole.error);
    assert(scan.offset == whole.offset);
    assert(scan.closed == whole.closed);
    assert(scan.depth == whole.depth);
}

/* What json-c makes of a whole document; `*taken` says whether it takes it. */
static struct json_object *
read_with_jsonc(struct span text, bool *taken)
{
    struct json_tokener *tokener = json_tokener_new_ex(JSONC_DEPTH);
    assert(tokener != NULL);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    char *copy = mem_copy_text(text.ptr, text.len); /* a top-level number ends at the NUL */
    assert(copy != NULL);
    struct json_object *object = json_tokener_parse_ex(tokener, copy, (int)text.len + 1);
    *taken = json_tokener_get_error(tokener) == json_tokener_success &&
             json_tokener_get_parse_end(tokener) >= text.len;
    json_tokener_free(tokener);
    mem_free(copy);
    return object;
}

/* Is the run of number-like bytes around `offset` a number by RFC 8259, section 6? */
static bool
is_number_at(struct span text, size_t offset)
{
    static const char bytes[] = "0123456789+-.eE";
    size_t begin = offset;
    size_t end = offset;
    while (begin > 0 && memchr(bytes, text.ptr[begin - 1], sizeof(bytes) - 1) != NULL)
        begin--;
    while (end < text.len && memchr(bytes, text.ptr[end], sizeof(bytes) - 1) != NULL)
        end++;
    regex_t number;
    const char *form = "^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?$";
    char *copy = mem_copy_text(text.ptr + begin, end - begin);
    assert(copy != NULL);
    assert(regcomp(&number, form, REG_EXTENDED | REG_NOSUB) == 0);
    bool is_number = regexec(&number, copy, 0, NULL, 0) == 0;
    regfree(&number);
    mem_free(copy);
    return is_number;
}

/* May json-c take what the scanner refused with this? */
static bool
is_known_laxness(struct span text, const struct json_scan *scan)
{
    unsigned char byte = scan->offset < text.len ? (unsigned char)text.ptr[scan->offset] : 0;
    switch (scan->error) {
    case JSON_BAD_UTF8:
    case JSON_TOO_DEEP:
        return true;
    case JSON_BAD_SYNTAX: /* controls in strings; NaN, Infinity */
        return byte < 0x20 || byte == 'N' || byte == 'I';
    case JSON_BAD_NUMBER: /* leading zeros, -Infinity */
        return !is_number_at(text, scan->offset);
    case JSON_INCOMPLETE: /* "7." */
        return strchr("+-.eE", text.ptr[text.len - 1]) != NULL;
    case JSON_VALID:
    case JSON_BAD_ESCAPE:
    case JSON_TRAILING:
    case JSON_DUPLICATE:
        return false;
    }
    return false;
}

static void
check_string(struct span value, struct json_object *theirs)
{
    struct buf ours;
    buf_init(&ours, value.len);
    assert(json_unescape(value, &ours) == 0);
    assert(json_object_is_type(theirs, json_type_string));
    assert(ours.len == (size_t)json_object_get_string_len(theirs));
    assert(memcmp(buf_text(&ours), json_object_get_string(theirs), ours.len) == 0);
    buf_fini(&ours);
}

/* json-c ends a name at U+0000, so that two may look like one to it; only what we find is checked.
 */
static void
check_members(struct span text, struct json_object *theirs)
{
    struct json_member wanted[] = {{.name = "model"}, {.name = "stream"}, {.name = "a"}};
    struct json_mistake mistake;
    if (json_find(text, wanted, 3, &mistake) != 0) {
        assert(mistake.error == JSON_DUPLICATE);
        assert(text.ptr[mistake.offset] == '"');
        return;
    }
    for (size_t i = 0; i < 3; i++) {
        const struct json_member *member = &wanted[i];
        if (member->type == JSON_NONE)
            continue;
        struct json_object *value = NULL;
        assert(json_object_object_get_ex(theirs, member->name, &value));
        assert(scan_whole(member->value, false).error == JSON_VALID);
        assert((member->type == JSON_NULL) == (value == NULL));
        if (member->type == JSON_STRING && memmem(text.ptr, text.len, "\\u0000", 6) == NULL)
            check_string(member->value, value);
    }
}

static void
check_elements(struct span text, struct json_object *theirs)
{
    size_t at = 0;
    size_t count = 0;
    struct span trimmed = span_trim(text);
    for (;;) {
        struct span element = json_each(trimmed, &at);
        if (element.len == 0)
            break;
        assert(scan_whole(element, false).error == JSON_VALID);
        count++;
    }
    assert(count ==
           (json_object_is_type(theirs, json_type_array) ? json_object_array_length(theirs) : 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct span text = span_of((const char *)bytes, len);
    check_portions(text, false);
    check_portions(text, true);
    struct json_scan scan = scan_whole(text, false);
    if (len == 0 || memchr(bytes, 0, len) != NULL) {
        assert(scan.error != JSON_VALID);
        return 0;
    }
    bool taken;
    struct json_object *theirs = read_with_jsonc(text, &taken);
    if (scan.error == JSON_VALID) {
        assert(taken);
        check_members(text, theirs);
        check_elements(text, theirs);
    } else {
        assert(!taken || is_known_laxness(text, &scan));
    }
    json_object_put(theirs);
    return 0;
}
