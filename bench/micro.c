/* micro.c - the parts of a request, each alone and many times: for instruction counts by callgrind,
 * which do not depend on what else the machine does.
 *
 * One row of the table is one part. A part runs once for each time that is asked for; the counts of
 * two different numbers of times differ by the part alone, without what it costs to get ready.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/access.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "base/secrets.h"
#include "core/breaker.h"
#include "core/json.h"
#include "dialect/dialect.h"
#include "edge/cgihead.h"
#include "relay/answer.h"
#include "relay/request.h"
#include "relay/stream.h"
#include "report/accesslog.h"
#include "state/state.h"

#define TIMES_MAX 100000000
#define LARGE_BYTES 65536
#define PORTION_BYTES 16384 /* as libcurl hands them on */
#define STREAM_EVENTS 50

/* What the parts work on; made once. */
static struct fixture {
    struct buf small, large, events;
    struct upstream upstream;
    struct route_candidate candidate;
    struct config_key key;
    struct config config;
    struct state *state;
    struct state_cell cell;
} it;

static const char client_key[] = "sk-the-key-that-a-client-presents-0123456789";

/* As lighttpd passes a request of OpenAI's Python client. */
static const char *const params[] = {
    "CONTENT_LENGTH=1024",
    "QUERY_STRING=",
    "REQUEST_URI=/ai/v1/chat/completions",
    "SCRIPT_NAME=/ai",
    "PATH_INFO=/v1/chat/completions",
    "SCRIPT_FILENAME=/var/www/ai",
    "DOCUMENT_ROOT=/var/www",
    "REQUEST_METHOD=POST",
    "SERVER_PROTOCOL=HTTP/1.1",
    "SERVER_SOFTWARE=lighttpd/1.4.69",
    "GATEWAY_INTERFACE=CGI/1.1",
    "REQUEST_SCHEME=http",
    "SERVER_PORT=80",
    "SERVER_ADDR=127.0.0.1",
    "SERVER_NAME=127.0.0.1",
    "REMOTE_ADDR=127.0.0.1",
    "REMOTE_PORT=40000",
    "CONTENT_TYPE=application/json",
    "HTTP_HOST=127.0.0.1",
    "HTTP_CONTENT_LENGTH=1024",
    "HTTP_AUTHORIZATION=Bearer sk-the-key-that-a-client-presents-0123456789",
    "HTTP_ACCEPT=application/json",
    "HTTP_ACCEPT_ENCODING=gzip, deflate",
    "HTTP_USER_AGENT=OpenAI/Python 1.50.0",
    "HTTP_X_STAINLESS_LANG=python",
    "HTTP_X_STAINLESS_PACKAGE_VERSION=1.50.0",
    "HTTP_X_STAINLESS_OS=Linux",
    "HTTP_X_STAINLESS_ARCH=x64",
    "HTTP_X_STAINLESS_RUNTIME=CPython",
    "HTTP_X_STAINLESS_RUNTIME_VERSION=3.11.2",
    "HTTP_X_STAINLESS_ASYNC=false",
    "HTTP_X_STAINLESS_RETRY_COUNT=0",
    NULL,
};

/* Our own mistake, or no memory: there is nothing to measure. */
static void
must(bool is_so, const char *what)
{
    if (is_so)
        return;
    (void)fprintf(stderr, "micro: %s\n", what);
    exit(EXIT_FAILURE);
}

/* --- the parts ----------------------------------------------------------------------------------
 */

static void
run_find(void)
{
    struct json_member wanted[] = {{.name = "model"}, {.name = "stream"}};
    must(json_find(buf_span(&it.small), wanted, 2, NULL) == 0, "json_find");
}

static void
run_scan(void)
{
    struct json_scan scan;
    json_scan_init(&scan);
    for (size_t at = 0; at < it.large.len; at += PORTION_BYTES) {
        size_t left = it.large.len - at;
        (void)json_scan_feed(&scan, it.large.ptr + at, left < PORTION_BYTES ? left : PORTION_BYTES);
    }
    must(json_scan_end(&scan) == JSON_VALID, "json_scan");
}

static void
run_sse(void)
{
    struct sse sse;
    struct sse_event event;
    struct span rest = buf_span(&it.events);
    unsigned count = 0;
    sse_init(&sse);
    while (rest.len > 0) {
        bool found = false;
        size_t taken = sse_feed(&sse, rest, &event, &found);
        must(taken <= rest.len, "sse_feed");
        rest = span_of(rest.ptr + taken, rest.len - taken);
        count += found ? 1 : 0;
    }
    sse_fini(&sse);
    must(count == STREAM_EVENTS, "sse_feed found other events");
}

