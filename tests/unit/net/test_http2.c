/* test_http2.c - HTTP/2 where it was agreed on, and only there. */
#include "trial.h"

#include <signal.h>
#include <string.h>

#include "testcert.h"

/* Frames (RFC 9113 4.1): length, type, flags, stream; a header block of one index, ":status: 200",
 * and literals without Huffman coding. */
#define FRAME(len, type, flags, stream) "\0\0" len type flags "\0\0\0" stream
#define T_DATA "\0"
#define T_HEADERS "\1"
#define T_RESET "\3"
#define T_SETTINGS "\4"
#define T_PUSH "\5"
#define T_GOAWAY "\7"
#define NO_FLAG "\0"
#define END_STREAM "\1"
#define END_HEADERS "\4"
#define END_BOTH "\5"
#define GREETING FRAME("\0", T_SETTINGS, NO_FLAG, "\0") FRAME("\0", T_SETTINGS, "\1", "\0")
#define OK200(stream) FRAME("\1", T_HEADERS, END_HEADERS, stream) "\210"
#define LENGTH_9 FRAME("\5", T_HEADERS, END_HEADERS, "\1") "\210\017\015\0019"
#define HELLO(stream) FRAME("\5", T_DATA, END_STREAM, stream) "hello"
#define HELLO_OPEN(stream) FRAME("\5", T_DATA, NO_FLAG, stream) "hello"
#define WORLD(stream) FRAME("\5", T_DATA, END_STREAM, stream) "world"
#define RESET(stream, code) FRAME("\4", T_RESET, NO_FLAG, stream) "\0\0\0" code
#define GOAWAY(last) FRAME("\10", T_GOAWAY, NO_FLAG, "\0") "\0\0\0" last "\0\0\0\0"

#define READ                                                                                       \
    {                                                                                              \
        .verb = RAW_READ_H2                                                                        \
    }
#define HOLD                                                                                       \
    {                                                                                              \
        .verb = RAW_HOLD                                                                           \
    }
#define SEND(text) RAW_BYTES(text)

static struct testcert_authority ours;
static SSL_CTX *tls;
static const char *chosen; /* by the server, of what the client offers; NULL: none */
static bool was_offered;   /* h2 */

static int
choose(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
       unsigned in_len, void *self)
{
    (void)ssl;
    (void)self;
    was_offered = memmem(in, in_len, "\2h2", 3) != NULL;
    if (!chosen)
        return SSL_TLSEXT_ERR_NOACK;
    *out = (const unsigned char *)chosen;
    *out_len = (unsigned char)strlen(chosen);
    return SSL_TLSEXT_ERR_OK;
}

static void
open_h2(struct trial *trial, const struct rawserver_script *scripts, size_t count,
        const char *protocol)
{
    struct pool_options options = trial_options;
    tls = testcert_server(&ours, "IP:127.0.0.1", -1, 1);
    SSL_CTX_set_alpn_select_cb(tls, choose, NULL);
    chosen = protocol;
    was_offered = false;
    options.ca_file = ours.path;
    trial_open(trial, scripts, count, tls, &options);
}

static void
close_h2(struct trial *trial)
{
    trial_close(trial);
    SSL_CTX_free(tls);
}

static void
get(struct trial *trial)
{
    struct wire_request request = trial_request(trial, "GET");
    request.http2 = true;
    trial_run(trial, &request);
}

static void
assert_body(const struct trial *trial, const char *body)
{
    assert_string_equal(wire_fault_name(trial->reply.fault), "none");
    assert_int_equal(trial->reply.status, 200);
    assert_true(trial->reply.body_complete);
    assert_false(trial->reply.close_delimited);
    assert_string_equal(buf_text(&trial->body), body);
}

static void
two_exchanges_go_over_one_connection(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {READ, SEND(GREETING OK200("\1") HELLO("\1")), READ, SEND(OK200("\3") WORLD("\3")), HOLD}};
    struct trial trial;
    open_h2(&trial, &script, 1, "h2");
    get(&trial);
    assert_body(&trial, "hello");
    get(&trial);
    assert_body(&trial, "world");
    assert_true(trial.reply.reused_connection);
    assert_int_equal(rawserver_accepts(trial.server), 1);
    close_h2(&trial);
}

/* What would be taken for the next answer in HTTP/1.1 belongs to nobody here. */
static void
an_answer_nobody_asked_for_is_nobodys(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        {{READ, SEND(GREETING OK200("\1") HELLO("\1") OK200("\3") WORLD("\3")), READ, HOLD}},
        {{READ, SEND(GREETING OK200("\1") HELLO("\1") WORLD("\1")), READ,
          SEND(OK200("\1") WORLD("\1") OK200("\3") HELLO("\3")), HOLD}},
        {{READ, SEND(GREETING OK200("\1") HELLO("\1")), READ,
          SEND(OK200("\5") WORLD("\5") OK200("\3") HELLO("\3")), HOLD}},
    };
    static const struct rawserver_script fresh = {
        {READ, SEND(GREETING OK200("\1") HELLO("\1")), HOLD}};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        const struct rawserver_script both[] = {scripts[i], fresh};
        struct trial trial;
        open_h2(&trial, both, 2, "h2");
        get(&trial);
        assert_body(&trial, "hello");
        get(&trial);
        assert_null(strstr(buf_text(&trial.body), "world"));
        if (trial.reply.fault == WIRE_NO_FAULT)
            assert_body(&trial, "hello");
        close_h2(&trial);
    }
}

