/* Whose process is at the other end, and how often a refusal is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "edge/caller.h"
#include "edge/refusals.h"

static void
the_kernel_tells_who_is_at_the_other_end_of_a_unix_socket(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(caller_uid(pair[0]), geteuid());
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void
over_tcp_it_does_not(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, len), 0);
    int server = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    assert_int_equal(caller_uid(server), CALLER_UNKNOWN);
    assert_int_equal(caller_uid(-1), CALLER_UNKNOWN);
    (void)close(server);
    (void)close(client);
    (void)close(listening);
}

static void
an_unknown_caller_is_among_nobody(void **state)
{
    (void)state;
    static const uint32_t uids[] = {0, 33, UINT32_MAX};
    assert_true(caller_is_among(0, uids, 3));
    assert_true(caller_is_among(33, uids, 3));
    assert_false(caller_is_among(34, uids, 3));
    assert_false(caller_is_among(CALLER_UNKNOWN, uids, 3));
    assert_false(caller_is_among(33, uids, 0));
    assert_false(caller_is_among(33 + (INT64_C(1) << 32), uids, 3));
}

static void
refusals_are_told_once_and_counted(void **state)
{
    (void)state;
    char lines[4096];
    int ends[2];
    struct refusals refusals = {.told_at_ms = 0};
    assert_int_equal(pipe(ends), 0);
    log_open(ends[1], LOG_LEVEL_INFO);
    refusals_note(&refusals, LOG_LEVEL_WARN, "user", " uid=1");
    /* told a moment ago, by a clock that will not get there: no further line is due */
    atomic_store(&refusals.told_at_ms, UINT64_MAX / 2);
    for (int i = 0; i < 1000; i++)
        refusals_note(&refusals, LOG_LEVEL_WARN, "user", " uid=1");
    atomic_store(&refusals.told_at_ms, 1); /* long ago */
    refusals_note(&refusals, LOG_LEVEL_INFO, "version", "");
    log_open(STDERR_FILENO, LOG_LEVEL_INFO);
    (void)close(ends[1]);
    ssize_t len = read(ends[0], lines, sizeof(lines) - 1);
    assert_true(len > 0);
    lines[len] = '\0';
    (void)close(ends[0]);
    char *second = strchr(lines, '\n') + 1;
    assert_non_null(strstr(lines, "warn connection_refused reason=user uid=1\n"));
    assert_non_null(strstr(second, "info connection_refused reason=version untold_before=1000\n"));
    assert_null(strchr(second, '\n')[1] ? second : NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kernel_tells_who_is_at_the_other_end_of_a_unix_socket),
        cmocka_unit_test(over_tcp_it_does_not),
        cmocka_unit_test(an_unknown_caller_is_among_nobody),
        cmocka_unit_test(refusals_are_told_once_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
