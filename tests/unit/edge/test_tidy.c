/* also: tests/unit/edge/playhouse.c */
/* The acceptor tidies up while nobody asks for anything. */
#include "playhouse.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/acceptor.h"

static sem_t tidied;

static void
tidy(void *self)
{
    sem_post(self);
}

static void *
run_acceptor(void *acceptor)
{
    assert_int_equal(acceptor_run(acceptor, NULL), 0);
    return NULL;
}

static void
await_tidying(void)
{
    struct timespec end;
    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PLAYHOUSE_PATIENCE_MS / 1000;
    assert_int_equal(sem_timedwait(&tidied, &end), 0);
}

static void
without_a_request_it_tidies_up_again_and_again(void **state)
{
    (void)state;
    static const struct signalfd_siginfo told = {.ssi_signo = SIGTERM};
    int signals[2];
    pthread_t thread;
    struct workers *workers = playhouse_open_unwatched(1, PLAYHOUSE_PATIENCE_MS);
    assert_int_equal(pipe2(signals, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(sem_init(&tidied, 0, 0), 0);
    struct acceptor acceptor = {.workers = workers,
                                .signal_fd = signals[0],
                                .tidy = tidy,
                                .self = &tidied,
                                .tidy_every_ms = 1};
    assert_int_equal(pthread_create(&thread, NULL, run_acceptor, &acceptor), 0);
    await_tidying();
    await_tidying();
    assert_int_equal(write(signals[1], &told, sizeof(told)), sizeof(told));
    assert_int_equal(pthread_join(thread, NULL), 0);
    playhouse_end(workers);
    (void)close(signals[0]);
    (void)close(signals[1]);
    (void)sem_destroy(&tidied);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_request_it_tidies_up_again_and_again),
    };
    return cmocka_run_group_tests_name("edge/acceptor, tidying", tests, NULL, NULL);
}
