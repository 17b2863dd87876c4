/* trial.h - one scripted upstream, one pool and an observer that writes down all it is told. */
#ifndef POSTERN_TESTS_TRIAL_H
#define POSTERN_TESTS_TRIAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "net/transfer.h"
#include "rawserver.h"

#define TRIAL_URL_MAX 128

/* What the observer does; all zero: takes everything, watches nothing. */
struct trial_observer {
    bool stops_at_head;
    bool stops_at_bytes;
    bool releases_at_head;      /* lets the server go on when the head is there … */
    bool releases_at_bytes;     /* … or the first piece of the body */
    bool releases_at_watch;     /* or as soon as it is watched: its request was written then */
    uint64_t releases_after_ms; /* 0: never */
    uint64_t stops_after_ms;    /* 0: never */
    bool stops_at_revents;
    bool takes_back;  /* reads watch_fd, an eventfd, empty when it was told of it */
    bool is_watching; /* watch_fd counts */
    int watch_fd;
};

struct trial {
    struct rawserver *server; /* NULL: none */
    struct pool *pool;
    struct transfer *transfer;
    struct trial_observer observer;
    char url[TRIAL_URL_MAX];

    /* what came of the last exchange */
    struct wire_reply reply;
    struct wire_reply reply_at_head;
    struct buf body;
    unsigned heads;
    unsigned watches;
    bool has_released; /* after releases_after_ms */
    struct pollfd waits[TRANSFER_WAITS];
    short revents; /* all that were told */
    uint64_t began_ms;
    uint64_t took_ms;
};

extern const struct pool_options trial_options; /* roomy */

void trial_open(struct trial *trial, const struct rawserver_script *scripts, size_t count,
                SSL_CTX *tls, const struct pool_options *options);
void trial_close(struct trial *trial);

/* "METHOD /path" of the trial's server, without headers and body. */
struct wire_request trial_request(struct trial *trial, const char *method);

/* Runs it; ends the exchange before, if there was one. */
void trial_run(struct trial *trial, const struct wire_request *request);
void trial_get(struct trial *trial); /* the plain GET */
void trial_end(struct trial *trial);

struct span trial_header(const struct trial *trial,
                         const char *name); /* empty when it is not there */

#endif
