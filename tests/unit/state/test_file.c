/* From a path to a state file: whom it trusts, what it leaves alone, what it mends. */
#include "state/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"
#include "state/create.h"
#include "state/header.h"
#include "state/place.h"

static struct scratch scratch;
static struct file_identity identity;
static struct err err;

static int
setup(void **unused)
{
    (void)unused;
    scratch_init(&scratch);
    err = (struct err){.code = ERR_NONE};
    return 0;
}

static int
teardown(void **unused)
{
    (void)unused;
    scratch_fini(&scratch);
    return 0;
}

/* True when a file of the right size and mode was opened. */
static bool
opens(void)
{
    int fd = file_open(&scratch.options, &identity, &err);
    if (fd < 0)
        return false;
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, LAYOUT_FILE_BYTES);
    assert_int_equal(close(fd), 0);
    return true;
}

static void
assert_refused(const char *reason)
{
    assert_false(opens());
    assert_int_equal(err.code, ERR_DENIED);
    if (!strstr(err.msg, reason))
        assert_string_equal(err.msg, reason);
}

static void
make_state_file(void)
{
    assert_true(opens());
}

static struct layout_header
read_header(const char *path)
{
    struct layout_header header;
    assert_int_equal(scratch_read(path, &header, sizeof(header)), sizeof(header));
    return header;
}

/* --- making it ------------------------------------------------------------ */

static void
who_only_looks_makes_neither_file_nor_directory(void **unused)
{
    (void)unused;
    scratch.options.must_exist = true;
    assert_false(opens());
    assert_int_equal(err.code, ERR_MISSING);
    assert_int_equal(access(scratch.options.path, F_OK), -1);
}

