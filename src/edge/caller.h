/* caller.h - whose process is at the other end of a connection, as the kernel tells it. */
#ifndef POSTERN_EDGE_CALLER_H
#define POSTERN_EDGE_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALLER_UNKNOWN (-1) /* TCP does not tell */

/* The user who connected, or CALLER_UNKNOWN. */
int64_t caller_uid(int fd);

bool caller_is_among(int64_t uid, const uint32_t *uids, size_t count);

#endif
