/* The log's file may be renamed or removed at any time; no line is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "report/logfile.h"

#define PATH_BYTES 128

static char directory[PATH_BYTES], path[PATH_BYTES], rotated[PATH_BYTES];

static int
make_directory(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/postern-logfile.XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/log", directory);
    (void)snprintf(rotated, sizeof(rotated), "%s/log.1", directory);
    return 0;
}

static int
drop_directory(void **state)
{
    (void)state;
    log_open(STDERR_FILENO, LOG_LEVEL_INFO);
    (void)unlink(path);
    (void)unlink(rotated);
    return rmdir(directory);
}

static bool
holds(const char *file, const char *text)
{
    char bytes[8192];
    FILE *stream = fopen(file, "re");
    if (!stream)
        return false;
    size_t len = fread(bytes, 1, sizeof(bytes) - 1, stream);
    (void)fclose(stream);
    bytes[len] = '\0';
    return strstr(bytes, text) != NULL;
}

static void
lines_follow_the_path_through_renaming_and_removal(void **state)
{
    (void)state;
    const struct config config = {.log_path = path, .log_level = LOG_LEVEL_INFO};
    logfile_follow(&config, 10000);
    log_write(LOG_LEVEL_INFO, "first");
    assert_true(holds(path, "first"));

    assert_int_equal(rename(path, rotated), 0);
    log_write(LOG_LEVEL_INFO, "second");
    logfile_follow(&config, 10500); /* too early to look */
    log_write(LOG_LEVEL_INFO, "third");
    assert_true(holds(rotated, "second") && holds(rotated, "third"));

    logfile_follow(&config, 11500);
    log_write(LOG_LEVEL_INFO, "fourth");
    assert_true(holds(path, "fourth"));
    assert_false(holds(rotated, "fourth"));

    assert_int_equal(unlink(path), 0);
    logfile_follow(&config, 12500);
    log_write(LOG_LEVEL_INFO, "fifth");
    assert_true(holds(path, "fifth"));
}

static void
the_level_is_the_configured_one(void **state)
{
    (void)state;
    const struct config config = {.log_path = path, .log_level = LOG_LEVEL_WARN};
    logfile_follow(&config, 20000);
    log_write(LOG_LEVEL_INFO, "too chatty");
    log_write(LOG_LEVEL_WARN, "wanted");
    assert_true(holds(path, "wanted"));
    assert_false(holds(path, "too chatty"));
}

static void
a_file_that_cannot_be_opened_leaves_the_log_where_it_was(void **state)
{
    (void)state;
    const struct config good = {.log_path = path, .log_level = LOG_LEVEL_INFO};
    const struct config bad = {.log_path = "/proc/none/log", .log_level = LOG_LEVEL_INFO};
    logfile_follow(&good, 30000);
    logfile_follow(&bad, 32000);
    log_write(LOG_LEVEL_INFO, "still here");
    assert_true(holds(path, "log_failed path=\"/proc/none/log\""));
    assert_true(holds(path, "still here"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_follow_the_path_through_renaming_and_removal,
                                        make_directory, drop_directory),
        cmocka_unit_test_setup_teardown(the_level_is_the_configured_one, make_directory,
                                        drop_directory),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_opened_leaves_the_log_where_it_was,
                                        make_directory, drop_directory),
    };
    return cmocka_run_group_tests_name("report/logfile", tests, NULL, NULL);
}
