/* test_watch.c - the client's hang-up wakes the wait at once, and nothing else keeps it awake. */
#include "trial.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
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

/* What the web server's end of the connection does, from the upstream's thread, when nothing but
 * the watch can wake the wait. */
static int ends[2]; /* [0] is watched */

static void
shut_down_writing(void *trial)
{
    (void)trial;
    shutdown(ends[1], SHUT_WR);
}

static void
close_end(void *trial)
{
    (void)trial;
    close(ends[1]);
    ends[1] = -1;
}

static void
write_a_byte(void *trial)
{
    (void)trial;
    (void)!write(ends[1], "x", 1);
}

static void
open_ends(void)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static void
close_ends(void)
{
    close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
}

static void
run_watching(struct trial *trial, const struct rawserver_script *script, short events)
{
    trial_open(trial, script, 1, NULL, &trial_options);
    trial->observer = (struct trial_observer){.is_watching = true,
                                              .watch_fd = ends[0],
                                              .watch_events = events,
                                              .stops_at_revents = true,
                                              .releases_after_ms = QUIET_MS,
                                              .stops_after_ms = GIVE_UP_MS};
    trial_get(trial);
}

static void
assert_stopped_at_once(const struct trial *trial, short revents)
{
    assert_string_equal(wire_fault_name(trial->reply.fault), "stopped");
    assert_true(trial->took_ms < QUIET_MS + AT_ONCE_MS);
    assert_int_equal(trial->revents & revents, revents);
    assert_true(trial->watches < 50);
}

static void
a_half_close_wakes_the_wait_for_a_silent_upstream(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {READ, WAIT, {.verb = RAW_CALL, .call = shut_down_writing}, HOLD}};
    static const short events[] = {POLLIN | POLLRDHUP, POLLRDHUP};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        struct trial trial;
        open_ends();
        run_watching(&trial, &script, events[i]);
        assert_stopped_at_once(&trial, POLLRDHUP);
        trial_close(&trial);
        close_ends();
    }
}

static void
a_half_close_that_was_there_before_is_seen(void **state)
{
    (void)state;
    static const struct rawserver_script script = {{READ, HOLD}};
    struct trial trial;
    open_ends();
    shut_down_writing(NULL);
    run_watching(&trial, &script, POLLRDHUP);
    assert_stopped_at_once(&trial, POLLRDHUP);
    trial_close(&trial);
    close_ends();
}

static void
a_full_close_is_seen_without_asking_for_any_event(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {READ, WAIT, {.verb = RAW_CALL, .call = close_end}, HOLD}};
    struct trial trial;
    open_ends();
    run_watching(&trial, &script, 0);
    assert_stopped_at_once(&trial, POLLHUP);
    trial_close(&trial);
    close_ends();
}

static void
a_hang_up_behind_unread_bytes_is_seen(void **state)
{
    (void)state;
    static const struct rawserver_script script = {{READ,
                                                    WAIT,
                                                    {.verb = RAW_CALL, .call = write_a_byte},
                                                    {.verb = RAW_CALL, .call = shut_down_writing},
                                                    HOLD}};
    struct trial trial;
    open_ends();
    write_a_byte(NULL);
    run_watching(&trial, &script, POLLIN | POLLRDHUP);
    assert_stopped_at_once(&trial, POLLIN | POLLRDHUP);
    trial_close(&trial);
    close_ends();
}

/* A connection that stays readable, or half-closed as CGI's is from the start, is told once. */
static void
what_stays_true_does_not_spin(void **state)
{
    (void)state;
    static const struct rawserver_script script = {{READ, HOLD}};
    for (int is_shut = 0; is_shut < 2; is_shut++) {
        struct trial trial;
        open_ends();
        write_a_byte(NULL);
        if (is_shut)
            shut_down_writing(NULL);
        trial_open(&trial, &script, 1, NULL, &trial_options);
        trial.observer = (struct trial_observer){.is_watching = true,
                                                 .watch_fd = ends[0],
                                                 .watch_events = POLLIN | POLLRDHUP,
                                                 .stops_after_ms = 200};
        trial_get(&trial);
        assert_string_equal(wire_fault_name(trial.reply.fault), "stopped");
        assert_true(trial.revents & POLLIN);
        assert_true(trial.watches < 50);
        trial_close(&trial);
        close_ends();
    }
}

static void
a_regular_file_is_not_watched_and_does_not_disturb(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {READ, RAW_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")}};
    struct trial trial;
    char path[] = "/tmp/postern-test-XXXXXX";
    ends[0] = mkstemp(path);
    ends[1] = -1;
    assert_true(ends[0] >= 0);
    unlink(path);
    run_watching(&trial, &script, POLLIN | POLLRDHUP);
    assert_int_equal(trial.reply.fault, WIRE_NO_FAULT);
    assert_int_equal(trial.revents, 0);
    trial_close(&trial);
    close_ends();
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
        cmocka_unit_test(a_half_close_wakes_the_wait_for_a_silent_upstream),
        cmocka_unit_test(a_half_close_that_was_there_before_is_seen),
        cmocka_unit_test(a_full_close_is_seen_without_asking_for_any_event),
        cmocka_unit_test(a_hang_up_behind_unread_bytes_is_seen),
        cmocka_unit_test(what_stays_true_does_not_spin),
        cmocka_unit_test(a_regular_file_is_not_watched_and_does_not_disturb),
        cmocka_unit_test(a_stopped_exchange_closes_its_connection_before_it_returns),
        cmocka_unit_test(a_dripping_answer_is_left_to_the_observer),
    };
    return cmocka_run_group_tests_name("transfer: the watched connection", tests, NULL, NULL);
}
