/* loopback.c - loopback's addresses and names. */
#include "access/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "core/hostname.h"

bool
loopback_is_address(struct span address)
{
    static const unsigned char mapped[] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, IN_LOOPBACKNET};
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    if (address.len == 0 || address.len >= sizeof(text) || memchr(address.ptr, '\0', address.len))
        return false;
    memcpy(text, address.ptr, address.len);
    text[address.len] = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return false;
    return memcmp(&v6, &in6addr_loopback, sizeof(v6)) == 0 ||
           memcmp(&v6, mapped, sizeof(mapped)) == 0;
}

static bool
is_below_localhost(struct span name)
{
    static const char below[] = ".localhost";
    const size_t len = sizeof(below) - 1;
    return name.len > len && span_is_nocase(span_of(name.ptr + name.len - len, len), below);
}

bool
loopback_is_host(struct span host)
{
    if (!hostname_is_valid(host))
        return false;
    if (host.ptr[0] == '[')
        return loopback_is_address(span_of(host.ptr + 1, host.len - 2));
    return span_is_nocase(host, "localhost") || is_below_localhost(host) ||
           loopback_is_address(host);
}
