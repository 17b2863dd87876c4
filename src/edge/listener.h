/* listener.h - the socket on which web servers connect: given to us as descriptor 0, or our own.
 *
 * Who may connect may claim to be any REMOTE_USER at any address. So a UNIX socket is made for
 * owner and group only unless told otherwise, and TCP is loopback or refused.
 */
#ifndef POSTERN_EDGE_LISTENER_H
#define POSTERN_EDGE_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/err.h"

#define LISTENER_BACKLOG 4096 /* the system has its own maximum; a full one is an error at once */
#define LISTENER_DEFAULT_MODE 0660

struct listener {
    int fd; /* non-blocking, close-on-exec */
    bool is_own;
    bool is_tcp; /* every user of this host may connect, and none is known */
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* of our UNIX socket; "" otherwise */
    dev_t device;                                           /* so that only ours is removed */
    ino_t inode;
};

/* Is `fd` a socket that listens? Then a web server started us as a FastCGI program. */
bool listener_is_listening(int fd);

/* Takes over a socket that a web server opened. -1 and `err` when it is TCP and not loopback. */
int listener_inherit(struct listener *listener, int fd, struct err *err);

/* "unix:PATH", "unix:PATH,mode=0660", "127.0.0.1:PORT" or "[::1]:PORT". A socket file that nobody
 * listens on any more is replaced; any other file, and a socket in use, is an error. Changes the
 * umask for a moment: call it while there is one thread. */
int listener_open(struct listener *listener, const char *address, struct err *err);

/* Nothing more is accepted. Removes our own socket file. */
void listener_close(struct listener *listener);

#endif
