/* unread.c - looks without taking anything. */
#include "net/unread.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

bool
unread_on_socket(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got >= 0 || errno != EAGAIN;
}

bool
unread_in_tls(const void *ssl)
{
    return SSL_has_pending(ssl) != 0;
}
