/* Socket, acceptor, threads and FastCGI together: overload, out of descriptors, and the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/acceptor.h"
#include "edge/fcgi.h"
#include "edge/listener.h"
#include "edge/signals.h"
#include "edge/workers.h"
#include "house.h"

#define CLIENTS_MAX 256
#define FILLED_BELOW 200

static char directory[] = "/tmp/postern-acceptor-XXXXXX";

/* A request that takes as long as the test wants. */
static void
serve_slowly(void *self, struct exchange *exchange)
{
    (void)self;
    if (exchange->is_overload) {
        house_answer(exchange, 503, "busy");
        return;
    }
    sem_post(&house.reached);
    house_await(&house.go_on);
    house_answer(exchange, 200, "done");
}

/* A stream without an end, but for the one that the process sets. */
static void
serve_stream(void *self, struct exchange *exchange)
{
    (void)self;
    house_answer(exchange, 200, "data: first\n\n");
    sem_post(&house.reached);
    while (atomic_load(exchange->drain_deadline_ms) == 0) {
        (void)poll(exchange->sink.waits, SINK_WAITS,
                   2 * HOUSE_PATIENCE_MS); /* longer than the client waits */
        if (exchange->sink.is_gone(exchange->sink.self))
            return;
    }
    exchange->sink.bytes(exchange->sink.self, span_from("data: error\n\n"));
    exchange->sink.flush(exchange->sink.self);
}

static void
of_ten_requests_at_limit_four_six_get_503_at_once(void **state)
{
    (void)state;
    int fds[10];
    house_open(serve_slowly, 4);
    for (int i = 0; i < 4; i++) {
        fds[i] = house_ask();
        house_await(&house.reached);
    }
    for (int i = 4; i < 10; i++)
        fds[i] = house_ask();
    for (int i = 4; i < 10; i++) /* while the four are still being served */
        house_expect(fds[i], FCGIRECORD_ENDED, "Status: 503 Service Unavailable\r\n\r\nbusy");
    for (int i = 0; i < 4; i++)
        sem_post(&house.go_on);
    for (int i = 0; i < 4; i++)
        house_expect(fds[i], FCGIRECORD_ENDED, "Status: 200 OK\r\n\r\ndone");
    house_end_accepting(SIGTERM);
    house_close();
}

static void
after_the_signal_running_requests_finish_and_nobody_new_gets_in(void **state)
{
    (void)state;
    static const int numbers[] = {SIGTERM, SIGUSR1, SIGINT};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        house_open(serve_slowly, 4);
        int fd = house_ask();
        house_await(&house.reached);
        house_end_accepting(numbers[i]);
        assert_int_equal(fcgirecord_connect(house.address), -1);
        drain_begin(&house.drain, clock_boot_ms() + HOUSE_PATIENCE_MS);
        sem_post(&house.go_on);
        house_expect(fd, FCGIRECORD_ENDED, "Status: 200 OK\r\n\r\ndone");
        house_close();
    }
}

static void
streams_are_woken_by_the_end_and_finish_in_time(void **state)
{
    (void)state;
    int fds[CLIENTS_MAX];
    house_open(serve_stream, CLIENTS_MAX);
    for (int i = 0; i < CLIENTS_MAX; i++)
        fds[i] = house_ask();
    for (int i = 0; i < CLIENTS_MAX; i++)
        house_await(&house.reached);
    assert_int_equal(workers_view(house.workers).threads, CLIENTS_MAX);
    house_end_accepting(SIGTERM);
    drain_begin(&house.drain, clock_boot_ms());
    for (int i = 0; i < CLIENTS_MAX; i++)
        house_expect(fds[i], FCGIRECORD_ENDED,
                     "Status: 200 OK\r\n\r\ndata: first\n\ndata: error\n\n");
    house_close();
}

static void
who_connects_and_goes_takes_no_thread_away(void **state)
{
    (void)state;
    house_open(serve_slowly, 1);
    for (int i = 0; i < 50; i++) {
        int fd = fcgirecord_connect(house.address);
        assert_true(fd >= 0);
        (void)close(fd);
    }
    sem_post(&house.go_on);
    for (;;) { /* the only thread may be busy with one of them for a moment */
        struct fcgirecord_reply reply;
        fcgirecord_reply_init(&reply);
        int fd = house_ask();
        assert_int_equal(fcgirecord_read(fd, &reply, NULL, HOUSE_PATIENCE_MS), FCGIRECORD_ENDED);
        bool served = strstr(buf_text(&reply.out), "done") != NULL;
        fcgirecord_reply_fini(&reply);
        (void)close(fd);
        if (served)
            break;
    }
    house_end_accepting(SIGTERM);
    house_close();
}

