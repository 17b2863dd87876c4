/* SIGBUS inside a guarded range becomes zeros; anywhere else it is somebody else's. */
#include "state/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE_BYTES 4096
#define PASSED_ON 42

/* What the program had installed before postern came. */
static void
on_bus_error(int number)
{
    (void)number;
    _exit(PASSED_ON);
}

/* A map of `bytes` whose file has none of them. */
static volatile char *
map_nothing(size_t bytes)
{
    int fd = memfd_create("nothing", MFD_CLOEXEC);
    void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(start, MAP_FAILED);
    assert_int_equal(close(fd), 0);
    return start;
}

static int
run(void (*child)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)alarm(10); /* a fault that comes again and again */
        child();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void
a_fault_in_the_range_maps_zeros_over_all_of_it_and_tells(void **unused)
{
    (void)unused;
    atomic_bool lost = false;
    volatile char *range = map_nothing((size_t)4 * PAGE_BYTES);
    assert_true(guard_add((void *)(uintptr_t)range, (size_t)4 * PAGE_BYTES, &lost));
    assert_int_equal(range[3 * PAGE_BYTES], 0);
    assert_true(lost);
    lost = false;
    range[0] = 1; /* the other pages are there too */
    assert_int_equal(range[0], 1);
    assert_false(lost);
    guard_remove((const void *)(uintptr_t)range);
    assert_int_equal(munmap((void *)(uintptr_t)range, (size_t)4 * PAGE_BYTES), 0);
}

static volatile char *
guard_nothing(void)
{
    static atomic_bool lost;
    struct sigaction action = {.sa_handler = on_bus_error};
    volatile char *range = map_nothing(PAGE_BYTES);
    if (sigaction(SIGBUS, &action, NULL) != 0 ||
        !guard_add((void *)(uintptr_t)range, PAGE_BYTES, &lost))
        _exit(1);
    return range;
}

static void
touch_elsewhere(void)
{
    (void)guard_nothing();
    volatile char *hole = map_nothing(PAGE_BYTES);
    hole[0] = 1;
}

static void
touch_after_removal(void)
{
    volatile char *range = guard_nothing();
    guard_remove((const void *)(uintptr_t)range);
    range[0] = 1;
}

static void
send_it(void)
{
    (void)guard_nothing();
    (void)raise(SIGBUS);
}

static void
other_bus_errors_go_to_the_handler_that_was_there(void **unused)
{
    (void)unused;
    assert_int_equal(run(touch_elsewhere), PASSED_ON);
    assert_int_equal(run(touch_after_removal), PASSED_ON);
    assert_int_equal(run(send_it), PASSED_ON);
}

static void
the_table_of_ranges_has_an_end_and_is_used_again(void **unused)
{
    (void)unused;
    static char ranges[64][16];
    atomic_bool lost = false;
    size_t added = 0;
    while (added < 64 && guard_add(ranges[added], sizeof(ranges[0]), &lost))
        added++;
    assert_true(added > 0 && added < 64);
    guard_remove(ranges[0]);
    assert_true(guard_add(ranges[0], sizeof(ranges[0]), &lost));
    for (size_t i = 0; i < added; i++)
        guard_remove(ranges[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_in_the_range_maps_zeros_over_all_of_it_and_tells),
        cmocka_unit_test(other_bus_errors_go_to_the_handler_that_was_there),
        cmocka_unit_test(the_table_of_ranges_has_an_end_and_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
