/* mistakes.h - collects all that is wrong with a configuration, so that it is told at once.
 *
 * A line is "file:line: NAME: reason". The reason may quote a value, and a name may be anything:
 * what looks like a key (base/keylike.h) is shown by its first letters alone, and what stands in
 * one of the known secrets is taken out when all have been read. A value that is a secret by its
 * place is not quoted at all.
 */
#ifndef POSTERN_CONFIG_MISTAKES_H
#define POSTERN_CONFIG_MISTAKES_H

#include <stdbool.h>

#include "base/span.h"
#include "config/config.h"

/* Where a value was written. */
struct spot {
    const char *file; /* NULL: the environment */
    unsigned line;    /* 0: the file as a whole */
};

#define MISTAKES_MAX 200 /* lines of each kind; what is beyond them is told after mending these */

/* `name` may be NULL. */
void mistakes_add(struct config_mistakes *mistakes, struct spot at, const char *name,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
void mistakes_warn(struct config_mistakes *mistakes, struct spot at, const char *name,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Takes the known secrets (base/secrets.h) out of all lines. */
void mistakes_redact(struct config_mistakes *mistakes);

/* `value` in quotes, escaped, at most 60 bytes of it. Returns `out`. */
#define MISTAKES_QUOTE_MAX 260
const char *mistakes_quote(char out[MISTAKES_QUOTE_MAX], struct span value);

#endif
