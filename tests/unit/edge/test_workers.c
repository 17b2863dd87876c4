/* The thread pool: who accepts, who is told "too busy", and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "edge/acceptor.h"
#include "edge/signals.h"
#include "edge/workers.h"

#define PATIENCE_MS 20000 /* only a failing test waits that long */
#define CLIENTS_MAX 300

/* Connections stay on the stage until the test lets them go. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned served, shed;           /* that came */
    unsigned served_free, shed_free; /* that may go */
    pid_t last_thread;
    sigset_t last_mask;
} stage = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void
stand_on_stage(void *self, int fd, bool is_overload)
{
    (void)self;
    pthread_mutex_lock(&stage.lock);
    unsigned number = is_overload ? stage.shed++ : stage.served++;
    stage.last_thread = gettid();
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

/* A listening socket, a pool on it, and an acceptor where a test wants one. */
static struct {
    struct sockaddr_un address;
    socklen_t address_len;
    int listen_fd;
    int clients[CLIENTS_MAX];
    int client_count;
    pthread_t acceptor;
    int signals[2]; /* a pipe; -1: there is no acceptor */
} house;

static struct workers *
new_pool(unsigned threads_max, uint64_t idle_ms)
{
    const struct workers_options options = {.listen_fd = house.listen_fd,
                                            .threads_max = threads_max,
                                            .idle_ms = idle_ms,
                                            .run = stand_on_stage};
    struct workers *pool = workers_new(&options, NULL);
    assert_non_null(pool);
    return pool;
}

static void *
run_acceptor(void *pool)
{
    const struct acceptor acceptor = {.workers = pool, .signal_fd = house.signals[0]};
    assert_int_equal(acceptor_run(&acceptor, NULL), 0);
    return NULL;
}

/* Nobody watches the socket yet. */
static struct workers *
open_unwatched(unsigned threads_max, uint64_t idle_ms)
{
    house.address = (struct sockaddr_un){.sun_family = AF_UNIX};
    house.address_len = sizeof(house.address);
    house.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* the kernel finds a name when none is given */
    assert_int_equal(bind(house.listen_fd, (struct sockaddr *)&house.address, sizeof(sa_family_t)),
                     0);
    assert_int_equal(listen(house.listen_fd, CLIENTS_MAX), 0);
    assert_int_equal(
        getsockname(house.listen_fd, (struct sockaddr *)&house.address, &house.address_len), 0);
    house.signals[0] = house.signals[1] = -1;
    clear_stage();
    return new_pool(threads_max, idle_ms);
}

static struct workers *
open_pool(unsigned threads_max, uint64_t idle_ms)
{
    struct workers *pool = open_unwatched(threads_max, idle_ms);
    assert_int_equal(pipe2(house.signals, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(pthread_create(&house.acceptor, NULL, run_acceptor, pool), 0);
    return pool;
}

static void
end_acceptor(void)
{
    const struct signalfd_siginfo told = {.ssi_signo = SIGTERM};
    if (house.signals[0] < 0)
        return;
    assert_int_equal(write(house.signals[1], &told, sizeof(told)), sizeof(told));
    pthread_join(house.acceptor, NULL);
    close(house.signals[0]);
    close(house.signals[1]);
    house.signals[0] = house.signals[1] = -1;
}

static void
end_pool(struct workers *pool)
{
    free_stage(UINT32_MAX, UINT32_MAX);
    end_acceptor();
    assert_true(workers_stop(pool, PATIENCE_MS));
    workers_free(pool);
    while (house.client_count > 0)
        close(house.clients[--house.client_count]);
    close(house.listen_fd);
}

static int
connect_client(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&house.address, house.address_len), 0);
    return fd;
}

/* Somebody connects, and stays until the end of the test. */
static void
come(unsigned times)
{
    while (times-- > 0)
        house.clients[house.client_count++] = connect_client();
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

/* Until a thread sleeps: what follows next in an idle one is the wait at the gate. */
static void
await_sleep(pid_t thread)
{
    uint64_t end_ms = clock_boot_ms() + PATIENCE_MS;
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
of_ten_connections_at_limit_four_six_are_told_at_once(void **state)
{
    (void)state;
    struct workers *pool = open_pool(4, PATIENCE_MS);
    free_stage(0, 6);
    come(10);
    await_stage(4, 6); /* while none of the four has finished */
    assert_int_equal(workers_view(pool).threads, 4);
    end_pool(pool);
}

static void
a_connection_goes_to_the_thread_that_was_used_last(void **state)
{
    (void)state;
    struct workers *pool = open_pool(3, PATIENCE_MS);
    come(3); /* the limit: so nobody else was started and is on the way to the gate */
    await_stage(3, 0);
    free_stage(3, 0);
    await_threads(pool, 3, 3);
    come(1);
    await_stage(4, 0);
    pid_t last = stage.last_thread;
    for (unsigned i = 4; i < 20; i++) {
        free_stage(i, 0);
        await_threads(pool, 3, 3);
        await_sleep(last);
        come(1);
        await_stage(i + 1, 0);
        assert_int_equal(stage.last_thread, last);
    }
    end_pool(pool);
}

static void
an_idle_thread_ends_by_itself_and_another_is_started_when_needed(void **state)
{
    (void)state;
    struct workers *pool = open_pool(2, 1);
    free_stage(2, 0);
    come(1);
    await_stage(1, 0);
    await_threads(pool, 0, 0);
    come(1);
    await_stage(2, 0);
    end_pool(pool);
}

/* Nobody attends to its calls, so whatever is served here is served without the acceptor. */
static void
the_acceptor_is_called_only_when_nobody_can_wait_at_the_gate(void **state)
{
    (void)state;
    struct workers *pool = open_unwatched(3, PATIENCE_MS);
    assert_int_equal(workers_take_watch(pool), WORKERS_WATCH);
    come(1);
    await_stage(1, 0);
    await_threads(pool, 2, 1); /* the one that left had another started */
    come(1);
    await_stage(2, 0);
    await_threads(pool, 3, 1);
    assert_false(is_called(pool));
    come(1);
    await_stage(3, 0);
    await_threads(pool, 3, 0);
    free_stage(1, 0);
    await_threads(pool, 3, 1);
    assert_true(is_called(pool));
    assert_int_equal(workers_take_watch(pool), WORKERS_WATCH);
    end_pool(pool);
}

static void
the_acceptor_turns_nobody_away_while_a_thread_is_free_or_may_be_started(void **state)
{
    (void)state;
    struct workers *pool = open_unwatched(1, PATIENCE_MS);
    assert_int_equal(workers_take_watch(pool), WORKERS_WATCH); /* started */
    come(1);
    await_stage(1, 0);
    await_threads(pool, 1, 0);
    assert_int_equal(workers_take_watch(pool), WORKERS_BUSY);
    free_stage(1, 0);
    await_threads(pool, 1, 1);
    come(1); /* nobody watches now … */
    assert_int_equal(workers_take_watch(pool), WORKERS_WATCH);
    await_stage(2, 0); /* … and who came before is served */
    end_pool(pool);
}

static void
a_busy_thread_takes_who_came_meanwhile_by_itself(void **state)
{
    (void)state;
    struct workers *pool = open_unwatched(1, PATIENCE_MS);
    assert_int_equal(workers_take_watch(pool), WORKERS_WATCH);
    come(20);
    free_stage(20, 0);
    await_stage(20, 0);
    end_pool(pool);
}

static void
when_it_ends_a_thread_takes_nobody_any_more(void **state)
{
    (void)state;
    struct workers *pool = open_pool(2, PATIENCE_MS);
    come(1);
    await_stage(1, 0); /* one is busy, one waits at the gate */
    await_threads(pool, 2, 1);
    end_acceptor();
    come(1);
    free_stage(UINT32_MAX, UINT32_MAX);
    await_threads(pool, 0, 0);
    assert_int_equal(stage.served, 1);
    int fd = accept4(house.listen_fd, NULL, NULL, SOCK_CLOEXEC); /* another process would get it */
    assert_true(fd >= 0);
    close(fd);
    end_pool(pool);
}

/* Comes and waits to be let go, again and again. */
static void *
come_and_go(void *times)
{
    for (int i = 0; i < *(const int *)times; i++) {
        char byte;
        struct pollfd waiting = {.fd = connect_client(), .events = POLLIN};
        assert_int_equal(poll(&waiting, 1, PATIENCE_MS), 1);
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
    struct workers *pool = open_pool(100, 1); /* threads end all the time */
    struct workers *other = new_pool(100, PATIENCE_MS);
    assert_int_equal(workers_take_watch(other), WORKERS_WATCH);
    free_stage(UINT32_MAX, 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&clients[i], NULL, come_and_go, &times), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(clients[i], NULL);
    await_stage(1000, 0);
    assert_true(workers_stop(other, PATIENCE_MS));
    workers_free(other);
    end_pool(pool);
}

static void
a_connection_beyond_the_queue_is_closed(void **state)
{
    (void)state;
    int pair[2];
    char byte;
    struct workers *pool = open_unwatched(1, PATIENCE_MS);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_true(workers_shed(pool, any_fd()));
    await_stage(0, 1); /* the reserved thread is busy too */
    for (int i = 0; i < WORKERS_SHED_QUEUE_MAX; i++)
        assert_true(workers_shed(pool, any_fd()));
    assert_int_equal(workers_view(pool).shed_waiting, WORKERS_SHED_QUEUE_MAX);
    assert_false(workers_shed(pool, pair[0]));
    assert_int_equal(read(pair[1], &byte, 1), 0);
    close(pair[1]);
    end_pool(pool);
    assert_int_equal(stage.shed, 1 + WORKERS_SHED_QUEUE_MAX); /* none of them was forgotten */
}

static void
what_must_be_shed_takes_no_thread(void **state)
{
    (void)state;
    struct workers *pool = open_unwatched(4, PATIENCE_MS);
    assert_true(workers_shed(pool, any_fd()));
    await_stage(0, 1);
    assert_int_equal(workers_view(pool).threads, 0);
    end_pool(pool);
}

static void
stopping_waits_for_what_runs_but_not_longer_than_told(void **state)
{
    (void)state;
    struct workers *pool = open_pool(1, PATIENCE_MS);
    come(1);
    await_stage(1, 0);
    end_acceptor();
    assert_false(workers_stop(pool, 1));
    assert_int_equal(workers_view(pool).threads, 1);
    end_pool(pool);
}

static void
idle_threads_do_not_hold_up_the_end(void **state)
{
    (void)state;
    struct workers *pool = open_pool(2, 10 * PATIENCE_MS);
    free_stage(1, 0);
    come(1);
    await_threads(pool, 2, 2);
    end_pool(pool);
}

static void
two_hundred_and_fifty_six_connections_run_side_by_side(void **state)
{
    (void)state;
    struct workers *pool = open_pool(256, PATIENCE_MS);
    come(256);
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
    struct workers *pool = open_pool(1, PATIENCE_MS);
    come(1);
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
        cmocka_unit_test(the_acceptor_is_called_only_when_nobody_can_wait_at_the_gate),
        cmocka_unit_test(the_acceptor_turns_nobody_away_while_a_thread_is_free_or_may_be_started),
        cmocka_unit_test(a_busy_thread_takes_who_came_meanwhile_by_itself),
        cmocka_unit_test(when_it_ends_a_thread_takes_nobody_any_more),
        cmocka_unit_test(nobody_is_forgotten_or_turned_away_by_two_pools_on_one_socket),
        cmocka_unit_test(a_connection_beyond_the_queue_is_closed),
        cmocka_unit_test(what_must_be_shed_takes_no_thread),
        cmocka_unit_test(stopping_waits_for_what_runs_but_not_longer_than_told),
        cmocka_unit_test(idle_threads_do_not_hold_up_the_end),
        cmocka_unit_test(two_hundred_and_fifty_six_connections_run_side_by_side),
        cmocka_unit_test(no_signal_reaches_a_thread_but_faults_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
