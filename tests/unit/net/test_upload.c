/* test_upload.c - bodies that are read while they are sent, and answers that come before their end.
 */
#include "trial.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLY RAW_BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
#define READ                                                                                       \
    {                                                                                              \
        .verb = RAW_READ                                                                           \
    }
#define AGAIN                                                                                      \
    {                                                                                              \
        .verb = RAW_AGAIN                                                                          \
    }
#define BIG (5u << 20)

static const struct rawserver_script answering = {{READ, REPLY, AGAIN}};
/* Resets when the client has the answer's head: a reset that overtakes it can take it along. */
static const struct rawserver_script hurried = {
    {{.verb = RAW_READ_SOME},
     RAW_BYTES("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"),
     {.verb = RAW_WAIT},
     {.verb = RAW_RESET}}};

/* Gives `left` times 'x', in pieces of at most `piece`; then ends, or fails. */
struct reader {
    size_t left;
    size_t piece;
    bool fails_at_end;
    unsigned reads;
};

static int64_t
read_body(void *self, char *out, size_t room)
{
    struct reader *reader = self;
    size_t count = reader->left < reader->piece ? reader->left : reader->piece;
    if (count > room)
        count = room;
    reader->reads++;
    reader->left -= count;
    memset(out, 'x', count);
    return count == 0 && reader->fails_at_end ? -1 : (int64_t)count;
}

static struct wire_request
upload(struct trial *trial, struct reader *reader, int64_t length)
{
    struct wire_request request = trial_request(trial, "POST");
    request.body =
        (struct wire_body){.read = read_body, .self = reader, .length = length, .present = true};
    return request;
}

static size_t
sent_body_len(const struct trial *trial)
{
    const char *text = rawserver_last_request(trial->server);
    const char *end = strstr(text, "\r\n\r\n");
    return end ? rawserver_last_request_len(trial->server) - (size_t)(end + 4 - text) : 0;
}

static void
a_stream_of_stated_length_is_sent_with_it(void **state)
{
    (void)state;
    struct reader reader = {.left = BIG, .piece = 7777};
    struct trial trial;
    trial_open(&trial, &answering, 1, NULL, &trial_options);
    struct wire_request request = upload(&trial, &reader, BIG);
    trial_run(&trial, &request);
    assert_true(trial.reply.body_complete);
    assert_int_equal(sent_body_len(&trial), BIG);
    assert_non_null(strstr(rawserver_last_request(trial.server), "Content-Length: 5242880\r\n"));
    assert_null(strstr(rawserver_last_request(trial.server), "Expect"));
    trial_close(&trial);
}

static void
a_stream_of_unknown_length_is_sent_chunked(void **state)
{
    (void)state;
    struct reader reader = {.left = 100000, .piece = 1000};
    struct trial trial;
    trial_open(&trial, &answering, 1, NULL, &trial_options);
    struct wire_request request = upload(&trial, &reader, -1);
    request.method = "PUT";
    trial_run(&trial, &request);
    assert_true(trial.reply.body_complete);
    assert_non_null(strstr(rawserver_last_request(trial.server), "\r\nTransfer-Encoding: chunked"));
    assert_null(strstr(rawserver_last_request(trial.server), "Content-Length"));
    assert_true(sent_body_len(&trial) > 100000);
    trial_close(&trial);
}

static void
an_empty_stream_is_a_body_of_length_0(void **state)
{
    (void)state;
    struct reader reader = {.piece = 1};
    struct trial trial;
    trial_open(&trial, &answering, 1, NULL, &trial_options);
    struct wire_request request = upload(&trial, &reader, 0);
    trial_run(&trial, &request);
    assert_true(trial.reply.body_complete);
    assert_non_null(strstr(rawserver_last_request(trial.server), "Content-Length: 0\r\n"));
    assert_int_equal(reader.reads, 0);
    trial_close(&trial);
}

static void
a_reader_that_fails_stops_the_exchange(void **state)
{
    (void)state;
    static const int64_t lengths[] = {-1, 100000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct reader reader = {.left = 50000, .piece = 1000, .fails_at_end = true};
        struct trial trial;
        trial_open(&trial, &answering, 1, NULL, &trial_options);
        struct wire_request request = upload(&trial, &reader, lengths[i]);
        trial_run(&trial, &request);
        assert_string_equal(wire_fault_name(trial.reply.fault), "stopped");
        trial_end(&trial);
        assert_int_equal(trial.heads, 0);
        trial_close(&trial);
    }
}

static void
a_stream_shorter_than_its_length_stops_the_exchange(void **state)
{
    (void)state;
    struct reader reader = {.left = 50000, .piece = 1000};
    struct trial trial;
    trial_open(&trial, &answering, 1, NULL, &trial_options);
    trial.observer.stops_after_ms = 5000; /* else both would wait for the last byte for ever */
    struct wire_request request = upload(&trial, &reader, 50001);
    trial_run(&trial, &request);
    assert_string_equal(wire_fault_name(trial.reply.fault), "stopped");
    assert_true(trial.took_ms < 5000);
    assert_int_equal(rawserver_requests(trial.server), 0);
    trial_close(&trial);
}

