/* torture.c - processes that are killed at random while they share one state file.
 *
 *      torture [KILLS]     300 without an argument
 *
 * First they fight for making the file and claiming cells with equal first keys; then they admit,
 * report and renew on breakers that flap, with one permit and a lease of a second. Each writes
 * what it holds on a board beside the file, so that two probes at once are seen by the second of
 * them. At the end every breaker must be closed by a good call asked for one lease later. Ends
 * with 0 when all of that held.
 */
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/entropy.h"
#include "base/num.h"
#include "state/cell.h"
#include "state/state.h"
#include "state/store.h"
#include "state/table.h"

#define WORKERS 16
#define CELLS 128
#define CONTENDED 0 /* the cell that all fight for at first, without pauses and without kills */
#define CONTENDERS 4
#define CONTENDED_CALLS 100000
#define CLAIMS 20 /* of a process that makes the file */
#define KILLS_DEFAULT 300
#define KILLS_MAX 10000000
#define MAKERS_SHARE 10 /* one kill in ten falls on processes that make the file */
#define MAKERS_KILLED 4 /* of the WORKERS of a round */
#define LEASE_MS 1000
#define OPEN_MS 2
#define GENERATION_BITS 20
#define SINCE_MASK ((UINT64_C(1) << (64 - GENERATION_BITS)) - 1)

enum fault {
    FAULT_TWICE_IN_A_GENERATION,
    FAULT_TWICE_IN_A_LEASE,
    FAULT_PRIVATE,
    FAULT_CELLS,
    FAULT_STUCK,
    FAULT_SET_ASIDE,
    FAULTS
};

static const char *const fault_texts[] = {
    [FAULT_TWICE_IN_A_GENERATION] = "two probes in one generation",
    [FAULT_TWICE_IN_A_LEASE] = "two probes within one lease",
    [FAULT_PRIVATE] = "the file could not be used",
    [FAULT_CELLS] = "cells are missing or doubled",
    [FAULT_STUCK] = "a breaker is stuck",
    [FAULT_SET_ASIDE] = "a good file was taken for a damaged one",
};

/* Shared by all processes, and no part of what is tested. */
struct board {
    _Atomic uint64_t probes_held[CELLS]; /* generation (20) | since, file time (44); 0: none */
    _Atomic uint64_t calls, probes, rejections, renewals;
    _Atomic uint64_t faults[FAULTS];
    uint64_t reclaims;     /* by the file's own counters, at the end */
    uint64_t died_probing; /* breakers whose prober lies dead at the end */
};

static struct board *board;
static char directory[] = "/tmp/postern-torture-XXXXXX";
static char path[sizeof(directory) + 8];
static struct state_cell cells[CELLS];

static struct breaker_rules
rules_of(size_t cell)
{
    struct breaker_rules rules = {.failure_threshold = 2,
                                  .open_ms = OPEN_MS,
                                  .failure_rate = 50,
                                  .min_calls = 4,
                                  .permits = 1,
                                  .lease_ms = LEASE_MS,
                                  .backoff_percent = 100,
                                  .open_max_ms = OPEN_MS};
    rules.window = (enum breaker_window)(cell % 3);
    rules.window_size = rules.window == BREAKER_WINDOW_COUNT ? 12 : 10;
    return rules;
}

static struct state *
open_state(void)
{
    struct state_options options = {.path = path, .mode = 0600, .any_filesystem = true};
    struct state *state = state_open(&options, NULL);
    if (!state || !state_view(state).shared) {
        atomic_fetch_add(&board->faults[FAULT_PRIVATE], 1);
        _exit(1);
    }
    return state;
}

/* xorshift64: which dice it is does not matter, that each process has its own does. */
static uint64_t
roll(uint64_t *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return *dice >> 16;
}

static void
pause_us(uint64_t us)
{
    struct timespec pause = {0, (long)us * 1000};
    if (us > 0)
        (void)nanosleep(&pause, NULL);
}

/* --- one prober ----------------------------------------------------------------------------- */

static uint64_t
hold_word(const struct breaker_permit *permit, uint64_t since_ms)
{
    return (uint64_t)permit->generation << (64 - GENERATION_BITS) | (since_ms & SINCE_MASK);
}

/* `since_ms` was read before the permit was asked for and `now_ms` after it was given, so both err
 * on the holder's side. Returns what was written; 0: nothing, because a newer probe is out. */
static uint64_t
hold(size_t cell, const struct breaker_permit *permit, uint64_t since_ms, uint64_t now_ms)
{
    uint64_t mine = hold_word(permit, since_ms);
    uint64_t seen = atomic_load(&board->probes_held[cell]);
    do {
        uint64_t older_by = ((mine >> 44) - (seen >> 44)) & 0xfffff;
        if (seen == 0)
            continue;
        if (older_by >= UINT64_C(1) << (GENERATION_BITS - 1))
            return 0; /* this process slept through its own lease */
        if (older_by == 0)
            atomic_fetch_add(&board->faults[FAULT_TWICE_IN_A_GENERATION], 1);
        else if (now_ms < (seen & SINCE_MASK) + LEASE_MS)
            atomic_fetch_add(&board->faults[FAULT_TWICE_IN_A_LEASE], 1);
    } while (!atomic_compare_exchange_weak(&board->probes_held[cell], &seen, mine));
    return mine;
}

