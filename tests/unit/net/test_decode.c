/* test_decode.c - content codings that were asked for. */
#include "trial.h"

#include <signal.h>
#include <string.h>

#define READ                                                                                       \
    {                                                                                              \
        .verb = RAW_READ                                                                           \
    }
#define CODED(coding) "HTTP/1.1 200 OK\r\nX-Kept: 1\r\nContent-Encoding: " coding "\r\n"
#define TEXT "{\"answer\":42}"

/* TEXT, packed. */
#define GZIP                                                                                       \
    "\037\213\010\000\000\000\000\000\002\003\253\126\112\314\053\056\117\055\122\262\062\061\252" \
    "\005\000\365\145\331\314\015\000\000\000"
#define GZIP_REST                                                                                  \
    "\213\010\000\000\000\000\000\002\003\253\126\112\314\053\056\117"                             \
    "\055\122\262\062\061\252\005\000\365\145\331\314\015\000\000\000"
#define DEFLATE "\253\126\112\314\053\056\117\055\122\262\062\061\252\005\000"
#define GZIP_CUT "\037\213\010\000\000\000\000\000\002\003\253\126\112\314\053"
#define ZLIB "\170\234\253\126\112\314\053\056\117\055\122\262\062\061\252\005\000\040\234\004\155"

static void
run_decoding(struct trial *trial, const struct rawserver_script *script)
{
    trial_open(trial, script, 1, NULL, &trial_options);
    struct wire_request request = trial_request(trial, "GET");
    request.decode = true;
    trial_run(trial, &request);
}

static void
gzip_and_deflate_are_asked_for_and_unpacked(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        {{READ, RAW_BYTES(CODED("gzip") "Content-Length: 33\r\n\r\n" GZIP)}},
        {{READ, RAW_BYTES(CODED("deflate") "Content-Length: 21\r\n\r\n" ZLIB)}},
    };
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct trial trial;
        run_decoding(&trial, &scripts[i]);
        assert_string_equal(wire_fault_name(trial.reply.fault), "none");
        assert_true(trial.reply.body_complete);
        assert_true(trial.reply_at_head.decoded);
        assert_string_equal(buf_text(&trial.body), TEXT);
        assert_true(span_is(trial_header(&trial, "x-kept"), "1"));
        assert_null(wire_header_find(&trial.reply.headers, "content-encoding"));
        assert_null(wire_header_find(&trial.reply.headers, "content-length"));
        assert_non_null(
            strstr(rawserver_last_request(trial.server), "\r\nAccept-Encoding: gzip, deflate\r\n"));
        trial_close(&trial);
    }
}

static void
an_answer_that_is_not_packed_passes_as_it_is(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {READ, RAW_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n" TEXT)}};
    struct trial trial;
    run_decoding(&trial, &script);
    assert_true(trial.reply.body_complete);
    assert_false(trial.reply.decoded);
    assert_true(span_is(trial_header(&trial, "content-length"), "13"));
    assert_string_equal(buf_text(&trial.body), TEXT);
    trial_close(&trial);
}

/* What one exchange asked for must not hold for the next on the same connection. */
static void
the_next_exchange_asks_for_nothing_of_the_kind(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {READ,
         RAW_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n" TEXT),
         {.verb = RAW_AGAIN}}};
    struct trial trial;
    run_decoding(&trial, &script);
    trial_get(&trial);
    assert_true(trial.reply.reused_connection);
    const char *request = rawserver_last_request(trial.server);
    assert_non_null(strstr(request, "\r\nAccept-Encoding: identity\r\n"));
    assert_null(strstr(request, "gzip"));
    trial_close(&trial);
}

/* The library could unpack them, but nobody asked; layers multiply what they unpack to. */
static void
u55_other_codings_and_layers_are_a_bad_reply(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        {{READ, RAW_BYTES(CODED("br") "Content-Length: 2\r\n\r\nok")}},
        {{READ, RAW_BYTES(CODED("zstd") "Content-Length: 2\r\n\r\nok")}},
        {{READ, RAW_BYTES(CODED("gzip, gzip") "Content-Length: 2\r\n\r\nok")}},
    };
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct trial trial;
        run_decoding(&trial, &scripts[i]);
        assert_string_equal(wire_fault_name(trial.reply.fault), "bad_reply");
        assert_int_equal(trial.heads, 0);
        assert_int_equal(trial.body.len, 0);
        trial_close(&trial);
    }
}

