/* A process killed at any instruction of an operation leaves a file that works.
 *
 * A child runs one operation step by step; what the shared memory holds after a step is what a kill
 * there would leave. Each distinct image is then used as a new process would use it.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakeclock.h"
#include "state/cell.h"
#include "state/table.h"

#define B UINT64_C(1700000000000)
#define IMAGES_MAX 64
#define STEPS_MAX 200000 /* far more than any operation has */

static struct layout_cell *table;
static struct layout_cell images[IMAGES_MAX];
static size_t image_count;
static struct state_cell eu = {.key = {7, 70}, .name = "eu"};

static const struct breaker_rules rules = {.failure_threshold = 0,
                                           .open_ms = 10000,
                                           .window = BREAKER_WINDOW_TIME,
                                           .window_size = 60,
                                           .failure_rate = 50,
                                           .min_calls = 2,
                                           .permits = 1,
                                           .lease_ms = 10000,
                                           .backoff_percent = 100,
                                           .open_max_ms = 10000};

static struct breaker_permit
admit(struct layout_cell *cell)
{
    return cell_admit(cell, B, &rules, false);
}

static enum breaker_effect
report(struct layout_cell *cell, const struct breaker_permit *permit, enum breaker_verdict verdict)
{
    struct breaker_report what = {.verdict = verdict};
    return cell_report(cell, B, &rules, permit, &what, 503);
}

/* --- the operations ------------------------------------------------------- */

static void
claim(void)
{
    (void)table_claim(table, &eu);
}

static void
admit_one(void)
{
    (void)admit(&table[7]);
}

static void
fail_one(void)
{
    struct breaker_permit permit = admit(&table[7]);
    (void)report(&table[7], &permit, BREAKER_FAIL);
}

static void
succeed_one(void)
{
    struct breaker_permit permit = admit(&table[7]);
    (void)report(&table[7], &permit, BREAKER_OK);
}

static void
force_open_for_a_while(void)
{
    cell_override(&table[7], B, BREAKER_FORCED_OPEN, B + 5000);
}

/* --- stepping ------------------------------------------------------------- */

static void
keep_image(void)
{
    for (size_t i = 0; i < image_count; i++) {
        if (memcmp(&images[i], &table[7], sizeof(images[i])) == 0)
            return;
    }
    assert_true(image_count < IMAGES_MAX);
    memcpy(&images[image_count++], &table[7], sizeof(images[0]));
}

/* False: this machine lets nobody be traced. */
static bool
step_through(void (*operation)(void))
{
    image_count = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(77);
        (void)raise(SIGSTOP);
        operation();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        return false;
    for (int step = 0; step < STEPS_MAX && WIFSTOPPED(status); step++) {
        keep_image();
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    keep_image();
    return true;
}

static int
setup(void **unused)
{
    (void)unused;
    table = mmap(NULL, sizeof(*table) * LAYOUT_CELLS, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fakeclock_set(1000, B + 1000);
    return table == MAP_FAILED ? -1 : 0;
}

static int
teardown(void **unused)
{
    (void)unused;
    return munmap(table, sizeof(*table) * LAYOUT_CELLS);
}

/* One good call, one open time and one lease later. */
static void
let_time_pass_and_succeed(struct layout_cell *cell)
{
    fakeclock_advance(21000);
    struct breaker_permit permit = admit(cell);
    assert_true(breaker_is_admitted(&permit));
    (void)report(cell, &permit, BREAKER_OK);
}

/* Twice, because a trip that was cut off happens at the first record after it. */
static void
assert_every_image_recovers(void)
{
    for (size_t i = 0; i < image_count; i++) {
        struct layout_cell cell;
        memcpy(&cell, &images[i], sizeof(cell));
        fakeclock_set(1000, B + 1000);
        assert_true(admit(&cell).wait_ms <= 10000);
        let_time_pass_and_succeed(&cell);
        let_time_pass_and_succeed(&cell);
        assert_int_equal(admit(&cell).answer, BREAKER_ADMITTED);
    }
}

static void
killed_while_claiming_the_cell_is_found_by_the_next(void **unused)
{
    (void)unused;
    if (!step_through(claim))
        skip();
    assert_true(image_count >= 4); /* free, one key, two keys, the name's words */
    for (size_t i = 0; i < image_count; i++) {
        struct state_cell read;
        memset(table, 0, sizeof(*table) * LAYOUT_CELLS);
        memcpy(&table[7], &images[i], sizeof(images[i]));
        assert_ptr_equal(table_claim(table, &eu), &table[7]);
        assert_true(table_read(&table[7], &read));
        assert_string_equal(read.name, "eu");
    }
}

static void
killed_while_reporting_the_failure_that_opens(void **unused)
{
    (void)unused;
    fail_one();
    if (!step_through(fail_one))
        skip();
    assert_true(image_count >= 3); /* before, in the window, open */
    assert_every_image_recovers();
}

static void
killed_while_taking_the_probe(void **unused)
{
    (void)unused;
    fail_one();
    fail_one();
    fakeclock_advance(10000);
    if (!step_through(admit_one))
        skip();
    assert_true(image_count >= 2);
    assert_every_image_recovers();
}

static void
killed_while_closing(void **unused)
{
    (void)unused;
    fail_one();
    fail_one();
    fakeclock_advance(10000);
    if (!step_through(succeed_one))
        skip();
    assert_true(image_count >= 3); /* open, probing, closed */
    assert_every_image_recovers();
}

static void
killed_while_forcing_open_leaves_no_override_without_its_end(void **unused)
{
    (void)unused;
    if (!step_through(force_open_for_a_while))
        skip();
    assert_true(image_count >= 3);
    assert_every_image_recovers();
}

#define ON_SHARED_MEMORY(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SHARED_MEMORY(killed_while_claiming_the_cell_is_found_by_the_next),
        ON_SHARED_MEMORY(killed_while_reporting_the_failure_that_opens),
        ON_SHARED_MEMORY(killed_while_taking_the_probe),
        ON_SHARED_MEMORY(killed_while_closing),
        ON_SHARED_MEMORY(killed_while_forcing_open_leaves_no_override_without_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
