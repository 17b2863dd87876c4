/* streamload.c - the client of the bench: opens COUNT connections, spread evenly over RAMP_MS, asks
 * once on each and reads to the end of the answer. Says what came and when, as one JSON object.
 *
 * The connections do not wait for one another, so with a ramp of seconds this is a load that comes
 * whether the server keeps up or not.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "reply.h"
#include "samples.h"

#define COUNT_MAX 100000
#define REQUEST_MAX_BYTES ((size_t)16 << 20)
#define RECEIVE_BYTES 65536
#define EVENTS_AT_ONCE 256
#define STATUS_MAX 600

struct load;

struct call {
    struct load *load;
    int fd; /* -1: not begun, or over */
    uint64_t begun_us;
    size_t sent_bytes;
    uint64_t next_seq;
    struct reply reply;
};

struct load {
    uint16_t port;
    size_t count;
    uint64_t tokens; /* that each stream is to have; 0: no streams */
    uint64_t ramp_us, limit_us;
    struct buf request;

    int epoll_fd;
    struct call *calls;
    size_t begun, over;
    uint64_t started_us;

    unsigned by_status[STATUS_MAX];
    unsigned cut; /* no whole answer: refused, broken, or not over in time */
    uint64_t reordered, lost, body_bytes;
    struct samples first, delay; /* to the first event; of each event */
    struct samples good, shed;   /* whole answers: 2xx; 5xx and 429 */
};

/* --- one call -----------------------------------------------------------------------------------
 */

static void
on_event(void *self, uint64_t seq, uint64_t sent_us)
{
    struct call *call = self;
    uint64_t now_us = clock_boot_us();
    if (call->next_seq == 0)
        samples_add(&call->load->first, now_us - call->begun_us);
    samples_add(&call->load->delay, now_us - sent_us);
    if (seq != call->next_seq)
        call->load->reordered++;
    call->next_seq = seq + 1;
}

static void
end_call(struct call *call)
{
    struct load *load = call->load;
    const struct reply *reply = &call->reply;
    bool is_whole = reply->state == REPLY_OVER && reply->status < STATUS_MAX;
    uint64_t took_us = clock_boot_us() - call->begun_us;
    (void)close(call->fd);
    call->fd = -1;
    load->over++;
    load->body_bytes += reply->body_bytes;
    if (!is_whole) {
        load->cut++;
        return;
    }
    load->by_status[reply->status]++;
    if (reply->status < 300)
        samples_add(&load->good, took_us);
    else if (reply->status >= 500 || reply->status == 429)
        samples_add(&load->shed, took_us);
    if (reply->status < 300 && load->tokens > call->next_seq)
        load->lost += load->tokens - call->next_seq;
}

static void
watch(struct call *call, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.ptr = call}};
    (void)epoll_ctl(call->load->epoll_fd, operation, call->fd, &event);
}

static void
begin_call(struct call *call)
{
    const int on = 1;
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(call->load->port),
                                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    reply_init(&call->reply);
    call->reply.event = on_event;
    call->reply.self = call;
    call->begun_us = clock_boot_us();
    call->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)setsockopt(call->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(call->fd, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
        errno != EINPROGRESS) {
        end_call(call);
        return;
    }
    watch(call, EPOLL_CTL_ADD, EPOLLOUT);
}

/* An answer that comes before all is sent is read all the same. */
static void
send_request(struct call *call)
{
    const struct buf *request = &call->load->request;
    while (call->sent_bytes < request->len) {
        ssize_t put = send(call->fd, request->ptr + call->sent_bytes,
                           request->len - call->sent_bytes, MSG_NOSIGNAL);
        if (put < 0 && errno == EAGAIN)
            return;
        if (put < 0)
            break;
        call->sent_bytes += (size_t)put;
    }
    watch(call, EPOLL_CTL_MOD, EPOLLIN);
}

static void
receive(struct call *call)
{
    static char bytes[RECEIVE_BYTES];
    ssize_t got = recv(call->fd, bytes, sizeof(bytes), 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got > 0)
        reply_feed(&call->reply, bytes, (size_t)got);
    else
        reply_close(&call->reply);
    if (call->reply.state == REPLY_OVER || call->reply.state == REPLY_BROKEN)
        end_call(call);
}

/* --- all of them --------------------------------------------------------------------------------
 */

/* How many should have begun by now? */
static size_t
due_count(const struct load *load, uint64_t now_us)
{
    uint64_t passed_us = now_us - load->started_us;
    if (passed_us >= load->ramp_us)
        return load->count;
    return (size_t)(load->count * passed_us / load->ramp_us) + 1;
}

static void
run(struct load *load)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    load->started_us = clock_boot_us();
    while (load->over < load->count) {
        uint64_t now_us = clock_boot_us();
        if (now_us - load->started_us > load->limit_us)
            return;
        for (size_t due = due_count(load, now_us); load->begun < due; load->begun++)
            begin_call(&load->calls[load->begun]);
        int wait_ms = load->begun < load->count ? 1 : 100;
        int count = epoll_wait(load->epoll_fd, events, EVENTS_AT_ONCE, wait_ms);
        for (int i = 0; i < count; i++) {
            struct call *call = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                send_request(call);
            else
                receive(call);
        }
    }
}

