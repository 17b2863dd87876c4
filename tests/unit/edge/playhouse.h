/* playhouse.h - for the tests of the thread pool: a listening socket, a pool on it, an acceptor
 * where a test wants one, and connections that stay on the stage until the test lets them go. */
#ifndef POSTERN_UNIT_EDGE_PLAYHOUSE_H
#define POSTERN_UNIT_EDGE_PLAYHOUSE_H

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "edge/workers.h"

#define PLAYHOUSE_PATIENCE_MS 20000 /* only a failing test waits that long */
#define PLAYHOUSE_CLIENTS_MAX 300

struct playhouse {
    struct sockaddr_un address;
    socklen_t address_len;
    int listen_fd;
    int clients[PLAYHOUSE_CLIENTS_MAX];
    int client_count;
    pthread_t acceptor;
    int signals[2]; /* a pipe; -1: there is no acceptor */

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    unsigned served, shed;           /* that came */
    unsigned served_free, shed_free; /* that may go */
    pid_t last_thread;               /* that had one of them */
    sigset_t last_mask;
};
extern struct playhouse playhouse;

struct workers *playhouse_open(unsigned threads_max, uint64_t idle_ms);
/* Without an acceptor, so nobody watches the socket yet. */
struct workers *playhouse_open_unwatched(unsigned threads_max, uint64_t idle_ms);
/* Another pool on the same socket; the test ends it. */
struct workers *playhouse_new_pool(unsigned threads_max, uint64_t idle_ms);
void playhouse_end_acceptor(void); /* asks it to end and waits for that */
void playhouse_end(struct workers *pool);

/* Connects. playhouse_come(): they stay until the end of the test. */
int playhouse_connect(void);
void playhouse_come(unsigned times);

/* That many may leave the stage, all told; fails the test unless that many came, in time. */
void playhouse_let_go(unsigned served, unsigned shed);
void playhouse_await(unsigned served, unsigned shed);
void playhouse_await_threads(struct workers *pool, unsigned threads, unsigned idle);

#endif