/* As the relay does it: parsed, judged, and copied to what goes out. */
static void
run_stream(void)
{
    struct stream stream;
    struct buf out;
    buf_init(&out, LARGE_BYTES);
    stream_init(&stream, EVENT_API_CHAT);
    size_t each = it.events.len / STREAM_EVENTS;
    for (size_t at = 0; at < it.events.len; at += each) {
        must(stream_take(&stream, span_of(it.events.ptr + at, each), &out) == 0, "stream_take");
        buf_clear(&out);
    }
    must(stream.state == STREAM_FLOWING, "stream_take found no content");
    stream_fini(&stream);
    buf_fini(&out);
}

static void
run_breaker(void)
{
    static uint64_t word = 0;
    const struct breaker_words words = {.control = word};
    const struct breaker_report report = {.verdict = BREAKER_OK};
    struct breaker_permit permit = breaker_admit(&words, 1000, &it.upstream.rules, &word);
    (void)breaker_report(word, 1000, &it.upstream.rules, &permit, &report, NULL, &word);
}

static void
run_cell(void)
{
    const struct breaker_report report = {.verdict = BREAKER_OK};
    struct breaker_permit permit = state_admit(it.state, &it.cell, &it.upstream.rules, false);
    (void)state_report(it.state, &it.cell, &it.upstream.rules, &permit, &report, 200);
}

static void
run_cell_name(void)
{
    state_cell_name(&it.cell, &it.upstream, NULL);
}

static void
run_request(void)
{
    struct request request;
    struct request_fault fault;
    must(request_read(&request, params, "/ai", &fault) == 0, "request_read");
    request_fini(&request);
}

static void
run_access(void)
{
    const struct access_credentials credentials = {
        .authorization = SPAN_LITERAL("Bearer sk-the-key-that-a-client-presents-0123456789")};
    must(access_check_client(&it.config, &credentials).verdict == ACCESS_GRANTED, "access");
}

/* Reads the request as well: the difference to `request` is the encoding. */
static void
run_encode(void)
{
    struct request request;
    struct request_fault fault;
    struct wire_request wire;
    struct buf body;
    struct err err;
    must(request_read(&request, params, "/ai", &fault) == 0, "request_read");
    const struct dialect_ask ask = {
        .method = request.method,
        .path = request.path,
        .operation = &request.operation,
        .headers = &request.headers,
        .body = {.parts = {buf_span(&it.small)}, .length = (int64_t)it.small.len, .present = true},
        .accepts_coded = true,
    };
    buf_init(&body, LARGE_BYTES);
    must(dialect_encode(&ask, &it.candidate, &request.arena, &body, &wire, &err) == 0, "encode");
    buf_fini(&body);
    request_fini(&request);
}

static void
run_head(void)
{
    static struct wire_header upstream_items[] = {
        {SPAN_LITERAL("Server"), SPAN_LITERAL("cloudflare")},
        {SPAN_LITERAL("Date"), SPAN_LITERAL("Thu, 01 Jan 2026 00:00:00 GMT")},
        {SPAN_LITERAL("Content-Type"), SPAN_LITERAL("application/json")},
        {SPAN_LITERAL("Content-Length"), SPAN_LITERAL("1024")},
        {SPAN_LITERAL("x-request-id"), SPAN_LITERAL("req_0123456789abcdef")},
        {SPAN_LITERAL("openai-processing-ms"), SPAN_LITERAL("420")},
        {SPAN_LITERAL("openai-version"), SPAN_LITERAL("2020-10-01")},
        {SPAN_LITERAL("x-ratelimit-limit-requests"), SPAN_LITERAL("10000")},
        {SPAN_LITERAL("x-ratelimit-remaining-requests"), SPAN_LITERAL("9999")},
        {SPAN_LITERAL("set-cookie"), SPAN_LITERAL("__cf_bm=0123456789; path=/")},
    };
    const struct wire_headers upstream = {upstream_items,
                                          sizeof upstream_items / sizeof upstream_items[0]};
    struct answer answer;
    struct buf out;
    buf_init(&out, CGIHEAD_MAX_BYTES);
    answer_begin(&answer, 200);
    answer_put_upstream(&answer, &upstream);
    answer_put(&answer, "X-Postern-Attempts", span_from("primary:200"));
    answer_put_length(&answer, 1024);
    const struct wire_headers headers = {answer.items, answer.count};
    must(cgihead_format(&out, answer.status, &headers) == 0, "cgihead_format");
    buf_fini(&out);
}

static void
run_log(void)
{
    const struct accesslog_entry entry = {
        .request_id = "req_0123456789abcdef01234567",
        .client = "client-1",
        .method = "POST",
        .path = SPAN_LITERAL("/v1/chat/completions"),
        .operation = "chat",
        .status = 200,
        .upstream = "primary",
        .attempts = "primary:200",
        .bytes = 1024,
        .took_us = 512345,
    };
    accesslog_write(&entry);
}

