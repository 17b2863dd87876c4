/* test_tcpsocket.c - what the kernel says of a connection, read from replies and asked for real. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "edge/tcpsocket.h"

#define PATIENCE_MS 10000

/* --- replies -------------------------------------------------------------- */

struct told {
    struct nlmsghdr head;
    union {
        struct inet_diag_msg found;
        struct nlmsgerr error;
    } body;
};

static struct told
tell_state(unsigned char state)
{
    struct told told = {.head = {.nlmsg_len = NLMSG_HDRLEN + sizeof(struct inet_diag_msg),
                                 .nlmsg_type = SOCK_DIAG_BY_FAMILY}};
    told.body.found.idiag_state = state;
    return told;
}

static struct told
tell_error(int error)
{
    struct told told = {
        .head = {.nlmsg_len = NLMSG_HDRLEN + sizeof(struct nlmsgerr), .nlmsg_type = NLMSG_ERROR}};
    told.body.error.error = error;
    return told;
}

static enum tcpsocket_state
decode(const struct told *told)
{
    return tcpsocket_decode(told, told->head.nlmsg_len);
}

static void
each_state_of_the_kernel_has_its_meaning(void **state)
{
    (void)state;
    static const struct {
        unsigned char state;
        enum tcpsocket_state meaning;
    } rows[] = {
        {TCP_ESTABLISHED, TCPSOCKET_OPEN},    {TCP_CLOSE_WAIT, TCPSOCKET_CLOSED},
        {TCP_LAST_ACK, TCPSOCKET_CLOSED},     {TCP_FIN_WAIT1, TCPSOCKET_CLOSED},
        {TCP_FIN_WAIT2, TCPSOCKET_CLOSED},    {TCP_CLOSING, TCPSOCKET_CLOSED},
        {TCP_TIME_WAIT, TCPSOCKET_CLOSED},    {TCP_CLOSE, TCPSOCKET_CLOSED},
        {TCP_LISTEN, TCPSOCKET_MISSING},      {TCP_SYN_SENT, TCPSOCKET_MISSING},
        {TCP_SYN_RECV, TCPSOCKET_MISSING},    {0, TCPSOCKET_UNKNOWN},
        {TCP_CLOSING + 1, TCPSOCKET_UNKNOWN}, {255, TCPSOCKET_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct told told = tell_state(rows[i].state);
        assert_int_equal(decode(&told), rows[i].meaning);
    }
}

static void
no_such_connection_is_told_from_not_being_answered(void **state)
{
    (void)state;
    struct told none = tell_error(-ENOENT), refused = tell_error(-EPERM);
    assert_int_equal(decode(&none), TCPSOCKET_MISSING);
    assert_int_equal(decode(&refused), TCPSOCKET_UNKNOWN);
}

static void
half_a_reply_says_nothing(void **state)
{
    (void)state;
    struct told replies[] = {tell_state(TCP_CLOSE_WAIT), tell_error(-ENOENT)};
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        for (uint32_t len = 0; len < replies[i].head.nlmsg_len; len++) {
            struct told cut = replies[i];
            char *exact = malloc(len > 0 ? len : 1); /* so that a look beyond it is seen */
            memcpy(exact, &cut, len);
            assert_int_equal(tcpsocket_decode(exact, len), TCPSOCKET_UNKNOWN);
            cut.head.nlmsg_len = len;
            memcpy(exact, &cut, len);
            assert_int_equal(tcpsocket_decode(exact, len), TCPSOCKET_UNKNOWN);
            free(exact);
        }
    }
}

static void
a_reply_that_claims_to_be_shorter_than_its_head_says_nothing(void **state)
{
    (void)state;
    struct told told = tell_state(TCP_CLOSE_WAIT);
    for (uint32_t len = 0; len < NLMSG_HDRLEN; len++) {
        told.head.nlmsg_len = len;
        assert_int_equal(tcpsocket_decode(&told, sizeof(told)), TCPSOCKET_UNKNOWN);
    }
}

static void
a_reply_of_another_kind_says_nothing(void **state)
{
    (void)state;
    struct told told = tell_state(TCP_CLOSE_WAIT);
    told.head.nlmsg_type = NLMSG_DONE;
    assert_int_equal(decode(&told), TCPSOCKET_UNKNOWN);
}

/* --- addresses ------------------------------------------------------------ */

static void
ipv4_and_its_mapped_form_are_the_same_end(void **state)
{
    (void)state;
    struct tcpsocket_end plain, mapped;
    memset(&plain, 0, sizeof(plain));
    memset(&mapped, 0xff, sizeof(mapped));
    assert_int_equal(tcpsocket_parse(&plain, "192.0.2.1", "443"), 0);
    assert_int_equal(tcpsocket_parse(&mapped, "::ffff:192.0.2.1", "443"), 0);
    assert_memory_equal(&plain.address, &mapped.address, sizeof(plain.address));
    assert_int_equal(plain.port, htons(443));
    assert_int_equal(mapped.port, htons(443));
}

static void
what_is_no_address_or_no_port_is_refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {NULL, "80"},          {"", "80"},          {"unix:/run/x", "80"}, {"fe80::1%eth0", "80"},
        {"192.0.2.1.5", "80"}, {"192.0.2.1", NULL}, {"192.0.2.1", ""},     {"192.0.2.1", "0"},
        {"192.0.2.1", "-1"},   {"::1", "65536"},    {"::1", "http"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tcpsocket_end end;
        assert_int_equal(tcpsocket_parse(&end, rows[i][0], rows[i][1]), -1);
    }
}

