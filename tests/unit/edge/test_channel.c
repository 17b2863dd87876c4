/* Bytes over a socket; and what an unread one does to the other end. */
#include "edge/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int ours, theirs;
static char bytes[8];

static int
setup(void **unused)
{
    int pair[2];
    (void)unused;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return -1;
    ours = pair[0];
    theirs = pair[1];
    return 0;
}

static int
teardown(void **unused)
{
    (void)unused;
    (void)close(theirs);
    return 0;
}

static void
a_connection_whose_bytes_were_all_read_just_closes(void **unused)
{
    (void)unused;
    assert_int_equal(send(theirs, "abc", 3, 0), 3);
    assert_int_equal(channel_recv(ours, bytes, sizeof(bytes), 0), 3);
    assert_int_equal(close(ours), 0);
    assert_int_equal(recv(theirs, bytes, sizeof(bytes), 0), 0);
}

static void
the_byte_that_stays_resets_the_connection_that_closes_on_it(void **unused)
{
    (void)unused;
    assert_int_equal(send(theirs, "abc", 3, 0), 3);
    assert_int_equal(channel_recv_but_one(ours, bytes, sizeof(bytes), 0), 2);
    assert_memory_equal(bytes, "ab", 2);
    assert_int_equal(send(ours, "answer", 6, 0), 6);
    assert_int_equal(close(ours), 0);
    assert_int_equal(recv(theirs, bytes, sizeof(bytes), 0), 6); /* which arrives all the same */
    assert_int_equal(recv(theirs, bytes, sizeof(bytes), 0), -1);
    assert_int_equal(errno, ECONNRESET);
}

static void
the_byte_that_stays_is_read_when_it_is_all_there_is(void **unused)
{
    (void)unused;
    assert_int_equal(send(theirs, "abc", 3, 0), 3);
    assert_int_equal(channel_recv_but_one(ours, bytes, 2, 0), 1);
    assert_memory_equal(bytes, "a", 1);
    assert_int_equal(channel_recv_but_one(ours, bytes, sizeof(bytes), 0), 1);
    assert_memory_equal(bytes, "b", 1);
    assert_int_equal(channel_recv_but_one(ours, bytes, sizeof(bytes), 0), 1);
    assert_memory_equal(bytes, "c", 1);
    assert_int_equal(channel_recv_but_one(ours, bytes, sizeof(bytes), 0), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(shutdown(theirs, SHUT_WR), 0);
    assert_int_equal(channel_recv_but_one(ours, bytes, sizeof(bytes), 0), 0);
    assert_int_equal(close(ours), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_connection_whose_bytes_were_all_read_just_closes),
        TEST(the_byte_that_stays_resets_the_connection_that_closes_on_it),
        TEST(the_byte_that_stays_is_read_when_it_is_all_there_is),
#undef TEST
    };
    return cmocka_run_group_tests_name("edge/channel", tests, NULL, NULL);
}
