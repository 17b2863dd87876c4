/* test_order.c - first the question, then its answer, and one of it. */
#include "trial.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testcert.h"

#define READ                                                                                       \
    {                                                                                              \
        .verb = RAW_READ                                                                           \
    }
#define DEAF                                                                                       \
    {                                                                                              \
        .verb = RAW_DEAF                                                                           \
    }
#define WAIT                                                                                       \
    {                                                                                              \
        .verb = RAW_WAIT                                                                           \
    }
#define HOLD                                                                                       \
    {                                                                                              \
        .verb = RAW_HOLD                                                                           \
    }
#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define FIRST OK_HEAD "Content-Length: 5\r\n\r\nfirst"
#define STRAY OK_HEAD "Content-Length: 5\r\n\r\nstray"
#define CHUNKS OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n"
#define BIG (5u << 20)

static const struct rawserver_script fresh = {
    {READ, RAW_BYTES(OK_HEAD "Content-Length: 5\r\n\r\nfresh"), {.verb = RAW_AGAIN}}};

static void
assert_broken(const struct trial *trial, const char *why)
{
    assert_string_equal(wire_fault_name(trial->reply.fault), "bad_reply");
    assert_string_equal(trial->reply.why, why);
    assert_false(trial->reply.body_complete);
}

/* --- an answer before its question ---------------------------------------- */

/* The upstream's kernel has not taken a byte of the second request when the stray one is sent. */
static void
an_answer_sent_before_the_request_arrived_is_none(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        {{READ, DEAF, RAW_BYTES(FIRST), WAIT, RAW_BYTES(STRAY)}},
        {{READ, DEAF, RAW_BYTES(FIRST), WAIT,
          RAW_BYTES("HTTP/1.1 408 Timeout\r\nContent-Length: 5\r\n\r\nstray")}},
        {{READ, DEAF, RAW_BYTES(CHUNKS), WAIT, RAW_BYTES("HTTP/1.1 103 Early\r\n\r\n" CHUNKS)}},
    };
    if (!rawserver_can_be_deaf())
        skip();
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        const struct rawserver_script both[] = {scripts[i], fresh};
        struct trial trial;
        trial_open(&trial, both, 2, NULL, &trial_options);
        trial_get(&trial);
        assert_string_equal(buf_text(&trial.body), "first");
        trial.observer.releases_at_watch = true;
        trial_get(&trial);
        assert_true(trial.reply.reused_connection);
        assert_broken(&trial, "answered before it was asked");
        assert_int_equal(trial.heads, 0);
        trial.observer.releases_at_watch = false;
        trial_get(&trial);
        assert_string_equal(buf_text(&trial.body), "fresh");
        trial_close(&trial);
    }
}

/* All was written, and not all of it has arrived: on a connection without a past as well. */
static void
a_good_answer_needs_the_whole_request(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        {{{.verb = RAW_READ_SOME}, DEAF, RAW_BYTES(STRAY), HOLD}},
        {{{.verb = RAW_READ_SOME}, RAW_BYTES(STRAY), HOLD}},
    };
    char *big = calloc(1, BIG);
    for (size_t i = rawserver_can_be_deaf() ? 0 : 1; i < sizeof scripts / sizeof scripts[0]; i++) {
        const struct rawserver_script both[] = {scripts[i], fresh};
        struct trial trial;
        trial_open(&trial, both, 2, NULL, &trial_options);
        struct wire_request request = trial_request(&trial, "POST");
        request.body = (struct wire_body){.parts = {span_of(big, BIG)}, .present = true};
        trial_run(&trial, &request);
        assert_broken(&trial, "answered before it was asked");
        trial_run(&trial, &request);
        assert_string_equal(buf_text(&trial.body), "fresh");
        trial_close(&trial);
    }
    free(big);
}

/* A refusal may come as soon as the upstream has seen enough (U57), but nothing comes after it. */
static void
an_early_refusal_is_passed_on_and_its_connection_is_not_kept(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        {{READ,
          RAW_BYTES(FIRST),
          {.verb = RAW_READ_SOME},
          RAW_BYTES("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"),
          HOLD}},
        fresh,
    };
    char *big = calloc(1, BIG);
    struct trial trial;
    trial_open(&trial, scripts, 2, NULL, &trial_options);
    trial_get(&trial);
    struct wire_request request = trial_request(&trial, "POST");
    request.body = (struct wire_body){.parts = {span_of(big, BIG)}, .present = true};
    trial_run(&trial, &request);
    assert_string_equal(wire_fault_name(trial.reply.fault), "none");
    assert_true(trial.reply.reused_connection);
    assert_int_equal(trial.reply.status, 413);
    trial_get(&trial);
    assert_string_equal(buf_text(&trial.body), "fresh");
    trial_close(&trial);
    free(big);
}

/* --- more than one answer ------------------------------------------------- */

static const struct doubled {
    const char *name;
    struct span second; /* what the second request on the connection gets */
} doubled[] = {
    {"with a length", SPAN_LITERAL(STRAY FIRST)},
    {"in chunks", SPAN_LITERAL(CHUNKS FIRST)},
    {"with a byte more", SPAN_LITERAL(STRAY "x")},
};

