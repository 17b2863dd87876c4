/* Who watches the listening socket: a thread at the gate, the acceptor, and in the end nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "edge/gate.h"
#include "edge/workers.h"
#include "playhouse.h"

/* Until a thread sleeps: what follows next in an idle one is the wait at the gate. */
static void
await_sleep(pid_t thread)
{
    uint64_t end_ms = clock_boot_ms() + PLAYHOUSE_PATIENCE_MS;
    char path[64], line[256] = "";
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)thread);
    do {
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        assert_non_null(fgets(line, sizeof(line), file));
        fclose(file);
        sched_yield();
    } while (!strstr(line, ") S ") && clock_boot_ms() < end_ms);
    assert_non_null(strstr(line, ") S "));
}

static bool
is_called(struct workers *pool)
{
    struct pollfd call = {.fd = workers_gate(pool)->call_fd, .events = POLLIN};
    return poll(&call, 1, 0) == 1;
}

static void
a_connection_goes_to_the_oldest_thread_that_is_free(void **state)
{
    (void)state;
    struct workers *pool = playhouse_open(3, PLAYHOUSE_PATIENCE_MS);
    pid_t threads[3]; /* the limit: so nobody else was started and is on the way to the gate */
    for (unsigned i = 0; i < 3; i++) {
        playhouse_come(1);
        playhouse_await(i + 1, 0);
        threads[i] = playhouse.last_thread;
    }
    playhouse_let_go(3, 0);
    playhouse_await_threads(pool, 3, 3);
    for (unsigned i = 0; i < 3; i++)
        await_sleep(threads[i]);
    playhouse_come(1);
    playhouse_await(4, 0);
    pid_t last = playhouse.last_thread;
    assert_int_equal(last, threads[0]);
    for (unsigned i = 4; i < 20; i++) {
        playhouse_let_go(i, 0);
        playhouse_await_threads(pool, 3, 3);
        await_sleep(last);
        playhouse_come(1);
        playhouse_await(i + 1, 0);
        assert_int_equal(playhouse.last_thread, last);
    }
    playhouse_end(pool);
}

/* Nobody attends to its calls, so whatever is served here is served without the acceptor. */
static void
the_acceptor_is_called_only_when_nobody_can_wait_at_the_gate(void **state)
{
    (void)state;
    struct workers *pool = playhouse_open_unwatched(3, PLAYHOUSE_PATIENCE_MS);
    assert_int_equal(workers_take_watch(pool), WORKERS_WATCH);
    playhouse_come(1);
    playhouse_await(1, 0);
    playhouse_await_threads(pool, 2, 1); /* the one that left had another started */
    playhouse_come(1);
    playhouse_await(2, 0);
    playhouse_await_threads(pool, 3, 1);
    assert_false(is_called(pool));
    playhouse_come(1);
    playhouse_await(3, 0);
    playhouse_await_threads(pool, 3, 0);
    playhouse_let_go(1, 0);
    playhouse_await_threads(pool, 3, 1);
    assert_true(is_called(pool));
    assert_int_equal(workers_take_watch(pool), WORKERS_WATCH);
    playhouse_end(pool);
}

static void
the_acceptor_turns_nobody_away_while_a_thread_is_free_or_may_be_started(void **state)
{
    (void)state;
    struct workers *pool = playhouse_open_unwatched(1, PLAYHOUSE_PATIENCE_MS);
    assert_int_equal(workers_take_watch(pool), WORKERS_WATCH); /* started */
    playhouse_come(1);
    playhouse_await(1, 0);
    playhouse_await_threads(pool, 1, 0);
    assert_int_equal(workers_take_watch(pool), WORKERS_BUSY);
    playhouse_let_go(1, 0);
    playhouse_await_threads(pool, 1, 1);
    assert_int_equal(workers_take_watch(pool), WORKERS_WATCH);
    playhouse_come(1);
    playhouse_await(2, 0);
    playhouse_end(pool);
}