static const struct part {
    const char *name;
    const char *what;
    unsigned units; /* of `what` in one run */
    void (*run)(void);
} parts[] = {
    {"json_find", "a body of 1 KB, checked, with its model found", 1, run_find},
    {"json_scan", "a byte of an answer of 64 KB, checked", LARGE_BYTES, run_scan},
    {"sse_feed", "an event found in a stream", STREAM_EVENTS, run_sse},
    {"stream_take", "an event found, judged and passed on", STREAM_EVENTS, run_stream},
    {"breaker", "an admission and a report, the pure rules", 1, run_breaker},
    {"state", "an admission and a report, in the state file's words", 1, run_cell},
    {"state_name", "the name of a breaker's cell", 1, run_cell_name},
    {"request", "a request of 13 headers read from its parameters", 1, run_request},
    {"encode", "the same, and encoded for an upstream", 1, run_encode},
    {"access", "a client's key checked", 1, run_access},
    {"head", "the head of an answer built and formatted", 1, run_head},
    {"log", "the line of a request written", 1, run_log},
};

/* --- getting ready ------------------------------------------------------------------------------
 */

static void
fill_message(struct buf *buf, size_t bytes)
{
    static const char words[] =
        "The quick brown fox jumps over the \\\"lazy\\\" dog, caf\xc3\xa9.\\n";
    buf_init(buf, 2 * LARGE_BYTES);
    int result = buf_puts(buf, "{\"model\":\"gpt-4o\",\"stream\":false,\"temperature\":0.7,"
                               "\"messages\":[{\"role\":\"user\",\"content\":\"");
    while (result == 0 && buf->len + sizeof(words) + 4 < bytes)
        result = buf_puts(buf, words);
    while (result == 0 && buf->len + 4 < bytes)
        result = buf_puts(buf, ".");
    must(result == 0 && buf_puts(buf, "\"}]}") == 0, "no memory for a body");
}

static void
fill_events(struct buf *buf)
{
    buf_init(buf, LARGE_BYTES);
    for (unsigned i = 0; i < STREAM_EVENTS; i++)
        must(buf_puts(buf, "data: {\"id\":\"chatcmpl-AbCdEf0123456789\",\"object\":"
                           "\"chat.completion.chunk\",\"created\":1735689600,\"model\":"
                           "\"gpt-4o-2024-08-06\",\"system_fingerprint\":\"fp_0123456789\","
                           "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},"
                           "\"logprobs\":null,\"finish_reason\":null}]}\n\n") == 0,
             "no memory for a stream");
}

static void
prepare(void)
{
    static const struct span secrets[] = {SPAN_LITERAL("sk-upstream-key-of-the-primary-0123456789"),
                                          SPAN_LITERAL("sk-upstream-key-of-the-fallback-012345678"),
                                          {client_key, sizeof(client_key) - 1}};
    const struct state_options options = {.path = "none"};
    const struct span key = span_from(client_key);
    struct err err;
    fill_message(&it.small, 1024);
    fill_message(&it.large, LARGE_BYTES);
    fill_events(&it.events);
    it.upstream = (struct upstream){
        .name = "primary",
        .origin = "https://api.openai.com:443",
        .base_path = "",
        .host = "api.openai.com",
        .key = "sk-upstream-key-of-the-primary-0123456789",
        .rules = {.failure_threshold = 3, .open_ms = 10000, .permits = 1, .lease_ms = 10000},
    };
    upstream_identify(&it.upstream, NULL, it.upstream.breaker_key);
    it.candidate = (struct route_candidate){.upstream = &it.upstream, .weight = 1};
    it.key.name = "client-1";
    digest_sha256(&it.key.digest, &key, 1);
    it.config = (struct config){.client_keys = &it.key, .client_key_count = 1};
    it.state = state_open(&options, &err);
    must(it.state != NULL, "state_open");
    run_cell_name();
    must(secrets_take(secrets, sizeof(secrets) / sizeof(secrets[0])) == 0, "secrets");
    log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_LEVEL_INFO);
}

static const struct part *
find_part(const char *name)
{
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strcmp(parts[i].name, name) == 0)
            return &parts[i];
    return NULL;
}

static int
list(void)
{
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        (void)printf("%s\t%u\t%s\n", parts[i].name, parts[i].units, parts[i].what);
    return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    uint64_t times;
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list();
    const struct part *part = argc == 3 ? find_part(argv[1]) : NULL;
    if (!part || num_parse_u64(span_from(argv[2]), TIMES_MAX, &times) != 0) {
        (void)fputs("usage: micro --list | PART TIMES\n", stderr);
        return EXIT_FAILURE;
    }
    prepare();
    uint64_t begun_us = clock_boot_us();
    for (uint64_t i = 0; i < times; i++)
        part->run();
    (void)printf("%llu\n", (unsigned long long)(clock_boot_us() - begun_us));
    return EXIT_SUCCESS;
}
