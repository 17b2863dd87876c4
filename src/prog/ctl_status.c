/* ctl_status.c - posternctl status: how the breakers are, right now. */
#include <stdio.h>

#include "base/keylike.h"
#include "core/wire.h"
#include "prog/ctl.h"
#include "prog/ctl_cells.h"

struct report {
    struct state *state;
    uint64_t now_ms;
};

/* "open", "half_open"; what an operator's hand holds says so. */
static void
format_state(const struct state_cell_view *view, char *out, size_t size)
{
    if (view->breaker.override == BREAKER_AUTO)
        (void)snprintf(out, size, "%s", breaker_state_name(view->breaker.state));
    else
        (void)snprintf(out, size, "%s", breaker_override_name(view->breaker.override));
}

/* Until the next request may go: the open time or the rest that the upstream asked for. */
static uint64_t
wait_ms(const struct report *report, const struct state_cell_view *view)
{
    uint64_t cool_until_ms = view->words.cool_until_ms;
    uint64_t cool_ms = cool_until_ms > report->now_ms ? cool_until_ms - report->now_ms : 0;
    return cool_ms > view->breaker.wait_ms ? cool_ms : view->breaker.wait_ms;
}

static void
print_age(const struct report *report, const struct state_cell_view *view)
{
    if (view->last_failure_ms == 0) {
        (void)puts("-");
        return;
    }
    uint64_t age_ms =
        report->now_ms > view->last_failure_ms ? report->now_ms - view->last_failure_ms : 0;
    int reason = view->last_failure_reason;
    if (reason >= STATE_REASON_FAULT)
        (void)printf("%s", wire_fault_name((enum wire_fault)(reason - STATE_REASON_FAULT)));
    else
        (void)printf("%d", reason);
    (void)printf(", %llu s ago\n", (unsigned long long)(age_ms / 1000));
}

static bool
print_cell(void *self, const struct ctl_cell *cell)
{
    const struct report *report = self;
    const struct state_cell_view view =
        state_cell_view(report->state, &cell->cell, &cell->upstream->rules);
    char name[128], state[32], wait[32] = "-";
    (void)snprintf(name, sizeof(name), "%s%s%s", cell->upstream->name, cell->model ? "/" : "",
                   cell->model ? cell->model : "");
    format_state(&view, state, sizeof(state));
    uint64_t ms = wait_ms(report, &view);
    if (ms > 0)
        (void)snprintf(wait, sizeof(wait), "%llu.%llu s", (unsigned long long)(ms / 1000),
                       (unsigned long long)(ms % 1000 / 100));
    (void)printf("%-24s %-13s %-10s %6u %10llu %10llu %8llu  ", name, state, wait,
                 view.breaker.consecutive_failures, (unsigned long long)view.counters[STATE_OK],
                 (unsigned long long)view.counters[STATE_FAIL],
                 (unsigned long long)view.counters[STATE_TRIPS]);
    print_age(report, &view);
    return true;
}

int
ctl_status(const struct ctl *ctl, int argc, char **argv)
{
    int status = CTL_FAILED;
    if (argc > 0)
        return ctl_usage("status takes no argument \"%s\"", argv[0]);
    struct config *config = ctl_load(ctl);
    struct state *state = config ? ctl_cells_open(config, true) : NULL;
    if (state) {
        struct report report = {state, state_now_ms(state)};
        (void)printf(".env file   %s\nstate file  %s\n\n",
                     config->env_path ? config->env_path : "-", keylike_mask(config->state_path));
        (void)printf("%-24s %-13s %-10s %6s %10s %10s %8s  %s\n", "UPSTREAM", "BREAKER", "WAIT",
                     "IN ROW", "OK", "FAILED", "OPENED", "LAST FAILURE");
        ctl_cells_each(config, print_cell, &report);
        status = CTL_OK;
    }
    state_close(state);
    config_free(config);
    return status;
}
