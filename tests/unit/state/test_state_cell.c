/* One breaker as the rest of postern sees it: its identity, its commands, a full table. */
#include "state/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

static void
name_cell(struct state_cell *cell, const char *name, const char *origin, const char *model,
          const struct breaker_rules *its_rules)
{
    struct upstream upstream = {
        .name = name, .origin = origin, .base_path = "", .rules = *its_rules};
    upstream_identify(&upstream, NULL, upstream.breaker_key);
    state_cell_name(cell, &upstream, model);
}

static int
setup(void **unused)
{
    (void)unused;
    scratch_init(&scratch);
    fakeclock_set(1000000, B);
    name_cell(&eu, "eu", "https://eu.example:443", NULL, &rules);
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

static void
a_command_that_would_reach_nobody_is_refused(void **unused)
{
    (void)unused;
    scratch_write(scratch.path, "x", 1);
    struct state *state = open_state();
    assert_int_equal(state_override(state, &eu, BREAKER_FORCED_OPEN, 0, &err), -1);
    assert_int_equal(err.code, ERR_DENIED);
    assert_int_equal(ask(state), BREAKER_ADMITTED);
    state_close(state);
}

static void
a_command_reaches_the_other_processes(void **unused)
{
    (void)unused;
    struct state *command = open_state();
    struct state *responder = open_state();
    assert_int_equal(state_override(command, &eu, BREAKER_FORCED_OPEN, 0, &err), 0);
    assert_int_equal(ask(responder), BREAKER_REJECTED_FORCED);
    assert_int_equal(state_reset(command, &eu, &err), 0);
    assert_int_equal(ask(responder), BREAKER_ADMITTED);
    state_close(command);
    state_close(responder);
}

static void
fill_table(struct state *state)
{
    for (unsigned i = 0; i < LAYOUT_CELLS; i++) {
        char name[16];
        struct state_cell cell;
        (void)snprintf(name, sizeof(name), "up%u", i);
        name_cell(&cell, name, "https://x.example:443", NULL, &rules);
        (void)state_admit(state, &cell, &rules, false);
    }
}

static void
when_the_table_is_full_a_process_keeps_the_breaker_to_itself(void **unused)
{
    (void)unused;
    struct state *one = open_state();
    struct state *two = open_state();
    fill_table(one);
    assert_int_equal(state_view(one).cells_used, LAYOUT_CELLS);
    fail_call(one, 3);
    assert_int_equal(ask(one), BREAKER_REJECTED_OPEN);
    assert_int_equal(ask(two), BREAKER_ADMITTED);
    assert_int_equal(state_cell_view(one, &eu, &rules).counters[STATE_FAIL], 3);
    assert_int_equal(scratch_logged(&scratch, "state_full "), 2); /* one line a process */
    assert_int_equal(state_override(one, &eu, BREAKER_FORCED_OPEN, 0, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    state_close(one);
    state_close(two);
}

static void
looking_claims_no_cell(void **unused)
{
    (void)unused;
    struct state *state = open_state();
    struct breaker_permit permit = {.answer = BREAKER_PROBE};
    assert_true(state_would_admit(state, &eu, &rules));
    assert_false(state_renew(state, &eu, &rules, &permit));
    (void)state_follow(state, &eu, &permit);
    struct state_cell_view view = state_cell_view(state, &eu, &rules);
    assert_string_equal(view.name, "eu");
    assert_int_equal(view.breaker.state, BREAKER_CLOSED);
    assert_int_equal(state_view(state).cells_used, 0);
    state_close(state);
}

static void
the_identity_is_name_place_model_and_shape_of_the_window(void **unused)
{
    (void)unused;
    struct breaker_rules other = rules;
    other.failure_threshold = 9; /* a threshold is the reader's own */
    struct state_cell same;
    name_cell(&same, "eu", "https://eu.example:443", NULL, &other);
    assert_memory_equal(same.key, eu.key, sizeof(eu.key));

    other.window = BREAKER_WINDOW_TIME;
    other.window_size = 60;
    struct state_cell cells[6];
    name_cell(&cells[0], "us", "https://eu.example:443", NULL, &rules);
    name_cell(&cells[1], "eu", "https://us.example:443", NULL, &rules);
    name_cell(&cells[2], "eu", "https://eu.example:443", "gpt-4o", &rules);
    name_cell(&cells[3], "eu", "https://eu.example:443", NULL, &other);
    other.window_size = 30;
    name_cell(&cells[4], "eu", "https://eu.example:443", NULL, &other);
    cells[5] = eu;
    for (size_t i = 0; i < 6; i++) {
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(cells[i].key, cells[j].key, sizeof(eu.key));
    }
    assert_string_equal(cells[2].name, "eu/gpt-4o");
}

static void
a_long_name_is_cut_and_still_ends(void **unused)
{
    (void)unused;
    struct state_cell cell;
    name_cell(&cell, "an-upstream-with-a-name-of-forty-seven-letters-", "https://x:443",
              "and-a-model", &rules);
    assert_int_equal(strlen(cell.name), sizeof(cell.name) - 1);
}

static bool
visit_two(void *self, const struct state_cell *cell)
{
    size_t *visited = self;
    assert_int_not_equal(cell->key[0], 0);
    (*visited)++;
    return *visited < 2;
}

static void
each_visits_used_cells_until_told_to_stop(void **unused)
{
    (void)unused;
    size_t visited = 0;
    struct state *state = open_state();
    state_each(state, visit_two, &visited);
    assert_int_equal(visited, 0);
    fill_table(state);
    state_each(state, visit_two, &visited);
    assert_int_equal(visited, 2);
    state_close(state);
}

static void
the_budget_is_shared_between_processes(void **unused)
{
    (void)unused;
    struct state *one = open_state();
    struct state *two = open_state();
    for (int i = 0; i < 10; i++)
        assert_true(state_budget_withdraw(i % 2 ? one : two, &eu));
    assert_false(state_budget_withdraw(two, &eu));
    for (int i = 0; i < 5; i++)
        state_budget_deposit(one, &eu);
    assert_true(state_budget_withdraw(two, &eu));
    state_close(one);
    state_close(two);
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCRATCH(a_command_that_would_reach_nobody_is_refused),
        WITH_SCRATCH(a_command_reaches_the_other_processes),
        WITH_SCRATCH(when_the_table_is_full_a_process_keeps_the_breaker_to_itself),
        WITH_SCRATCH(looking_claims_no_cell),
        WITH_SCRATCH(the_identity_is_name_place_model_and_shape_of_the_window),
        WITH_SCRATCH(a_long_name_is_cut_and_still_ends),
        WITH_SCRATCH(each_visits_used_cells_until_told_to_stop),
        WITH_SCRATCH(the_budget_is_shared_between_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