static void
serve_at_once(void *self, struct exchange *exchange)
{
    (void)self;
    house_answer(exchange, exchange->is_overload ? 503 : 200,
                 exchange->is_overload ? "busy" : "done");
}

/* A request on a connection that is to be kept; its answer is read. */
static void
ask_on(int fd)
{
    struct fcgirecord_reply reply;
    fcgirecord_reply_init(&reply);
    assert_int_equal(fcgirecord_begin(fd, 1, 1), 0);
    fcgirecord_send(fd, FCGIRECORD_PARAMS, span_from("\16\3REQUEST_METHODGET"));
    fcgirecord_send(fd, FCGIRECORD_PARAMS, span_of(NULL, 0));
    fcgirecord_send(fd, FCGIRECORD_STDIN, span_of(NULL, 0));
    assert_int_equal(fcgirecord_read(fd, &reply, NULL, HOUSE_PATIENCE_MS), FCGIRECORD_ENDED);
    assert_string_equal(buf_text(&reply.out), "Status: 200 OK\r\n\r\ndone");
    fcgirecord_reply_fini(&reply);
}

static void
await_resting(unsigned resting)
{
    uint64_t end_ms = clock_boot_ms() + HOUSE_PATIENCE_MS;
    while (workers_view(house.workers).resting != resting && clock_boot_ms() < end_ms)
        (void)sched_yield();
    assert_int_equal(workers_view(house.workers).resting, resting);
}

/* Between the end of an answer and its next wait a thread is as busy as before. */
static void
await_idle(void)
{
    uint64_t end_ms = clock_boot_ms() + HOUSE_PATIENCE_MS;
    while (workers_view(house.workers).idle == 0 && clock_boot_ms() < end_ms)
        (void)sched_yield();
    assert_true(workers_view(house.workers).idle > 0);
}

static void
a_kept_connection_gives_its_thread_to_a_new_one(void **state)
{
    (void)state;
    int kept[2];
    house_open(serve_at_once, 2);
    for (int i = 0; i < 2; i++) {
        kept[i] = fcgirecord_connect(house.address);
        ask_on(kept[i]);
        ask_on(kept[i]);
        await_resting((unsigned)i + 1);
    }
    /* both threads rest, and none of these is told "busy" */
    for (int i = 0; i < 20; i++) {
        int fd = fcgirecord_connect(house.address);
        ask_on(fd);
        (void)close(fd);
        await_idle();
    }
    for (int i = 0; i < 2; i++)
        (void)close(kept[i]);
    await_resting(0);
    house_end_accepting(SIGTERM);
    house_close();
}

/* Those that rest may get a request in the moment in which they are recalled. */
static void *
ask_again_and_again(void *self)
{
    (void)self;
    for (int i = 0; i < 300; i++) {
        struct fcgirecord_reply reply;
        int fd = fcgirecord_connect(house.address);
        fcgirecord_reply_init(&reply);
        for (int j = 0; j < 3 && fd >= 0; j++) {
            (void)fcgirecord_begin(fd, 1, 1);
            (void)fcgirecord_send(fd, FCGIRECORD_PARAMS, span_from("\16\3REQUEST_METHODGET"));
            (void)fcgirecord_send(fd, FCGIRECORD_PARAMS, span_of(NULL, 0));
            (void)fcgirecord_send(fd, FCGIRECORD_STDIN, span_of(NULL, 0));
            if (fcgirecord_read(fd, &reply, NULL, HOUSE_PATIENCE_MS) != FCGIRECORD_ENDED)
                break; /* it was given up; the first request of one never is */
            if (j == 0)
                sem_post(&house.reached);
        }
        fcgirecord_reply_fini(&reply);
        (void)close(fd);
    }
    return NULL;
}

