/* The store as the rest of postern sees it: files that vanish, shrink, change and fill up. */
#include "state/state.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakeclock.h"
#include "scratch.h"
#include "state/layout.h"

#define B UINT64_C(1700000000000)

static struct scratch scratch;
static struct err err;
static struct state_cell eu;

static const struct breaker_rules rules = {.failure_threshold = 3,
                                           .open_ms = 10000,
                                           .permits = 1,
                                           .lease_ms = 10000,
                                           .backoff_percent = 100,
                                           .open_max_ms = 10000};

static int
setup(void **unused)
{
    (void)unused;
    scratch_init(&scratch);
    fakeclock_set(1000000, B);
    struct upstream upstream = {
        .name = "eu", .origin = "https://eu.example:443", .base_path = "", .rules = rules};
    upstream_identify(&upstream, NULL, upstream.breaker_key);
    state_cell_name(&eu, &upstream, NULL);
    return 0;
}

static int
teardown(void **unused)
{
    (void)unused;
    scratch_fini(&scratch);
    return 0;
}

static struct state *
open_state(void)
{
    struct state *state = state_open(&scratch.options, &err);
    assert_non_null(state);
    return state;
}

static enum breaker_answer
ask(struct state *state)
{
    return state_admit(state, &eu, &rules, false).answer;
}

static void
fail_call(struct state *state, int times)
{
    for (int i = 0; i < times; i++) {
        struct breaker_permit permit = state_admit(state, &eu, &rules, false);
        struct breaker_report what = {.verdict = BREAKER_FAIL};
        assert_true(breaker_is_admitted(&permit));
        (void)state_report(state, &eu, &rules, &permit, &what, 500);
    }
}

/* As if the once-a-second look came due. */
static void
look(struct state *state)
{
    fakeclock_advance(1000);
    state_refresh(state);
}

/* --- sharing -------------------------------------------------------------- */

static void
two_stores_on_one_file_share_a_breaker(void **unused)
{
    (void)unused;
    struct state *one = open_state();
    struct state *two = open_state();
    fail_call(one, 2);
    fail_call(two, 1);
    assert_int_equal(ask(one), BREAKER_REJECTED_OPEN);
    assert_int_equal(ask(two), BREAKER_REJECTED_OPEN);
    assert_false(state_would_admit(two, &eu, &rules));
    assert_true(state_view(one).shared);
    assert_string_equal(state_view(one).path, scratch.path);
    assert_int_equal(state_now_ms(one), B);
    state_close(one);
    state_close(two);
}

static void
a_closed_store_is_found_as_it_was_left(void **unused)
{
    (void)unused;
    struct state *state = open_state();
    fail_call(state, 3);
    state_close(state);
    fakeclock_advance(4000);
    state = open_state();
    assert_int_equal(state_admit(state, &eu, &rules, false).wait_ms, 6000);
    state_close(state);
}

static int
open_and_fail_once(void *self)
{
    (void)self;
    struct state *state = state_open(&scratch.options, NULL);
    struct breaker_permit permit = state_admit(state, &eu, &rules, false);
    bool good = state_view(state).shared && permit.answer == BREAKER_ADMITTED;
    state_close(state);
    return good ? 0 : 1;
}

static void
sixteen_processes_that_start_at_once_share_one_file_and_one_cell(void **unused)
{
    (void)unused;
    assert_int_equal(scratch_race(16, open_and_fail_once, NULL), 16);
    struct state *state = open_state();
    assert_int_equal(state_cell_view(state, &eu, &rules).counters[STATE_ADMITTED], 16);
    assert_int_equal(state_view(state).cells_used, 1);
    assert_int_equal(scratch_count(&scratch, "state"), 1);
    state_close(state);
}

/* --- the file under the map ----------------------------------------------- */

static void
a_file_truncated_under_the_map_costs_its_memory_and_no_request(void **unused)
{
    (void)unused;
    struct state *state = open_state();
    fail_call(state, 3);
    assert_int_equal(truncate(scratch.path, 0), 0);
    assert_int_equal(ask(state), BREAKER_ADMITTED); /* SIGBUS, zero pages */
    assert_false(state_view(state).shared);
    assert_string_equal(state_view(state).why, "the file was truncated");
    fail_call(state, 3);
    assert_int_equal(ask(state), BREAKER_REJECTED_OPEN); /* alone, but it still decides */

    state_refresh(state); /* a loss is mended at once */
    assert_true(state_view(state).shared);
    assert_int_equal(state_view(state).attached, 2);
    assert_int_equal(ask(state), BREAKER_ADMITTED);
    assert_int_equal(scratch_count(&scratch, "state.bad-"), 1);
    state_close(state);
}