/* Whatever of it is missing: the library calls it whole. */
static void
u56_a_truncated_gzip_is_a_cut(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        {{READ, RAW_BYTES(CODED("gzip") "Content-Length: 15\r\n\r\n" GZIP_CUT)}},
        {{READ, RAW_BYTES(CODED("gzip") "Content-Length: 1\r\n\r\n\037")}},
        {{READ, RAW_BYTES(CODED("deflate") "\r\n\170\234\253")}},
        {{READ, RAW_BYTES(CODED("gzip") "Transfer-Encoding: chunked\r\n\r\nf\r\n" GZIP_CUT
                                        "\r\n0\r\n\r\n")}},
    };
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct trial trial;
        run_decoding(&trial, &scripts[i]);
        assert_true(trial.reply.decoded);
        assert_string_equal(wire_fault_name(trial.reply.fault), "cut");
        assert_false(trial.reply.body_complete);
        assert_true(trial.body.len < strlen(TEXT));
        trial_close(&trial);
    }
}

static void
what_follows_the_end_of_a_coding_is_a_cut(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        {{READ, RAW_BYTES(CODED("gzip") "Content-Length: 34\r\n\r\n" GZIP "x")}},
        {{READ, RAW_BYTES(CODED("gzip") "Content-Length: 66\r\n\r\n" GZIP GZIP)}},
    };
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct trial trial;
        run_decoding(&trial, &scripts[i]);
        assert_string_equal(wire_fault_name(trial.reply.fault), "cut");
        trial_close(&trial);
    }
}

/* "deflate" without zlib's header, which some send; and a first byte that comes alone. */
static void
every_form_and_portion_is_unpacked(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        {{READ, RAW_BYTES(CODED("deflate") "Content-Length: 15\r\n\r\n" DEFLATE)}},
        {{READ,
          RAW_BYTES(CODED("gzip") "Transfer-Encoding: chunked\r\n\r\n1\r\n\037\r\n"),
          {.verb = RAW_WAIT},
          RAW_BYTES("20\r\n" GZIP_REST "\r\n0\r\n\r\n")}},
        {{READ, RAW_BYTES(CODED("gzip") "Content-Length: 0\r\n\r\n")}},
    };
    static const char *const texts[] = {TEXT, TEXT, ""};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct trial trial;
        trial_open(&trial, &scripts[i], 1, NULL, &trial_options);
        struct wire_request request = trial_request(&trial, "GET");
        request.decode = true;
        trial.observer.releases_at_head = true;
        trial_run(&trial, &request);
        assert_string_equal(wire_fault_name(trial.reply.fault), "none");
        assert_string_equal(buf_text(&trial.body), texts[i]);
        trial_close(&trial);
    }
}

static void
u56_bytes_that_do_not_unpack_are_a_cut(void **state)
{
    (void)state;
    static const struct rawserver_script script = {
        {READ, RAW_BYTES(CODED("gzip") "Content-Length: 15\r\n\r\nno gzip, really")}};
    struct trial trial;
    run_decoding(&trial, &script);
    assert_string_equal(wire_fault_name(trial.reply.fault), "cut");
    assert_false(trial.reply.body_complete);
    assert_int_equal(trial.reply.status, 200);
    trial_close(&trial);
}

int
main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_and_deflate_are_asked_for_and_unpacked),
        cmocka_unit_test(an_answer_that_is_not_packed_passes_as_it_is),
        cmocka_unit_test(the_next_exchange_asks_for_nothing_of_the_kind),
        cmocka_unit_test(u55_other_codings_and_layers_are_a_bad_reply),
        cmocka_unit_test(u56_a_truncated_gzip_is_a_cut),
        cmocka_unit_test(what_follows_the_end_of_a_coding_is_a_cut),
        cmocka_unit_test(every_form_and_portion_is_unpacked),
        cmocka_unit_test(u56_bytes_that_do_not_unpack_are_a_cut),
    };
    return cmocka_run_group_tests_name("transfer: content codings", tests, NULL, NULL);
}