static void
of_two_answers_to_a_later_request_neither_is_believed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof doubled / sizeof doubled[0]; i++) {
        const struct rawserver_script scripts[] = {
            {{READ, RAW_BYTES(FIRST), READ, {.verb = RAW_SEND, .bytes = doubled[i].second}, HOLD}},
            fresh};
        struct trial trial;
        trial_open(&trial, scripts, 2, NULL, &trial_options);
        trial_get(&trial);
        trial_get(&trial);
        assert_true(trial.reply.reused_connection);
        assert_broken(&trial, "more than one answer");
        trial_get(&trial);
        assert_string_equal(buf_text(&trial.body), "fresh");
        trial_close(&trial);
    }
}

/* An upstream may close when it has answered. Under TLS its goodbye is bytes like any other. */
static void
a_goodbye_behind_an_answer_is_no_second_one(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {READ, RAW_BYTES(FIRST), READ, {.verb = RAW_CORK}, RAW_BYTES(FIRST)}};
    struct testcert_authority ours;
    testcert_authority_open(&ours, "our authority");
    SSL_CTX *tls = testcert_server(&ours, "IP:127.0.0.1", -1, 1);
    struct pool_options options = trial_options;
    options.ca_file = ours.path;
    for (int is_tls = 0; is_tls < 2; is_tls++) {
        struct trial trial;
        trial_open(&trial, &script, 1, is_tls ? tls : NULL, &options);
        for (int i = 0; i < 4; i++) {
            trial_get(&trial);
            assert_string_equal(wire_fault_name(trial.reply.fault), "none");
            assert_string_equal(buf_text(&trial.body), "first");
            assert_int_equal(trial.reply.reused_connection, i % 2);
        }
        trial_end(&trial);
        assert_int_equal(rawserver_accepts(trial.server), 2);
        trial_close(&trial);
    }
    SSL_CTX_free(tls);
    testcert_authority_close(&ours);
}

/* Nobody else can have asked on a connection without a past: the first is the answer. */
static void
what_follows_the_first_answer_of_a_connection_is_not_taken(void **state)
{
    (void)state;
    static const struct span firsts[] = {
        SPAN_LITERAL(FIRST STRAY),
        SPAN_LITERAL(CHUNKS STRAY),
        SPAN_LITERAL(CHUNKS "x"),
    };
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        const struct rawserver_script scripts[] = {
            {{READ, {.verb = RAW_SEND, .bytes = firsts[i]}, READ, RAW_BYTES(STRAY), HOLD}}, fresh};
        struct trial trial;
        trial_open(&trial, scripts, 2, NULL, &trial_options);
        trial_get(&trial);
        assert_string_equal(wire_fault_name(trial.reply.fault), "none");
        assert_string_equal(buf_text(&trial.body), "first");
        trial_get(&trial);
        assert_string_equal(buf_text(&trial.body), "fresh");
        assert_int_equal(rawserver_accepts(trial.server), 2);
        trial_close(&trial);
    }
}

/* Whether bytes followed cannot be seen: the library drops them. */
static void
an_answer_without_content_ends_its_connection(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        struct span answer;
    } cases[] = {
        {"HEAD", SPAN_LITERAL(OK_HEAD "Content-Length: 5\r\n\r\n" STRAY)},
        {"DELETE", SPAN_LITERAL("HTTP/1.1 204 No Content\r\n\r\n" STRAY)},
        {"GET", SPAN_LITERAL("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n" STRAY)},
        {"GET", SPAN_LITERAL(OK_HEAD "Content-Length: 0\r\n\r\n" STRAY)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct rawserver_script scripts[] = {
            {{READ, {.verb = RAW_SEND, .bytes = cases[i].answer}, READ, RAW_BYTES(STRAY), HOLD}},
            fresh};
        struct trial trial;
        trial_open(&trial, scripts, 2, NULL, &trial_options);
        struct wire_request request = trial_request(&trial, cases[i].method);
        trial_run(&trial, &request);
        assert_string_equal(wire_fault_name(trial.reply.fault), "none");
        assert_int_equal(trial.body.len, 0);
        trial_get(&trial);
        assert_string_equal(buf_text(&trial.body), "fresh");
        trial_close(&trial);
    }
}

/* --- scopes --------------------------------------------------------------- */

static void
a_connection_of_one_scope_is_never_used_for_another(void **state)
{
    (void)state;
    static const char *const scopes[] = {"alice", "bob", NULL, "alice", "bob", NULL};
    struct trial trial;
    trial_open(&trial, &fresh, 1, NULL, &trial_options);
    struct wire_request request = trial_request(&trial, "GET");
    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
        request.scope = scopes[i];
        trial_run(&trial, &request);
        assert_int_equal(trial.reply.reused_connection, i >= 3);
    }
    trial_end(&trial);
    assert_int_equal(rawserver_accepts(trial.server), 3);
    trial_close(&trial);
}

int
main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_sent_before_the_request_arrived_is_none),
        cmocka_unit_test(a_good_answer_needs_the_whole_request),
        cmocka_unit_test(an_early_refusal_is_passed_on_and_its_connection_is_not_kept),
        cmocka_unit_test(of_two_answers_to_a_later_request_neither_is_believed),
        cmocka_unit_test(a_goodbye_behind_an_answer_is_no_second_one),
        cmocka_unit_test(what_follows_the_first_answer_of_a_connection_is_not_taken),
        cmocka_unit_test(an_answer_without_content_ends_its_connection),
        cmocka_unit_test(a_connection_of_one_scope_is_never_used_for_another),
    };
    return cmocka_run_group_tests_name("transfer: order", tests, NULL, NULL);
}
