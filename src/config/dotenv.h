/* dotenv.h - reads a .env file as python-dotenv 1.2 reads it.
 *
 * NAME=value, `export` before it, comments, single and double quotes over several lines, escapes
 * inside quotes, ${NAME} and ${NAME:-default} in every kind of value. The last of several equal
 * names counts. Where python-dotenv skips a line with a warning, the line is given back unreadable.
 */
#ifndef POSTERN_CONFIG_DOTENV_H
#define POSTERN_CONFIG_DOTENV_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

/* One statement of the file. */
struct dotenv_binding {
    const char *name;  /* NULL: a line that cannot be read */
    const char *value; /* expanded; NULL: a name without "=" */
    unsigned line;
};

struct dotenv {
    struct dotenv_binding *bindings; /* in file order */
    size_t count;
};

/* The value of a variable outside the file, which goes before one of the same name inside; NULL:
 * not set. */
typedef const char *dotenv_lookup(const void *self, struct span name);

/* ERR_SYNTAX when it is no text at all (NUL bytes), ERR_MEMORY. All it gives lives in the arena. */
int dotenv_parse(struct span text, dotenv_lookup *lookup, const void *self, struct arena *arena,
                 struct dotenv *out, struct err *err);

#endif
