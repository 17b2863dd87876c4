/* rawserver.c - a listening thread, and a thread for each connection that runs its script. */
#include "rawserver.h"

#include <arpa/inet.h>
#include <assert.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

#define REQUEST_MAX (64u << 20)
#define PEERS_MAX 64

struct peer {
    struct rawserver *server;
    const struct rawserver_script *script;
    pthread_t thread;
    int fd;
    SSL *ssl;
    bool has_greeted; /* in HTTP/2 */
};

struct rawserver {
    struct rawserver_script scripts[RAW_SCRIPTS_MAX];
    size_t script_count;
    SSL_CTX *tls;
    void *argument;
    int listener;
    char origin[64];
    pthread_t thread;
    struct peer peers[PEERS_MAX];
    atomic_uint accepts, requests, held_ends;
    sem_t released;
    pthread_mutex_t lock; /* of last_request */
    struct buf last_request;
};

static ssize_t
peer_read(struct peer *peer, char *out, size_t room)
{
    return peer->ssl ? SSL_read(peer->ssl, out, (int)room) : recv(peer->fd, out, room, 0);
}

static int
peer_send(struct peer *peer, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = peer->ssl ? SSL_write(peer->ssl, bytes.ptr, (int)bytes.len)
                                 : send(peer->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return -1;
        bytes = span_of(bytes.ptr + sent, bytes.len - (size_t)sent);
    }
    return 0;
}

/* Whole means: the head, and what its Content-Length or chunking announces. */
static int
is_whole(const struct buf *request)
{
    const char *text = buf_text(request);
    const char *end = strstr(text, "\r\n\r\n");
    if (!end)
        return 0;
    const char *length = strcasestr(text, "\r\nContent-Length:");
    size_t body_len = request->len - (size_t)(end + 4 - text);
    if (length && length < end)
        return body_len >= strtoull(length + 17, NULL, 10);
    const char *chunked = strcasestr(text, "\r\nTransfer-Encoding: chunked");
    if (chunked && chunked < end)
        return request->len >= 5 && memcmp(text + request->len - 5, "0\r\n\r\n", 5) == 0;
    return 1;
}

static int
read_request(struct peer *peer)
{
    struct rawserver *server = peer->server;
    struct buf request;
    char piece[65536];
    buf_init(&request, REQUEST_MAX);
    while (!is_whole(&request)) {
        ssize_t got = peer_read(peer, piece, sizeof piece);
        if (got <= 0 || buf_append(&request, piece, (size_t)got) != 0) {
            buf_fini(&request);
            return -1;
        }
    }
    pthread_mutex_lock(&server->lock);
    buf_fini(&server->last_request);
    server->last_request = request;
    pthread_mutex_unlock(&server->lock);
    atomic_fetch_add(&server->requests, 1);
    return 0;
}

static int
peer_read_all(struct peer *peer, char *out, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t got = peer_read(peer, out + at, len - at);
        if (got <= 0)
            return -1;
        at += (size_t)got;
    }
    return 0;
}

/* Its frames up to one of HEADERS or DATA that ends a stream (RFC 9113 4.1). */
static int
read_h2(struct peer *peer)
{
    enum { PREFACE = 24, HEAD = 9, DATA = 0, HEADERS = 1, END_STREAM = 1 };
    char bytes[32768];
    if (!peer->has_greeted && peer_read_all(peer, bytes, PREFACE) != 0)
        return -1;
    peer->has_greeted = true;
    for (;;) {
        const unsigned char *head = (const unsigned char *)bytes;
        if (peer_read_all(peer, bytes, HEAD) != 0)
            return -1;
        size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        bool is_last = (head[3] == DATA || head[3] == HEADERS) && (head[4] & END_STREAM);
        if (len > sizeof bytes || peer_read_all(peer, bytes, len) != 0)
            return -1;
        if (is_last) {
            atomic_fetch_add(&peer->server->requests, 1);
            return 0;
        }
    }
}

