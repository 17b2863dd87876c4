/* The thread pool: who gets a thread, who is told "too busy", and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "edge/signals.h"
#include "edge/workers.h"
#include "playhouse.h"

static int
any_fd(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void
of_ten_connections_at_limit_four_six_are_told_at_once(void **state)
{
    (void)state;
    struct workers *pool = playhouse_open(4, PLAYHOUSE_PATIENCE_MS);
    playhouse_let_go(0, 6);
    playhouse_come(10);
    playhouse_await(4, 6); /* while none of the four has finished */
    assert_int_equal(workers_view(pool).threads, 4);
    playhouse_end(pool);
}

static void
an_idle_thread_ends_by_itself_and_another_is_started_when_needed(void **state)
{
    (void)state;
    struct workers *pool = playhouse_open(2, 1);
    playhouse_let_go(2, 0);
    playhouse_come(1);
    playhouse_await(1, 0);
    playhouse_await_threads(pool, 0, 0);
    playhouse_come(1);
    playhouse_await(2, 0);
    playhouse_end(pool);
}

static void
a_connection_beyond_the_queue_is_closed(void **state)
{
    (void)state;
    int pair[2];
    char byte;
    struct workers *pool = playhouse_open_unwatched(1, PLAYHOUSE_PATIENCE_MS);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_true(workers_shed(pool, any_fd()));
    playhouse_await(0, 1); /* the reserved thread is busy too */
    for (int i = 0; i < WORKERS_SHED_QUEUE_MAX; i++)
        assert_true(workers_shed(pool, any_fd()));
    assert_int_equal(workers_view(pool).shed_waiting, WORKERS_SHED_QUEUE_MAX);
    assert_false(workers_shed(pool, pair[0]));
    assert_int_equal(read(pair[1], &byte, 1), 0);
    close(pair[1]);
    playhouse_end(pool);
    assert_int_equal(playhouse.shed, 1 + WORKERS_SHED_QUEUE_MAX); /* none of them was forgotten */
}

static void
who_finds_all_hands_full_waits_and_is_not_closed(void **state)
{
    (void)state;
    const unsigned hands = 1 + WORKERS_SHED_QUEUE_MAX; /* of the reserved thread */
    struct workers *pool = playhouse_open(1, PLAYHOUSE_PATIENCE_MS);
    playhouse_come(1 + hands + 3);
    playhouse_await(1, 1);
    uint64_t end_ms = clock_boot_ms() + PLAYHOUSE_PATIENCE_MS;
    while (workers_view(pool).shed_waiting < WORKERS_SHED_QUEUE_MAX && clock_boot_ms() < end_ms)
        (void)sched_yield(); /* the acceptor has to take them */
    for (unsigned i = 1 + hands; i < 1 + hands + 3; i++) {
        struct pollfd ended = {.fd = playhouse.clients[i], .events = POLLIN};
        assert_int_equal(poll(&ended, 1, 0), 0);
    }
    playhouse_let_go(0, hands + 3);
    playhouse_await(1, hands + 3);
    playhouse_end(pool);
}

static void
what_must_be_shed_takes_no_thread(void **state)
{
    (void)state;
    struct workers *pool = playhouse_open_unwatched(4, PLAYHOUSE_PATIENCE_MS);
    assert_true(workers_shed(pool, any_fd()));
    playhouse_await(0, 1);
    assert_int_equal(workers_view(pool).threads, 0);
    playhouse_end(pool);
}

static void
stopping_waits_for_what_runs_but_not_longer_than_told(void **state)
{
    (void)state;
    struct workers *pool = playhouse_open(1, PLAYHOUSE_PATIENCE_MS);
    playhouse_come(1);
    playhouse_await(1, 0);
    playhouse_end_acceptor();
    assert_false(workers_stop(pool, 1));
    assert_int_equal(workers_view(pool).threads, 1);
    playhouse_end(pool);
}

static void
idle_threads_do_not_hold_up_the_end(void **state)
{
    (void)state;
    struct workers *pool = playhouse_open(2, 10 * PLAYHOUSE_PATIENCE_MS);
    playhouse_let_go(1, 0);
    playhouse_come(1);
    playhouse_await_threads(pool, 2, 2);
    playhouse_end(pool);
}

static void
two_hundred_and_fifty_six_connections_run_side_by_side(void **state)
{
    (void)state;
    struct workers *pool = playhouse_open(256, PLAYHOUSE_PATIENCE_MS);
    playhouse_come(256);
    playhouse_await(256, 0);
    assert_int_equal(workers_view(pool).threads, 256);
    playhouse_end(pool);
}

static void
no_signal_reaches_a_thread_but_faults_of_its_own(void **state)
{
    (void)state;
    sigset_t before;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    signals_block();
    struct workers *pool = playhouse_open(1, PLAYHOUSE_PATIENCE_MS);
    playhouse_come(1);
    playhouse_await(1, 0);
    for (int number = 1; number < 32; number++) {
        bool is_fault = number == SIGSEGV || number == SIGBUS || number == SIGFPE ||
                        number == SIGILL || number == SIGABRT || number == SIGTRAP ||
                        number == SIGSYS || number == SIGQUIT;
        if (number != SIGKILL && number != SIGSTOP)
            assert_int_equal(sigismember(&playhouse.last_mask, number), !is_fault);
    }
    playhouse_end(pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_ten_connections_at_limit_four_six_are_told_at_once),
        cmocka_unit_test(an_idle_thread_ends_by_itself_and_another_is_started_when_needed),
        cmocka_unit_test(a_connection_beyond_the_queue_is_closed),
        cmocka_unit_test(who_finds_all_hands_full_waits_and_is_not_closed),
        cmocka_unit_test(what_must_be_shed_takes_no_thread),
        cmocka_unit_test(stopping_waits_for_what_runs_but_not_longer_than_told),
        cmocka_unit_test(idle_threads_do_not_hold_up_the_end),
        cmocka_unit_test(two_hundred_and_fifty_six_connections_run_side_by_side),
        cmocka_unit_test(no_signal_reaches_a_thread_but_faults_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