static void
a_truncation_that_nobody_stepped_into_is_seen_within_a_second(void **unused)
{
    (void)unused;
    struct state *state = open_state();
    assert_int_equal(truncate(scratch.path, 8192), 0);
    state_refresh(state);
    assert_int_equal(state_view(state).attached, 1); /* not yet: once a second */
    look(state);
    assert_int_equal(state_view(state).attached, 2);
    state_close(state);
}

static void
a_loss_that_cannot_be_mended_is_tried_again_once_a_second(void **unused)
{
    (void)unused;
    struct state *state = open_state();
    assert_int_equal(truncate(scratch.path, 0), 0);
    assert_int_equal(unlink(scratch.path), 0);
    assert_int_equal(mkdir(scratch.path, 0700), 0);
    assert_int_equal(ask(state), BREAKER_ADMITTED);
    state_refresh(state);
    assert_int_equal(rmdir(scratch.path), 0);
    state_refresh(state);
    assert_false(state_view(state).shared);
    look(state);
    assert_true(state_view(state).shared);
    state_close(state);
}

static void
processes_converge_after_the_file_was_replaced_by_rename(void **unused)
{
    (void)unused;
    struct state *old = open_state();
    fail_call(old, 1);
    assert_int_equal(rename(scratch.path, scratch_path(&scratch, "moved")), 0);
    fakeclock_step_wall(3600000); /* the new file's anchor is another one */
    struct state *new = open_state();
    fail_call(new, 2);
    look(old);
    assert_int_equal(state_view(old).attached, 2);
    assert_int_equal(state_now_ms(old), state_now_ms(new));
    fail_call(old, 1);
    assert_int_equal(ask(new), BREAKER_REJECTED_OPEN);
    state_close(old);
    state_close(new);
}

static void
processes_converge_after_the_file_was_deleted(void **unused)
{
    (void)unused;
    struct state *one = open_state();
    struct state *two = open_state();
    assert_int_equal(unlink(scratch.path), 0);
    look(one);
    look(two);
    fail_call(one, 2);
    fail_call(two, 1);
    assert_int_equal(ask(one), BREAKER_REJECTED_OPEN);
    assert_int_equal(scratch_count(&scratch, "state"), 1);
    state_close(one);
    state_close(two);
}

