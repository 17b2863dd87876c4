/* house.c - what postern.fcgi puts together, with semaphores to stand at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "house.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "edge/acceptor.h"
#include "edge/signals.h"

const char *const house_params[] = {"REQUEST_METHOD=GET", NULL};

struct house house;

void
house_await(sem_t *semaphore)
{
    struct timespec end;
    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += HOUSE_PATIENCE_MS / 1000;
    assert_int_equal(sem_timedwait(semaphore, &end), 0);
}

void
house_answer(struct exchange *exchange, int status, const char *text)
{
    const struct wire_headers headers = {NULL, 0};
    exchange->sink.head(exchange->sink.self, status, &headers);
    exchange->sink.bytes(exchange->sink.self, span_from(text));
    exchange->sink.flush(exchange->sink.self);
}

static bool
rest(void *self, int fd)
{
    (void)self;
    return workers_rest(house.workers, fd, house.drain.wake_fd, house.rest_ms);
}

static void
run_connection(void *self, int fd, bool is_overload)
{
    (void)self;
    fcgi_answer(&house.fcgi, fd, is_overload);
}

static void
tidy(void *self)
{
    sem_post(self);
}

static void *
run_acceptor(void *self)
{
    (void)self;
    const struct acceptor acceptor = {.workers = house.workers,
                                      .signal_fd = house.signal_fd,
                                      .tidy = tidy,
                                      .self = &house.tidied,
                                      .tidy_every_ms = 1};
    house.rc = acceptor_run(&acceptor, NULL);
    return NULL;
}

void
house_open(exchange_serve_fn serve, unsigned threads_max)
{
    assert_int_equal(listener_open(&house.listener, house.address, NULL), 0);
    const struct workers_options options = {.listen_fd = house.listener.fd,
                                            .threads_max = threads_max,
                                            .idle_ms = HOUSE_PATIENCE_MS,
                                            .run = run_connection};
    assert_int_equal(drain_init(&house.drain, NULL), 0);
    house.fcgi =
        (struct fcgi_server){.serve = serve, .drain = &house.drain, .refusals = &house.refusals};
    house.fcgi.rest = rest;
    house.rest_ms = HOUSE_PATIENCE_MS;
    house.workers = workers_new(&options, NULL);
    assert_non_null(house.workers);
    house.signal_fd = signals_open(NULL);
    sem_init(&house.reached, 0, 0);
    sem_init(&house.go_on, 0, 0);
    sem_init(&house.tidied, 0, 0);
    assert_int_equal(pthread_create(&house.thread, NULL, run_acceptor, NULL), 0);
}

void
house_end_accepting(int number)
{
    assert_int_equal(kill(getpid(), number), 0);
    (void)pthread_join(house.thread, NULL);
    assert_int_equal(house.rc, 0);
    listener_close(&house.listener);
}

void
house_close(void)
{
    assert_true(workers_stop(house.workers, HOUSE_PATIENCE_MS));
    workers_free(house.workers);
    drain_fini(&house.drain);
    (void)close(house.signal_fd);
    sem_destroy(&house.reached);
    sem_destroy(&house.go_on);
    sem_destroy(&house.tidied);
}

int
house_ask(void)
{
    int fd = fcgirecord_connect(house.address);
    assert_true(fd >= 0);
    assert_int_equal(fcgirecord_request(fd, house_params, span_of(NULL, 0)), 0);
    return fd;
}

void
house_expect(int fd, enum fcgirecord_verdict verdict, const char *text)
{
    struct fcgirecord_reply reply;
    fcgirecord_reply_init(&reply);
    assert_int_equal(fcgirecord_read(fd, &reply, NULL, HOUSE_PATIENCE_MS), verdict);
    assert_string_equal(buf_text(&reply.out), text);
    fcgirecord_reply_fini(&reply);
    (void)close(fd);
}
