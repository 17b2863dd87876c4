/* test_connection.c - connecting, and using a connection again. */
#include "trial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY RAW_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
#define READ                                                                                       \
    {                                                                                              \
        .verb = RAW_READ                                                                           \
    }
#define AGAIN                                                                                      \
    {                                                                                              \
        .verb = RAW_AGAIN                                                                          \
    }

static const struct rawserver_script answering = {{READ, REPLY, AGAIN}};

static void
run_at(struct trial *trial, const char *origin, uint64_t connect_timeout_ms)
{
    char url[TRIAL_URL_MAX];
    (void)snprintf(url, sizeof url, "%s/", origin);
    const struct wire_request request = {
        .method = "GET", .url = url, .origin = origin, .connect_timeout_ms = connect_timeout_ms};
    trial_run(trial, &request);
}

/* --- connecting ----------------------------------------------------------- */

static void
u01_a_name_that_does_not_exist_is_a_resolve_fault(void **state)
{
    (void)state;
    struct trial trial;
    trial_open(&trial, NULL, 0, NULL, &trial_options);
    run_at(&trial, "http://x.invalid:80", 5000);
    assert_string_equal(wire_fault_name(trial.reply.fault), "resolve");
    assert_false(trial.reply.reused_connection);
    trial_close(&trial);
}

static void
u03_a_refused_connection_is_told_at_once_with_its_errno(void **state)
{
    (void)state;
    struct trial trial;
    trial_open(&trial, NULL, 0, NULL, &trial_options);
    run_at(&trial, "http://127.0.0.1:9", 5000);
    assert_string_equal(wire_fault_name(trial.reply.fault), "connect");
    assert_int_equal(trial.reply.os_errno, ECONNREFUSED);
    assert_int_equal(trial.reply.status, 0);
    assert_int_equal(trial.reply.first_byte_us, 0);
    assert_false(trial.reply.reused_connection);
    trial_close(&trial);
}

/* A listener whose backlog is full answers no SYN. */
static void
u04_a_connection_that_does_not_come_is_given_up_in_time(void **state)
{
    (void)state;
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t place_len = sizeof place;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&place, sizeof place), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&place, &place_len), 0);
    int fillers[4];
    for (size_t i = 0; i < sizeof fillers / sizeof fillers[0]; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&place, sizeof place);
    }
    char origin[64];
    (void)snprintf(origin, sizeof origin, "http://127.0.0.1:%u", ntohs(place.sin_port));

    struct trial trial;
    trial_open(&trial, NULL, 0, NULL, &trial_options);
    run_at(&trial, origin, 300);
    assert_string_equal(wire_fault_name(trial.reply.fault), "connect_timeout");
    assert_true(trial.took_ms >= 250 && trial.took_ms < 3000);
    trial_close(&trial);
    for (size_t i = 0; i < sizeof fillers / sizeof fillers[0]; i++)
        close(fillers[i]);
    close(listener);
}