static void
a_missing_file_is_made_whole_with_every_block_there(void **unused)
{
    (void)unused;
    (void)umask(0077);
    assert_true(opens());
    struct stat st;
    assert_int_equal(stat(scratch.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_nlink, 1);
    assert_true(st.st_blocks * 512 >= (blkcnt_t)LAYOUT_FILE_BYTES);
    struct layout_header header = read_header(scratch.path);
    assert_int_equal(header_check(&header), HEADER_OURS);
    assert_int_equal(scratch_count(&scratch, ".postern-"), 0);
}

static void
a_shared_file_has_mode_0660_whatever_the_umask(void **unused)
{
    (void)unused;
    mode_t old = umask(0077);
    scratch.options.mode = 0660;
    assert_true(opens());
    (void)umask(old);
    struct stat st;
    assert_int_equal(stat(scratch.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_true(opens());
}

static void
both_ways_of_making_it_never_replace_a_file(void **unused)
{
    (void)unused;
    int (*const ways[])(const struct place *, struct err *) = {create_unnamed, create_renamed};
    for (size_t i = 0; i < 2; i++) {
        struct place place;
        assert_int_equal(place_open(&place, &scratch.options, &err), 0);
        assert_int_equal(ways[i](&place, &err), 0);
        struct layout_header first = read_header(scratch.path);
        assert_int_equal(header_check(&first), HEADER_OURS);
        assert_int_equal(ways[1 - i](&place, &err), 0);
        struct layout_header second = read_header(scratch.path);
        assert_memory_equal(&first, &second, sizeof(first));
        assert_int_equal(scratch_count(&scratch, ".postern-"), 0);
        assert_int_equal(unlink(scratch.path), 0);
        place_close(&place);
    }
}

static int
open_and_compare(void *self)
{
    (void)self;
    struct file_identity mine;
    int fd = file_open(&scratch.options, &mine, NULL);
    return fd >= 0 && file_is_current(scratch.path, &mine) ? 0 : 1;
}

static void
sixteen_processes_at_once_make_one_file(void **unused)
{
    (void)unused;
    for (int round = 0; round < 5; round++) {
        assert_int_equal(scratch_race(16, open_and_compare, NULL), 16);
        assert_int_equal(scratch_count(&scratch, "state"), 1);
        assert_int_equal(scratch_count(&scratch, ".postern-"), 0);
        assert_int_equal(unlink(scratch.path), 0);
    }
}

static void
the_last_directory_is_made_private_and_no_more_than_it(void **unused)
{
    (void)unused;
    scratch.options.path = scratch_path(&scratch, "new/state");
    assert_true(opens());
    struct stat st;
    assert_int_equal(stat(scratch_path(&scratch, "new"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);

    scratch.options.path = scratch_path(&scratch, "no/such/state");
    assert_false(opens());
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_int_equal(access(scratch_path(&scratch, "no"), F_OK), -1);
}

static void
a_limit_on_file_sizes_is_told_and_kills_nobody(void **unused)
{
    (void)unused;
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit small = {.rlim_cur = LAYOUT_FILE_BYTES - 1, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool opened = opens();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_false(opened);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(scratch_count(&scratch, "state"), 0);
    assert_int_equal(scratch_count(&scratch, ".postern-"), 0);
}

/* --- leaving it alone, or mending it -------------------------------------- */

static void
somebody_elses_file_stays_as_it_is_byte_for_byte(void **unused)
{
    (void)unused;
    static const char text[] = "www.example.org\n";
    char after[sizeof(text) + 1];
    scratch_write(scratch.path, text, sizeof(text));
    assert_refused("not a state file");
    assert_int_equal(scratch_read(scratch.path, after, sizeof(after)), sizeof(text));
    assert_memory_equal(after, text, sizeof(text));
    assert_int_equal(scratch_count(&scratch, "state"), 1);
}

static void
zeros_of_another_size_are_somebody_elses(void **unused)
{
    (void)unused;
    static const char zeros[8192];
    scratch_write(scratch.path, zeros, sizeof(zeros));
    assert_refused("not a state file");
    assert_int_equal(scratch_count(&scratch, "state"), 1);
}

static void
a_file_of_another_layout_stays_as_it_is(void **unused)
{
    (void)unused;
    make_state_file();
    struct layout_header header = read_header(scratch.path);
    header.identity.layout = 2;
    header.checksum = header_crc32c(&header.identity, sizeof(header.identity));
    header.checksum_inverted = ~header.checksum;
    scratch_write(scratch.path, &header, sizeof(header));
    assert_refused("layout 2");
    assert_int_equal(scratch_count(&scratch, "state"), 1);
}

/* The file is set aside under another name and a new one is there. */
static void
assert_replaced(void)
{
    assert_true(opens());
    struct layout_header header = read_header(scratch.path);
    assert_int_equal(header_check(&header), HEADER_OURS);
    assert_int_equal(scratch_count(&scratch, "state.bad-"), 1);
    assert_int_equal(scratch_logged(&scratch, "state_damaged path="), 1);
}

static void
a_damaged_header_is_set_aside(void **unused)
{
    (void)unused;
    make_state_file();
    int fd = open(scratch.path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\xff", 1, 0x20), 1);
    assert_int_equal(close(fd), 0);
    assert_replaced();
}

static void
a_truncated_file_is_set_aside(void **unused)
{
    (void)unused;
    make_state_file();
    assert_int_equal(truncate(scratch.path, 4096), 0);
    assert_replaced();
}

static void
an_emptied_file_is_set_aside(void **unused)
{
    (void)unused;
    make_state_file();
    assert_int_equal(truncate(scratch.path, 0), 0);
    assert_replaced();
}

static void
a_page_of_zeros_after_a_power_cut_is_set_aside(void **unused)
{
    (void)unused;
    make_state_file();
    assert_int_equal(truncate(scratch.path, 0), 0);
    assert_int_equal(truncate(scratch.path, (off_t)LAYOUT_FILE_BYTES), 0);
    assert_replaced();
}

static void
sixteen_processes_set_one_damaged_file_aside_once(void **unused)
{
    (void)unused;
    make_state_file();
    assert_int_equal(truncate(scratch.path, 100), 0);
    assert_int_equal(scratch_race(16, open_and_compare, NULL), 16);
    assert_int_equal(scratch_count(&scratch, "state.bad-"), 1);
    assert_int_equal(scratch_count(&scratch, "state"), 2);
}

static int
lock_damaged_file(void)
{
    make_state_file();
    assert_int_equal(truncate(scratch.path, 100), 0);
    int fd = open(scratch.path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    return fd;
}

static void
a_damaged_file_that_another_process_holds_is_left_to_it(void **unused)
{
    (void)unused;
    int fd = lock_damaged_file();
    assert_refused("another process holds it");
    assert_int_equal(scratch_count(&scratch, "state.bad-"), 0);
    assert_int_equal(close(fd), 0);
    assert_replaced();
}

/* Returns when the process has opened the file: it waits for the lock then. The descriptor that it
 * inherited does not count. */
static void
wait_until_opened(pid_t pid, int inherited_fd)
{
    char link[64];
    char target[sizeof(scratch.path)] = "";
    for (int fd = 0; strcmp(target, scratch.path) != 0; fd = (fd + 1) % 16) {
        (void)snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, fd);
        ssize_t len = fd == inherited_fd ? 0 : readlink(link, target, sizeof(target) - 1);
        target[len > 0 ? len : 0] = '\0';
    }
}

static void
a_slow_process_does_not_set_the_new_file_aside(void **unused)
{
    (void)unused;
    int fd = lock_damaged_file();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(fd);
        while (file_open(&scratch.options, &identity, NULL) < 0) {
        }
        _exit(0);
    }
    wait_until_opened(pid, fd);
    assert_int_equal(rename(scratch.path, scratch_path(&scratch, "damaged")), 0);
    make_state_file();
    assert_int_equal(close(fd), 0);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(file_is_current(scratch.path, &identity));
    assert_int_equal(scratch_count(&scratch, "state.bad-"), 0);
}

static void
a_file_is_current_until_it_is_replaced_removed_or_cut(void **unused)
{
    (void)unused;
    make_state_file();
    assert_true(file_is_current(scratch.path, &identity));
    assert_int_equal(truncate(scratch.path, (off_t)LAYOUT_FILE_BYTES - 1), 0);
    assert_false(file_is_current(scratch.path, &identity));
    assert_int_equal(rename(scratch.path, scratch_path(&scratch, "old")), 0);
    assert_false(file_is_current(scratch.path, &identity));
    struct file_identity old = identity;
    make_state_file();
    assert_false(file_is_current(scratch.path, &old));
    assert_true(file_is_current(scratch.path, &identity));
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCRATCH(who_only_looks_makes_neither_file_nor_directory),
        WITH_SCRATCH(a_missing_file_is_made_whole_with_every_block_there),
        WITH_SCRATCH(a_shared_file_has_mode_0660_whatever_the_umask),
        WITH_SCRATCH(both_ways_of_making_it_never_replace_a_file),
        WITH_SCRATCH(sixteen_processes_at_once_make_one_file),
        WITH_SCRATCH(the_last_directory_is_made_private_and_no_more_than_it),
        WITH_SCRATCH(a_limit_on_file_sizes_is_told_and_kills_nobody),
        WITH_SCRATCH(somebody_elses_file_stays_as_it_is_byte_for_byte),
        WITH_SCRATCH(zeros_of_another_size_are_somebody_elses),
        WITH_SCRATCH(a_file_of_another_layout_stays_as_it_is),
        WITH_SCRATCH(a_damaged_header_is_set_aside),
        WITH_SCRATCH(a_truncated_file_is_set_aside),
        WITH_SCRATCH(an_emptied_file_is_set_aside),
        WITH_SCRATCH(a_page_of_zeros_after_a_power_cut_is_set_aside),
        WITH_SCRATCH(sixteen_processes_set_one_damaged_file_aside_once),
        WITH_SCRATCH(a_damaged_file_that_another_process_holds_is_left_to_it),
        WITH_SCRATCH(a_slow_process_does_not_set_the_new_file_aside),
        WITH_SCRATCH(a_file_is_current_until_it_is_replaced_removed_or_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
