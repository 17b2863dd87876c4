/* test_probe.c - when the client's socket is looked at, and who counts as gone then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "edge/probe.h"

#define T0 5000 /* the boot clock's milliseconds when it is started */

static const char *const told[] = {"SERVER_ADDR=192.0.2.1", "SERVER_PORT=443",
                                   "REMOTE_ADDR=198.51.100.7", "REMOTE_PORT=50000", NULL};

static struct probe
start(const char *const *params)
{
    struct probe probe;
    memset(&probe, 0xff, sizeof(probe));
    probe_start(&probe, params, T0);
    return probe;
}

/* --- when ----------------------------------------------------------------- */

static void
short_requests_are_spared_a_look(void **state)
{
    (void)state;
    struct probe probe = start(told);
    assert_false(probe_is_due(&probe, T0));
    assert_false(probe_is_due(&probe, T0 + PROBE_FIRST_MS - 1));
    assert_true(probe_is_due(&probe, T0 + PROBE_FIRST_MS));
}

static void
the_next_look_is_counted_from_the_last(void **state)
{
    (void)state;
    static const enum tcpsocket_state states[] = {TCPSOCKET_OPEN, TCPSOCKET_UNKNOWN};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct probe probe = start(told);
        uint64_t now_ms = T0 + PROBE_FIRST_MS + 300;
        assert_false(probe_judge(&probe, states[i], now_ms));
        assert_false(probe_is_due(&probe, now_ms + PROBE_EVERY_MS - 1));
        assert_true(probe_is_due(&probe, now_ms + PROBE_EVERY_MS));
    }
}

static void
one_that_was_never_started_never_looks(void **state)
{
    (void)state;
    struct probe probe = {.is_on = false};
    assert_false(probe_is_due(&probe, UINT64_MAX));
    assert_false(probe_look(&probe, UINT64_MAX));
}

static void
it_stays_off_unless_both_ends_are_told(void **state)
{
    (void)state;
    for (size_t missing = 0; told[missing]; missing++) {
        const char *params[4];
        size_t count = 0;
        for (size_t i = 0; told[i]; i++)
            if (i != missing)
                params[count++] = told[i];
        params[count] = NULL;
        struct probe probe = start(params);
        assert_false(probe_is_due(&probe, UINT64_MAX));
    }
}

static void
it_looks_for_the_web_servers_end_of_the_clients_connection(void **state)
{
    (void)state;
    struct probe probe = start(told);
    struct tcpsocket_pair expected;
    assert_true(probe_is_due(&probe, T0 + PROBE_FIRST_MS));
    assert_int_equal(tcpsocket_parse(&expected.local, "192.0.2.1", "443"), 0);
    assert_int_equal(tcpsocket_parse(&expected.remote, "198.51.100.7", "50000"), 0);
    assert_memory_equal(&probe.pair.local.address, &expected.local.address, 16);
    assert_memory_equal(&probe.pair.remote.address, &expected.remote.address, 16);
    assert_int_equal(probe.pair.local.port, expected.local.port);
    assert_int_equal(probe.pair.remote.port, expected.remote.port);
}

/* --- who is gone ---------------------------------------------------------- */

static void
a_closed_socket_means_gone_also_at_the_first_look(void **state)
{
    (void)state;
    struct probe probe = start(told);
    assert_true(probe_judge(&probe, TCPSOCKET_CLOSED, T0));
}

static void
an_open_one_that_is_missing_later_means_gone(void **state)
{
    (void)state;
    struct probe probe = start(told);
    assert_false(probe_judge(&probe, TCPSOCKET_OPEN, T0));
    assert_false(probe_judge(&probe, TCPSOCKET_OPEN, T0));
    assert_true(probe_judge(&probe, TCPSOCKET_MISSING, T0));
}

static void
one_that_was_never_there_means_nothing_and_is_looked_for_once(void **state)
{
    (void)state;
    struct probe probe = start(told);
    assert_false(probe_judge(&probe, TCPSOCKET_MISSING, T0));
    assert_false(probe_is_due(&probe, UINT64_MAX));
}

static void
a_kernel_that_cannot_be_asked_means_nothing_and_is_asked_again(void **state)
{
    (void)state;
    struct probe probe = start(told);
    assert_false(probe_judge(&probe, TCPSOCKET_OPEN, T0));
    assert_false(probe_judge(&probe, TCPSOCKET_UNKNOWN, T0));
    assert_true(probe_is_due(&probe, T0 + PROBE_EVERY_MS));
    assert_true(probe_judge(&probe, TCPSOCKET_MISSING, T0 + PROBE_EVERY_MS));
}

static void
a_client_elsewhere_is_never_called_gone(void **state)
{
    (void)state;
    struct probe probe = start(told); /* addresses for documentation: nobody has them */
    assert_false(probe_look(&probe, T0 + PROBE_FIRST_MS));
    assert_false(probe_look(&probe, T0 + 10 * PROBE_FIRST_MS));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_requests_are_spared_a_look),
        cmocka_unit_test(the_next_look_is_counted_from_the_last),
        cmocka_unit_test(one_that_was_never_started_never_looks),
        cmocka_unit_test(it_stays_off_unless_both_ends_are_told),
        cmocka_unit_test(it_looks_for_the_web_servers_end_of_the_clients_connection),
        cmocka_unit_test(a_closed_socket_means_gone_also_at_the_first_look),
        cmocka_unit_test(an_open_one_that_is_missing_later_means_gone),
        cmocka_unit_test(one_that_was_never_there_means_nothing_and_is_looked_for_once),
        cmocka_unit_test(a_kernel_that_cannot_be_asked_means_nothing_and_is_asked_again),
        cmocka_unit_test(a_client_elsewhere_is_never_called_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