/* Runs while `spare` descriptors are left to the process. */
static void
run_short_of_descriptors(struct trial *trial, const char *origin, rlim_t spare)
{
    struct rlimit before, tight;
    int lowest = fcntl(0, F_DUPFD_CLOEXEC, 3);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = (struct rlimit){.rlim_cur = (rlim_t)lowest + spare, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    run_at(trial, origin, 2000);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void
a_host_without_descriptors_blames_itself(void **state)
{
    (void)state;
    static const struct {
        const char *origin;
        rlim_t spare;
    } cases[] = {{"http://127.0.0.1:9", 0},  {"http://127.0.0.1:9", 2},  {"http://x.invalid:80", 0},
                 {"http://x.invalid:80", 1}, {"http://x.invalid:80", 2}, {"http://x.invalid:80", 3},
                 {"http://x.invalid:80", 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial trial;
        trial_open(&trial, NULL, 0, NULL, &trial_options);
        run_short_of_descriptors(&trial, cases[i].origin, cases[i].spare);
        assert_string_equal(wire_fault_name(trial.reply.fault), "local");
        trial_close(&trial);
    }
}

/* --- using it again ------------------------------------------------------- */

static void
the_second_exchange_uses_the_connection_of_the_first(void **state)
{
    (void)state;
    struct trial trial;
    trial_open(&trial, &answering, 1, NULL, &trial_options);
    trial_get(&trial);
    assert_false(trial.reply.reused_connection);
    assert_true(trial.reply.connect_us > 0);
    assert_true(trial.reply.first_byte_us >= trial.reply.connect_us);
    assert_false(trial.reply_at_head.reused_connection);
    trial_get(&trial);
    assert_true(trial.reply.reused_connection);
    assert_true(trial.reply_at_head.reused_connection);
    assert_int_equal(trial.reply.connect_us, 0);
    assert_true(trial.reply.first_byte_us > 0);
    assert_int_equal(rawserver_accepts(trial.server), 1);
    assert_int_equal(rawserver_requests(trial.server), 2);
    trial_close(&trial);
}

static void
a_connection_to_one_origin_is_never_used_for_another(void **state)
{
    (void)state;
    struct trial trial;
    trial_open(&trial, &answering, 1, NULL, &trial_options);
    trial_get(&trial);
    trial_end(&trial);
    char by_name[TRIAL_URL_MAX];
    (void)snprintf(by_name, sizeof by_name, "http://localhost%s",
                   strrchr(rawserver_origin(trial.server), ':'));
    run_at(&trial, by_name, 5000);
    assert_int_equal(trial.reply.status, 200);
    assert_false(trial.reply.reused_connection);
    assert_int_equal(rawserver_accepts(trial.server), 2);
    trial_close(&trial);
}

static void
a_connection_whose_exchange_failed_is_not_used_again(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        {{READ, RAW_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), {.verb = RAW_HOLD}}},
        {{READ, REPLY, AGAIN}},
    };
    struct trial trial;
    trial_open(&trial, scripts, 2, NULL, &trial_options);
    trial.observer.stops_at_bytes = true;
    trial_get(&trial);
    assert_int_equal(trial.reply.fault, WIRE_STOPPED);
    trial.observer.stops_at_bytes = false;
    trial_get(&trial);
    assert_false(trial.reply.reused_connection);
    assert_int_equal(trial.reply.status, 200);
    trial_close(&trial);
}

static void
connection_close_is_obeyed(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {READ,
         RAW_BYTES("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
         {.verb = RAW_HOLD}}};
    struct trial trial;
    trial_open(&trial, &script, 1, NULL, &trial_options);
    trial_get(&trial);
    assert_true(trial.reply.body_complete);
    trial_get(&trial);
    assert_false(trial.reply.reused_connection);
    assert_int_equal(rawserver_accepts(trial.server), 2);
    trial_close(&trial);
}

/* The library has the one before it and reads the other. */
static const struct wire_body whole_and_in_parts[] = {
    {.present = true, .length = 7, .parts = {SPAN_LITERAL("{\"a\":1}")}},
    {.present = true,
     .length = 7,
     .parts = {SPAN_LITERAL("{\"a"), SPAN_LITERAL("\":"), SPAN_LITERAL("1}")}},
};

/* The upstream drops the idle connection when the next request comes in on it: the library sends it
 * again, once, on a fresh one. */
static void
a_request_that_met_a_dead_warm_connection_is_sent_again(void **state)
{
    (void)state;
    static const struct rawserver_script ends[] = {{{READ, REPLY, READ}},
                                                   {{READ, REPLY, READ, {.verb = RAW_RESET}}}};
    for (size_t i = 0; i < 4; i++) {
        const struct rawserver_script scripts[] = {ends[i / 2], answering};
        struct trial trial;
        trial_open(&trial, scripts, 2, NULL, &trial_options);
        struct wire_request request = trial_request(&trial, "POST");
        request.body = whole_and_in_parts[i % 2];
        trial_run(&trial, &request);
        trial_run(&trial, &request);
        assert_string_equal(wire_fault_name(trial.reply.fault), "none");
        assert_true(trial.reply.body_complete);
        assert_int_equal(trial.heads, 1);
        assert_true(trial.reply_at_head.has_all);
        assert_false(trial.reply.reused_connection);
        assert_int_equal(rawserver_accepts(trial.server), 2);
        assert_int_equal(rawserver_requests(trial.server), 3);
        assert_non_null(strstr(rawserver_last_request(trial.server), "{\"a\":1}"));
        trial_close(&trial);
    }
}

static void
a_request_that_was_answered_in_part_is_not_sent_again(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        {{READ, REPLY, READ, RAW_BYTES("HTTP/1.1 200 OK\r\nContent-")}},
        {{READ, REPLY, AGAIN}},
    };
    struct trial trial;
    trial_open(&trial, scripts, 2, NULL, &trial_options);
    trial_get(&trial);
    trial_get(&trial);
    assert_string_equal(wire_fault_name(trial.reply.fault), "cut");
    assert_int_equal(rawserver_accepts(trial.server), 1);
    trial_close(&trial);
}

