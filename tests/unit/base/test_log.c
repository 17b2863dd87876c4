/* A log line is one line, and no secret is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secrets.h"

static int pipe_fds[2];
static const struct span secrets[] = {SPAN_LITERAL("sk-verysecret-0123456789"),
                                      SPAN_LITERAL("short")};

static int
open_pipe(void **state)
{
    (void)state;
    assert_int_equal(pipe(pipe_fds), 0);
    log_open(pipe_fds[1], LOG_LEVEL_INFO);
    return secrets_take(secrets, 2);
}

static int
close_pipe(void **state)
{
    (void)state;
    log_open(STDERR_FILENO, LOG_LEVEL_INFO);
    secrets_drop(secrets, 2);
    (void)close(pipe_fds[0]);
    return close(pipe_fds[1]);
}

/* The one line that was written, without its time and process. */
static const char *
read_line(char *line, size_t size)
{
    ssize_t len = read(pipe_fds[0], line, size - 1);
    assert_true(len > 0);
    line[len] = '\0';
    assert_int_equal(line[len - 1], '\n');
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    line[len - 1] = '\0';
    const char *text = strstr(line, "] ");
    assert_non_null(text);
    return text + 2;
}

static void
a_secret_is_taken_out_whole(void **state)
{
    (void)state;
    char line[8192];
    log_write(LOG_LEVEL_INFO, "key=%s.", "sk-verysecret-0123456789");
    assert_string_equal(read_line(line, sizeof(line)), "info key=[redacted].");
}

static void
eight_bytes_of_a_secret_are_taken_out(void **state)
{
    (void)state;
    char line[8192];
    log_write(LOG_LEVEL_WARN, "a=%s b=%s", "verysecr", "verysec");
    assert_string_equal(read_line(line, sizeof(line)), "warn a=[redacted] b=verysec");
}

static void
every_occurrence_is_taken_out_up_to_the_end_of_a_full_line(void **state)
{
    (void)state;
    char line[8192], text[5000] = "";
    while (strlen(text) + 10 < sizeof(text))
        memcpy(text + strlen(text), "verysecre ", 11);
    log_write(LOG_LEVEL_ERROR, "%s", text);
    const char *written = read_line(line, sizeof(line));
    struct span found;
    assert_false(secrets_find(span_from(written), &found));
    assert_non_null(strstr(written, "[redacted] [redacted]"));
}

static void
a_text_that_is_there_is_treated_as_a_printed_one(void **state)
{
    (void)state;
    char line[8192], printed[8192], text[5000];
    const struct span parts[] = {SPAN_LITERAL("key=very"), {NULL, 0}, SPAN_LITERAL("secret 100%")};
    log_put(LOG_LEVEL_DEBUG, parts, 3);
    log_put(LOG_LEVEL_INFO, parts, 3);
    assert_string_equal(read_line(line, sizeof(line)), "info key=[redacted] 100%");
    memset(text, 'x', sizeof(text));
    log_write(LOG_LEVEL_INFO, "%.*s", (int)sizeof(text), text);
    const char *expected = read_line(printed, sizeof(printed));
    const struct span halves[] = {{text, 2500}, {text + 2500, 2500}, SPAN_LITERAL("too much")};
    log_put(LOG_LEVEL_INFO, halves, 3);
    assert_string_equal(read_line(line, sizeof(line)), expected);
}

static void
a_line_begins_with_its_time_and_its_process(void **state)
{
    (void)state;
    char line[8192], process[64];
    struct tm now = {0};
    uint64_t before = clock_unix_ms() / 1000; /* time() may lag behind by a tick */
    log_write(LOG_LEVEL_WARN, "text");
    uint64_t after = clock_unix_ms() / 1000;
    ssize_t len = read(pipe_fds[0], line, sizeof(line) - 1);
    assert_true(len > 0);
    line[len] = '\0';
    const char *rest = strptime(line, "%Y-%m-%dT%H:%M:%S", &now);
    assert_non_null(rest);
    assert_in_range((uint64_t)timegm(&now), before, after);
    assert_int_equal(strspn(rest + 1, "0123456789"), 3);
    (void)snprintf(process, sizeof(process), "Z postern[%ld] warn text\n", (long)getpid());
    assert_string_equal(rest + 4, process);
}

static void
a_short_secret_does_not_blank_the_log(void **state)
{
    (void)state;
    char line[8192];
    log_write(LOG_LEVEL_INFO, "a short word");
    assert_string_equal(read_line(line, sizeof(line)), "info a short word");
}

static void
levels_above_the_threshold_are_dropped(void **state)
{
    (void)state;
    char line[8192];
    log_write(LOG_LEVEL_DEBUG, "not this");
    log_write(LOG_LEVEL_INFO, "but this");
    assert_string_equal(read_line(line, sizeof(line)), "info but this");
}

static void
text_from_outside_is_quoted_on_one_line(void **state)
{
    (void)state;
    char quoted[LOG_QUOTE_MAX];
    assert_string_equal(log_quote(quoted, span_of("a\n\"\\\0\xff", 6)),
                        "\"a\\x0a\\\"\\\\\\x00\\xff\"");
    char longer[1000];
    memset(longer, '\n', sizeof(longer));
    (void)log_quote(quoted, span_of(longer, sizeof(longer)));
    assert_int_equal(strlen(quoted), 1 + (size_t)256 * 4 + 3 + 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_secret_is_taken_out_whole, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(eight_bytes_of_a_secret_are_taken_out, open_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(every_occurrence_is_taken_out_up_to_the_end_of_a_full_line,
                                        open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(a_text_that_is_there_is_treated_as_a_printed_one, open_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(a_line_begins_with_its_time_and_its_process, open_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(a_short_secret_does_not_blank_the_log, open_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(levels_above_the_threshold_are_dropped, open_pipe,
                                        close_pipe),
        cmocka_unit_test(text_from_outside_is_quoted_on_one_line),
    };
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
