/* A file for what is too long for memory: it has no name, and leaves the site its disk. */
#include "state/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "scratch.h"

#define MIB ((size_t)1024 * 1024)

static struct scratch scratch;

static int
setup(void **unused)
{
    (void)unused;
    scratch_init(&scratch);
    return 0;
}

static int
teardown(void **unused)
{
    (void)unused;
    scratch_fini(&scratch);
    return 0;
}

static int
open_spool(uint64_t max_bytes)
{
    int fd = spool_open(scratch.directory, &max_bytes);
    assert_true(fd >= 0);
    return fd;
}

static void
a_spool_has_no_name_and_no_other_reader(void **unused)
{
    (void)unused;
    struct stat status;
    struct dirent *entry;
    int fd = open_spool(MIB);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_nlink, 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    DIR *directory = opendir(scratch.directory);
    assert_non_null(directory);
    while ((entry = readdir(directory)))
        assert_null(strstr(entry->d_name, "spool"));
    assert_int_equal(closedir(directory), 0);
    assert_int_equal(close(fd), 0);
}

static void
a_spool_takes_no_more_than_half_of_what_is_free(void **unused)
{
    (void)unused;
    uint64_t max_bytes = UINT64_MAX;
    int fd = spool_open(scratch.directory, &max_bytes);
    assert_true(fd >= 0);
    assert_true(max_bytes < UINT64_MAX / 2);
    uint64_t little = 4096;
    assert_int_equal(close(fd), 0);
    fd = spool_open(scratch.directory, &little);
    assert_int_equal(little, 4096);
    assert_int_equal(close(fd), 0);
}

static void
a_directory_that_is_not_there_is_an_error(void **unused)
{
    (void)unused;
    uint64_t max_bytes = MIB;
    errno = 0;
    assert_int_equal(spool_open("/nonexistent/postern", &max_bytes), -1);
    assert_int_equal(errno, ENOENT);
}

static void
a_buffer_moves_into_it_and_grows_there(void **unused)
{
    (void)unused;
    static char block[65536];
    struct buf buf;
    struct stat status;
    buf_init(&buf, MIB);
    memset(block, 'x', sizeof(block));
    assert_int_equal(buf_puts(&buf, "begin"), 0);
    int fd = open_spool(64 * MIB);
    assert_int_equal(buf_move_to_file(&buf, fd, 2 * MIB, 64 * MIB), 0);
    assert_true(buf.is_in_file);
    assert_string_equal(buf_text(&buf), "begin");
    for (size_t i = 0; i < 40 * MIB / sizeof(block); i++) {
        assert_int_equal(buf_append(&buf, block, sizeof(block)), 0);
        buf_rest(&buf, buf.len);
    }
    assert_int_equal(buf.len, 5 + 40 * MIB);
    assert_memory_equal(buf.ptr, "beginxxx", 8); /* it came back from the file */
    assert_int_equal(buf.ptr[buf.len - 1], 'x');
    assert_int_equal(buf.ptr[buf.len], '\0');
    assert_int_equal(fstat(fd, &status), 0);
    assert_true((size_t)status.st_size > buf.len);
    assert_true((size_t)status.st_size <= buf.len + 17 * MIB); /* a disk is shared */
    buf_fini(&buf);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* it was the buffer's to close */
}

static void
a_buffer_in_a_file_has_a_maximum_too(void **unused)
{
    (void)unused;
    static char block[4096];
    struct buf buf;
    buf_init(&buf, MIB);
    assert_int_equal(buf_puts(&buf, "kept"), 0);
    int fd = open_spool(MIB);
    assert_int_equal(buf_move_to_file(&buf, fd, 2 * MIB, MIB), -1); /* no room for that much */
    assert_false(buf.is_in_file);
    assert_string_equal(buf_text(&buf), "kept");
    assert_int_equal(buf_move_to_file(&buf, fd, 16, 4096), 0);
    assert_int_equal(buf_append(&buf, block, sizeof(block)), -1);
    assert_string_equal(buf_text(&buf), "kept");
    buf_fini(&buf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_spool_has_no_name_and_no_other_reader),
        TEST(a_spool_takes_no_more_than_half_of_what_is_free),
        TEST(a_directory_that_is_not_there_is_an_error),
        TEST(a_buffer_moves_into_it_and_grows_there),
        TEST(a_buffer_in_a_file_has_a_maximum_too),
#undef TEST
    };
    return cmocka_run_group_tests_name("state/spool", tests, NULL, NULL);
}