static void
let_go(size_t cell, uint64_t held)
{
    if (held != 0)
        (void)atomic_compare_exchange_strong(&board->probes_held[cell], &held, 0);
}

static uint64_t
renew(struct state *state, size_t cell, const struct breaker_permit *permit, uint64_t held)
{
    struct breaker_rules rules = rules_of(cell);
    uint64_t since_ms = state_now_ms(state);
    if (!state_renew(state, &cells[cell], &rules, permit))
        return held;
    atomic_fetch_add(&board->renewals, 1);
    uint64_t renewed = hold_word(permit, since_ms);
    return atomic_compare_exchange_strong(&board->probes_held[cell], &held, renewed) ? renewed
                                                                                     : held;
}

/* A patient caller pauses, so that kills find it where it waits and others get their turn. */
static void
call_once(struct state *state, size_t cell, bool patient, uint64_t *dice)
{
    static const enum breaker_verdict verdicts[] = {BREAKER_OK,   BREAKER_OK,     BREAKER_OK,
                                                    BREAKER_FAIL, BREAKER_FAIL,   BREAKER_FAIL,
                                                    BREAKER_TRIP, BREAKER_IGNORED};
    struct breaker_rules rules = rules_of(cell);
    rules.open_ms = patient ? OPEN_MS : 0; /* 0: whoever comes first after the opening may probe */
    uint64_t since_ms = state_now_ms(state);
    struct breaker_permit permit = state_admit(state, &cells[cell], &rules, false);
    if (!breaker_is_admitted(&permit)) {
        atomic_fetch_add(&board->rejections, 1);
        pause_us(patient ? roll(dice) % 200 : 0);
        return;
    }
    atomic_fetch_add(&board->calls, 1);
    bool is_probe = permit.answer == BREAKER_PROBE;
    uint64_t held = is_probe ? hold(cell, &permit, since_ms, state_now_ms(state)) : 0;
    if (is_probe)
        atomic_fetch_add(&board->probes, 1);
    for (uint64_t work = roll(dice) % 4; is_probe && work > 0; work--) {
        pause_us(patient ? roll(dice) % 500 : 0);
        held = renew(state, cell, &permit, held);
    }
    struct breaker_report what = {.verdict = verdicts[roll(dice) % 8],
                                  .slow = roll(dice) % 16 == 0,
                                  .random = (uint32_t)roll(dice)};
    let_go(cell, held);
    (void)state_report(state, &cells[cell], &rules, &permit, &what, 500);
}

static void
work_until_killed(uint64_t seed)
{
    uint64_t dice = seed | 1;
    struct state *state = open_state();
    for (;;) {
        call_once(state, roll(&dice) % CELLS, true, &dice);
        state_refresh(state);
    }
}

static void
contend(uint64_t seed)
{
    uint64_t dice = seed | 1;
    struct state *state = open_state();
    for (int i = 0; i < CONTENDED_CALLS; i++)
        call_once(state, CONTENDED, false, &dice);
    _exit(0);
}

/* --- making the file ------------------------------------------------------------------------ */

/* Four identities share each first key, so claims collide and go around. */
static void
claim_all(struct state *state)
{
    for (size_t i = 0; i < CLAIMS; i++) {
        struct state_cell cell = {.key = {i / 4 + 250, i + 1}, .name = "collides"};
        struct breaker_rules rules = rules_of(i);
        (void)state_admit(state, &cell, &rules, false);
    }
}

static void
make_and_claim(uint64_t seed)
{
    (void)seed;
    claim_all(open_state());
    _exit(0);
}

static bool
count_cell(void *self, const struct state_cell *cell)
{
    size_t *count = self;
    *count += strcmp(cell->name, "collides") == 0 ? 1 : 0;
    return true;
}

/* --- the killer ----------------------------------------------------------------------------- */

static pid_t
start(void (*work)(uint64_t seed))
{
    uint64_t seed = entropy_u64();
    pid_t pid = fork();
    if (pid == 0)
        work(seed);
    if (pid < 0) {
        perror("fork");
        exit(2);
    }
    return pid;
}

