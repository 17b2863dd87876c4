/* test_wait.c - what wakes a waiting transfer, and what does not. */
#include "trial.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define READ                                                                                       \
    {                                                                                              \
        .verb = RAW_READ                                                                           \
    }
#define HOLD                                                                                       \
    {                                                                                              \
        .verb = RAW_HOLD                                                                           \
    }
#define WAIT                                                                                       \
    {                                                                                              \
        .verb = RAW_WAIT                                                                           \
    }
#define QUIET_MS 300    /* after which no timer of the library's own wakes the wait by chance */
#define AT_ONCE_MS 2000 /* from then; a slow machine is no fault */
#define GIVE_UP_MS 5000

/* What is watched: an epoll instance, as the edge has one for each request, that holds a socket
 * whose other end is `far_fd`. */
static struct {
    int wait_fd, near_fd, far_fd;
} line;

static void
open_line(void)
{
    struct epoll_event event = {.events = EPOLLRDHUP};
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    line.near_fd = ends[0];
    line.far_fd = ends[1];
    line.wait_fd = epoll_create1(EPOLL_CLOEXEC);
    assert_int_equal(epoll_ctl(line.wait_fd, EPOLL_CTL_ADD, line.near_fd, &event), 0);
}

static void
close_line(void)
{
    close(line.wait_fd);
    close(line.near_fd);
    close(line.far_fd);
}

/* From the upstream's thread, when nothing but the watched descriptor can wake the wait. */
static void
shut_down_writing(void *trial)
{
    (void)trial;
    shutdown(line.far_fd, SHUT_WR);
}

static void
write_a_byte(void *trial)
{
    (void)trial;
    (void)!write(line.far_fd, "x", 1);
}

static void
run_watching(struct trial *trial, const struct rawserver_script *script)
{
    trial_open(trial, script, 1, NULL, &trial_options);
    trial->observer = (struct trial_observer){.is_watching = true,
                                              .watch_fd = line.wait_fd,
                                              .stops_at_revents = true,
                                              .releases_after_ms = QUIET_MS,
                                              .stops_after_ms = GIVE_UP_MS};
    trial_get(trial);
}

static void
assert_stopped_at_once(const struct trial *trial)
{
    assert_string_equal(wire_fault_name(trial->reply.fault), "stopped");
    assert_true(trial->took_ms < QUIET_MS + AT_ONCE_MS);
    assert_int_equal(trial->revents, POLLIN);
    assert_true(trial->watches < 50);
}

static void
a_hang_up_wakes_the_wait_for_a_silent_upstream(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {READ, WAIT, {.verb = RAW_CALL, .call = shut_down_writing}, HOLD}};
    struct trial trial;
    open_line();
    run_watching(&trial, &script);
    assert_stopped_at_once(&trial);
    trial_close(&trial);
    close_line();
}

static void
a_hang_up_in_the_middle_of_a_body_wakes_the_wait(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {READ,
         RAW_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello"),
         WAIT,
         {.verb = RAW_CALL, .call = shut_down_writing},
         HOLD}};
    struct trial trial;
    open_line();
    run_watching(&trial, &script);
    assert_stopped_at_once(&trial);
    assert_string_equal(buf_text(&trial.body), "hello");
    trial_close(&trial);
    close_line();
}

static void
a_hang_up_that_was_there_before_is_seen(void **state)
{
    (void)state;
    static const struct rawserver_script script = {{READ, HOLD}};
    struct trial trial;
    open_line();
    shut_down_writing(NULL);
    run_watching(&trial, &script);
    assert_stopped_at_once(&trial);
    trial_close(&trial);
    close_line();
}

static void
what_is_not_ready_neither_wakes_nor_spins(void **state)
{
    (void)state;
    static const struct rawserver_script script = {{READ, HOLD}};
    struct trial trial;
    open_line();
    write_a_byte(NULL); /* the socket is readable, what is watched is not */
    trial_open(&trial, &script, 1, NULL, &trial_options);
    trial.observer = (struct trial_observer){
        .is_watching = true, .watch_fd = line.wait_fd, .stops_after_ms = QUIET_MS};
    trial_get(&trial);
    assert_string_equal(wire_fault_name(trial.reply.fault), "stopped");
    assert_int_equal(trial.revents, 0);
    assert_true(trial.watches < 50);
    trial_close(&trial);
    close_line();
}

/* The edge's wake-up at the end of the process: readable until somebody looks. */
static void
what_the_observer_takes_back_wakes_once(void **state)
{
    (void)state;
    static const struct rawserver_script script = {{READ, HOLD}};
    struct trial trial;
    int wake_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    trial_open(&trial, &script, 1, NULL, &trial_options);
    trial.observer = (struct trial_observer){
        .is_watching = true, .watch_fd = wake_fd, .takes_back = true, .stops_after_ms = QUIET_MS};
    trial_get(&trial);
    assert_string_equal(wire_fault_name(trial.reply.fault), "stopped");
    assert_int_equal(trial.revents, POLLIN);
    assert_true(trial.watches < 50);
    trial_close(&trial);
    close(wake_fd);
}

static void
a_stopped_exchange_closes_its_connection_before_it_returns(void **state)
{
    (void)state;
    static const struct rawserver_script script = {{READ, HOLD}};
    struct trial trial;
    trial_open(&trial, &script, 1, NULL, &trial_options);
    trial.observer = (struct trial_observer){.stops_after_ms = 20};
    trial_get(&trial);
    assert_int_equal(trial.reply.fault, WIRE_STOPPED);
    uint64_t until_ms = clock_boot_ms() + AT_ONCE_MS;
    while (rawserver_held_ends(trial.server) == 0 && clock_boot_ms() < until_ms)
        clock_sleep_ms(1); /* the upstream's thread has to see it */
    assert_int_equal(rawserver_held_ends(trial.server), 1);
    trial_close(&trial);
}

/* U36: no limit of the library's on slow answers gets in the way; only the observer's clock counts.
 */
static void
a_dripping_answer_is_left_to_the_observer(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {READ,
         RAW_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n."),
         {.verb = RAW_WAIT},
         RAW_BYTES("."),
         {.verb = RAW_WAIT},
         RAW_BYTES(".")}};
    struct trial trial;
    trial_open(&trial, &script, 1, NULL, &trial_options);
    trial.observer = (struct trial_observer){.releases_at_head = true, .releases_at_bytes = true};
    trial_get(&trial);
    assert_true(trial.reply.body_complete);
    assert_string_equal(buf_text(&trial.body), "...");
    trial_close(&trial);
}

int
main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hang_up_wakes_the_wait_for_a_silent_upstream),
        cmocka_unit_test(a_hang_up_in_the_middle_of_a_body_wakes_the_wait),
        cmocka_unit_test(a_hang_up_that_was_there_before_is_seen),
        cmocka_unit_test(what_is_not_ready_neither_wakes_nor_spins),
        cmocka_unit_test(what_the_observer_takes_back_wakes_once),
        cmocka_unit_test(a_stopped_exchange_closes_its_connection_before_it_returns),
        cmocka_unit_test(a_dripping_answer_is_left_to_the_observer),
    };
    return cmocka_run_group_tests_name("transfer: the wait", tests, NULL, NULL);
}