static void
a_busy_thread_takes_who_came_meanwhile_by_itself(void **state)
{
    (void)state;
    struct workers *pool = playhouse_open_unwatched(1, PLAYHOUSE_PATIENCE_MS);
    assert_int_equal(workers_take_watch(pool), WORKERS_WATCH);
    playhouse_come(20);
    playhouse_let_go(20, 0);
    playhouse_await(20, 0);
    playhouse_end(pool);
}

static void
when_it_ends_a_thread_takes_nobody_any_more(void **state)
{
    (void)state;
    struct workers *pool = playhouse_open(2, PLAYHOUSE_PATIENCE_MS);
    playhouse_come(1);
    playhouse_await(1, 0); /* one is busy, one waits at the gate */
    playhouse_await_threads(pool, 2, 1);
    playhouse_end_acceptor();
    playhouse_come(1);
    playhouse_let_go(UINT32_MAX, UINT32_MAX);
    playhouse_await_threads(pool, 0, 0);
    assert_int_equal(playhouse.served, 1);
    int fd =
        accept4(playhouse.listen_fd, NULL, NULL, SOCK_CLOEXEC); /* another process would get it */
    assert_true(fd >= 0);
    close(fd);
    playhouse_end(pool);
}

/* A thread that was woken for somebody who is gone when it comes to accept. */
static void
who_was_taken_by_another_process_leaves_the_gate_watched(void **state)
{
    (void)state;
    struct workers *pool = playhouse_open_unwatched(1, PLAYHOUSE_PATIENCE_MS);
    struct gate *gate = workers_gate(pool);
    assert_int_equal(workers_take_watch(pool), WORKERS_WATCH);
    pthread_rwlock_wrlock(&gate->lock); /* nobody of this process can accept */
    playhouse_come(1);
    int fd = accept4(playhouse.listen_fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    pthread_rwlock_unlock(&gate->lock);
    playhouse_come(1);
    playhouse_await(1, 0);
    close(fd);
    playhouse_end(pool);
}

/* Comes and waits to be let go, again and again. */
static void *
come_and_go(void *times)
{
    for (int i = 0; i < *(const int *)times; i++) {
        char byte;
        struct pollfd waiting = {.fd = playhouse_connect(), .events = POLLIN};
        assert_int_equal(poll(&waiting, 1, PLAYHOUSE_PATIENCE_MS), 1);
        assert_int_equal(read(waiting.fd, &byte, 1), 0);
        close(waiting.fd);
    }
    return NULL;
}

/* As in two processes. */
static void
nobody_is_forgotten_or_turned_away_by_two_pools_on_one_socket(void **state)
{
    (void)state;
    int times = 250;
    pthread_t clients[4];
    struct workers *pool = playhouse_open(100, 1); /* threads end all the time */
    struct workers *other = playhouse_new_pool(100, PLAYHOUSE_PATIENCE_MS);
    assert_int_equal(workers_take_watch(other), WORKERS_WATCH);
    playhouse_let_go(UINT32_MAX, 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&clients[i], NULL, come_and_go, &times), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(clients[i], NULL);
    playhouse_await(1000, 0);
    assert_true(workers_stop(other, PLAYHOUSE_PATIENCE_MS));
    workers_free(other);
    playhouse_end(pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_goes_to_the_oldest_thread_that_is_free),
        cmocka_unit_test(the_acceptor_is_called_only_when_nobody_can_wait_at_the_gate),
        cmocka_unit_test(the_acceptor_turns_nobody_away_while_a_thread_is_free_or_may_be_started),
        cmocka_unit_test(a_busy_thread_takes_who_came_meanwhile_by_itself),
        cmocka_unit_test(when_it_ends_a_thread_takes_nobody_any_more),
        cmocka_unit_test(who_was_taken_by_another_process_leaves_the_gate_watched),
        cmocka_unit_test(nobody_is_forgotten_or_turned_away_by_two_pools_on_one_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
