/* secrets.h - the secrets this process knows, so that none leaves in a log line or an error body.
 *
 * A text holds a secret when any 8 bytes in a row of one stand in it. Process-wide, because the log
 * is; safe from any thread.
 */
#ifndef POSTERN_BASE_SECRETS_H
#define POSTERN_BASE_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

#define SECRETS_FRAGMENT 8

/* Replaces the list; copies it. Secrets shorter than a fragment are not looked for: they would be
 * found everywhere. */
void secrets_set(const struct span *secrets, size_t count);

/* The first run of `text` that is a part of a secret, as long as it can be; false when there is
 * none. */
bool secrets_find(struct span text, struct span *found);

#endif
