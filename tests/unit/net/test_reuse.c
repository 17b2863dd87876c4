/* test_reuse.c - several exchanges on one connection: nothing of one is left in the next. */
#include "trial.h"

#include <signal.h>
#include <string.h>

#define READ                                                                                       \
    {                                                                                              \
        .verb = RAW_READ                                                                           \
    }
#define HOLD                                                                                       \
    {                                                                                              \
        .verb = RAW_HOLD                                                                           \
    }
#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define FIRST OK_HEAD "X-First: 1\r\nContent-Length: 5\r\n\r\nfirst"
#define CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"

/* What stands first in the second answer on a connection, and what must be said of it. */
struct row {
    const char *name;
    struct span second;
    enum wire_fault fault;
};

static const struct row rows[] = {
    {"a fold behind the status line", SPAN_LITERAL(OK_HEAD "\tF: x\r\nContent-Length: 2\r\n\r\nok"),
     WIRE_BAD_REPLY},
    {"a fold of blanks behind the status line",
     SPAN_LITERAL(OK_HEAD " \r\n \r\nContent-Length: 2\r\n\r\nok"), WIRE_BAD_REPLY},
    {"a fold before the status line", SPAN_LITERAL(" " OK_HEAD "Content-Length: 2\r\n\r\nok"),
     WIRE_BAD_REPLY},
    {"a folded status line", SPAN_LITERAL("HTTP/1.1 200\r\n OK\r\nContent-Length: 2\r\n\r\nok"),
     WIRE_BAD_REPLY},
    {"a fold in an interim answer",
     SPAN_LITERAL("HTTP/1.1 103 Early\r\n\tF: x\r\n\r\n" OK_HEAD "Content-Length: 2\r\n\r\nok"),
     WIRE_BAD_REPLY},
    {"a fold behind an interim answer",
     SPAN_LITERAL("HTTP/1.1 103 Early\r\nA: b\r\n\r\n" OK_HEAD "\tF: x\r\nContent-Length: 2\r\n"
                  "\r\nok"),
     WIRE_BAD_REPLY},
    {"a fold in the trailers", SPAN_LITERAL(CHUNKED "2\r\nok\r\n0\r\n\tF: x\r\n\r\n"), WIRE_CUT},
    {"an answer like any other", SPAN_LITERAL(OK_HEAD "Content-Length: 2\r\n\r\nok"),
     WIRE_NO_FAULT},
    {"chunks after a length", SPAN_LITERAL(CHUNKED "2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n"),
     WIRE_NO_FAULT},
};

static void
check_row(void **state)
{
    const struct row *row = *state;
    const struct rawserver_script script = {{READ,
                                             RAW_BYTES(FIRST),
                                             READ,
                                             {.verb = RAW_SEND, .bytes = row->second},
                                             READ,
                                             RAW_BYTES(FIRST),
                                             READ}};
    struct trial trial;
    trial_open(&trial, &script, 1, NULL, &trial_options);
    trial_get(&trial);
    assert_string_equal(buf_text(&trial.body), "first");
    trial_get(&trial);
    assert_true(trial.reply.reused_connection);
    assert_string_equal(wire_fault_name(trial.reply.fault), wire_fault_name(row->fault));
    if (row->fault == WIRE_NO_FAULT) {
        assert_string_equal(buf_text(&trial.body), "ok");
        assert_null(wire_header_find(&trial.reply.headers, "x-first"));
        trial_get(&trial);
        assert_true(trial.reply.reused_connection);
        assert_string_equal(buf_text(&trial.body), "first");
    }
    trial_close(&trial);
}

int
main(void)
{
    static struct CMUnitTest tests[sizeof rows / sizeof rows[0]];
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        union {
            const struct row *row;
            void *state;
        } initial = {.row = &rows[i]};
        tests[i] = (struct CMUnitTest){
            .name = rows[i].name, .test_func = check_row, .initial_state = initial.state};
    }
    return cmocka_run_group_tests_name("transfer: the second on a connection", tests, NULL, NULL);
}