static void
a_header_that_is_overwritten_in_place_leads_to_a_new_file(void **unused)
{
    (void)unused;
    struct state *state = open_state();
    int fd = open(scratch.path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\xff", 1, 0x18), 1);
    assert_int_equal(close(fd), 0);
    look(state);
    assert_int_equal(state_view(state).attached, 2);
    assert_true(state_view(state).shared);
    assert_int_equal(scratch_count(&scratch, "state.bad-"), 1);
    state_close(state);
}

static void
a_handle_outlives_every_new_map(void **unused)
{
    (void)unused;
    struct state *state = open_state();
    struct breaker_permit permit = state_admit(state, &eu, &rules, false);
    assert_int_equal(unlink(scratch.path), 0);
    look(state);
    struct breaker_report what = {.verdict = BREAKER_FAIL};
    (void)state_report(state, &eu, &rules, &permit, &what, 500);
    assert_int_equal(state_cell_view(state, &eu, &rules).last_failure_reason, 500);
    state_close(state);
}

#define HAMMERS 3

static atomic_bool hammering;

static void *
hammer(void *self)
{
    struct state *state = self;
    while (hammering) {
        struct breaker_permit permit = state_admit(state, &eu, &rules, true);
        struct breaker_report what = {.verdict = BREAKER_OK};
        (void)state_report(state, &eu, &rules, &permit, &what, 0);
    }
    return NULL;
}

static void
threads_go_on_while_the_file_is_cut_removed_and_mapped_again(void **unused)
{
    (void)unused;
    struct state *state = open_state();
    pthread_t threads[HAMMERS];
    hammering = true;
    for (size_t i = 0; i < HAMMERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, state), 0);
    for (int round = 0; round < 60; round++) {
        if (round % 2)
            assert_int_equal(unlink(scratch.path), 0);
        else
            assert_int_equal(truncate(scratch.path, 0), 0);
        /* A thread that stepped into the old map may lose the new one once more. */
        do {
            look(state);
        } while (!state_view(state).shared);
    }
    hammering = false;
    for (size_t i = 0; i < HAMMERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(state_view(state).attached > 60);
    state_close(state);
}

/* --- without a file ------------------------------------------------------- */

static void
a_foreign_file_means_private_memory_and_one_line(void **unused)
{
    (void)unused;
    static const char text[] = "www.example.org\n";
    char after[sizeof(text) + 1];
    scratch_write(scratch.path, text, sizeof(text));
    struct state *state = open_state();
    fail_call(state, 3);
    assert_int_equal(ask(state), BREAKER_REJECTED_OPEN);
    look(state);
    look(state);
    assert_false(state_view(state).shared);
    assert_null(state_view(state).path);
    assert_int_equal(scratch_logged(&scratch, "state_private path="), 1);
    assert_int_equal(scratch_logged(&scratch, "reason=\"it is not a state file\""), 1);
    assert_int_equal(scratch_read(scratch.path, after, sizeof(after)), sizeof(text));
    assert_memory_equal(after, text, sizeof(text));

    assert_int_equal(unlink(scratch.path), 0); /* the operator mends it */
    look(state);
    assert_true(state_view(state).shared);
    assert_string_equal(state_view(state).why, "");
    assert_int_equal(scratch_logged(&scratch, "state_shared path="), 1);
    state_close(state);
}

static void
an_orphaned_file_is_kept_while_no_better_one_is_to_be_had(void **unused)
{
    (void)unused;
    struct state *state = open_state();
    fail_call(state, 3);
    assert_int_equal(unlink(scratch.path), 0);
    assert_int_equal(mkdir(scratch.path, 0700), 0);
    look(state);
    assert_false(state_view(state).shared);
    assert_int_equal(ask(state), BREAKER_REJECTED_OPEN);
    state_close(state);
}

static void
private_memory_that_was_asked_for_is_no_news(void **unused)
{
    (void)unused;
    const char *const paths[] = {NULL, "none"};
    for (size_t i = 0; i < 2; i++) {
        scratch.options.path = paths[i];
        struct state *state = open_state();
        fail_call(state, 3);
        look(state);
        assert_int_equal(ask(state), BREAKER_REJECTED_OPEN);
        assert_string_equal(state_view(state).why, "asked for");
        assert_int_equal(state_reset(state, &eu, &err), 0);
        assert_int_equal(ask(state), BREAKER_ADMITTED);
        state_close(state);
    }
    assert_int_equal(scratch_logged(&scratch, "state_"), 0);
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCRATCH(two_stores_on_one_file_share_a_breaker),
        WITH_SCRATCH(a_closed_store_is_found_as_it_was_left),
        WITH_SCRATCH(sixteen_processes_that_start_at_once_share_one_file_and_one_cell),
        WITH_SCRATCH(a_file_truncated_under_the_map_costs_its_memory_and_no_request),
        WITH_SCRATCH(a_truncation_that_nobody_stepped_into_is_seen_within_a_second),
        WITH_SCRATCH(a_loss_that_cannot_be_mended_is_tried_again_once_a_second),
        WITH_SCRATCH(processes_converge_after_the_file_was_replaced_by_rename),
        WITH_SCRATCH(processes_converge_after_the_file_was_deleted),
        WITH_SCRATCH(a_header_that_is_overwritten_in_place_leads_to_a_new_file),
        WITH_SCRATCH(a_handle_outlives_every_new_map),
        WITH_SCRATCH(threads_go_on_while_the_file_is_cut_removed_and_mapped_again),
        WITH_SCRATCH(a_foreign_file_means_private_memory_and_one_line),
        WITH_SCRATCH(an_orphaned_file_is_kept_while_no_better_one_is_to_be_had),
        WITH_SCRATCH(private_memory_that_was_asked_for_is_no_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
