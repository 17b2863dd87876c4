/* escape.h - reads a text as its reader will: "\u0041" of JSON, "%41" of a URL and "&#65;" of HTML
 * are an "A" each.
 *
 * One text may be wrapped in another: JSON that quotes a URL, or other JSON. Each wrapping is a
 * layer; with two layers "\\u0041" and "%2541" are an "A" too. Pure.
 */
#ifndef POSTERN_BASE_ESCAPE_H
#define POSTERN_BASE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

/* One character as it is read. */
struct escape_unit {
    int byte;   /* ESCAPE_OTHER: it is none of ASCII */
    size_t len; /* how many bytes of the text stand for it, at least 1 */
};
#define ESCAPE_OTHER (-1)

/* The first character of a text that is not empty, with so many layers taken off. */
struct escape_unit escape_read(struct span text, unsigned layers);

/* Can this begin an escape? */
bool escape_begins(int byte);

#endif