static void
threads_are_recalled_while_requests_come_and_none_gets_lost(void **state)
{
    (void)state;
    pthread_t askers[4];
    int first = 0;
    house_open(serve_at_once, 2);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&askers[i], NULL, ask_again_and_again, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        (void)pthread_join(askers[i], NULL);
    (void)sem_getvalue(&house.reached, &first);
    assert_int_equal(first, 4 * 300);
    await_resting(0);
    await_idle();
    int fd = fcgirecord_connect(house.address); /* and somebody watches */
    ask_on(fd);
    (void)close(fd);
    house_end_accepting(SIGTERM);
    house_close();
}

static void
a_silent_kept_connection_is_closed_in_time(void **state)
{
    (void)state;
    char byte;
    house_open(serve_at_once, 2);
    house.rest_ms = 1;
    int fd = fcgirecord_connect(house.address);
    ask_on(fd);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    (void)close(fd);
    house_end_accepting(SIGTERM);
    house_close();
}

static void
the_end_of_the_process_does_not_wait_for_kept_connections(void **state)
{
    (void)state;
    house_open(serve_at_once, 2);
    int fd = fcgirecord_connect(house.address);
    ask_on(fd);
    await_resting(1);
    house_end_accepting(SIGTERM);
    drain_begin(&house.drain, 77);
    house_close();
    (void)close(fd);
}

/* Leaves no number below FILLED_BELOW free. Returns how many it took. */
static int
take_descriptors(int fds[FILLED_BELOW + 1])
{
    int count = 0;
    do {
        fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(fds[count] >= 0);
    } while (fds[count++] < FILLED_BELOW);
    return count;
}

static void
without_a_descriptor_left_a_request_is_answered_503(void **state)
{
    (void)state;
    struct rlimit before, tight;
    int fillers[FILLED_BELOW + 1];
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    house_open(serve_slowly, 4);
    sem_post(&house.go_on);
    house_expect(house_ask(), FCGIRECORD_ENDED, "Status: 200 OK\r\n\r\ndone");

    struct workers_view view;
    do { /* until all are idle: then its connection is closed */
        (void)sched_yield();
        view = workers_view(house.workers);
    } while (view.idle < view.threads);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(to.sun_path, house.listener.path, sizeof(to.sun_path));
    int count = take_descriptors(fillers);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = FILLED_BELOW;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    assert_int_equal(connect(client, (const struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(fcgirecord_request(client, house_params, span_of(NULL, 0)), 0);
    house_expect(client, FCGIRECORD_ENDED, "Status: 503 Service Unavailable\r\n\r\nbusy");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (count > 0)
        (void)close(fillers[--count]);

    sem_post(&house.go_on); /* and it goes on */
    house_expect(house_ask(), FCGIRECORD_ENDED, "Status: 200 OK\r\n\r\ndone");
    house_end_accepting(SIGTERM);
    house_close();
}

static int
prepare(void **state)
{
    (void)state;
    log_open(STDERR_FILENO, LOG_LEVEL_ERROR);
    signals_block();
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(house.address, sizeof(house.address), "unix:%s/socket", directory);
    return 0;
}

static int
clean_up(void **state)
{
    (void)state;
    return rmdir(directory);
}

static void
without_a_request_it_tidies_up_again_and_again(void **state)
{
    (void)state;
    house_open(serve_slowly, 1);
    house_await(&house.tidied);
    house_await(&house.tidied);
    int fd = house_ask();
    house_await(&house.reached);
    house_await(&house.tidied); /* and while all threads are busy */
    sem_post(&house.go_on);
    house_expect(fd, FCGIRECORD_ENDED, "Status: 200 OK\r\n\r\ndone");
    house_end_accepting(SIGTERM);
    house_close();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_ten_requests_at_limit_four_six_get_503_at_once),
        cmocka_unit_test(after_the_signal_running_requests_finish_and_nobody_new_gets_in),
        cmocka_unit_test(streams_are_woken_by_the_end_and_finish_in_time),
        cmocka_unit_test(who_connects_and_goes_takes_no_thread_away),
        cmocka_unit_test(a_kept_connection_gives_its_thread_to_a_new_one),
        cmocka_unit_test(threads_are_recalled_while_requests_come_and_none_gets_lost),
        cmocka_unit_test(a_silent_kept_connection_is_closed_in_time),
        cmocka_unit_test(the_end_of_the_process_does_not_wait_for_kept_connections),
        cmocka_unit_test(without_a_descriptor_left_a_request_is_answered_503),
        cmocka_unit_test(without_a_request_it_tidies_up_again_and_again),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
