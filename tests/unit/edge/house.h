/* house.h - listener, acceptor, threads and FastCGI together, for a test to ask and to end. */
#ifndef POSTERN_TESTS_HOUSE_H
#define POSTERN_TESTS_HOUSE_H

#include <pthread.h>
#include <semaphore.h>

#include "edge/fcgi.h"
#include "edge/listener.h"
#include "edge/workers.h"
#include "fcgirecord.h"

#define HOUSE_PATIENCE_MS 20000 /* only a failing test waits that long */

struct house {
    char address[128]; /* set by the test before it opens the house */
    struct listener listener;
    struct drain drain;
    struct refusals refusals;
    struct fcgi_server fcgi;
    struct workers *workers;
    int rest_ms;
    int signal_fd;
    pthread_t thread;
    int rc;
    sem_t reached, go_on, tidied;
};
extern struct house house; /* the test's and its serve functions' */

extern const char *const house_params[]; /* of a plain GET */

void house_open(exchange_serve_fn serve, unsigned threads_max);

/* Asks for the end with a real signal; returns when nothing is accepted any more. */
void house_end_accepting(int number);
void house_close(void);

void house_await(sem_t *semaphore); /* fails the test rather than wait for ever */

/* In a serve function: an answer, flushed. */
void house_answer(struct exchange *exchange, int status, const char *text);

int house_ask(void); /* a connection, and a request on it */

/* Reads the answer and closes. */
void house_expect(int fd, enum fcgirecord_verdict verdict, const char *text);

#endif
