/* path.h - the raw request target, checked and cut; never normalised: accepted or refused. Pure. */
#ifndef POSTERN_CORE_PATH_H
#define POSTERN_CORE_PATH_H

#include <stdbool.h>

#include "base/span.h"

enum path_verdict {
    PATH_OK,
    PATH_BAD_SEGMENT,  /* a dot segment in any spelling */
    PATH_BAD_ESCAPE,   /* %00, %2f, %5c, an escaped control or broken UTF-8, a broken escape */
    PATH_BAD_BYTE,     /* a control, space, backslash, fragment or byte above 0x7e */
    PATH_EMPTY_SEGMENT /* "//" */
};

/* "/ai/v1/x?a=b" → path "/ai/v1/x", query "a=b" (without the "?"; empty when there is none).
 * An absolute form "http://host/path" loses scheme and host ("http://host" is "/"). Borrowed from
 * `target`. */
void path_split(struct span target, struct span *path, struct span *query, bool *has_query);

/* Judged as the most eager reader would read it: escapes of escapes count ("%252e" is a dot), and
 * so does what stands before a parameter ("..;x" is ".."). "" is a good path, a slash may stand at
 * the end. */
enum path_verdict path_check(struct span path);

/* Refuses raw controls, spaces and fragments, and an escaped NUL, CR or LF; all else passes. */
enum path_verdict path_check_query(struct span query);

/* Cuts the mount off the front by whole segments, and tells where the rest begins. Each segment of
 * the path is the mount's when it is so as written or unescaped ("/%61i" is "/ai"; SCRIPT_NAME
 * comes unescaped), and slashes count once. False: the path is not below the mount. `*below` is ""
 * or begins with "/". Borrowed from `path`. */
bool path_strip_mount(struct span path, struct span mount, struct span *below);

const char *path_verdict_text(enum path_verdict verdict);

#endif
