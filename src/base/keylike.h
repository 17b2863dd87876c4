/* keylike.h - does a text look like a key? For messages that quote what an operator wrote: a key
 * typed into the wrong option is shown by its first letters alone. Pure.
 *
 * A key is a word that begins as providers' keys begin ("sk-…"), or that is long, of
 * letters and digits mixed as nobody writes them, or a UUID. It is a guess: what it takes for a key
 * by mistake is still recognised by its beginning.
 */
#ifndef POSTERN_BASE_KEYLIKE_H
#define POSTERN_BASE_KEYLIKE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

/* The first word of `text` that looks like a key; false when there is none. Words that begin with a
 * slash or a dot are paths, and only a provider's beginning is looked for in them. */
bool keylike_find(struct span text, struct span *found);

#define KEYLIKE_SHOWN 4 /* letters of it that a message shows */
#define KEYLIKE_MARK "...(not shown)"

/* For pages and lists: `text`, or in its place a remark that it looks like a key or is one of the
 * secrets that are known. */
const char *keylike_mask(const char *text);

#endif