static void
a_stream_longer_than_its_length_is_not_read_further(void **state)
{
    (void)state;
    struct reader reader = {.left = 50000, .piece = 1000};
    struct trial trial;
    trial_open(&trial, &answering, 1, NULL, &trial_options);
    struct wire_request request = upload(&trial, &reader, 4000);
    trial_run(&trial, &request);
    assert_true(trial.reply.body_complete);
    assert_int_equal(sent_body_len(&trial), 4000);
    assert_int_equal(reader.left, 46000);
    trial_close(&trial);
}

/* It can be sent again, so a warm connection will do. */
static void
a_body_in_parts_is_sent_as_one(void **state)
{
    (void)state;
    static const size_t tails[] = {0, 1, 100000, BIG};
    char *big = calloc(1, BIG);
    memset(big, 'x', BIG);
    struct trial trial;
    trial_open(&trial, &answering, 1, NULL, &trial_options);
    struct wire_request request = trial_request(&trial, "POST");
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        request.body = (struct wire_body){
            .parts = {SPAN_LITERAL("head"), SPAN_LITERAL("new"), {big, tails[i]}}, .present = true};
        trial_run(&trial, &request);
        assert_true(trial.reply.body_complete);
        assert_true(trial.reply_at_head.has_all);
        assert_int_equal(trial.reply.reused_connection, i > 0);
        assert_int_equal(sent_body_len(&trial), 7 + tails[i]);
        const char *body = strstr(rawserver_last_request(trial.server), "\r\n\r\n") + 4;
        assert_memory_equal(body, "headnew", 7);
        assert_memory_equal(body + 7, big, tails[i]);
    }
    trial_close(&trial);
    free(big);
}

/* Nothing of it could be sent a second time if the warm connection were dead. */
static void
a_stream_goes_over_a_fresh_connection(void **state)
{
    (void)state;
    struct reader reader = {.left = 1000, .piece = 1000};
    struct trial trial;
    trial_open(&trial, &answering, 1, NULL, &trial_options);
    trial_get(&trial);
    struct wire_request request = upload(&trial, &reader, 1000);
    trial_run(&trial, &request);
    assert_true(trial.reply.body_complete);
    assert_false(trial.reply.reused_connection);
    assert_int_equal(rawserver_accepts(trial.server), 2);
    trial_get(&trial);
    assert_true(trial.reply.reused_connection);
    trial_close(&trial);
}

static void
u57_an_answer_before_the_end_of_the_upload_is_taken(void **state)
{
    (void)state;
    struct reader reader = {.left = BIG, .piece = 16384};
    char *big = calloc(1, BIG);
    const struct wire_body bodies[] = {
        {.read = read_body, .self = &reader, .length = BIG, .present = true},
        {.parts = {span_of(big, BIG)}, .present = true},
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct trial trial;
        trial_open(&trial, &hurried, 1, NULL, &trial_options);
        struct wire_request request = trial_request(&trial, "POST");
        request.body = bodies[i];
        trial.observer.releases_at_head = true;
        trial_run(&trial, &request);
        assert_string_equal(wire_fault_name(trial.reply.fault), "none");
        assert_int_equal(trial.reply.status, 413);
        assert_true(trial.reply.body_complete);
        assert_false(trial.reply_at_head.has_all);
        assert_string_equal(buf_text(&trial.body), "big");
        trial_close(&trial);
    }
    free(big);
}

/* The connection is in the middle of a message then, whatever the answer said of keeping it. */
static void
u57_a_connection_with_half_an_upload_is_not_used_again(void **state)
{
    (void)state;
    static const struct rawserver_script scripts[] = {
        {{{.verb = RAW_READ_SOME},
          RAW_BYTES("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"),
          {.verb = RAW_HOLD}}},
        {{READ, REPLY, AGAIN}},
    };
    struct reader reader = {.left = BIG, .piece = 16384};
    struct trial trial;
    trial_open(&trial, scripts, 2, NULL, &trial_options);
    struct wire_request request = upload(&trial, &reader, BIG);
    trial_run(&trial, &request);
    assert_int_equal(trial.reply.status, 413);
    trial_get(&trial);
    assert_int_equal(trial.reply.status, 200);
    assert_int_equal(rawserver_accepts(trial.server), 2);
    trial_close(&trial);
}

int
main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_of_stated_length_is_sent_with_it),
        cmocka_unit_test(a_stream_of_unknown_length_is_sent_chunked),
        cmocka_unit_test(an_empty_stream_is_a_body_of_length_0),
        cmocka_unit_test(a_reader_that_fails_stops_the_exchange),
        cmocka_unit_test(a_stream_shorter_than_its_length_stops_the_exchange),
        cmocka_unit_test(a_stream_longer_than_its_length_is_not_read_further),
        cmocka_unit_test(a_body_in_parts_is_sent_as_one),
        cmocka_unit_test(a_stream_goes_over_a_fresh_connection),
        cmocka_unit_test(u57_an_answer_before_the_end_of_the_upload_is_taken),
        cmocka_unit_test(u57_a_connection_with_half_an_upload_is_not_used_again),
    };
    return cmocka_run_group_tests_name("transfer: uploads", tests, NULL, NULL);
}
