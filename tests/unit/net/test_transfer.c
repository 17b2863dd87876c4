/* test_transfer.c - every way an upstream can answer wrongly, and what the transfer says of it. */
#include "trial.h"

#include <signal.h>

#define READ                                                                                       \
    {                                                                                              \
        .verb = RAW_READ                                                                           \
    }
#define RESET                                                                                      \
    {                                                                                              \
        .verb = RAW_RESET                                                                          \
    }
#define HOLD                                                                                       \
    {                                                                                              \
        .verb = RAW_HOLD                                                                           \
    }
#define SEND(text) RAW_BYTES(text)
#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define EVENTS OK_HEAD "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
#define X10(text) text text text text text text text text text text
#define X1000 X10(X10(X10("x")))

#define IS_BAD .fault = WIRE_BAD_REPLY
#define IS_CUT .fault = WIRE_CUT, .status = 200, .head_complete = true
#define IS_WHOLE(code) .status = (code), .head_complete = true, .body_complete = true

/* One behaviour of an upstream and the whole of what must be said of it. */
struct row {
    const char *name; /* begins with the number in the list of faults */
    struct rawserver_script script;
    enum wire_fault fault;
    int status;
    bool head_complete;
    bool body_complete;
    const char *body; /* NULL: not looked at */
    bool is_close_delimited;
    struct trial_observer observer;
};

