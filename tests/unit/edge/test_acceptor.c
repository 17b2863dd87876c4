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
#include "fcgirecord.h"

#define PATIENCE_MS 20000 /* only a failing test waits that long */
#define CLIENTS_MAX 256
#define FILLED_BELOW 200

static char directory[] = "/tmp/postern-acceptor-XXXXXX";
static char address[sizeof(directory) + 32];
static const char *const params[] = {"REQUEST_METHOD=GET", NULL};

static struct house {
    struct listener listener;
    struct drain drain;
    struct fcgi_server fcgi;
    struct workers *workers;
    int signal_fd;
    pthread_t thread;
    int rc;
    sem_t reached, go_on;
} house;

static void
await(sem_t *semaphore)
{
    struct timespec end;
    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_MS / 1000;
    assert_int_equal(sem_timedwait(semaphore, &end), 0);
}

static void
answer(struct exchange *exchange, int status, const char *text)
{
    const struct wire_headers headers = {NULL, 0};
    exchange->sink.head(exchange->sink.self, status, &headers);
    exchange->sink.bytes(exchange->sink.self, span_from(text));
    exchange->sink.flush(exchange->sink.self);
}

/* A request that takes as long as the test wants. */
static void
serve_slowly(void *self, struct exchange *exchange)
{
    (void)self;
    if (exchange->is_overload) {
        answer(exchange, 503, "busy");
        return;
    }
    sem_post(&house.reached);
    await(&house.go_on);
    answer(exchange, 200, "done");
}

/* A stream without an end, but for the one that the process sets. */
static void
serve_stream(void *self, struct exchange *exchange)
{
    (void)self;
    answer(exchange, 200, "data: first\n\n");
    sem_post(&house.reached);
    while (atomic_load(exchange->drain_deadline_ms) == 0) {
        (void)poll(exchange->sink.waits, SINK_WAITS,
                   2 * PATIENCE_MS); /* longer than the client waits */
        if (exchange->sink.is_gone(exchange->sink.self))
            return;
    }
    exchange->sink.bytes(exchange->sink.self, span_from("data: error\n\n"));
    exchange->sink.flush(exchange->sink.self);
}

static void
run_connection(void *self, int fd, bool is_overload)
{
    (void)self;
    fcgi_answer(&house.fcgi, fd, is_overload);
}

static void *
run_acceptor(void *self)
{
    (void)self;
    const struct acceptor acceptor = {.workers = house.workers, .signal_fd = house.signal_fd};
    house.rc = acceptor_run(&acceptor, NULL);
    return NULL;
}

static void
open_house(exchange_serve_fn serve, unsigned threads_max)
{
    assert_int_equal(listener_open(&house.listener, address, NULL), 0);
    const struct workers_options options = {.listen_fd = house.listener.fd,
                                            .threads_max = threads_max,
                                            .idle_ms = PATIENCE_MS,
                                            .run = run_connection};
    assert_int_equal(drain_init(&house.drain, NULL), 0);
    house.fcgi = (struct fcgi_server){.serve = serve, .drain = &house.drain};
    house.workers = workers_new(&options, NULL);
    assert_non_null(house.workers);
    house.signal_fd = signals_open(NULL);
    sem_init(&house.reached, 0, 0);
    sem_init(&house.go_on, 0, 0);
    assert_int_equal(pthread_create(&house.thread, NULL, run_acceptor, NULL), 0);
}

/* Asks for the end with a real signal; returns when nothing is accepted any more. */
static void
end_accepting(int number)
{
    assert_int_equal(kill(getpid(), number), 0);
    (void)pthread_join(house.thread, NULL);
    assert_int_equal(house.rc, 0);
    listener_close(&house.listener);
}

static void
close_house(void)
{
    assert_true(workers_stop(house.workers, PATIENCE_MS));
    workers_free(house.workers);
    drain_fini(&house.drain);
    (void)close(house.signal_fd);
    sem_destroy(&house.reached);
    sem_destroy(&house.go_on);
}

static int
ask(void)
{
    int fd = fcgirecord_connect(address);
    assert_true(fd >= 0);
    assert_int_equal(fcgirecord_request(fd, params, span_of(NULL, 0)), 0);
    return fd;
}

/* Reads the answer and closes. */
static void
assert_answer(int fd, enum fcgirecord_verdict verdict, const char *text)
{
    struct fcgirecord_reply reply;
    fcgirecord_reply_init(&reply);
    assert_int_equal(fcgirecord_read(fd, &reply, NULL, PATIENCE_MS), verdict);
    assert_string_equal(buf_text(&reply.out), text);
    fcgirecord_reply_fini(&reply);
    (void)close(fd);
}

