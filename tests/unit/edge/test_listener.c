/* The listening socket: whose it is, who may connect, what is in its way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/listener.h"

static char directory[] = "/tmp/postern-listener-XXXXXX";
static char path[sizeof(directory) + 8];
static char address[sizeof(path) + 32];

static int
make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/socket", directory);
    (void)snprintf(address, sizeof(address), "unix:%s", path);
    return 0;
}

static int
remove_directory(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

static mode_t
mode_of_path(void)
{
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    return found.st_mode & 07777;
}

static int
connect_to_path(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    memcpy(to.sun_path, path, sizeof(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = connect(fd, (const struct sockaddr *)&to, sizeof(to));
    (void)close(fd);
    return rc;
}

static void
assert_refused(const char *text, enum err_code code, const char *word)
{
    struct listener listener;
    struct err err = {.code = ERR_NONE};
    assert_int_equal(listener_open(&listener, text, &err), -1);
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.msg, word));
    assert_int_equal(listener.fd, -1);
}

static void
an_own_socket_is_for_owner_and_group_whatever_the_umask(void **state)
{
    (void)state;
    struct listener listener;
    mode_t saved = umask(0);
    assert_int_equal(listener_open(&listener, address, NULL), 0);
    assert_int_equal(umask(saved), 0); /* and it is as it was */
    assert_int_equal(mode_of_path(), 0660);
    assert_true(listener_is_listening(listener.fd));
    assert_true(fcntl(listener.fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(listener.fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(connect_to_path(), 0);
    listener_close(&listener);
    assert_int_equal(access(path, F_OK), -1);
}

static void
a_stated_mode_is_used(void **state)
{
    (void)state;
    char text[sizeof(address) + 16];
    struct listener listener;
    mode_t saved = umask(0777);
    (void)snprintf(text, sizeof(text), "%s,mode=0600", address);
    assert_int_equal(listener_open(&listener, text, NULL), 0);
    (void)umask(saved);
    assert_int_equal(mode_of_path(), 0600);
    listener_close(&listener);
}

static void
a_socket_that_nobody_listens_on_is_replaced(void **state)
{
    (void)state;
    struct listener dead, listener;
    assert_int_equal(listener_open(&dead, address, NULL), 0);
    (void)close(dead.fd); /* as after kill -9: the file stays */
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(listener_open(&listener, address, NULL), 0);
    assert_int_equal(connect_to_path(), 0);
    listener_close(&listener);
}

static void
a_socket_in_use_is_left_alone(void **state)
{
    (void)state;
    struct listener first;
    assert_int_equal(listener_open(&first, address, NULL), 0);
    assert_refused(address, ERR_DENIED, "another process listens");
    assert_int_equal(connect_to_path(), 0);
    listener_close(&first);
}

static void
a_file_that_is_no_socket_is_left_alone(void **state)
{
    (void)state;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_refused(address, ERR_DENIED, "is not a socket");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_refused(address, ERR_DENIED, "is not a socket");
    assert_int_equal(unlink(path), 0);
}

static void
a_socket_that_replaced_ours_is_not_removed(void **state)
{
    (void)state;
    struct listener first, second;
    assert_int_equal(listener_open(&first, address, NULL), 0);
    char aside[sizeof(path) + 8];
    (void)snprintf(aside, sizeof(aside), "%s.old",
                   path); /* keeps its inode from being used again */
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(listener_open(&second, address, NULL), 0);
    listener_close(&first);
    assert_int_equal(connect_to_path(), 0);
    listener_close(&second);
    assert_int_equal(unlink(aside), 0);
}

static void
loopback_tcp_is_served_and_any_other_refused(void **state)
{
    (void)state;
    struct listener listener;
    char text[32];
    /* a port that was free a moment ago; another test may take it, so several are tried */
    int rc = -1;
    for (unsigned port = 20000 + (unsigned)getpid() % 20000; port < 60000 && rc; port += 97) {
        (void)snprintf(text, sizeof(text), "127.0.0.1:%u", port);
        rc = listener_open(&listener, text, NULL);
    }
    assert_int_equal(rc, 0);
    assert_true(listener_is_listening(listener.fd));
    assert_true(listener.is_own);
    listener_close(&listener);
    assert_refused("0.0.0.0:9000", ERR_DENIED, "not loopback");
    assert_refused("192.0.2.1:9000", ERR_DENIED, "not loopback");
    assert_refused("[::]:9000", ERR_DENIED, "not loopback");
    assert_refused("[2001:db8::1]:9000", ERR_DENIED, "not loopback");
    assert_refused("[::ffff:192.0.2.1]:9000", ERR_DENIED, "not loopback");
}

static void
what_is_no_address_is_refused_with_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err_code code;
        const char *word;
    } wrong[] = {
        {"", ERR_SYNTAX, "unix:PATH"},
        {"9000", ERR_SYNTAX, "unix:PATH"},
        {":9000", ERR_SYNTAX, "address in numbers"},
        {"localhost:9000", ERR_SYNTAX, "\"localhost\""},
        {"127.0.0.1:", ERR_SYNTAX, "ADDRESS:PORT"},
        {"127.0.0.1:0", ERR_SYNTAX, "ADDRESS:PORT"},
        {"127.0.0.1:65536", ERR_SYNTAX, "ADDRESS:PORT"},
        {"127.0.0.1:80x", ERR_SYNTAX, "ADDRESS:PORT"},
        {"127.1:9000", ERR_SYNTAX, "\"127.1\""},
        {"::1:9000", ERR_SYNTAX, "\"::1\""},
        {"[127.0.0.1]:9000", ERR_SYNTAX, "\"127.0.0.1\""},
        {"unix:", ERR_SYNTAX, "path of the socket is missing"},
        {"unix:@abstract", ERR_SYNTAX, "path of the socket is missing"},
        {"unix:/tmp/x,mode=", ERR_RANGE, "mode"},
        {"unix:/tmp/x,mode=0888", ERR_SYNTAX, "0888"},
        {"unix:/tmp/x,mode=0400", ERR_RANGE, "0400"},
        {"unix:/tmp/x,mode=07777", ERR_RANGE, "07777"},
        {"unix:/tmp/x,owner=root", ERR_SYNTAX, "owner"},
        {"unix:/tmp/x,", ERR_SYNTAX, "mode=0660"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_refused(wrong[i].text, wrong[i].code, wrong[i].word);
}

static void
a_path_longer_than_a_socket_can_have_is_refused_not_cut(void **state)
{
    (void)state;
    char text[300] = "unix:/";
    memset(text + 6, 'a', 200);
    assert_refused(text, ERR_RANGE, "longer than");
}

static void
an_inherited_socket_is_taken_over_and_a_network_one_refused(void **state)
{
    (void)state;
    struct listener made, taken;
    struct err err;
    assert_int_equal(listener_open(&made, address, NULL), 0);
    int fd = dup(made.fd);
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    assert_int_equal(listener_inherit(&taken, fd, NULL), 0);
    assert_false(taken.is_own);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    listener_close(&taken);
    assert_int_equal(access(path, F_OK), 0); /* it is not ours to remove */
    listener_close(&made);

    struct sockaddr_in any = {.sin_family = AF_INET}; /* bound, never listening */
    int network = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(network, (const struct sockaddr *)&any, sizeof(any)), 0);
    assert_int_equal(listener_inherit(&taken, network, &err), -1);
    assert_int_equal(err.code, ERR_DENIED);
    (void)close(network);
}

static void
pipes_files_and_connections_do_not_listen(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_false(listener_is_listening(pair[0]));
    (void)close(pair[0]);
    (void)close(pair[1]);
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    assert_false(listener_is_listening(pair[0]));
    (void)close(pair[0]);
    (void)close(pair[1]);
    assert_false(listener_is_listening(-1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_own_socket_is_for_owner_and_group_whatever_the_umask),
        cmocka_unit_test(a_stated_mode_is_used),
        cmocka_unit_test(a_socket_that_nobody_listens_on_is_replaced),
        cmocka_unit_test(a_socket_in_use_is_left_alone),
        cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
        cmocka_unit_test(a_socket_that_replaced_ours_is_not_removed),
        cmocka_unit_test(loopback_tcp_is_served_and_any_other_refused),
        cmocka_unit_test(what_is_no_address_is_refused_with_its_reason),
        cmocka_unit_test(a_path_longer_than_a_socket_can_have_is_refused_not_cut),
        cmocka_unit_test(an_inherited_socket_is_taken_over_and_a_network_one_refused),
        cmocka_unit_test(pipes_files_and_connections_do_not_listen),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
