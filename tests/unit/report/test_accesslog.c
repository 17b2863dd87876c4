/* The line of a request: every fact under its name, in one order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "report/accesslog.h"

static void
assert_line(const struct accesslog_entry *entry, const char *expected)
{
    int fds[2];
    char line[4097];
    assert_int_equal(pipe(fds), 0);
    log_open(fds[1], LOG_LEVEL_INFO);
    accesslog_write(entry);
    ssize_t len = read(fds[0], line, sizeof(line) - 1);
    log_open(STDERR_FILENO, LOG_LEVEL_INFO);
    assert_true(len > 0);
    line[len] = '\0';
    const char *text = strstr(line, "] info ");
    assert_non_null(text);
    assert_string_equal(text + strlen("] info "), expected);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void
every_fact_is_told(void **state)
{
    (void)state;
    const struct accesslog_entry entry = {
        .request_id = "req_1",
        .client = "client-1",
        .method = "POST",
        .path = span_from("/v1/\"x\""),
        .operation = "chat",
        .status = 200,
        .upstream = "us",
        .attempts = "eu:503,us:200",
        .is_stream = true,
        .was_cut = true,
        .bytes = UINT64_C(18446744073709551615),
        .took_us = 1234567,
        .waited_us = 1234000,
        .code = "some_code",
    };
    assert_line(&entry,
                "request req=req_1 client=client-1 method=\"POST\" path=\"/v1/\\\"x\\\"\" "
                "operation=chat status=200 upstream=us attempts=eu:503,us:200 stream=1 cut=1 "
                "code=some_code bytes=18446744073709551615 ms=1234 overhead_us=567\n");
}

static void
what_there_is_not_is_a_dash(void **state)
{
    (void)state;
    const struct accesslog_entry entry = {.request_id = "req_2",
                                          .client = "nobody",
                                          .method = "?",
                                          .attempts = "",
                                          .took_us = 10,
                                          .waited_us = 20};
    assert_line(&entry, "request req=req_2 client=nobody method=\"?\" path=\"\" operation=- "
                        "status=0 upstream=- attempts=- stream=0 cut=0 code=- bytes=0 ms=0 "
                        "overhead_us=0\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fact_is_told),
        cmocka_unit_test(what_there_is_not_is_a_dash),
    };
    return cmocka_run_group_tests_name("report/accesslog", tests, NULL, NULL);
}