static const struct row rows[] = {
    {.name = "U11 a reset on accept is a failed connect",
     .script = {{RESET}},
     .fault = WIRE_CONNECT},
    {.name = "U11 a reset after the request is a failed connect",
     .script = {{READ, RESET}},
     .fault = WIRE_CONNECT},
    {.name = "U12 a close before any byte is no reply", .script = {{READ}}, .fault = WIRE_NO_REPLY},
    {.name = "U12 a close inside the status line is no reply",
     .script = {{READ, SEND("HTTP/1.1 20")}},
     .fault = WIRE_NO_REPLY},
    {.name = "U13 a reset inside the headers is a cut",
     .script = {{READ, SEND(OK_HEAD "Content-Type: text/pl\r\nX"), RESET}},
     .fault = WIRE_CUT},
    {.name = "U14 a close inside the headers is a cut though the library says OK",
     .script = {{READ, SEND(OK_HEAD "Content-Type: text/plain\r\nX")}},
     .fault = WIRE_CUT},
    {.name = "U14 a close just before the blank line is a cut",
     .script = {{READ, SEND(OK_HEAD "Content-Type: text/plain\r\n")}},
     .fault = WIRE_CUT},
    {.name = "U15 a reset inside a body of stated length is a cut",
     .script = {{READ, SEND(OK_HEAD "Content-Length: 100\r\n\r\n{\"a\":"), RESET}},
     IS_CUT,
     .body = "{\"a\":"},
    {.name = "U16 a reset inside a stream is a cut",
     .script = {{READ, SEND(EVENTS "a\r\ndata: {}\n\n\r\n"), RESET}},
     IS_CUT,
     .body = "data: {}\n\n"},
    {.name = "U16 a close inside a stream is a cut",
     .script = {{READ, SEND(EVENTS "a\r\ndata: {}\n\n\r\n")}},
     IS_CUT,
     .body = "data: {}\n\n"},
    {.name = "U17 a body shorter than its length is a cut",
     .script = {{READ, SEND(OK_HEAD "Content-Length: 100\r\n\r\n37 bytes")}},
     IS_CUT,
     .body = "37 bytes"},
    {.name = "U18 two different lengths are a bad reply",
     .script = {{READ, SEND(OK_HEAD "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc")}},
     IS_BAD},
    {.name = "U18 a length beyond all numbers is a bad reply",
     .script = {{READ, SEND(OK_HEAD "Content-Length: 100000000000000000000000\r\n\r\nabc")}},
     IS_BAD},
    {.name = "U19 a negative length is a bad reply",
     .script = {{READ, SEND(OK_HEAD "Content-Length: -5\r\n\r\nabc")}},
     IS_BAD},
    {.name = "U19 a length that is no number is a bad reply",
     .script = {{READ, SEND(OK_HEAD "Content-Length: banana\r\n\r\nabc")}},
     IS_BAD},
    {.name = "U20 a length beside chunking is a bad reply",
     .script = {{READ, SEND(OK_HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
                                    "5\r\nhello\r\n0\r\n\r\n")}},
     IS_BAD},
    {.name = "U21 a chunk size that is no number is a cut",
     .script = {{READ, SEND(EVENTS "zz\r\nhello\r\n0\r\n\r\n")}},
     IS_CUT},
    {.name = "U21 a chunk size of 21 digits is a cut",
     .script = {{READ, SEND(EVENTS "fffffffffffffffffffff\r\nhello\r\n0\r\n\r\n")}},
     IS_CUT},
    {.name = "U22 a cut chunk is a cut",
     .script = {{READ, SEND(EVENTS "ff\r\n37 bytes")}},
     IS_CUT,
     .body = "37 bytes"},
    {.name = "U22 a missing last chunk is a cut",
     .script = {{READ, SEND(EVENTS "5\r\nhello\r\n")}},
     IS_CUT,
     .body = "hello"},
    {.name = "U23 a long chunk extension is allowed",
     .script = {{READ, SEND(EVENTS "5;" X1000 X1000 "\r\nhello\r\n0\r\n\r\n")}},
     IS_WHOLE(200),
     .body = "hello"},
    {.name = "U24 a close-delimited body is whole when closed cleanly",
     .script = {{READ, SEND("HTTP/1.0 200 OK\r\n\r\n{\"a\":1}")}},
     IS_WHOLE(200),
     .body = "{\"a\":1}",
     .is_close_delimited = true},
    {.name = "U25 a truncated close-delimited body is told to be one",
     .script = {{READ, SEND("HTTP/1.0 200 OK\r\n\r\n{\"a\":")}},
     IS_WHOLE(200),
     .body = "{\"a\":",
     .is_close_delimited = true},
    {.name = "U26 garbage is a bad reply",
     .script = {{READ, SEND("\0\1\2\3\377garbage\r\n\r\n")}},
     IS_BAD},
    {.name = "U26 HTTP 0.9 is a bad reply",
     .script = {{READ, SEND("<html>hello</html>\n")}},
     IS_BAD},
    {.name = "U26 HTTP/9.9 is a bad reply",
     .script = {{READ, SEND("HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n")}},
     IS_BAD},
    {.name = "U26 a status of two digits is a bad reply",
     .script = {{READ, SEND("HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n")}},
     IS_BAD},
    {.name = "U26 status 000 is a bad reply",
     .script = {{READ, SEND("HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n")}},
     IS_BAD},
    {.name = "U27 HTTP/2 in clear is a bad reply",
     .script = {{READ, SEND("HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n")}},
     IS_BAD},
    {.name = "U27 status 999 is a bad reply",
     .script = {{READ, SEND("HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n")}},
     IS_BAD},
    {.name = "U27 a switch of protocols is a bad reply",
     .script = {{READ, SEND("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"), HOLD}},
     IS_BAD},
    {.name = "U29 headers without end are a bad reply",
     .script = {{READ,
                 SEND(OK_HEAD),
                 {.verb = RAW_FLOOD, .bytes = SPAN_LITERAL("X: aaaaaaaa\r\n")}}},
     IS_BAD},
    {.name = "U29 one header without end is a bad reply and not our memory",
     .script = {{READ, SEND(OK_HEAD "X: "), {.verb = RAW_FLOOD, .bytes = SPAN_LITERAL(X1000)}}},
     IS_BAD},
    {.name = "U29 interim answers without end are a bad reply",
     .script = {{READ,
                 {.verb = RAW_FLOOD, .bytes = SPAN_LITERAL("HTTP/1.1 103 E\r\nX: a\r\n\r\n")}}},
     IS_BAD},
    {.name = "U30 interim answers are swallowed",
     .script = {{READ,
                 SEND("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK_HEAD
                      "Content-Length: 2\r\n\r\nok")}},
     IS_WHOLE(200),
     .body = "ok"},
    {.name = "U31 a NUL in a header is a bad reply",
     .script = {{READ, SEND(OK_HEAD "X: a\0b\r\nContent-Length: 0\r\n\r\n")}},
     IS_BAD},
    {.name = "U31 a header without a colon is a bad reply",
     .script = {{READ, SEND(OK_HEAD "nocolon\r\nContent-Length: 0\r\n\r\n")}},
     IS_BAD},
    {.name = "U32 folded headers and bare LF are taken",
     .script = {{READ, SEND("HTTP/1.1 200 OK\nX-Long: a\n b\nContent-Length: 2\n\nok")}},
     IS_WHOLE(200),
     .body = "ok"},
    {.name = "U33 a header that drips is stopped by the observer's clock",
     .script = {{READ, SEND("HTTP/1.1 2"), HOLD}},
     .fault = WIRE_STOPPED,
     .observer = {.stops_after_ms = 50}},
    {.name = "U34 silence is stopped by the observer's clock",
     .script = {{READ, HOLD}},
     .fault = WIRE_STOPPED,
     .observer = {.stops_after_ms = 50}},
    {.name = "U39 204 has no body and needs no length",
     .script = {{READ, SEND("HTTP/1.1 204 No Content\r\n\r\n"), HOLD}},
     IS_WHOLE(204),
     .body = ""},
    {.name = "U39 304 has no body whatever its length says",
     .script = {{READ, SEND("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), HOLD}},
     IS_WHOLE(304),
     .body = ""},
    {.name = "U39 an empty 200 is told as it is",
     .script = {{READ, SEND(OK_HEAD "Content-Length: 0\r\n\r\n")}},
     IS_WHOLE(200),
     .body = ""},
    {.name = "U55 gzip that was not asked for is a bad reply",
     .script = {{READ, SEND(OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok")}},
     IS_BAD},
    {.name = "U55 brotli that was not asked for is a bad reply",
     .script = {{READ, SEND(OK_HEAD "Content-Encoding: br\r\nContent-Length: 2\r\n\r\nok")}},
     IS_BAD},
    {.name = "U59 a folded coding of the transfer is a bad reply",
     .script = {{READ, SEND(OK_HEAD "Transfer-Encoding:\r\n chunked\r\n\r\nff\r\nhalf")}},
     IS_BAD},
    {.name = "U59 a folded length is a bad reply",
     .script = {{READ, SEND(OK_HEAD "Content-Length:\r\n 5\r\n\r\nhello")}},
     IS_BAD},
    {.name = "U59 another coding of the transfer is a bad reply",
     .script = {{READ, SEND(OK_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")}},
     IS_BAD},
    {.name = "U59 an unknown coding of the transfer is a bad reply",
     .script = {{READ, SEND(OK_HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")}},
     IS_BAD},
    {.name = "U59 no coding of the transfer is a bad reply",
     .script = {{READ, SEND(OK_HEAD "Transfer-Encoding: identity\r\n\r\nhello")}},
     IS_BAD},
    {.name = "U59 chunks of HTTP/1.0 are a bad reply",
     .script = {{READ, SEND("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")}},
     IS_BAD},
    {.name = "U59 a length in a trailer is a cut",
     .script = {{READ, SEND(EVENTS "2\r\nok\r\n0\r\nContent-Length: 2\r\n\r\n")}},
     IS_CUT},
    {.name = "U59 a chunk that ends in a bare LF is a cut",
     .script = {{READ, SEND(EVENTS "2\r\nok\n0\r\n\r\n")}},
     IS_CUT},
    {.name = "U60 a part that nobody asked for is a bad reply",
     .script = {{READ, SEND("HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-1/9\r\n"
                            "Content-Length: 2\r\n\r\nok")}},
     IS_BAD},
    {.name = "U60 so is a 200 that says it is a part",
     .script = {{READ, SEND(OK_HEAD "Content-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nok")}},
     IS_BAD},
    {.name = "U60 so is a difference to what nobody has",
     .script = {{READ, SEND("HTTP/1.1 226 IM Used\r\nContent-Length: 2\r\n\r\nok")}},
     IS_BAD},
    {.name = "U60 a 204 with a length is a bad reply",
     .script = {{READ, SEND("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok")}},
     IS_BAD},
    {.name = "U60 a 205 that has content nevertheless is a cut",
     .script = {{READ, SEND("HTTP/1.1 205 Reset\r\n\r\nok")}},
     .fault = WIRE_CUT,
     .status = 205,
     .head_complete = true},
    {.name = "U61 an extension without end is a cut",
     .script = {{READ, SEND(EVENTS "5;"), {.verb = RAW_FLOOD, .bytes = SPAN_LITERAL(X1000)}}},
     IS_CUT},
    {.name = "U61 trailers without end are a cut",
     .script = {{READ,
                 SEND(EVENTS "0\r\n"),
                 {.verb = RAW_FLOOD, .bytes = SPAN_LITERAL("X: aaaaaaaa\r\n")}}},
     IS_CUT},
    {.name = "U61 line ends without end behind a chunk are a cut",
     .script = {{READ,
                 SEND(EVENTS "1\r\nx"),
                 {.verb = RAW_FLOOD, .bytes = SPAN_LITERAL("\r\r\r\r\r\r\r\r")}}},
     IS_CUT},
    {.name = "U61 line ends without end before an answer are a bad reply",
     .script = {{READ, {.verb = RAW_FLOOD, .bytes = SPAN_LITERAL("\r\n\r\n\r\n\r\n")}}},
     IS_BAD},
    {.name = "trailers are dropped",
     .script = {{READ, SEND(EVENTS "2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n")}},
     IS_WHOLE(200),
     .body = "ok"},
    {.name = "an observer that stops at the head has its way",
     .script = {{READ, SEND(OK_HEAD "Content-Length: 2\r\n\r\nok"), HOLD}},
     .fault = WIRE_STOPPED,
     .status = 200,
     .head_complete = true,
     .body = "",
     .observer = {.stops_at_head = true}},
    {.name = "an observer that stops at the bytes has its way",
     .script = {{READ, SEND(OK_HEAD "Content-Length: 9\r\n\r\nok"), HOLD}},
     .fault = WIRE_STOPPED,
     .status = 200,
     .head_complete = true,
     .body = "ok",
     .observer = {.stops_at_bytes = true}},
};

static void
check_row(void **state)
{
    const struct row *row = *state;
    struct trial trial;
    trial_open(&trial, &row->script, 1, NULL, &trial_options);
    trial.observer = row->observer;
    trial_get(&trial);
    const struct wire_reply *reply = &trial.reply;
    assert_string_equal(wire_fault_name(reply->fault), wire_fault_name(row->fault));
    assert_int_equal(reply->status, row->status);
    assert_int_equal(reply->head_complete, row->head_complete);
    assert_int_equal(reply->body_complete, row->body_complete);
    assert_int_equal(reply->close_delimited, row->is_close_delimited);
    assert_int_equal(trial.heads, row->head_complete);
    assert_int_equal(reply->why != NULL, row->fault != WIRE_NO_FAULT);
    if (row->body)
        assert_string_equal(buf_text(&trial.body), row->body);
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
    return cmocka_run_group_tests_name("transfer: faults of the upstream", tests, NULL, NULL);
}
