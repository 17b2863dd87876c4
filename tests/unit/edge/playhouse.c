/* playhouse.c - a listening socket, a pool of threads on it, and who comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "edge/acceptor.h"
#include "playhouse.h"

struct playhouse playhouse = {.lock = PTHREAD_MUTEX_INITIALIZER,
                              .changed = PTHREAD_COND_INITIALIZER};

static void
stand_on_stage(void *self, int fd, bool is_overload)
{
    (void)self;
    pthread_mutex_lock(&playhouse.lock);
    unsigned number = is_overload ? playhouse.shed++ : playhouse.served++;
    playhouse.last_thread = gettid();
    pthread_sigmask(SIG_BLOCK, NULL, &playhouse.last_mask);
    pthread_cond_broadcast(&playhouse.changed);
    while (number >= (is_overload ? playhouse.shed_free : playhouse.served_free))
        pthread_cond_wait(&playhouse.changed, &playhouse.lock);
    pthread_mutex_unlock(&playhouse.lock);
    close(fd);
}

void
playhouse_let_go(unsigned served, unsigned shed)
{
    pthread_mutex_lock(&playhouse.lock);
    playhouse.served_free = served;
    playhouse.shed_free = shed;
    pthread_cond_broadcast(&playhouse.changed);
    pthread_mutex_unlock(&playhouse.lock);
}

void
playhouse_await(unsigned served, unsigned shed)
{
    struct timespec end;
    int rc = 0;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PLAYHOUSE_PATIENCE_MS / 1000;
    pthread_mutex_lock(&playhouse.lock);
    while ((playhouse.served != served || playhouse.shed != shed) && rc == 0)
        rc = pthread_cond_timedwait(&playhouse.changed, &playhouse.lock, &end);
    pthread_mutex_unlock(&playhouse.lock);
    assert_int_equal(playhouse.served, served);
    assert_int_equal(playhouse.shed, shed);
}

struct workers *
playhouse_new_pool(unsigned threads_max, uint64_t idle_ms)
{
    const struct workers_options options = {.listen_fd = playhouse.listen_fd,
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
    const struct acceptor acceptor = {.workers = pool, .signal_fd = playhouse.signals[0]};
    assert_int_equal(acceptor_run(&acceptor, NULL), 0);
    return NULL;
}

struct workers *
playhouse_open_unwatched(unsigned threads_max, uint64_t idle_ms)
{
    playhouse.address = (struct sockaddr_un){.sun_family = AF_UNIX};
    playhouse.address_len = sizeof(playhouse.address);
    playhouse.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* the kernel finds a name when none is given */
    assert_int_equal(
        bind(playhouse.listen_fd, (struct sockaddr *)&playhouse.address, sizeof(sa_family_t)), 0);
    assert_int_equal(listen(playhouse.listen_fd, PLAYHOUSE_CLIENTS_MAX), 0);
    assert_int_equal(getsockname(playhouse.listen_fd, (struct sockaddr *)&playhouse.address,
                                 &playhouse.address_len),
                     0);
    playhouse.signals[0] = playhouse.signals[1] = -1;
    playhouse.served = playhouse.shed = 0;
    playhouse.served_free = playhouse.shed_free = 0;
    return playhouse_new_pool(threads_max, idle_ms);
}

struct workers *
playhouse_open(unsigned threads_max, uint64_t idle_ms)
{
    struct workers *pool = playhouse_open_unwatched(threads_max, idle_ms);
    assert_int_equal(pipe2(playhouse.signals, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(pthread_create(&playhouse.acceptor, NULL, run_acceptor, pool), 0);
    return pool;
}

void
playhouse_end_acceptor(void)
{
    const struct signalfd_siginfo told = {.ssi_signo = SIGTERM};
    if (playhouse.signals[0] < 0)
        return;
    assert_int_equal(write(playhouse.signals[1], &told, sizeof(told)), sizeof(told));
    pthread_join(playhouse.acceptor, NULL);
    close(playhouse.signals[0]);
    close(playhouse.signals[1]);
    playhouse.signals[0] = playhouse.signals[1] = -1;
}

void
playhouse_end(struct workers *pool)
{
    playhouse_let_go(UINT32_MAX, UINT32_MAX);
    playhouse_end_acceptor();
    assert_true(workers_stop(pool, PLAYHOUSE_PATIENCE_MS));
    workers_free(pool);
    while (playhouse.client_count > 0)
        close(playhouse.clients[--playhouse.client_count]);
    close(playhouse.listen_fd);
}

int
playhouse_connect(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&playhouse.address, playhouse.address_len), 0);
    return fd;
}

void
playhouse_come(unsigned times)
{
    while (times-- > 0)
        playhouse.clients[playhouse.client_count++] = playhouse_connect();
}

void
playhouse_await_threads(struct workers *pool, unsigned threads, unsigned idle)
{
    uint64_t end_ms = clock_boot_ms() + PLAYHOUSE_PATIENCE_MS;
    struct workers_view view = workers_view(pool);
    while ((view.threads != threads || view.idle != idle) && clock_boot_ms() < end_ms) {
        sched_yield();
        view = workers_view(pool);
    }
    assert_int_equal(view.threads, threads);
    assert_int_equal(view.idle, idle);
}
