/* Whose files are obeyed. What takes another user's files is tried where there is root to make
 * them.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/trust.h"

#define STRANGER 4711
#define PATH_BYTES 128

static char directory[64], file[PATH_BYTES], inner[PATH_BYTES], nested[PATH_BYTES];

static void
make(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
}

static int
up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/postern-trust.XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(file, sizeof(file), "%s/file", directory);
    (void)snprintf(inner, sizeof(inner), "%s/inner", directory);
    (void)snprintf(nested, sizeof(nested), "%s/inner/file", directory);
    assert_int_equal(mkdir(inner, 0700), 0);
    make(file);
    make(nested);
    return 0;
}

static int
down(void **state)
{
    (void)state;
    (void)remove(nested);
    (void)remove(inner);
    (void)remove(file);
    return rmdir(directory);
}

/* Of a file with that owner, group and mode. */
static int
judge(uid_t owner, gid_t group, mode_t mode, uid_t program_owner, struct err *err)
{
    struct stat st = {.st_uid = owner, .st_gid = group, .st_mode = S_IFREG | mode};
    return trust_check_file(&st, "/x/.env", program_owner, err);
}

static void
root_ourselves_and_the_owner_of_the_program_are_trusted(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(judge(0, 0, 0640, 0, &err), 0);
    assert_int_equal(judge(geteuid(), 99, 0644, 0, &err), 0);
    assert_int_equal(judge(STRANGER, STRANGER, 0600, STRANGER, &err), 0);
    assert_int_equal(judge(STRANGER, 0, 0600, 0, &err), -1);
    assert_int_equal(err.code, ERR_DENIED);
    assert_non_null(strstr(err.msg, "belongs to user 4711"));
    assert_non_null(strstr(err.msg, "run this as user 4711"));
}

static void
a_group_is_trusted_where_it_is_a_users_own(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(judge(0, 0, 0660, 0, &err), 0);
    assert_int_equal(judge(geteuid(), (gid_t)geteuid(), 0660, 0, &err), 0);
    assert_int_equal(judge(STRANGER, STRANGER, 0660, STRANGER, &err), 0);
    assert_int_equal(judge(0, STRANGER, 0640, 0, &err), 0);
    assert_int_equal(judge(0, STRANGER, 0660, 0, &err), -1);
    assert_string_equal(err.msg, "can be changed by everybody in group 4711: chmod g-w /x/.env");
    assert_int_equal(judge(0, 0, 0602, 0, &err), -1);
    assert_string_equal(err.msg, "can be changed by every user of this host: chmod o-w /x/.env");
}

static void
no_directory_above_may_be_anothers_to_write(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(trust_check_parents(nested, 0, false, &err), 0);
    assert_int_equal(chmod(directory, 0777), 0);
    assert_int_equal(trust_check_parents(nested, 0, false, &err), -1);
    assert_non_null(strstr(err.msg, "chmod o-w /tmp/postern-trust."));
    assert_int_equal(trust_check_parents(nested, 0, true, &err), -1);
    assert_int_equal(chmod(directory, 01777), 0); /* as /tmp is */
    assert_int_equal(trust_check_parents(nested, 0, false, &err), 0);
    assert_int_equal(chmod(directory, 0700), 0);
    assert_int_equal(trust_check_parents("/tmp/postern-trust-not-there/x", 0, false, &err), -1);
    assert_int_equal(err.code, ERR_SYSTEM);
}

static void
a_link_is_as_good_as_who_made_it_and_where_it_leads(void **state)
{
    (void)state;
    struct err err;
    char link[PATH_BYTES];
    (void)snprintf(link, sizeof(link), "%s/link", directory);
    assert_int_equal(symlink(nested, link), 0);
    assert_int_equal(trust_check_parents(link, 0, false, &err), 0);
    assert_int_equal(chmod(inner, 0722), 0);
    assert_int_equal(trust_check_parents(link, 0, false, &err), -1);
    assert_int_equal(chmod(inner, 0700), 0);
    if (geteuid() == 0) {
        assert_int_equal(lchown(link, STRANGER, STRANGER), 0);
        assert_int_equal(trust_check_parents(link, 0, false, &err), -1);
        assert_string_equal(err.msg, "is a link that belongs to user 4711");
        assert_int_equal(trust_check_parents(link, STRANGER, false, &err), 0);
    }
    assert_int_equal(unlink(link), 0);
}

static void
a_strangers_directory_is_refused_even_for_a_shared_log(void **state)
{
    (void)state;
    struct err err;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(inner, STRANGER, STRANGER), 0);
    assert_int_equal(trust_check_parents(nested, 0, true, &err), -1);
    assert_non_null(strstr(err.msg, "which belongs to user 4711"));
    assert_int_equal(trust_check_parents(nested, STRANGER, false, &err), 0);
    assert_int_equal(chown(inner, 0, STRANGER), 0);
    assert_int_equal(chmod(inner, 0770), 0);
    assert_int_equal(trust_check_parents(nested, 0, false, &err), -1);
    assert_non_null(strstr(err.msg, "can be replaced by everybody in group 4711"));
    assert_int_equal(trust_check_parents(nested, 0, true, &err), 0);
}

static void
what_its_mode_denies_is_no_sandbox(void **state)
{
    (void)state;
    errno = ENOENT;
    assert_false(trust_is_kept_out(file, R_OK));
    errno = EACCES;
    assert_true(trust_is_kept_out(file, R_OK)); /* the mode lets us: something else did not */
    assert_int_equal(errno, EACCES);
    assert_int_equal(chmod(file, 0), 0);
    assert_int_equal(trust_is_kept_out(file, R_OK), geteuid() == 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_ourselves_and_the_owner_of_the_program_are_trusted),
        cmocka_unit_test(a_group_is_trusted_where_it_is_a_users_own),
        cmocka_unit_test_setup_teardown(no_directory_above_may_be_anothers_to_write, up, down),
        cmocka_unit_test_setup_teardown(a_link_is_as_good_as_who_made_it_and_where_it_leads, up,
                                        down),
        cmocka_unit_test_setup_teardown(a_strangers_directory_is_refused_even_for_a_shared_log, up,
                                        down),
        cmocka_unit_test_setup_teardown(what_its_mode_denies_is_no_sandbox, up, down),
    };
    return cmocka_run_group_tests_name("base/trust", tests, NULL, NULL);
}
