/* talk.h - one connection for the tests of fcgi.c: the server's end on a thread of its own, the
 * client's end, which sends raw records, for the test. */
#ifndef POSTERN_UNIT_EDGE_TALK_H
#define POSTERN_UNIT_EDGE_TALK_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include "edge/fcgi.h"
#include "fcgirecord.h"

#define TALK_BIG_BYTES (4 << 20)

struct talk {
    int client_fd;
    int server_fd;
    pthread_t thread;
    struct drain drain;
    struct refusals refusals;
    struct fcgi_server server;
    bool is_overload;
    bool keeps; /* connections are kept; a test may change it before its first request */
    struct fcgirecord_reply reply;

    unsigned served, rested;
    struct buf seen; /* what the serve function wants to be looked at … */
    int notes[8];    /* … and what it found */
    sem_t reached;   /* it stands at a point the test waits for */
    sem_t go_on;
};
extern struct talk talk; /* the test's and its serve function's */

extern const char *const talk_params[]; /* of a plain POST */
extern char talk_big[TALK_BIG_BYTES];   /* more than any socket holds */

/* Once: the contents of talk_big. A group's set-up function. */
int talk_prepare(void **state);

void talk_open(exchange_serve_fn serve, bool is_overload);
/* With a gate, or NULL; and 7 connections at most, for whoever asks. */
void talk_open_for(exchange_serve_fn serve, bool (*lets_in)(void *self, int fd, int64_t *uid));
/* Another request on the same connection; a reply of its own begins. */
void talk_ask_again(const char *method, bool keeps_conn);
void talk_begin(void); /* sends a POST whose body is still to come */
enum fcgirecord_verdict talk_read(void);
void talk_await(sem_t *semaphore); /* fails the test rather than wait for ever */
void talk_stand_still(void);       /* in the serve function: says `reached`, waits for `go_on` */
long talk_rest(void);              /* how many bytes come until the server closes */
void talk_hang_up(void);
void talk_end(void); /* the server has let the connection go when this returns */
void talk_free(void);

/* In the serve function: a whole answer of this body. */
void talk_answer(struct exchange *exchange, const char *body);

#endif