static int
prepare(struct load *load)
{
    size_t events = load->count * (size_t)load->tokens;
    load->calls = mem_array(load->count, sizeof(*load->calls));
    load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!load->calls || load->epoll_fd < 0 || samples_init(&load->first, load->count) != 0 ||
        samples_init(&load->good, load->count) != 0 ||
        samples_init(&load->shed, load->count) != 0 || samples_init(&load->delay, events) != 0)
        return -1;
    for (size_t i = 0; i < load->count; i++) {
        load->calls[i].load = load;
        load->calls[i].fd = -1;
    }
    return 0;
}

static void
count_unfinished(struct load *load)
{
    load->cut += (unsigned)(load->count - load->over);
    for (size_t i = 0; i < load->count; i++) {
        const struct call *call = &load->calls[i];
        bool was_lost = call->fd >= 0 || call->reply.state != REPLY_OVER;
        if (was_lost && load->tokens > call->next_seq)
            load->lost += load->tokens - call->next_seq;
    }
}

static void
print(struct load *load)
{
    const char *comma = "";
    (void)printf("{\"calls\":%zu,\"took_ms\":%llu,\"statuses\":{", load->count,
                 (unsigned long long)(clock_boot_us() - load->started_us) / 1000);
    for (int status = 0; status < STATUS_MAX; status++) {
        if (load->by_status[status] == 0)
            continue;
        (void)printf("%s\"%d\":%u", comma, status, load->by_status[status]);
        comma = ",";
    }
    (void)printf("},\"cut\":%u,\"lost\":%llu,\"reordered\":%llu,\"body_bytes\":%llu", load->cut,
                 (unsigned long long)load->lost, (unsigned long long)load->reordered,
                 (unsigned long long)load->body_bytes);
    (void)fputs(",\"first_us\":", stdout);
    samples_print(&load->first, stdout);
    (void)fputs(",\"delay_us\":", stdout);
    samples_print(&load->delay, stdout);
    (void)fputs(",\"good_us\":", stdout);
    samples_print(&load->good, stdout);
    (void)fputs(",\"shed_us\":", stdout);
    samples_print(&load->shed, stdout);
    (void)puts("}");
}

/* --- the arguments ------------------------------------------------------------------------------
 */

static const char usage[] =
    "usage: streamload --port PORT --path PATH [--count 1] [--tokens EVENTS] [--ramp MS]\n"
    "                  [--limit MS] [--header 'NAME: VALUE']... <BODY\n"
    "--tokens is how many events each stream is to have; without it the answers are no streams.\n"
    "After --limit (60000) what is not over counts as cut.\n";

struct arguments {
    uint64_t port, count, tokens, ramp_ms, limit_ms;
    const char *path;
    struct buf headers;
};

static int
read_option(struct arguments *arguments, int option, const char *value)
{
    switch (option) {
    case 'p':
        return num_parse_u64(span_from(value), 65535, &arguments->port);
    case 'P':
        arguments->path = value;
        return 0;
    case 'c':
        return num_parse_u64(span_from(value), COUNT_MAX, &arguments->count);
    case 't':
        return num_parse_u64(span_from(value), 10000, &arguments->tokens);
    case 'r':
        return num_parse_u64(span_from(value), 60000, &arguments->ramp_ms);
    case 'l':
        return num_parse_u64(span_from(value), 120000, &arguments->limit_ms);
    case 'h':
        return buf_putf(&arguments->headers, "%s\r\n", value);
    default:
        return -1;
    }
}

static int
read_arguments(struct arguments *arguments, int argc, char **argv)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},   {"path", required_argument, NULL, 'P'},
        {"count", required_argument, NULL, 'c'},  {"tokens", required_argument, NULL, 't'},
        {"ramp", required_argument, NULL, 'r'},   {"limit", required_argument, NULL, 'l'},
        {"header", required_argument, NULL, 'h'}, {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (read_option(arguments, option, optarg) != 0)
            return -1;
    return arguments->port > 0 && arguments->path && arguments->count > 0 ? 0 : -1;
}

static int
make_request(const struct arguments *arguments, struct buf *request)
{
    struct buf body;
    char bytes[RECEIVE_BYTES];
    size_t got;
    int result = 0;
    buf_init(&body, REQUEST_MAX_BYTES - RECEIVE_BYTES);
    buf_init(request, REQUEST_MAX_BYTES);
    while (result == 0 && (got = fread(bytes, 1, sizeof(bytes), stdin)) > 0)
        result = buf_append(&body, bytes, got);
    if (result == 0)
        result = buf_putf(request,
                          "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n"
                          "Content-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
                          arguments->path, (unsigned)arguments->port, body.len,
                          buf_text(&arguments->headers));
    if (result == 0)
        result = buf_put_span(request, buf_span(&body));
    buf_fini(&body);
    return result;
}

int
main(int argc, char **argv)
{
    static struct load load;
    struct arguments arguments = {.count = 1, .limit_ms = 60000};
    buf_init(&arguments.headers, RECEIVE_BYTES / 2);
    if (read_arguments(&arguments, argc, argv) != 0) {
        (void)fputs(usage, stderr);
        return EXIT_FAILURE;
    }
    load.port = (uint16_t)arguments.port;
    load.count = (size_t)arguments.count;
    load.tokens = arguments.tokens;
    load.ramp_us = arguments.ramp_ms * 1000;
    load.limit_us = arguments.limit_ms * 1000;
    if (make_request(&arguments, &load.request) != 0 || prepare(&load) != 0) {
        perror("streamload");
        return EXIT_FAILURE;
    }
    run(&load);
    count_unfinished(&load);
    print(&load);
    return EXIT_SUCCESS;
}
