/* json.h - reads JSON without building a tree and without changing a byte.
 *
 * A client's body may be many megabytes of anything; a tree of it costs up to 264 times its size
 * and writing it back changes numbers, escapes and duplicate keys. So one linear pass validates
 * (RFC 8259, UTF-8, depth at most JSON_DEPTH_MAX) with constant memory, and remembers where the few
 * top-level members are that we need. A value is replaced by splicing: every other byte stays as it
 * was written.
 *
 * There is one grammar, the push scanner's (json.c). Whoever wants to know where names and values
 * stand gives it a visitor; json_find() and its kin are such visitors (json_find.c).
 */
#ifndef POSTERN_CORE_JSON_H
#define POSTERN_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "core/utf8.h"

#define JSON_DEPTH_MAX 128

enum json_value_type {            /* json-c has a json_type */
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

/* What a visitor is told of when it has ended. Names and strings include their quotes. */
enum json_part { JSON_NAME, JSON_VALUE };

/* `depth` is the number of brackets open around the part: 0 for the document's own value, 1 for the
 * members of its object. Both offsets count from the document's first byte; `end` is that of the
 * first byte after the part. */
typedef void json_visit(void *visitor, enum json_part part, unsigned depth, size_t begin,
                        size_t end);
#define JSON_VISIT_DEPTH_MAX 2

/* The push scanner: bytes in any portions, constant memory. It says whether what came so far is a
 * prefix of a valid document and whether the document is closed. */
struct json_scan {
    enum json_error error;
    size_t offset;  /* bytes taken; after an error: of the byte that is wrong */
    unsigned depth; /* open brackets */
    bool closed;    /* a whole top-level value was seen (a number only after its end) */

    /* For the caller to set between init and the first feed. */
    bool allow_comments;  /* C and C++ comments between tokens, for postern.json */
    json_visit *visit;    /* may be NULL */
    void *visitor;        /* handed to visit() */
    unsigned visit_depth; /* nothing deeper is told; at most JSON_VISIT_DEPTH_MAX */

    /* json.c's own. */
    uint8_t state;
    uint8_t state_after_comment;
    bool in_object;                      /* the innermost bracket is an object's */
    bool in_name;                        /* the string is a member's name */
    const char *literal;                 /* what is still to come of null, true or false */
    uint8_t hex_left;                    /* digits of \uXXXX to come */
    struct utf8 utf8;                    /* the character inside a string */
    uint64_t kinds[JSON_DEPTH_MAX / 64]; /* one bit a level, set: an object; clear: an array */
    unsigned told_levels;                /* the visitor is told of depths below this */
    size_t name_at;                      /* where the last name began */
    size_t value_at[JSON_VISIT_DEPTH_MAX + 1]; /* where the value of each such depth began */
    const unsigned char *portion;              /* what is being fed begins here, at `offset` */
};
void json_scan_init(struct json_scan *scan);

/* JSON_VALID while all that came can still become, or is, a valid document. An error stays: nothing
 * is taken after it. */
enum json_error json_scan_feed(struct json_scan *scan, const char *bytes, size_t len);

/* No more bytes: JSON_VALID when they were one whole document, else the error. */
enum json_error json_scan_end(struct json_scan *scan);

/* A member found in a whole document. `value` is its text: a string's includes the quotes. Borrowed
 * from the document. */
struct json_member {
    const char *name; /* wanted: set by the caller */
    struct span value;
    size_t offset; /* of the value in the document */
    enum json_value_type type;
    bool is_repeated; /* its name stands again further on; `value` is the first's */
};

struct json_mistake {
    enum json_error error;
    size_t offset;
    const char *member; /* JSON_DUPLICATE: which, and offset is its second name's; else NULL */
};

/* Looks for members while a document comes, in any portions. */
struct json_finder {
    struct json_scan scan;

    /* json_find.c's own. */
    struct span text; /* what came so far */
    struct json_member *wanted;
    size_t count;
    uint32_t initials;           /* a bit for each wanted name's first byte, and the backslash's */
    struct json_member *current; /* whose value comes next; or NULL */
    size_t begin_at, end_at;     /* of the whole value */
    const char *repeated;        /* the first that stood twice; or NULL */
    size_t repeated_at;
};

/* `wanted` is filled in as the members come, and must stay where it is. */
void json_finder_init(struct json_finder *finder, struct json_member *wanted, size_t count);

/* `text` is all that came so far; it may have moved since the last time. As json_scan_feed(). */
enum json_error json_finder_feed(struct json_finder *finder, struct span text);

/* No more bytes: as json_scan_end(). The values found are borrowed from the last `text`; of a name
 * that stands twice the first counts. */
enum json_error json_finder_end(struct json_finder *finder);

/* Validates the whole document and finds the wanted members of its top-level object. Names are
 * compared after unescaping. A document that is not an object has none of them, which is no error.
 * -1 and `mistake` (may be NULL) when it is not valid; all members are then JSON_NONE. A document
 * that is broken and has duplicates is told as broken. */
int json_find(struct span document, struct json_member *wanted, size_t count,
              struct json_mistake *mistake);

/* The same inside `value`, which is known to be valid: a whole document that was scanned, or the
 * text of an object that json_find() gave. Duplicates are allowed there: the first counts. */
void json_find_within(struct span value, struct json_member *wanted, size_t count);

/* Visits the elements of an array's text. Returns the element's text and advances `*at` (start with
 * 0), or an empty span at the end or when `array` is no array. */
struct span json_each(struct span array, size_t *at);

/* The same, and finds the wanted members of the element on the way, as json_find_within() would;
 * their offsets count from the array's text. */
struct span json_each_find(struct span array, size_t *at, struct json_member *wanted, size_t count);

enum json_value_type json_type_of(struct span value);

/* Is there nothing in it? So with null, false, "", [], {} and the empty span of what is not there.
 */
bool json_is_empty(struct span value);

/* The text of a string value, unescaped, appended. -1 when it is no string or does not fit; `out`
 * is then as it was. A lone surrogate becomes U+FFFD. */
int json_unescape(struct span value, struct buf *out);

/* Is this string value (with quotes) equal to `text` after unescaping? */
bool json_string_is(struct span value, const char *text);

const char *json_error_text(enum json_error error); /* for messages: "is not valid UTF-8" … */

#endif