/* --- the kernel itself ---------------------------------------------------- */

static struct {
    int listener, client, server;
    struct tcpsocket_pair pair; /* of the server's end */
} line;

static struct tcpsocket_end
end_of(int fd, int (*name)(int, struct sockaddr *, socklen_t *))
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t len = sizeof(address);
    char text[INET6_ADDRSTRLEN], port[8];
    struct tcpsocket_end end;
    assert_int_equal(name(fd, &address.any, &len), 0);
    bool is_v6 = address.any.sa_family == AF_INET6;
    const void *bytes = is_v6 ? (const void *)&address.v6.sin6_addr : &address.v4.sin_addr;
    inet_ntop(address.any.sa_family, bytes, text, sizeof(text));
    snprintf(port, sizeof(port), "%d", ntohs(is_v6 ? address.v6.sin6_port : address.v4.sin_port));
    assert_int_equal(tcpsocket_parse(&end, text, port), 0);
    return end;
}

/* A listener for both kinds of addresses is what a web server has, as a rule. */
static void
connect_line(int client_family, int listener_family)
{
    struct sockaddr_in6 both = {.sin6_family = AF_INET6};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int no = 0;
    line.listener = socket(listener_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(line.listener >= 0);
    if (listener_family == AF_INET6) {
        setsockopt(line.listener, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
        assert_int_equal(bind(line.listener, (struct sockaddr *)&both, sizeof(both)), 0);
    } else {
        assert_int_equal(bind(line.listener, (struct sockaddr *)&v4, sizeof(v4)), 0);
    }
    assert_int_equal(listen(line.listener, 1), 0);
    in_port_t port = end_of(line.listener, getsockname).port;
    line.client = socket(client_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    v4.sin_port = v6.sin6_port = port;
    const void *to = client_family == AF_INET6 ? (const void *)&v6 : &v4;
    socklen_t len = client_family == AF_INET6 ? sizeof(v6) : sizeof(v4);
    assert_int_equal(connect(line.client, to, len), 0);
    line.server = accept(line.listener, NULL, NULL);
    assert_true(line.server >= 0);
    line.pair.local = end_of(line.server, getsockname);
    line.pair.remote = end_of(line.server, getpeername);
}

static void
close_line(void)
{
    close(line.listener);
    close(line.client);
    close(line.server);
}

static bool
comes_to(enum tcpsocket_state wanted)
{
    uint64_t end_ms = clock_boot_ms() + PATIENCE_MS;
    while (tcpsocket_find(&line.pair) != wanted) {
        if (clock_boot_ms() >= end_ms)
            return false;
        clock_sleep_ms(1);
    }
    return true;
}

static const struct {
    int client_family, listener_family;
} kinds[] = {{AF_INET, AF_INET}, {AF_INET, AF_INET6}, {AF_INET6, AF_INET6}};

static bool
has_ipv6(void)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof(loopback)) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

static void
a_connection_is_open_until_the_client_closes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].listener_family == AF_INET6 && !has_ipv6())
            continue;
        connect_line(kinds[i].client_family, kinds[i].listener_family);
        assert_int_equal(tcpsocket_find(&line.pair), TCPSOCKET_OPEN);
        shutdown(line.client, SHUT_WR);
        assert_true(comes_to(TCPSOCKET_CLOSED));
        close_line();
    }
}

static void
a_connection_that_was_reset_is_missing(void **state)
{
    (void)state;
    static const struct linger at_once = {.l_onoff = 1};
    connect_line(AF_INET, AF_INET);
    setsockopt(line.client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(line.client);
    line.client = -1;
    assert_true(comes_to(TCPSOCKET_MISSING)); /* the kernel offers the listener instead */
    close_line();
}

static void
a_connection_of_others_is_not_taken_for_it(void **state)
{
    (void)state;
    connect_line(AF_INET, AF_INET);
    struct tcpsocket_pair other = line.pair;
    other.remote.port = line.pair.local.port;
    assert_int_equal(tcpsocket_find(&other), TCPSOCKET_MISSING);
    other = line.pair;
    assert_int_equal(tcpsocket_parse(&other.remote, "192.0.2.1", "1"), 0);
    assert_int_equal(tcpsocket_find(&other), TCPSOCKET_MISSING);
    close_line();
}

static void
asking_leaves_no_descriptor_behind(void **state)
{
    (void)state;
    connect_line(AF_INET, AF_INET);
    int before = dup(line.client);
    close(before);
    for (int i = 0; i < 10; i++)
        assert_int_equal(tcpsocket_find(&line.pair), TCPSOCKET_OPEN);
    int after = dup(line.client);
    close(after);
    assert_int_equal(before, after);
    close_line();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_of_the_kernel_has_its_meaning),
        cmocka_unit_test(no_such_connection_is_told_from_not_being_answered),
        cmocka_unit_test(half_a_reply_says_nothing),
        cmocka_unit_test(a_reply_that_claims_to_be_shorter_than_its_head_says_nothing),
        cmocka_unit_test(a_reply_of_another_kind_says_nothing),
        cmocka_unit_test(ipv4_and_its_mapped_form_are_the_same_end),
        cmocka_unit_test(what_is_no_address_or_no_port_is_refused),
        cmocka_unit_test(a_connection_is_open_until_the_client_closes),
        cmocka_unit_test(a_connection_that_was_reset_is_missing),
        cmocka_unit_test(a_connection_of_others_is_not_taken_for_it),
        cmocka_unit_test(asking_leaves_no_descriptor_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
