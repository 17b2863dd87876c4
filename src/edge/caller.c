/* caller.c - SO_PEERCRED. */
#include "edge/caller.h"

#include <sys/socket.h>

int64_t
caller_uid(int fd)
{
    struct ucred caller = {.pid = 0};
    socklen_t len = sizeof(caller);
    /* of a TCP socket there is an answer too: nobody, with a pid of 0 */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &caller, &len) || caller.uid == (uid_t)-1)
        return CALLER_UNKNOWN;
    return caller.uid;
}

bool
caller_is_among(int64_t uid, const uint32_t *uids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (uid == uids[i])
            return true;
    return false;
}