/* --- many at once --------------------------------------------------------- */

#define THREADS 8
#define EXCHANGES 200

static int
take_head(void *self, const struct wire_reply *reply)
{
    (void)self;
    return reply->status == 200 ? 0 : -1;
}

static int
take_bytes(void *self, struct span bytes)
{
    size_t *total = self;
    *total += bytes.len;
    return 0;
}

static int
take_watch(void *self, uint64_t *wait_ms)
{
    (void)self;
    *wait_ms = 10000;
    return 0;
}

struct worker {
    struct trial *trial;
    struct wire_request request;
    pthread_t thread;
    unsigned good;
    size_t bytes;
};

static void *
work(void *self)
{
    struct worker *worker = self;
    struct pollfd waits[TRANSFER_WAITS] = {{.fd = -1}, {.fd = -1}};
    const struct transfer_observer observer = {.self = &worker->bytes,
                                               .head = take_head,
                                               .bytes = take_bytes,
                                               .watch = take_watch,
                                               .waits = waits};
    for (int i = 0; i < EXCHANGES; i++) {
        struct wire_reply reply;
        struct transfer *transfer =
            transfer_run(worker->trial->pool, &worker->request, &observer, &reply);
        worker->good += reply.body_complete;
        transfer_end(worker->trial->pool, transfer);
    }
    return NULL;
}

static void
eight_threads_share_the_pool(void **state)
{
    (void)state;
    struct worker workers[THREADS] = {0};
    struct trial trial;
    trial_open(&trial, &answering, 1, NULL, &trial_options);
    const struct wire_request request = trial_request(&trial, "GET");
    for (size_t i = 0; i < THREADS; i++) {
        workers[i].trial = &trial;
        workers[i].request = request;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].good, EXCHANGES);
        assert_int_equal(workers[i].bytes, 2 * EXCHANGES);
    }
    assert_int_equal(rawserver_requests(trial.server), THREADS * EXCHANGES);
    assert_true(rawserver_accepts(trial.server) <= THREADS);
    trial_close(&trial);
}

int
main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(u01_a_name_that_does_not_exist_is_a_resolve_fault),
        cmocka_unit_test(u03_a_refused_connection_is_told_at_once_with_its_errno),
        cmocka_unit_test(u04_a_connection_that_does_not_come_is_given_up_in_time),
        cmocka_unit_test(a_host_without_descriptors_blames_itself),
        cmocka_unit_test(the_second_exchange_uses_the_connection_of_the_first),
        cmocka_unit_test(a_connection_to_one_origin_is_never_used_for_another),
        cmocka_unit_test(a_connection_whose_exchange_failed_is_not_used_again),
        cmocka_unit_test(connection_close_is_obeyed),
        cmocka_unit_test(a_request_that_met_a_dead_warm_connection_is_sent_again),
        cmocka_unit_test(a_request_that_was_answered_in_part_is_not_sent_again),
        cmocka_unit_test(eight_threads_share_the_pool),
    };
    return cmocka_run_group_tests_name("transfer: connections", tests, NULL, NULL);
}
