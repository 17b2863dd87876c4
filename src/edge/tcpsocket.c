/* tcpsocket.c - one question to the kernel's sock_diag, and its answer. */
#include "edge/tcpsocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"

#define REPLY_MAX_BYTES 1024 /* the state without the extras that may be asked for takes 88 */

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
};
_Static_assert(sizeof(struct question) == NLMSG_HDRLEN + sizeof(struct inet_diag_req_v2),
               "the kernel wants the two without a gap");

static int
parse_address(struct in6_addr *out, const char *text)
{
    struct in_addr v4;
    if (inet_pton(AF_INET6, text, out) == 1)
        return 0;
    if (inet_pton(AF_INET, text, &v4) != 1)
        return -1;
    *out = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(&out->s6_addr[12], &v4, sizeof(v4));
    return 0;
}

int
tcpsocket_parse(struct tcpsocket_end *end, const char *address, const char *port)
{
    uint64_t number;
    if (!address || num_parse_u64(span_from(port), UINT16_MAX, &number) || number == 0)
        return -1;
    end->port = htons((uint16_t)number);
    return parse_address(&end->address, address);
}

/* --- the question --------------------------------------------------------- */

/* A socket for both kinds of addresses is found under the IPv6 form, one for IPv4 alone under both.
 */
static struct question
encode(const struct tcpsocket_pair *pair)
{
    struct question question = {
        .head = {.nlmsg_len = sizeof(question),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = AF_INET6,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = UINT32_MAX,
                 .id = {.idiag_sport = pair->local.port,
                        .idiag_dport = pair->remote.port,
                        .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    memcpy(question.body.id.idiag_src, &pair->local.address, sizeof(pair->local.address));
    memcpy(question.body.id.idiag_dst, &pair->remote.address, sizeof(pair->remote.address));
    return question;
}

enum tcpsocket_state
tcpsocket_find(const struct tcpsocket_pair *pair)
{
    const struct question question = encode(pair);
    char reply[REPLY_MAX_BYTES];
    ssize_t got = -1;
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return TCPSOCKET_UNKNOWN;
    /* The kernel answers inside of send(). */
    if (send(fd, &question, sizeof(question), 0) == (ssize_t)sizeof(question))
        got = recv(fd, reply, sizeof(reply), 0);
    (void)close(fd);
    return got < 0 ? TCPSOCKET_UNKNOWN : tcpsocket_decode(reply, (size_t)got);
}

/* --- the answer ----------------------------------------------------------- */

#define STATE_COUNT (TCP_CLOSING + 1)
static const enum tcpsocket_state states[STATE_COUNT] = {
    [TCP_ESTABLISHED] = TCPSOCKET_OPEN,
    [TCP_CLOSE_WAIT] = TCPSOCKET_CLOSED, /* the other end closed; what follows are further ends */
    [TCP_LAST_ACK] = TCPSOCKET_CLOSED,
    [TCP_FIN_WAIT1] = TCPSOCKET_CLOSED,
    [TCP_FIN_WAIT2] = TCPSOCKET_CLOSED,
    [TCP_CLOSING] = TCPSOCKET_CLOSED,
    [TCP_TIME_WAIT] = TCPSOCKET_CLOSED,
    [TCP_CLOSE] = TCPSOCKET_CLOSED,
    [TCP_LISTEN] = TCPSOCKET_MISSING, /* offered where there is no connection, but could be one */
    [TCP_SYN_SENT] = TCPSOCKET_MISSING,
    [TCP_SYN_RECV] = TCPSOCKET_MISSING,
};

static enum tcpsocket_state
judge_error(const char *body, size_t len)
{
    struct nlmsgerr error;
    if (len < sizeof(error))
        return TCPSOCKET_UNKNOWN;
    memcpy(&error, body, sizeof(error));
    return error.error == -ENOENT ? TCPSOCKET_MISSING : TCPSOCKET_UNKNOWN;
}

static enum tcpsocket_state
judge_socket(const char *body, size_t len)
{
    struct inet_diag_msg found;
    if (len < sizeof(found))
        return TCPSOCKET_UNKNOWN;
    memcpy(&found, body, sizeof(found));
    return found.idiag_state < STATE_COUNT ? states[found.idiag_state] : TCPSOCKET_UNKNOWN;
}

enum tcpsocket_state
tcpsocket_decode(const void *reply, size_t len)
{
    struct nlmsghdr head;
    if (len < NLMSG_HDRLEN)
        return TCPSOCKET_UNKNOWN;
    memcpy(&head, reply, sizeof(head));
    const char *body = (const char *)reply + NLMSG_HDRLEN;
    if (head.nlmsg_len < NLMSG_HDRLEN || head.nlmsg_len > len)
        return TCPSOCKET_UNKNOWN;
    if (head.nlmsg_type == NLMSG_ERROR)
        return judge_error(body, head.nlmsg_len - NLMSG_HDRLEN);
    if (head.nlmsg_type == SOCK_DIAG_BY_FAMILY)
        return judge_socket(body, head.nlmsg_len - NLMSG_HDRLEN);
    return TCPSOCKET_UNKNOWN;
}