static void
end(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

/* Returns how many were killed. */
static uint64_t
fight_for_the_file(uint64_t *dice)
{
    pid_t pids[WORKERS];
    size_t count = 0;
    (void)unlink(path);
    for (size_t i = 0; i < WORKERS; i++)
        pids[i] = start(make_and_claim);
    for (size_t i = 0; i < MAKERS_KILLED; i++) {
        pause_us(roll(dice) % 300);
        end(pids[i]);
    }
    for (size_t i = MAKERS_KILLED; i < WORKERS; i++)
        (void)waitpid(pids[i], NULL, 0);
    struct state *state = open_state();
    claim_all(state);
    state_each(state, count_cell, &count);
    if (count != CLAIMS || state_view(state).cells_used != CLAIMS)
        atomic_fetch_add(&board->faults[FAULT_CELLS], 1);
    state_close(state);
    return MAKERS_KILLED;
}

static void
fight_for_probes(void)
{
    pid_t pids[CONTENDERS];
    for (size_t i = 0; i < CONTENDERS; i++)
        pids[i] = start(contend);
    for (size_t i = 0; i < CONTENDERS; i++)
        (void)waitpid(pids[i], NULL, 0);
}

static void
flap(uint64_t kills, uint64_t *dice)
{
    pid_t pids[WORKERS];
    (void)unlink(path);
    for (size_t i = 0; i < WORKERS; i++)
        pids[i] = start(work_until_killed);
    for (uint64_t i = 0; i < kills; i++) {
        size_t victim = roll(dice) % WORKERS;
        pause_us(roll(dice) % 1500);
        end(pids[victim]);
        pids[victim] = start(work_until_killed);
    }
    for (size_t i = 0; i < WORKERS; i++)
        end(pids[i]);
}

/* Asked one open time and one lease later, in file time: admitted, and closed by good calls. */
static bool
recovers(struct state *state, size_t index)
{
    struct breaker_rules rules = rules_of(index);
    struct layout_cell *slot = table_claim(state->range->file.cells, &cells[index]);
    uint64_t anchor_ms = state->anchor_ms;
    struct breaker_report good = {.verdict = BREAKER_OK};
    for (int call = 0; slot && call < 2; call++) {
        anchor_ms += OPEN_MS + LEASE_MS + 1000; /* leases end on whole seconds */
        struct breaker_permit permit = cell_admit(slot, anchor_ms, &rules, false);
        if (!breaker_is_admitted(&permit))
            return false;
        (void)cell_report(slot, anchor_ms, &rules, &permit, &good, 0);
    }
    return slot && cell_admit(slot, anchor_ms, &rules, false).answer == BREAKER_ADMITTED;
}

static void
check_end(void)
{
    struct state *state = open_state();
    for (size_t i = 0; i < CELLS; i++) {
        struct breaker_rules rules = rules_of(i);
        board->reclaims += state_cell_view(state, &cells[i], &rules).counters[STATE_RECLAIMS];
        board->died_probing += board->probes_held[i] != 0 ? 1 : 0;
        if (!recovers(state, i))
            atomic_fetch_add(&board->faults[FAULT_STUCK], 1);
    }
    if (state_view(state).cells_used != CELLS)
        atomic_fetch_add(&board->faults[FAULT_CELLS], 1);
    state_close(state);
}

static void
clean_up(void)
{
    DIR *entries = opendir(directory);
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        if (strncmp(entry->d_name, "state.bad-", strlen("state.bad-")) == 0)
            atomic_fetch_add(&board->faults[FAULT_SET_ASIDE], 1);
        (void)unlinkat(dirfd(entries), entry->d_name, 0);
    }
    (void)closedir(entries);
    (void)rmdir(directory);
}

static void
prepare(void)
{
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED || !mkdtemp(directory)) {
        perror("torture");
        exit(2);
    }
    (void)snprintf(path, sizeof(path), "%s/state", directory);
    for (size_t i = 0; i < CELLS; i++) {
        char name[16];
        struct upstream upstream = {.name = name,
                                    .origin = "https://up.example:443",
                                    .base_path = "",
                                    .rules = rules_of(i)};
        (void)snprintf(name, sizeof(name), "up%zu", i);
        upstream_identify(&upstream, NULL, upstream.breaker_key);
        state_cell_name(&cells[i], &upstream, NULL);
    }
}

static int
tell(uint64_t kills, uint64_t took_ms)
{
    uint64_t faults = 0;
    printf("torture kills=%" PRIu64 " seconds=%.1f calls=%" PRIu64 " rejections=%" PRIu64
           " probes=%" PRIu64 " renewals=%" PRIu64 " reclaims=%" PRIu64 " died_probing=%" PRIu64
           "\n",
           kills, (double)took_ms / 1000, board->calls, board->rejections, board->probes,
           board->renewals, board->reclaims, board->died_probing);
    for (size_t i = 0; i < FAULTS; i++) {
        if (board->faults[i] != 0)
            printf("FAILED %s: %" PRIu64 " times\n", fault_texts[i], board->faults[i]);
        faults += board->faults[i];
    }
    return faults == 0 && board->probes > 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
    uint64_t kills = KILLS_DEFAULT;
    if (argc > 2 || (argc == 2 && num_parse_u64(span_from(argv[1]), KILLS_MAX, &kills) != 0)) {
        (void)fprintf(stderr, "usage: torture [KILLS]\n");
        return 2;
    }
    prepare();
    uint64_t started_ms = clock_boot_ms();
    uint64_t dice = entropy_u64() | 1;
    uint64_t killed = 0;
    while (killed < kills / MAKERS_SHARE)
        killed += fight_for_the_file(&dice);
    fight_for_probes();
    flap(kills - killed, &dice);
    check_end();
    clean_up();
    return tell(kills, clock_boot_ms() - started_ms);
}