static const struct row {
    const char *name;
    struct rawserver_script script;
} broken[] = {
    {"a cut", {{READ, SEND(GREETING OK200("\1") HELLO_OPEN("\1"))}}},
    {"a drop", {{READ, SEND(GREETING OK200("\1") HELLO_OPEN("\1")), {.verb = RAW_DROP}}}},
    {"a reset stream",
     {{READ, SEND(GREETING OK200("\1") HELLO_OPEN("\1") RESET("\1", "\2")), HOLD}}},
    {"a stream reset without an error",
     {{READ, SEND(GREETING OK200("\1") HELLO_OPEN("\1") RESET("\1", "\0")), HOLD}}},
    {"a goodbye and a cut", {{READ, SEND(GREETING OK200("\1") HELLO_OPEN("\1") GOAWAY("\1"))}}},
    {"a body shorter than its length", {{READ, SEND(GREETING LENGTH_9 HELLO("\1")), HOLD}}},
    {"no more than a greeting", {{READ, SEND(GREETING)}}},
    {"a goodbye", {{READ, SEND(GREETING GOAWAY("\0"))}}},
    {"a push",
     {{READ,
       SEND(GREETING FRAME("\5", T_PUSH, END_HEADERS, "\1") "\0\0\0\2\202" OK200("\1") HELLO("\1")),
       HOLD}}},
    {"HTTP/1.1", {{READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), HOLD}}},
    {"data before headers", {{READ, SEND(GREETING HELLO("\1")), HOLD}}},
    {"nothing but trailers",
     {{READ, SEND(GREETING FRAME("\4", T_HEADERS, END_BOTH, "\1") "\0\001a\0"), HOLD}}},
};

static void
a_broken_answer_is_not_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct trial trial;
        open_h2(&trial, &broken[i].script, 1, "h2");
        trial.observer.stops_after_ms = 20000;
        get(&trial);
        if (trial.reply.body_complete || trial.reply.fault == WIRE_STOPPED)
            print_error("%s: %s\n", broken[i].name, wire_fault_name(trial.reply.fault));
        assert_false(trial.reply.body_complete);
        assert_int_not_equal(trial.reply.fault, WIRE_NO_FAULT);
        assert_int_not_equal(trial.reply.fault, WIRE_STOPPED);
        assert_int_not_equal(trial.reply.fault, WIRE_LOCAL);
        close_h2(&trial);
    }
}

static void
after_a_goodbye_the_next_exchange_goes_over_a_fresh_connection(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        {{READ, SEND(GREETING OK200("\1") HELLO("\1") GOAWAY("\1")), HOLD}},
        {{READ, SEND(GREETING OK200("\1") WORLD("\1")), HOLD}},
    };
    struct trial trial;
    open_h2(&trial, scripts, 2, "h2");
    get(&trial);
    assert_body(&trial, "hello");
    get(&trial);
    assert_body(&trial, "world");
    assert_int_equal(rawserver_accepts(trial.server), 2);
    close_h2(&trial);
}

/* A status line can claim any version (U27). */
static void
it_is_not_spoken_because_a_status_line_says_so(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {{.verb = RAW_READ}, SEND("HTTP/2 200 OK\r\nContent-Length: 5\r\n\r\nhello"), HOLD}};
    static const char *const protocols[] = {"http/1.1", NULL};
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        struct trial trial;
        open_h2(&trial, &script, 1, protocols[i]);
        get(&trial);
        assert_string_equal(wire_fault_name(trial.reply.fault), "bad_reply");
        close_h2(&trial);
    }
}

static void
an_upstream_without_it_is_spoken_to_as_ever(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {{.verb = RAW_READ},
         SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
         {.verb = RAW_AGAIN}}};
    struct trial trial;
    open_h2(&trial, &script, 1, "http/1.1");
    get(&trial);
    assert_body(&trial, "hello");
    assert_true(was_offered);
    get(&trial);
    assert_true(trial.reply.reused_connection);
    close_h2(&trial);
}

static void
it_is_offered_only_when_asked_for(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {{.verb = RAW_READ}, SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), HOLD}};
    struct trial trial;
    open_h2(&trial, &script, 1, NULL);
    trial_get(&trial);
    assert_body(&trial, "hello");
    assert_false(was_offered);
    close_h2(&trial);
}

static int
setup(void **state)
{
    (void)state;
    testcert_authority_open(&ours, "our authority");
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    testcert_authority_close(&ours);
    return 0;
}

int
main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_exchanges_go_over_one_connection),
        cmocka_unit_test(an_answer_nobody_asked_for_is_nobodys),
        cmocka_unit_test(a_broken_answer_is_not_whole),
        cmocka_unit_test(after_a_goodbye_the_next_exchange_goes_over_a_fresh_connection),
        cmocka_unit_test(it_is_not_spoken_because_a_status_line_says_so),
        cmocka_unit_test(an_upstream_without_it_is_spoken_to_as_ever),
        cmocka_unit_test(it_is_offered_only_when_asked_for),
    };
    return cmocka_run_group_tests_name("transfer: HTTP/2", tests, setup, teardown);
}
