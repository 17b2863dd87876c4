/* secrets.h - the secrets this process knows, so that none leaves in a log line or an answer.
 *
 * A text holds a secret when 8 bytes in a row of one stand in it: as they are, escaped (one
 * character or all of them, also twice; base/escape.h), in base64 or hexadecimal digits
 * (base/disguise.h). Process-wide, because the log is; safe from any thread.
 *
 * The list is the union of what was taken: each configuration that is alive holds its own secrets,
 * and one that several hold is forgotten with the last of them.
 */
#ifndef POSTERN_BASE_SECRETS_H
#define POSTERN_BASE_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/disguise.h"
#include "base/span.h"

#define SECRETS_FRAGMENT DISGUISE_FRAGMENT

/* Adds the secrets to the list; copies them into locked memory. -1: no memory is left, and the list
 * is as it was. To be given back by secrets_drop() with the same secrets. */
int secrets_take(const struct span *secrets, size_t count);
void secrets_drop(const struct span *secrets, size_t count);

/* Is it long enough, and of enough different characters, to be told from other text? What is not is
 * not looked for: it would be found everywhere. */
bool secrets_can_find(struct span secret);

/* The first run of `text` that is a part of a secret, as long as it can be; false when there is
 * none. */
bool secrets_find(struct span text, struct span *found);

#endif