static void
hold(struct peer *peer)
{
    char piece[4096];
    int unused = 0;
    (void)setsockopt(peer->fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
    while (peer_read(peer, piece, sizeof piece) > 0)
        ;
    atomic_fetch_add(&peer->server->held_ends, 1);
}

static void
reset(struct peer *peer)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/* A filter that lets no segment in. What is sent goes out nevertheless, with the old
 * acknowledgement in it: as it is on its way while the client's request is on its own. */
static int
be_deaf(int fd)
{
    struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = 1, .filter = &drop};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

bool
rawserver_can_be_deaf(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool can = fd >= 0 && be_deaf(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return can;
}

/* 0 to go on with the next step, -1 at the end. */
static int
run_step(struct peer *peer, const struct rawserver_step *step)
{
    char some[16];
    switch (step->verb) {
    case RAW_AGAIN: /* run_script() jumps */
    case RAW_END:
        return -1;
    case RAW_READ:
        return read_request(peer);
    case RAW_READ_SOME:
        return peer_read(peer, some, sizeof some) > 0 ? 0 : -1;
    case RAW_READ_H2:
        return read_h2(peer);
    case RAW_SEND:
        return peer_send(peer, step->bytes);
    case RAW_FLOOD:
        while (peer_send(peer, step->bytes) == 0)
            ;
        return -1;
    case RAW_WAIT:
        return sem_wait(&peer->server->released);
    case RAW_RESET:
        reset(peer);
        return -1;
    case RAW_HOLD:
        hold(peer);
        return -1;
    case RAW_DROP:
        SSL_set_quiet_shutdown(peer->ssl, 1);
        return -1;
    case RAW_CORK:
        return setsockopt(peer->fd, IPPROTO_TCP, TCP_CORK, &(int){1}, sizeof(int));
    case RAW_DEAF:
        return be_deaf(peer->fd);
    case RAW_CALL:
        step->call(peer->server->argument);
        return 0;
    }
    return -1;
}

static void
run_script(struct peer *peer)
{
    for (size_t i = 0; i < RAW_STEPS_MAX; i++) {
        if (run_step(peer, &peer->script->steps[i]) != 0) {
            if (peer->script->steps[i].verb != RAW_AGAIN)
                return;
            i = (size_t)-1;
        }
    }
}

static void *
serve_peer(void *self)
{
    struct peer *peer = self;
    int is_ready = 1;
    if (peer->server->tls && peer->script->steps[0].verb != RAW_HOLD) {
        peer->ssl = SSL_new(peer->server->tls);
        SSL_set_fd(peer->ssl, peer->fd);
        is_ready = SSL_accept(peer->ssl) == 1;
    }
    if (is_ready)
        run_script(peer);
    if (is_ready && peer->ssl)
        SSL_shutdown(peer->ssl);
    SSL_free(peer->ssl);
    close(peer->fd);
    return NULL;
}

static void *
serve(void *self)
{
    struct rawserver *server = self;
    for (;;) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        unsigned number = atomic_fetch_add(&server->accepts, 1);
        assert(number < PEERS_MAX);
        size_t script = number < server->script_count ? number : server->script_count - 1;
        struct peer *peer = &server->peers[number];
        *peer = (struct peer){.server = server, .script = &server->scripts[script], .fd = fd};
        int failed = pthread_create(&peer->thread, NULL, serve_peer, peer);
        assert(!failed);
    }
}

struct rawserver *
rawserver_start(const struct rawserver_script *scripts, size_t count, SSL_CTX *tls, void *argument)
{
    struct rawserver *server = calloc(1, sizeof *server);
    assert(server && count > 0 && count <= RAW_SCRIPTS_MAX);
    memcpy(server->scripts, scripts, count * sizeof *scripts);
    server->script_count = count;
    server->tls = tls;
    server->argument = argument;
    sem_init(&server->released, 0, 0);
    pthread_mutex_init(&server->lock, NULL);
    buf_init(&server->last_request, REQUEST_MAX);

    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t place_len = sizeof place;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = bind(server->listener, (struct sockaddr *)&place, sizeof place) != 0 ||
                 listen(server->listener, 64) != 0 ||
                 getsockname(server->listener, (struct sockaddr *)&place, &place_len) != 0;
    assert(!failed);
    (void)snprintf(server->origin, sizeof server->origin, "%s://127.0.0.1:%u",
                   tls ? "https" : "http", ntohs(place.sin_port));
    failed = pthread_create(&server->thread, NULL, serve, server);
    assert(!failed);
    return server;
}

void
rawserver_stop(struct rawserver *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    for (unsigned i = 0; i < server->accepts; i++)
        pthread_join(server->peers[i].thread, NULL);
    buf_fini(&server->last_request);
    sem_destroy(&server->released);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

const char *
rawserver_origin(const struct rawserver *server)
{
    return server->origin;
}

unsigned
rawserver_accepts(struct rawserver *server)
{
    return atomic_load(&server->accepts);
}

unsigned
rawserver_requests(struct rawserver *server)
{
    return atomic_load(&server->requests);
}

unsigned
rawserver_held_ends(struct rawserver *server)
{
    return atomic_load(&server->held_ends);
}

const char *
rawserver_last_request(struct rawserver *server)
{
    pthread_mutex_lock(&server->lock);
    const char *text = buf_text(&server->last_request);
    pthread_mutex_unlock(&server->lock);
    return text;
}

size_t
rawserver_last_request_len(struct rawserver *server)
{
    pthread_mutex_lock(&server->lock);
    size_t len = server->last_request.len;
    pthread_mutex_unlock(&server->lock);
    return len;
}

void
rawserver_release(struct rawserver *server)
{
    sem_post(&server->released);
}
