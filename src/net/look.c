/* look.c - looks without taking anything. */
#include "net/look.h"

#include <errno.h>
#include <linux/tcp.h> /* libc's own has no tcpi_bytes_acked */
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

enum look_unread
look_unread(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got > 0)
        return LOOK_BYTES;
    return got < 0 && errno == EAGAIN ? LOOK_NOTHING : LOOK_END;
}

struct look_acks
look_acks(int fd)
{
    struct tcp_info tcp;
    socklen_t len = sizeof tcp;
    struct look_acks acks = {.is_known = false};
    memset(&tcp, 0, sizeof tcp);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &tcp, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_notsent_bytes) + sizeof tcp.tcpi_notsent_bytes)
        return acks;
    acks.is_known = true;
    acks.has_all = tcp.tcpi_unacked == 0 && tcp.tcpi_notsent_bytes == 0;
    acks.bytes = tcp.tcpi_bytes_acked;
    return acks;
}

bool
look_unread_tls(const void *ssl)
{
    return SSL_has_pending(ssl) != 0;
}

bool
look_speaks_h2(const void *ssl)
{
    const unsigned char *name = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(ssl, &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}
