/* talk.c - one connection with a thread at its other end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "talk.h"

#define PATIENCE_MS 20000 /* only a failing test waits that long */

struct talk talk;
char talk_big[TALK_BIG_BYTES];
const char *const talk_params[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/v1/models",
                                   "HTTP_X_EMPTY=", NULL};

int
talk_prepare(void **state)
{
    (void)state;
    log_open(STDERR_FILENO, LOG_LEVEL_ERROR);
    for (size_t i = 0; i < sizeof(talk_big); i++)
        talk_big[i] = (char)('a' + i * 7 % 23);
    return 0;
}

static void *
run_server(void *self)
{
    (void)self;
    fcgi_answer(&talk.server, talk.server_fd, talk.is_overload);
    return NULL;
}

/* As long as the test waits, unless the test wants the connection to be given up. */
static bool
rest(void *self, int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    (void)self;
    talk.rested++;
    return talk.keeps && poll(&waiting, 1, PATIENCE_MS) > 0;
}

static void
open_talk(exchange_serve_fn serve, bool is_overload,
          bool (*lets_in)(void *self, int fd, int64_t *uid))
{
    int pair[2];
    memset(&talk, 0, sizeof(talk));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    talk.client_fd = pair[0];
    talk.server_fd = pair[1];
    talk.is_overload = is_overload;
    talk.keeps = true;
    assert_int_equal(drain_init(&talk.drain, NULL), 0);
    talk.server = (struct fcgi_server){.serve = serve,
                                       .self = &talk,
                                       .drain = &talk.drain,
                                       .refusals = &talk.refusals,
                                       .connections_max = 7,
                                       .lets_in = lets_in,
                                       .rest = rest};
    buf_init(&talk.seen, 2 * TALK_BIG_BYTES);
    fcgirecord_reply_init(&talk.reply);
    sem_init(&talk.reached, 0, 0);
    sem_init(&talk.go_on, 0, 0);
    assert_int_equal(pthread_create(&talk.thread, NULL, run_server, NULL), 0);
}

void
talk_open(exchange_serve_fn serve, bool is_overload)
{
    open_talk(serve, is_overload, NULL);
}

void
talk_open_for(exchange_serve_fn serve, bool (*lets_in)(void *self, int fd, int64_t *uid))
{
    open_talk(serve, false, lets_in);
}

void
talk_begin(void)
{
    struct buf pairs;
    buf_init(&pairs, 1000);
    fcgirecord_put_pair(&pairs, span_from("REQUEST_METHOD"), span_from("POST"));
    fcgirecord_begin(talk.client_fd, 1, 0);
    fcgirecord_send(talk.client_fd, FCGIRECORD_PARAMS, buf_span(&pairs));
    fcgirecord_send(talk.client_fd, FCGIRECORD_PARAMS, span_of(NULL, 0));
    buf_fini(&pairs);
}

void
talk_ask_again(const char *method, bool keeps_conn)
{
    struct buf pairs;
    buf_init(&pairs, 1000);
    buf_clear(&talk.reply.out);
    fcgirecord_put_pair(&pairs, span_from("REQUEST_METHOD"), span_from(method));
    fcgirecord_begin(talk.client_fd, 1, keeps_conn);
    fcgirecord_send(talk.client_fd, FCGIRECORD_PARAMS, buf_span(&pairs));
    fcgirecord_send(talk.client_fd, FCGIRECORD_PARAMS, span_of(NULL, 0));
    fcgirecord_send(talk.client_fd, FCGIRECORD_STDIN, span_of(NULL, 0));
    buf_fini(&pairs);
}

enum fcgirecord_verdict
talk_read(void)
{
    return fcgirecord_read(talk.client_fd, &talk.reply, NULL, PATIENCE_MS);
}

void
talk_await(sem_t *semaphore)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_MS / 1000;
    assert_int_equal(sem_timedwait(semaphore, &end), 0);
}

void
talk_stand_still(void)
{
    sem_post(&talk.reached);
    talk_await(&talk.go_on);
}

void
talk_hang_up(void)
{
    close(talk.client_fd);
    talk.client_fd = -1;
}

long
talk_rest(void)
{
    char bytes[256];
    long count = 0;
    struct pollfd waiting = {.fd = talk.client_fd, .events = POLLIN};
    while (poll(&waiting, 1, PATIENCE_MS) > 0) {
        ssize_t got = recv(talk.client_fd, bytes, sizeof(bytes), 0);
        if (got <= 0)
            return got == 0 ? count : -1;
        count += got;
    }
    return -1;
}

void
talk_end(void)
{
    if (talk.client_fd >= 0)
        talk_hang_up();
    pthread_join(talk.thread, NULL);
}

void
talk_free(void)
{
    drain_fini(&talk.drain);
    buf_fini(&talk.seen);
    fcgirecord_reply_fini(&talk.reply);
    sem_destroy(&talk.reached);
    sem_destroy(&talk.go_on);
}

void
talk_answer(struct exchange *exchange, const char *body)
{
    struct wire_header type = {SPAN_LITERAL("Content-Type"), SPAN_LITERAL("text/plain")};
    const struct wire_headers headers = {&type, 1};
    exchange->sink.head(exchange->sink.self, 200, &headers);
    exchange->sink.bytes(exchange->sink.self, span_from(body));
    exchange->sink.flush(exchange->sink.self);
}
