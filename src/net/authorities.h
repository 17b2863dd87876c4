/* authorities.h - can a directory of certificates be looked into by name, instead of read whole?
 *
 * Debian's bundle of all authorities costs each fresh connection 27 ms of CPU and a megabyte to
 * parse; its directory, where certificates are found by the hash of their subject, costs next to
 * nothing.
 */
#ifndef POSTERN_NET_AUTHORITIES_H
#define POSTERN_NET_AUTHORITIES_H

#include <stdbool.h>

/* Is there at least one certificate under its hash ("a94d09e5.0")? `path` may be NULL. */
bool authorities_is_hashed(const char *path);

#endif
