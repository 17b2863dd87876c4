/* The thread pool: who gets a thread, who is told "too busy", and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "edge/signals.h"
#include "edge/workers.h"

#define PATIENCE_MS 20000 /* only a failing test waits that long */

/* Connections stay on the stage until the test lets them go. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned served, shed;           /* that came */
    unsigned served_free, shed_free; /* that may go */
    pthread_t last_thread;
    sigset_t last_mask;
} stage = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void
stand_on_stage(void *self, int fd, bool is_overload)
{
    (void)self;
    pthread_mutex_lock(&stage.lock);
    unsigned number = is_overload ? stage.shed++ : stage.served++;
    stage.last_thread = pthread_self();
    pthread_sigmask(SIG_BLOCK, NULL, &stage.last_mask);
    pthread_cond_broadcast(&stage.changed);
    while (number >= (is_overload ? stage.shed_free : stage.served_free))
        pthread_cond_wait(&stage.changed, &stage.lock);
    pthread_mutex_unlock(&stage.lock);
    close(fd);
}

static void
clear_stage(void)
{
    stage.served = stage.shed = stage.served_free = stage.shed_free = 0;
}

static void
free_stage(unsigned served, unsigned shed)
{
    pthread_mutex_lock(&stage.lock);
    stage.served_free = served;
    stage.shed_free = shed;
    pthread_cond_broadcast(&stage.changed);
    pthread_mutex_unlock(&stage.lock);
}

static void
await_stage(unsigned served, unsigned shed)
{
    struct timespec end;
    int rc = 0;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_MS / 1000;
    pthread_mutex_lock(&stage.lock);
    while ((stage.served != served || stage.shed != shed) && rc == 0)
        rc = pthread_cond_timedwait(&stage.changed, &stage.lock, &end);
    pthread_mutex_unlock(&stage.lock);
    assert_int_equal(stage.served, served);
    assert_int_equal(stage.shed, shed);
}

static struct workers *
new_pool(unsigned threads_max, uint64_t idle_ms)
{
    const struct workers_options options = {
        .threads_max = threads_max, .idle_ms = idle_ms, .run = stand_on_stage};
    struct workers *pool = workers_new(&options, NULL);
    clear_stage();
    assert_non_null(pool);
    return pool;
}

static void
end_pool(struct workers *pool)
{
    free_stage(UINT32_MAX, UINT32_MAX);
    assert_true(workers_stop(pool, PATIENCE_MS));
    workers_free(pool);
}