static void
of_ten_requests_at_limit_four_six_get_503_at_once(void **state)
{
    (void)state;
    int fds[10];
    open_house(serve_slowly, 4);
    for (int i = 0; i < 4; i++) {
        fds[i] = ask();
        await(&house.reached);
    }
    for (int i = 4; i < 10; i++)
        fds[i] = ask();
    for (int i = 4; i < 10; i++) /* while the four are still being served */
        assert_answer(fds[i], FCGIRECORD_ENDED, "Status: 503 Service Unavailable\r\n\r\nbusy");
    for (int i = 0; i < 4; i++)
        sem_post(&house.go_on);
    for (int i = 0; i < 4; i++)
        assert_answer(fds[i], FCGIRECORD_ENDED, "Status: 200 OK\r\n\r\ndone");
    end_accepting(SIGTERM);
    close_house();
}

static void
after_the_signal_running_requests_finish_and_nobody_new_gets_in(void **state)
{
    (void)state;
    static const int numbers[] = {SIGTERM, SIGUSR1, SIGINT};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        open_house(serve_slowly, 4);
        int fd = ask();
        await(&house.reached);
        end_accepting(numbers[i]);
        assert_int_equal(fcgirecord_connect(address), -1);
        drain_begin(&house.drain, clock_boot_ms() + PATIENCE_MS);
        sem_post(&house.go_on);
        assert_answer(fd, FCGIRECORD_ENDED, "Status: 200 OK\r\n\r\ndone");
        close_house();
    }
}

static void
streams_are_woken_by_the_end_and_finish_in_time(void **state)
{
    (void)state;
    int fds[CLIENTS_MAX];
    open_house(serve_stream, CLIENTS_MAX);
    for (int i = 0; i < CLIENTS_MAX; i++)
        fds[i] = ask();
    for (int i = 0; i < CLIENTS_MAX; i++)
        await(&house.reached);
    assert_int_equal(workers_view(house.workers).threads, CLIENTS_MAX);
    end_accepting(SIGTERM);
    drain_begin(&house.drain, clock_boot_ms());
    for (int i = 0; i < CLIENTS_MAX; i++)
        assert_answer(fds[i], FCGIRECORD_ENDED,
                      "Status: 200 OK\r\n\r\ndata: first\n\ndata: error\n\n");
    close_house();
}

static void
who_connects_and_goes_takes_no_thread_away(void **state)
{
    (void)state;
    open_house(serve_slowly, 1);
    for (int i = 0; i < 50; i++) {
        int fd = fcgirecord_connect(address);
        assert_true(fd >= 0);
        (void)close(fd);
    }
    sem_post(&house.go_on);
    for (;;) { /* the only thread may be busy with one of them for a moment */
        struct fcgirecord_reply reply;
        fcgirecord_reply_init(&reply);
        int fd = ask();
        assert_int_equal(fcgirecord_read(fd, &reply, NULL, PATIENCE_MS), FCGIRECORD_ENDED);
        bool served = strstr(buf_text(&reply.out), "done") != NULL;
        fcgirecord_reply_fini(&reply);
        (void)close(fd);
        if (served)
            break;
    }
    end_accepting(SIGTERM);
    close_house();
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
    open_house(serve_slowly, 4);
    sem_post(&house.go_on);
    assert_answer(ask(), FCGIRECORD_ENDED, "Status: 200 OK\r\n\r\ndone");

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
    assert_int_equal(fcgirecord_request(client, params, span_of(NULL, 0)), 0);
    assert_answer(client, FCGIRECORD_ENDED, "Status: 503 Service Unavailable\r\n\r\nbusy");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (count > 0)
        (void)close(fillers[--count]);

    sem_post(&house.go_on); /* and it goes on */
    assert_answer(ask(), FCGIRECORD_ENDED, "Status: 200 OK\r\n\r\ndone");
    end_accepting(SIGTERM);
    close_house();
}

static int
prepare(void **state)
{
    (void)state;
    log_open(STDERR_FILENO, LOG_LEVEL_ERROR);
    signals_block();
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(address, sizeof(address), "unix:%s/socket", directory);
    return fcgi_init(NULL);
}

static int
clean_up(void **state)
{
    (void)state;
    return rmdir(directory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_ten_requests_at_limit_four_six_get_503_at_once),
        cmocka_unit_test(after_the_signal_running_requests_finish_and_nobody_new_gets_in),
        cmocka_unit_test(streams_are_woken_by_the_end_and_finish_in_time),
        cmocka_unit_test(who_connects_and_goes_takes_no_thread_away),
        cmocka_unit_test(without_a_descriptor_left_a_request_is_answered_503),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
