/* Whom a state file must belong to, where it may lie and what it may be. */
#include "state/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"
#include "state/file.h"

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

static bool
opens(void)
{
    int fd = file_open(&scratch.options, &identity, &err);
    if (fd < 0)
        return false;
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

static void
a_symbolic_link_is_refused(void **unused)
{
    (void)unused;
    make_state_file();
    assert_int_equal(rename(scratch.path, scratch_path(&scratch, "real")), 0);
    assert_int_equal(symlink("real", scratch.path), 0);
    assert_refused("symbolic link");
}

static void
a_second_name_is_refused(void **unused)
{
    (void)unused;
    make_state_file();
    assert_int_equal(link(scratch.path, scratch_path(&scratch, "other")), 0);
    assert_refused("it has 2 names");
}

static void
a_fifo_and_a_directory_are_refused_without_waiting(void **unused)
{
    (void)unused;
    assert_int_equal(mkfifo(scratch.path, 0600), 0);
    assert_refused("not a regular file");
    assert_int_equal(unlink(scratch.path), 0);
    assert_int_equal(mkdir(scratch.path, 0700), 0);
    assert_refused("not a regular file");
}

static void
a_file_that_others_may_write_is_refused(void **unused)
{
    (void)unused;
    make_state_file();
    assert_int_equal(chmod(scratch.path, 0620), 0);
    assert_refused("writable by its group");
    assert_int_equal(chmod(scratch.path, 0602), 0);
    assert_refused("writable by everyone");
    scratch.options.mode = 0660;
    assert_refused("writable by everyone");
}

static void
a_directory_that_others_may_write_is_refused(void **unused)
{
    (void)unused;
    assert_int_equal(chmod(scratch.directory, 0702), 0);
    assert_refused("writable by everyone");
    assert_int_equal(chmod(scratch.directory, 0770), 0);
    assert_refused("writable by its group");
    scratch.options.mode = 0660;
    assert_true(opens());
    scratch.options.mode = 0600;
    assert_int_equal(unlink(scratch.path), 0);
    assert_int_equal(chmod(scratch.directory, 01777), 0);
    assert_true(opens()); /* sticky: nobody can replace our file there */
}

/* Owners are judged from what fstat(2) says; the test's own user is what it is. */
static void
a_foreign_owner_is_refused(void **unused)
{
    (void)unused;
    uid_t self = geteuid();
    struct place place = {.mode = 0600, .directory = {.st_uid = self, .st_gid = 50}};
    struct stat st = {.st_mode = S_IFREG | 0600, .st_nlink = 1, .st_uid = self + 1, .st_gid = 50};
    assert_int_equal(place_check_file(&place, &st, &err), -1);
    assert_int_equal(err.code, ERR_DENIED);
    st.st_uid = 0;
    assert_int_equal(place_check_file(&place, &st, &err), 0);
    st.st_uid = self;
    assert_int_equal(place_check_file(&place, &st, &err), 0);
}

static void
root_uses_and_makes_files_of_the_directorys_owner(void **unused)
{
    (void)unused;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(scratch.directory, 33, 33), 0);
    make_state_file();
    struct stat st;
    assert_int_equal(stat(scratch.path, &st), 0);
    assert_int_equal(st.st_uid, 33);
    assert_int_equal(st.st_gid, 33);
    assert_true(opens());
    assert_int_equal(chown(scratch.path, 34, 33), 0);
    assert_refused("belongs to user 34");
}

static void
a_path_without_a_file_name_is_refused(void **unused)
{
    (void)unused;
    const char *const names[] = {"", ".", ".."};
    for (size_t i = 0; i < 3; i++) {
        scratch.options.path = scratch_path(&scratch, names[i]);
        assert_false(opens());
        assert_int_equal(err.code, ERR_SYNTAX);
    }
}

static void
remote_file_systems_have_names_and_local_ones_have_none(void **unused)
{
    (void)unused;
    assert_string_equal(place_remote_name(0x6969), "nfs");
    assert_string_equal(place_remote_name(0xff534d42), "cifs");
    assert_string_equal(place_remote_name(0x65735546), "fuse");
    assert_string_equal(place_remote_name(0x01021997), "9p");
    assert_null(place_remote_name(0xef53));     /* ext4 */
    assert_null(place_remote_name(0x01021994)); /* tmpfs */
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCRATCH(a_symbolic_link_is_refused),
        WITH_SCRATCH(a_second_name_is_refused),
        WITH_SCRATCH(a_fifo_and_a_directory_are_refused_without_waiting),
        WITH_SCRATCH(a_file_that_others_may_write_is_refused),
        WITH_SCRATCH(a_directory_that_others_may_write_is_refused),
        WITH_SCRATCH(a_foreign_owner_is_refused),
        WITH_SCRATCH(root_uses_and_makes_files_of_the_directorys_owner),
        WITH_SCRATCH(a_path_without_a_file_name_is_refused),
        WITH_SCRATCH(remote_file_systems_have_names_and_local_ones_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