static int
any_fd(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void
await_threads(struct workers *pool, unsigned threads, unsigned idle)
{
    uint64_t end_ms = clock_boot_ms() + PATIENCE_MS;
    struct workers_view view = workers_view(pool);
    while ((view.threads != threads || view.idle != idle) && clock_boot_ms() < end_ms) {
        sched_yield();
        view = workers_view(pool);
    }
    assert_int_equal(view.threads, threads);
    assert_int_equal(view.idle, idle);
}

static void
of_ten_connections_at_limit_four_six_are_told_at_once(void **state)
{
    (void)state;
    struct workers *pool = new_pool(4, PATIENCE_MS);
    free_stage(0, 6);
    for (int i = 0; i < 10; i++)
        assert_true(workers_give(pool, any_fd()));
    await_stage(4, 6); /* while none of the four has finished */
    assert_int_equal(workers_view(pool).threads, 4);
    end_pool(pool);
}

static void
a_connection_goes_to_the_thread_that_was_used_last(void **state)
{
    (void)state;
    struct workers *pool = new_pool(4, PATIENCE_MS);
    workers_give(pool, any_fd());
    await_stage(1, 0);
    workers_give(pool, any_fd());
    await_stage(2, 0);
    pthread_t second = stage.last_thread;
    free_stage(1, 0);
    await_threads(pool, 2, 1);
    free_stage(2, 0);
    await_threads(pool, 2, 2);
    workers_give(pool, any_fd());
    await_stage(3, 0);
    assert_true(pthread_equal(stage.last_thread, second));
    assert_int_equal(workers_view(pool).threads, 2);
    end_pool(pool);
}

static void
an_idle_thread_ends_by_itself_and_another_is_started_when_needed(void **state)
{
    (void)state;
    struct workers *pool = new_pool(2, 1);
    free_stage(2, 0);
    workers_give(pool, any_fd());
    await_stage(1, 0);
    await_threads(pool, 0, 0);
    workers_give(pool, any_fd());
    await_stage(2, 0);
    end_pool(pool);
}

static void
a_connection_beyond_the_queue_is_closed(void **state)
{
    (void)state;
    int pair[2];
    char byte;
    struct workers *pool = new_pool(1, PATIENCE_MS);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_true(workers_give(pool, any_fd()));
    assert_true(workers_give(pool, any_fd()));
    await_stage(1, 1); /* the reserved thread is busy too */
    for (int i = 0; i < WORKERS_SHED_QUEUE_MAX; i++)
        assert_true(workers_give(pool, any_fd()));
    assert_int_equal(workers_view(pool).shed_waiting, WORKERS_SHED_QUEUE_MAX);
    assert_false(workers_give(pool, pair[0]));
    assert_int_equal(read(pair[1], &byte, 1), 0);
    close(pair[1]);
    end_pool(pool);
    assert_int_equal(stage.shed, 1 + WORKERS_SHED_QUEUE_MAX); /* none of them was forgotten */
}

static void
what_must_be_shed_takes_no_thread(void **state)
{
    (void)state;
    struct workers *pool = new_pool(4, PATIENCE_MS);
    assert_true(workers_shed(pool, any_fd()));
    await_stage(0, 1);
    assert_int_equal(workers_view(pool).threads, 0);
    end_pool(pool);
}

static void
stopping_waits_for_what_runs_but_not_longer_than_told(void **state)
{
    (void)state;
    struct workers *pool = new_pool(2, PATIENCE_MS);
    workers_give(pool, any_fd());
    await_stage(1, 0);
    assert_false(workers_stop(pool, 1));
    assert_int_equal(workers_view(pool).threads, 1);
    end_pool(pool);
}

static void
idle_threads_do_not_hold_up_the_end(void **state)
{
    (void)state;
    struct workers *pool = new_pool(2, 10 * PATIENCE_MS);
    free_stage(1, 0);
    workers_give(pool, any_fd());
    await_threads(pool, 1, 1);
    end_pool(pool);
}

static void
two_hundred_and_fifty_six_connections_run_side_by_side(void **state)
{
    (void)state;
    struct workers *pool = new_pool(256, PATIENCE_MS);
    for (int i = 0; i < 256; i++)
        assert_true(workers_give(pool, any_fd()));
    await_stage(256, 0);
    assert_int_equal(workers_view(pool).threads, 256);
    end_pool(pool);
}

static void
no_signal_reaches_a_thread_but_faults_of_its_own(void **state)
{
    (void)state;
    sigset_t before;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    signals_block();
    struct workers *pool = new_pool(1, PATIENCE_MS);
    workers_give(pool, any_fd());
    await_stage(1, 0);
    for (int number = 1; number < 32; number++) {
        bool is_fault = number == SIGSEGV || number == SIGBUS || number == SIGFPE ||
                        number == SIGILL || number == SIGABRT || number == SIGTRAP ||
                        number == SIGSYS || number == SIGQUIT;
        if (number != SIGKILL && number != SIGSTOP)
            assert_int_equal(sigismember(&stage.last_mask, number), !is_fault);
    }
    end_pool(pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_ten_connections_at_limit_four_six_are_told_at_once),
        cmocka_unit_test(a_connection_goes_to_the_thread_that_was_used_last),
        cmocka_unit_test(an_idle_thread_ends_by_itself_and_another_is_started_when_needed),
        cmocka_unit_test(a_connection_beyond_the_queue_is_closed),
        cmocka_unit_test(what_must_be_shed_takes_no_thread),
        cmocka_unit_test(stopping_waits_for_what_runs_but_not_longer_than_told),
        cmocka_unit_test(idle_threads_do_not_hold_up_the_end),
        cmocka_unit_test(two_hundred_and_fifty_six_connections_run_side_by_side),
        cmocka_unit_test(no_signal_reaches_a_thread_but_faults_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
