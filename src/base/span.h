/* span.h - a borrowed run of bytes: a pointer and a length, never NUL-terminated by promise.
 *
 * A span owns nothing. Whoever returns one says from where it is borrowed.
 */
#ifndef POSTERN_BASE_SPAN_H
#define POSTERN_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>

struct span {
    const char *ptr; /* may be NULL only when len is 0 */
    size_t len;
};

/* A span over a string literal, usable in initialisers. */
#define SPAN_LITERAL(text)                                                                         \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

/* For printf's "%.*s". */
#define SPAN_FMT "%.*s"
#define SPAN_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

struct span span_of(const char *ptr, size_t len);
struct span span_from(const char *text); /* NULL gives the empty span */

bool span_is(struct span s, const char *text);
bool span_is_nocase(struct span s, const char *text); /* ASCII only */
bool span_equal(struct span a, struct span b);
bool span_equal_nocase(struct span a, struct span b); /* ASCII only */
bool span_has_prefix(struct span s, const char *prefix);
bool span_has_prefix_nocase(struct span s, const char *prefix);
bool span_has_suffix(struct span s, const char *suffix);
bool span_contains(struct span s, struct span needle);        /* an empty needle is contained */
bool span_contains_nocase(struct span s, const char *needle); /* ASCII only */

/* Without blanks (space, tab, CR, LF) at both ends. */
struct span span_trim(struct span s);

/* Splits at the first `separator`: the part before it is returned and `rest` keeps what follows.
 * Without a separator the whole is returned and `rest` becomes empty with a NULL pointer. */
struct span span_split(struct span *rest, char separator);

#endif
