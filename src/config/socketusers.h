/* socketusers.h - whose processes may connect to the FastCGI socket. */
#ifndef POSTERN_CONFIG_SOCKETUSERS_H
#define POSTERN_CONFIG_SOCKETUSERS_H

#include "config/load.h"

/* What a user has whom this user namespace does not know: it stands for many, so it never counts.
 * Source: user_namespaces(7), /proc/sys/kernel/overflowuid. */
#define SOCKETUSERS_NOBODY 65534

/* Fills socket_uids from POSTERN_SOCKET_USERS; a name that no user has is a mistake. */
void socketusers_make(struct load *load);

#endif
