/* json.h - reads JSON without building a tree and without changing a byte.
 *
 * A client's body may be many megabytes of anything; a tree of it costs up to 264 times its size and
 * writing it back changes numbers, escapes and duplicate keys. So one linear pass validates
 * (RFC 8259, UTF-8, depth at most JSON_DEPTH_MAX) with constant memory, and remembers where the few
 * top-level members are that we need. A value is replaced by splicing: every other byte stays as it
 * was written.
 */
#ifndef POSTERN_CORE_JSON_H
#define POSTERN_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

#define JSON_DEPTH_MAX 128

enum json_type {
    JSON_NONE, /* not there */
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

enum json_error {
    JSON_VALID,
    JSON_INCOMPLETE, /* the text ended inside the value: more bytes could make it valid */
    JSON_BAD_SYNTAX,
    JSON_BAD_UTF8,
    JSON_BAD_ESCAPE,
    JSON_BAD_NUMBER,
    JSON_TOO_DEEP,
    JSON_TRAILING, /* bytes after the value */
    JSON_DUPLICATE /* a wanted member stands twice, also when one is spelled with escapes */
};

/* The push scanner: bytes in any portions, constant memory. It says whether what came so far is a
 * prefix of a valid document and whether the document is closed. */
struct json_scan {
    enum json_error error;
    size_t offset;  /* bytes taken; after an error: where it is */
    unsigned depth; /* open brackets */
    bool closed;    /* a whole top-level value was seen (a number only after its end) */
    uint8_t state;  /* the rest is json.c's own */
    uint8_t utf8_need, utf8_min, utf8_max;
    uint8_t literal_at;
    uint8_t number;
    uint8_t escape;
    uint64_t kinds[JSON_DEPTH_MAX / 64]; /* one bit a level: object or array */
    bool allow_comments;                 /* C and C++ comments between tokens, for postern.json */
};
void json_scan_init(struct json_scan *scan);
enum json_error json_scan_feed(struct json_scan *scan, const char *bytes, size_t len);
enum json_error json_scan_end(struct json_scan *scan); /* no more bytes: JSON_VALID or the error */

/* A member found in a whole document. `value` is its text: a string's includes the quotes. Borrowed
 * from the document. */
struct json_member {
    const char *name; /* wanted: set by the caller */
    enum json_type type;
    struct span value;
    size_t offset; /* of the value in the document */
};

struct json_mistake {
    enum json_error error;
    size_t offset;
    const char *member; /* JSON_DUPLICATE: which */
};

/* Validates the whole document and finds the wanted members of its top-level object. Names are
 * compared after unescaping. A document that is not an object has none of them, which is no error.
 * -1 and `mistake` when it is not valid. */
int json_find(struct span document, struct json_member *wanted, size_t count,
              struct json_mistake *mistake);

/* The same inside `value`, the text of an object that json_find() gave. Duplicates are allowed
 * there: the first counts. */
void json_find_within(struct span value, struct json_member *wanted, size_t count);

/* Visits the elements of an array's text. Returns the element's text and advances `*at` (start with
 * 0), or an empty span at the end. */
struct span json_each(struct span array, size_t *at);

enum json_type json_type_of(struct span value);

/* The text of a string value, unescaped, appended. -1 when it is no string or does not fit. A lone
 * surrogate becomes U+FFFD. */
int json_unescape(struct span value, struct buf *out);

/* Is this string value (with quotes) equal to `text` after unescaping? */
bool json_string_is(struct span value, const char *text);

const char *json_error_text(enum json_error error); /* for messages: "is not valid UTF-8" … */

#endif
